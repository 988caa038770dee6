//! What the link to a master works with.

use crate::commands::state::host::Host;
use crate::commands::state::stats::Stats;
use crate::journal::Journal;
use crate::replication::{Outflow, Streaming};
use std::sync::{Arc, OnceLock};

/// What the link to a master works with.
pub(super) struct LinkContext {
    pub(super) host: Arc<Host>,
    /// The stream to this server's own replicas, which gets the master's bytes.
    pub(super) outflow: Arc<Outflow>,
    /// Spells that stream where it is this server's own.
    pub(super) streaming: Arc<Streaming>,
    /// The counters of the master's commands.
    pub(super) stats: Arc<Stats>,
    /// The journal, if the server has one; set when it has been read.
    pub(super) kept_journal: OnceLock<Arc<Journal>>,
}

impl LinkContext {
    /// The journal. `None` with `appendonly no`.
    pub(super) fn journal(&self) -> Option<&Arc<Journal>> {
        self.kept_journal.get()
    }
}
