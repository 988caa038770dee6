//! What the link to a master works with.

use crate::commands::state::host::Host;
use crate::commands::state::stats::Stats;
use crate::journal::Journal;
use crate::replication::{FullSyncs, Outflow, Streaming};
use crate::server::threads::tls::TlsTerms;
use std::sync::{Arc, OnceLock};

/// What the link to a master works with.
pub(super) struct LinkContext {
    pub(super) host: Arc<Host>,
    /// The stream to this server's own replicas, which gets the master's bytes.
    pub(super) outflow: Arc<Outflow>,
    /// Spells that stream where it is this server's own.
    pub(super) streaming: Arc<Streaming>,
    /// Makes the files for this server's own replicas, while the master's commands wait.
    pub(super) syncs: Arc<FullSyncs>,
    /// The counters of the master's commands.
    pub(super) stats: Arc<Stats>,
    /// How TLS is spoken with the master, if it is.
    pub(super) tls: Arc<TlsTerms>,
    /// The journal, on or off; set when the data have been read.
    pub(super) kept_journal: OnceLock<Arc<Journal>>,
}

impl LinkContext {
    /// How far the data have come in the stream of the master, exactly: also while a command is between its effect and its
    /// acknowledgement.
    pub(super) fn applied(&self) -> u64 {
        self.host.store.position().map_or(0, |position| position.reached.offset)
    }

    /// The journal. `None` while it is off.
    pub(super) fn journal(&self) -> Option<&Arc<Journal>> {
        self.kept_journal.get().filter(|journal| journal.is_on())
    }

    /// The data are about to be replaced, whether the journal is on or is being turned on just now. See [`Journal::supersede`].
    pub(super) fn supersede(&self) {
        if let Some(journal) = self.kept_journal.get() {
            journal.supersede("a full sync has replaced the data; a new base is being written");
        }
    }
}
