//! What a worker thread's connections share.

use super::timers::Timers;
use super::turns::Turns;
use crate::commands::state::host::Host;
use crate::commands::state::stats::Stats;
use crate::server::process::RunningProcess;
use std::sync::Arc;

/// A worker's handles to the server: its connections get a copy each.
#[derive(Clone)]
pub(in crate::server) struct Shared {
    pub(in crate::server) host: Arc<Host>,
    pub(in crate::server) process: Arc<RunningProcess>,
    pub(in crate::server) turns: Arc<Turns>,
    pub(in crate::server) timers: Timers,
    /// The worker's counters.
    pub(in crate::server) stats: Arc<Stats>,
    /// The counters of the thread beside it, which runs commands that take long.
    pub(in crate::server) aside_stats: Arc<Stats>,
}
