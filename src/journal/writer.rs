//! From the pending buffer to the disk: one write(2) for all that waits, one fdatasync for all that was written.
//!
//! Any thread may flush; who finds another at it waits on the list, not on the lock. What happens when the disk says
//! no is decided here:
//!
//! - No space: *blocked*. The records are kept, the half-written one is cut off, and a try a second heals it.
//! - Any other failed write, and any failed fdatasync: *broken*. After a failed fdatasync the kernel may have thrown
//!   the pages away and may call the next one good, so nothing in this segment is believed again: no byte is written
//!   to it. Every Change so far is in the store, so a complete new base heals it (`checkpoint.rs`).
//!
//! In both, writes are refused and reads go on. Invariant: `Journal::written` and `Journal::synced`, which replies
//! wait for, only ever name records that a restart would find.

use super::directory::ClosedEnd;
use super::error::Refused;
use super::files::Appendable;
use super::listed::is_full;
use super::record;
use super::segment::Segment;
use super::{FsyncPolicy, Journal};
use crate::store::change::sink::Seq;
use parking_lot::MutexGuard;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What is under the writer's lock.
pub(super) struct SegmentWriter {
    pub(super) segment: Segment,
    /// Segments written to before, whose last bytes no fdatasync has covered yet: they go first.
    pub(super) retired: Vec<Arc<dyn Appendable>>,
    /// Sealed records that are in no file yet, left by a failed write; otherwise empty.
    pub(super) taken: Vec<u8>,
    taken_last: Seq,
    /// CRC of the last sealed record.
    pub(super) previous: u32,
    /// The last record in a file.
    pub(super) written: Seq,
    /// The last record an fdatasync has covered.
    pub(super) synced: Seq,
    pub(super) health: Health,
    /// Whether the segments before this one may be on disk in part only, although an fdatasync of them has succeeded: the
    /// end before this start was not in order (`open.rs`). Until there is a new base nothing counts as synced.
    pub(super) owes_base: bool,
}

/// What the segment is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    Good,
    /// No space: the same bytes are tried again.
    Blocked,
    /// Nothing is written any more until a checkpoint brings a new segment.
    Broken,
    /// A new segment takes records, but nothing counts until the base in front of it is complete.
    Healing,
    /// The journal was closed in order.
    Closed,
}

impl Health {
    /// Whether what is in the segment would be found by a restart.
    fn keeps_promises(self) -> bool {
        matches!(self, Self::Good | Self::Blocked)
    }
}

/// How a new segment stands to the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It is listed behind it and goes on where it ends.
    Successor,
    /// It is listed nowhere, and takes the place of a broken one together with a new base.
    Replacement,
}

/// Whether a flush that was refused before is tried again. Only the once-a-second round does, so that a full disk does
/// not cost every command a failing write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlushAttempt {
    First,
    Again,
}

impl SegmentWriter {
    pub(super) fn new(segment: Segment, last_seq: Seq, previous: u32, owes_base: bool) -> Self {
        Self {
            segment,
            retired: Vec::new(),
            taken: Vec::new(),
            taken_last: last_seq,
            previous,
            written: last_seq,
            synced: last_seq,
            health: Health::Good,
            owes_base,
        }
    }
}

/// Memory that `taken` keeps between flushes, in bytes.
const KEPT_BYTES: usize = 4 * 1024 * 1024;

/// The writer's lock. Whoever wanted to flush while it was taken waits on the list instead, so letting go wakes them,
/// whatever the lock was taken for.
pub(super) struct SegmentWriterGuard<'a> {
    journal: &'a Journal,
    /// `None` only while being dropped.
    guard: Option<MutexGuard<'a, SegmentWriter>>,
}

impl Deref for SegmentWriterGuard<'_> {
    type Target = SegmentWriter;

    fn deref(&self) -> &SegmentWriter {
        self.guard.as_ref().expect("held until dropped")
    }
}

impl DerefMut for SegmentWriterGuard<'_> {
    fn deref_mut(&mut self) -> &mut SegmentWriter {
        self.guard.as_mut().expect("held until dropped")
    }
}

impl Drop for SegmentWriterGuard<'_> {
    fn drop(&mut self) {
        self.guard = None;
        // With `always` it is `sync` that they wait for, unless there is nothing to wait for any more.
        if self.journal.fsync_policy() != FsyncPolicy::Always || self.journal.is_refusing() {
            self.journal.waiters.wake_all();
        }
    }
}

