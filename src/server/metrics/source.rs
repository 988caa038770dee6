//! What the replies of the metrics port are made of.

use super::boards::WatchedBoards;
use crate::commands::state::host::Host;
use crate::server::process::RunningProcess;
use std::sync::Arc;

/// What the replies are made of.
pub(in crate::server) struct Source {
    /// The server as commands see it.
    pub(super) host: Arc<Host>,
    /// Its process.
    pub(super) process: Arc<RunningProcess>,
    /// The boards that `metrics-boards` names.
    pub(super) boards: Arc<WatchedBoards>,
}

impl Source {
    /// Of this server. No board has been looked at yet.
    pub(in crate::server) fn of(host: &Arc<Host>, process: &Arc<RunningProcess>) -> Self {
        Self { host: Arc::clone(host), process: Arc::clone(process), boards: Arc::default() }
    }
}
