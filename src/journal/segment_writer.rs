//! The state under the writer's lock.

use super::files::Appendable;
use super::record;
use super::segment::Segment;
use crate::store::change::sink::Seq;
use std::io;
use std::sync::Arc;

/// The state under the writer's lock.
pub(super) struct SegmentWriter {
    /// `None` until the journal has been on.
    segment: Option<Segment>,
    /// Previous segments whose last bytes no fdatasync has covered yet. They are synced first.
    pub(super) retired: Vec<Arc<dyn Appendable>>,
    /// Sealed records that are in no file yet, left by a failed write; otherwise empty.
    pub(super) taken: Vec<u8>,
    pub(super) taken_last: Seq,
    /// CRC of the last sealed record.
    pub(super) previous: u32,
    /// The last record in a file.
    pub(super) written: Seq,
    /// The last record an fdatasync has covered.
    pub(super) synced: Seq,
    pub(super) health: Health,
    /// Whether earlier segments may be on disk only in part, although an fdatasync of them has succeeded: the journal
    /// was not closed in order before this start (`open.rs`). Nothing counts as synced until there is a new base.
    pub(super) owes_base: bool,
}

/// The state of the segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    Good,
    /// No space: the same bytes are tried again.
    Blocked,
    /// Nothing is written until a checkpoint brings a new segment.
    Broken,
    /// A new segment takes records, but nothing counts until the base in front of it is complete.
    Healing,
    /// The journal is off, or was closed. Nothing is written.
    Closed,
}

impl Health {
    /// Whether a restart would find what is in the segment.
    pub(super) fn is_recoverable(self) -> bool {
        matches!(self, Self::Good | Self::Blocked)
    }
}

/// How a new segment relates to the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It is listed behind the present one and continues it.
    Successor,
    /// It is not listed yet. Together with a new base it replaces a broken segment.
    Replacement,
}

/// Whether a flush tries a blocked segment again. Few callers do, such as the once-a-second round: otherwise a full
/// disk would cost every command a failing write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlushAttempt {
    First,
    Again,
}

impl SegmentWriter {
    pub(super) fn new(segment: Segment, last_seq: Seq, previous: u32, owes_base: bool) -> Self {
        let segment = Some(segment);
        Self { segment, previous, owes_base, health: Health::Good, ..Self::off(last_seq) }
    }

    /// That of a journal that is off.
    pub(super) fn off(last_seq: Seq) -> Self {
        Self {
            segment: None,
            retired: Vec::new(),
            taken: Vec::new(),
            taken_last: last_seq,
            previous: 0,
            written: last_seq,
            synced: last_seq,
            health: Health::Closed,
            owes_base: false,
        }
    }

    /// That of a journal that is being turned on. `segment` gets no record: the checkpoint that has to follow brings another.
    pub(super) fn beginning(segment: Segment, last_seq: Seq) -> Self {
        Self { segment: Some(segment), health: Health::Broken, ..Self::off(last_seq) }
    }

    /// The segment.
    ///
    /// # Panics
    /// If the journal has never been on: its health is `Closed` then, and nobody asks.
    pub(super) fn segment(&self) -> &Segment {
        self.segment.as_ref().expect(ON)
    }

    /// Changes over to `segment`. Returns the one before.
    pub(super) fn replace_segment(&mut self, segment: Segment) -> Segment {
        self.segment.replace(segment).expect(ON)
    }

    /// Seals the records in `taken`.
    pub(super) fn seal_taken(&mut self) {
        let seed = self.segment().seed;
        self.previous = record::seal(&mut self.taken, seed, self.previous);
    }

    /// Appends the records in `taken` to the segment.
    pub(super) fn append_taken(&mut self) -> io::Result<()> {
        self.segment.as_mut().expect(ON).append(&self.taken)
    }
}

const ON: &str = "a journal that is written has a segment";
