//! The one buffer for the records of all shards. It gives them their sequence numbers.
//!
//! `append` runs under the locks of shards: it copies under a short mutex, without I/O and without a CRC. Number and
//! place in the buffer are taken together. So the order in the file is the order of the numbers, and for each key the
//! order in which its Changes were applied (docs/decisions/0004-one-journal-buffer.md).

use super::record;
use crate::limits;
use crate::store::change::ChangeBuffer;
use crate::store::change::feed::{Feed, Feeds};
use crate::store::change::sink::Seq;

/// Records that are in no file yet.
#[derive(Debug)]
pub(super) struct Pending {
    /// Framed records, whose CRCs are not filled in yet.
    bytes: Vec<u8>,
    next_seq: Seq,
    /// The last record that was put into `bytes`.
    kept_last: Seq,
    /// `kept_last` when `bytes` were last taken.
    taken_last: Seq,
    flow: Flow,
    /// The further readers of the records. They are served here, where the order is decided.
    feeds: Feeds,
    /// Length of a record that was too long to keep.
    oversized_bytes: Option<usize>,
    record_bytes_max: usize,
}

/// Whether records are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Keep,
    /// No file can take the records. Only a new base will hold their Changes.
    Drop,
}

/// What [`Pending::take`] has taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    /// The last record that has been taken, by this call or an earlier one.
    pub(super) last: Seq,
    /// See [`Pending::oversized_bytes`].
    pub(super) oversized_bytes: Option<usize>,
}

impl Pending {
    pub(super) fn new(next_seq: Seq) -> Self {
        let record_bytes_max = limits::JOURNAL_RECORD_BYTES;
        let last = Seq(next_seq.0 - 1);
        Self {
            bytes: Vec::new(),
            next_seq,
            kept_last: last,
            taken_last: last,
            flow: Flow::Keep,
            feeds: Feeds::default(),
            oversized_bytes: None,
            record_bytes_max,
        }
    }

    /// Adds every closed record. Returns the last sequence number given and the number of bytes added.
    pub(super) fn append(&mut self, unix_ms: u64, records: &ChangeBuffer) -> (Seq, usize) {
        debug_assert!(self.flow == Flow::Drop || !records.lacks_changes(), "a file would lack Changes");
        let before = self.bytes.len();
        let end = self.next_seq.0 + records.record_count() as u64;
        self.feeds.publish(self.next_seq, unix_ms, records);
        for body in records.records() {
            if self.flow == Flow::Keep && body.len() > self.record_bytes_max {
                self.oversized_bytes = Some(body.len());
                self.flow = Flow::Drop;
            }
            if self.flow == Flow::Keep {
                record::push(&mut self.bytes, self.next_seq, unix_ms, body);
                self.kept_last = self.next_seq;
            }
            self.next_seq.0 += 1;
        }
        // A record that lacks its Changes has a number, too.
        self.next_seq.0 = end;
        (self.last_seq(), self.bytes.len() - before)
    }

    /// Moves the records into `into`, which must be empty. The memory of `into` is used for the next records.
    pub(super) fn take(&mut self, into: &mut Vec<u8>) -> Taken {
        debug_assert!(into.is_empty(), "what was taken before is still to be written");
        std::mem::swap(&mut self.bytes, into);
        // Not the last number given: a record that was not kept must never count as written.
        self.taken_last = self.kept_last;
        Taken { last: self.taken_last, oversized_bytes: self.oversized_bytes }
    }

    /// Drops the pending records and all that follow. Returns the number of pending bytes.
    pub(super) fn drop_all(&mut self) -> usize {
        self.flow = Flow::Drop;
        self.kept_last = self.taken_last;
        let bytes = self.bytes.len();
        self.bytes = Vec::new();
        bytes
    }

    /// Keeps records again. Returns the number of the first one.
    pub(super) fn resume(&mut self) -> Seq {
        self.flow = Flow::Keep;
        self.oversized_bytes = None;
        self.kept_last = self.last_seq();
        self.taken_last = self.kept_last;
        self.next_seq
    }

    /// Opens a feed of the records from the next one on.
    pub(super) fn open_feed(&mut self, bound_bytes: usize) -> Feed {
        self.feeds.open(bound_bytes)
    }

    /// Whether somebody reads the records: they are kept, or there is a feed.
    pub(super) fn has_readers(&mut self) -> bool {
        self.flow == Flow::Keep || self.feeds.are_open()
    }

    /// The records up to `last` were numbered elsewhere.
    pub(super) fn go_on_behind(&mut self, last: Seq) {
        self.next_seq = Seq(last.0 + 1);
    }

    pub(super) fn last_seq(&self) -> Seq {
        Seq(self.next_seq.0 - 1)
    }

    #[cfg(test)]
    pub(super) fn limit_records_to(&mut self, bytes: usize) {
        self.record_bytes_max = bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of a record that was too long to keep counted as written, with a good record pending before it.
    #[test]
    fn a_record_that_was_not_kept_is_never_taken() {
        let mut pending = Pending::new(Seq(1));
        pending.limit_records_to(64);
        let mut records = ChangeBuffer::default();
        for length in [10, 100, 10] {
            records.set_string(0, b"key", &vec![b'x'; length], None);
            records.end_record();
        }
        let (last, _) = pending.append(1_000, &records);
        assert_eq!(last, Seq(3), "every record has its number");
        let taken = pending.take(&mut Vec::new());
        assert_eq!(taken.last, Seq(1), "only the first is on its way to the file");
        assert!(taken.oversized_bytes.is_some());
        assert_eq!(pending.resume(), Seq(4));
        pending.append(1_000, &ChangeBuffer::default());
        assert_eq!(pending.take(&mut Vec::new()).last, Seq(3), "a new base holds what was dropped");
    }
}
