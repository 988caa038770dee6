//! The receiver of Changes: the store's interface to the journal.

use super::buffer::ChangeBuffer;
use super::feed::{Feed, Feeds};
use super::readers::RecordReaders;
pub use super::seq::Seq;
use parking_lot::Mutex;
use std::sync::Arc;

/// Takes the records of commands.
///
/// `append` is called under the locks of the shards that changed, so the order of calls for one key is the order in
/// which its Changes were applied. It must not block on I/O and must not call back into the store.
pub trait ChangeSink: Send + Sync {
    /// Takes every closed record of `records`, giving them the next sequence numbers in order, and returns the last.
    /// `unix_ms` is the time of the commands. The records may lack their Changes if [`ChangeSink::readers`] were none.
    fn append(&self, unix_ms: u64, records: &ChangeBuffer) -> Seq;

    /// The last record that was taken or counted.
    fn last_seq(&self) -> Seq;

    /// Those who read the records, if the sink knows them. Otherwise somebody always does. While nobody does, the store only counts
    /// its records ([`Store::unread_records`](crate::store::Store::unread_records)).
    fn readers(&self) -> Option<Arc<RecordReaders>> {
        None
    }

    /// Opens a feed of all later records, and returns the last record before them. See [`Feeds`]. The caller is registered as
    /// a reader, and has waited for the holds that began before.
    fn open_feed(&self, bound_bytes: usize) -> (Feed, Seq);
}

/// The sink of a store that no server is around: counts records, gives them to feeds, and keeps nothing.
#[derive(Debug, Default)]
pub struct Count(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    last: Seq,
    feeds: Feeds,
}

impl ChangeSink for Count {
    fn append(&self, unix_ms: u64, records: &ChangeBuffer) -> Seq {
        let mut counted = self.0.lock();
        let first = Seq(counted.last.0 + 1);
        counted.last.0 += records.record_count() as u64;
        counted.feeds.publish(first, unix_ms, records);
        counted.last
    }

    fn last_seq(&self) -> Seq {
        self.0.lock().last
    }

    fn open_feed(&self, bound_bytes: usize) -> (Feed, Seq) {
        let mut counted = self.0.lock();
        (counted.feeds.open(bound_bytes), counted.last)
    }
}
