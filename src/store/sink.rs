//! Where Changes go: the store's side of the journal.

use super::change::ChangeBuffer;

/// A record's place in the journal and in time: 1 for the first record ever, then counting up without gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

/// Takes the records that commands leave behind.
///
/// `append` is called under the locks of the shards that changed, so the order of calls for one key is the order in
/// which its Changes were applied. It must not block on I/O and must not call back into the store.
pub trait ChangeSink: Send + Sync {
    /// Takes every closed record of `records`, giving them the next sequence numbers in order, and returns the last.
    /// `unix_ms` is the time of the commands.
    fn append(&self, unix_ms: u64, records: &ChangeBuffer) -> Seq;
}

/// The sink of a server that keeps nothing (`appendonly no`).
#[derive(Debug)]
pub struct Forget;

impl ChangeSink for Forget {
    fn append(&self, _unix_ms: u64, _records: &ChangeBuffer) -> Seq {
        Seq(0)
    }
}