impl Journal {
    pub(super) fn writer(&self) -> SegmentWriterGuard<'_> {
        SegmentWriterGuard { journal: self, guard: Some(self.writer.lock()) }
    }

    /// Writes all pending records, waiting for a thread that is at it.
    pub(super) fn flush(&self, attempt: FlushAttempt) {
        self.flush_held(&mut self.writer(), attempt);
    }

    /// Writes all pending records unless another thread has the lock; that one wakes the waiters when it lets go.
    pub(super) fn try_flush(&self) {
        if let Some(guard) = self.writer.try_lock() {
            let mut writer = SegmentWriterGuard { journal: self, guard: Some(guard) };
            self.flush_held(&mut writer, FlushAttempt::First);
        }
    }

    pub(super) fn flush_held(&self, writer: &mut SegmentWriter, attempt: FlushAttempt) {
        match writer.health {
            Health::Broken | Health::Closed => return,
            Health::Blocked if attempt == FlushAttempt::First => return,
            Health::Good | Health::Blocked | Health::Healing => {}
        }
        if !self.write_taken(writer) {
            return;
        }
        let taken = self.pending.lock().take(&mut writer.taken);
        writer.taken_last = taken.last;
        writer.previous = record::seal(&mut writer.taken, writer.segment.seed, writer.previous);
        if !self.write_taken(writer) {
            return;
        }
        if let Some(bytes) = taken.oversized_bytes {
            let limit = crate::limits::JOURNAL_RECORD_BYTES;
            self.break_off(writer, &format!("a record of {bytes} bytes is longer than {limit}"));
        }
    }

    /// Writes `taken`, whatever it holds. False if it could not be.
    fn write_taken(&self, writer: &mut SegmentWriter) -> bool {
        if writer.taken.is_empty() {
            return true;
        }
        if let Err(error) = writer.segment.append(&writer.taken) {
            self.counters.failed_writes.fetch_add(1, Ordering::Relaxed);
            if is_full(&error) && writer.health.keeps_promises() {
                writer.health = Health::Blocked;
                self.refuse(&format!("the journal cannot be written: {error}"));
            } else {
                self.break_off(writer, &format!("the journal cannot be written: {error}"));
            }
            return false;
        }
        self.pending_bytes.fetch_sub(writer.taken.len(), Ordering::Relaxed);
        self.segment_bytes.store(writer.segment.len, Ordering::Relaxed);
        writer.taken.clear();
        writer.taken.shrink_to(KEPT_BYTES);
        writer.written = writer.taken_last;
        if writer.health == Health::Blocked {
            writer.health = Health::Good;
            self.accept();
        }
        self.publish(writer);
        true
    }

    /// Tells waiters how far the files are. Their wakers are for the caller, after the lock.
    fn publish(&self, writer: &SegmentWriter) {
        if writer.health.keeps_promises() {
            self.written.store(writer.written.0, Ordering::Release);
            if !writer.owes_base {
                self.synced.store(writer.synced.0, Ordering::Release);
            }
        }
    }

    /// Brings everything written so far to the disk. One thread at a time, and never under the writer's lock.
    pub(super) fn sync(&self) {
        let _turn = self.sync_turn.lock();
        let (files, target) = {
            let mut writer = self.writer();
            let idle = writer.written == writer.synced && writer.retired.is_empty();
            if idle || matches!(writer.health, Health::Broken | Health::Closed) {
                return;
            }
            let mut files = std::mem::take(&mut writer.retired);
            files.push(writer.segment.file.clone());
            (files, writer.written)
        };
        for file in files {
            self.counters.fsyncs.fetch_add(1, Ordering::Relaxed);
            if let Err(error) = file.sync() {
                self.counters.failed_fsyncs.fetch_add(1, Ordering::Relaxed);
                self.break_off(&mut self.writer(), &format!("fdatasync of the journal failed: {error}"));
                return;
            }
        }
        let mut writer = self.writer();
        writer.synced = writer.synced.max(target);
        self.publish(&writer);
        drop(writer);
        self.waiters.wake_up_to(target);
    }

    /// Gives the segment up: nothing is written to it, or believed of it, any more.
    pub(super) fn break_off(&self, writer: &mut SegmentWriter, reason: &str) {
        if matches!(writer.health, Health::Broken | Health::Closed) {
            return;
        }
        writer.health = Health::Broken;
        self.drop_unwritten(writer);
        self.refuse(reason);
    }

    /// Throws away what is in no file, and what comes from now on.
    pub(super) fn drop_unwritten(&self, writer: &mut SegmentWriter) {
        writer.taken = Vec::new();
        writer.retired.clear();
        let mut pending = self.pending.lock();
        pending.drop_all();
        self.pending_bytes.store(0, Ordering::Relaxed);
    }

    /// Changes over to `segment`. Returns the number of the first record in it and the CRC that record chains to.
    ///
    /// # Errors
    /// If what is pending cannot be written to the present segment: that one stays.
    pub(super) fn change_over(&self, segment: Segment, role: Role) -> Result<(Seq, u32), String> {
        let mut writer = self.writer();
        self.flush_held(&mut writer, FlushAttempt::Again);
        match (role, writer.health) {
            (Role::Successor, Health::Good) => {
                let len = writer.segment.len;
                let before = std::mem::replace(&mut writer.segment, segment);
                writer.retired.push(before.file);
                self.older_bytes.fetch_add(len, Ordering::Relaxed);
            }
            (Role::Replacement, Health::Broken) => {
                let next = self.pending.lock().resume();
                writer.segment = segment;
                writer.health = Health::Healing;
                writer.written = Seq(next.0 - 1);
                writer.synced = writer.written;
            }
            _ => {
                return Err(self.refusal().unwrap_or_else(|| "the journal is not being written".to_owned()));
            }
        }
        self.segment_bytes.store(writer.segment.len, Ordering::Relaxed);
        Ok((Seq(writer.written.0 + 1), writer.previous))
    }

    /// Which role a new segment would have now.
    pub(super) fn role_of_next(&self) -> Role {
        if self.writer().health == Health::Broken { Role::Replacement } else { Role::Successor }
    }

    /// Whether a checkpoint is needed for what is promised: nothing is written before it, or nothing counts as synced.
    pub(super) fn needs_base(&self) -> bool {
        let writer = self.writer();
        writer.health == Health::Broken || writer.owes_base
    }

    /// See [`SegmentWriter::owes_base`].
    pub(super) fn owes_base(&self) -> bool {
        self.writer().owes_base
    }

    /// A checkpoint has failed. If it was to heal, the segment it began never came to count. If replies wait for it, they
    /// are refused now rather than left waiting.
    pub(super) fn not_healed(&self, error: &str) {
        let mut writer = self.writer();
        if writer.health == Health::Healing {
            writer.health = Health::Broken;
            self.drop_unwritten(&mut writer);
        }
        let are_waiting = writer.owes_base && self.fsync_policy() == FsyncPolicy::Always;
        if are_waiting && writer.health == Health::Good && !self.is_closing() {
            let reason = "the journal's last end was not in order, and the new base that it needs has failed";
            self.break_off(&mut writer, &format!("{reason}: {error}"));
        }
    }

    /// Ends writing for good. Returns where the journal ends, if nothing of it is in doubt, when called the first time.
    ///
    /// # Errors
    /// If something that the store holds is in no file, or no fdatasync has covered it.
    pub(super) fn close_writer(&self) -> Result<Option<ClosedEnd>, Refused> {
        let mut writer = self.writer();
        self.flush_held(&mut writer, FlushAttempt::Again);
        if writer.health == Health::Good && writer.written > writer.synced {
            // The last few records, come in since the sync before: short enough to do under the lock.
            if let Err(error) = writer.segment.file.sync() {
                self.break_off(&mut writer, &format!("fdatasync of the journal failed: {error}"));
            } else {
                writer.synced = writer.written;
                self.publish(&writer);
            }
        }
        let outcome = match writer.health {
            Health::Good if !writer.owes_base => Ok(Some(ClosedEnd {
                segment: writer.segment.number,
                segment_bytes: writer.segment.len,
                last_crc: writer.previous,
            })),
            Health::Good | Health::Closed => Ok(None),
            _ => Err(Refused(self.refusal().unwrap_or_else(|| "the journal is not whole".to_owned()))),
        };
        if writer.health != Health::Closed {
            writer.health = Health::Closed;
            self.drop_unwritten(&mut writer);
            // The end, not a fault: nothing to log.
            self.set_refusal("the journal is closed");
        }
        outcome
    }

    /// Whether every record up to `seq` is on disk in a segment that can stand behind a new base.
    pub(super) fn has_synced(&self, seq: Seq) -> bool {
        let writer = self.writer();
        writer.synced >= seq && matches!(writer.health, Health::Good | Health::Blocked | Health::Healing)
    }

    /// A new base is durable and listed with the present segment: what was broken or in doubt is whole.
    pub(super) fn healed(&self) {
        let mut writer = self.writer();
        writer.owes_base = false;
        let was_healing = writer.health == Health::Healing;
        if was_healing {
            writer.health = Health::Good;
        }
        self.publish(&writer);
        if was_healing {
            self.accept();
        }
        drop(writer);
        self.waiters.wake_all();
    }
}
