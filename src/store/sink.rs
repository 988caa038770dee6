//! Where Changes go: the store's side of the journal.

use super::change::ChangeBuffer;
use std::sync::atomic::{AtomicU64, Ordering};

/// A record's place in the journal and in time: 1 for the first record ever, then counting up without gaps. 0 is before
/// the first, for what rests on no record.
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

    /// The last record that was taken.
    fn last_seq(&self) -> Seq;
}

/// The sink of a server without a journal (`appendonly no`): counts records and keeps nothing.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl ChangeSink for Count {
    fn append(&self, _unix_ms: u64, records: &ChangeBuffer) -> Seq {
        let count = records.records().count() as u64;
        Seq(self.0.fetch_add(count, Ordering::Relaxed) + count)
    }

    fn last_seq(&self) -> Seq {
        Seq(self.0.load(Ordering::Relaxed))
    }
}
