//! From the pending buffer to the disk: one write(2) for all that is pending, one fdatasync for all that was written.
//!
//! Any thread may flush. A thread that finds another one flushing waits in the list of waiters, not for the lock.
//! This file decides what an error of the disk means:
//!
//! - No space: the segment is *blocked*. The records are kept, a half-written one is cut off, and the write is tried
//!   again every second.
//! - Any other failed write, and any failed fdatasync: the segment is *broken*. After a failed fdatasync the kernel
//!   may have dropped the pages, and the next fdatasync may succeed all the same. So the segment is not trusted
//!   again, and not written to. Every Change so far is in the store, so a complete new base repairs the journal
//!   (`checkpoint.rs`).
//!
//! In both cases writes are refused and reads go on. Invariant: `Journal::written` and `Journal::synced`, which
//! replies wait for, only ever name records that a restart would find.

use super::counters::Counters;
use super::files::is_full;
use super::running::Journal;
use super::segment::Segment;
use super::segment_writer::{FlushAttempt, Health, Role, SegmentWriter};
use super::stage::JournalStage;
use crate::config::FsyncPolicy;
use crate::store::change::sink::Seq;
use parking_lot::MutexGuard;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::Ordering;

/// Memory that `taken` keeps between flushes, in bytes.
const KEPT_BYTES: usize = 4 * 1024 * 1024;

/// The writer's lock. Tasks that wanted to flush while it was held are in the list of waiters, so releasing it wakes
/// them, whatever it was taken for.
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
        // With `always` they wait for `sync`, unless writes are refused.
        if self.journal.fsync_policy() != FsyncPolicy::Always || self.journal.is_refusing() {
            self.journal.waiters.wake_all();
        }
    }
}

impl Journal {
    pub(super) fn writer(&self) -> SegmentWriterGuard<'_> {
        SegmentWriterGuard { journal: self, guard: Some(self.writer.lock()) }
    }

    /// Writes all pending records. Waits for the lock if another thread holds it.
    pub(super) fn flush(&self, attempt: FlushAttempt) {
        self.flush_held(&mut self.writer(), attempt);
    }

    /// Writes all pending records unless another thread holds the lock; that thread wakes the waiters when it
    /// releases it.
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
        writer.seal_taken();
        if !self.write_taken(writer) {
            return;
        }
        if let Some(bytes) = taken.oversized_bytes {
            let limit = crate::limits::JOURNAL_RECORD_BYTES;
            self.break_off(writer, &format!("a record of {bytes} bytes is longer than {limit}"));
        }
    }

    /// Writes the records in `taken`. Returns false if that failed.
    fn write_taken(&self, writer: &mut SegmentWriter) -> bool {
        if writer.taken.is_empty() {
            return true;
        }
        let Counters { times, unsynced, failed_writes, .. } = &self.counters;
        unsynced.begin_write(|| self.clock.now_ms());
        if let Err(error) = times.of_write(&self.clock, || writer.append_taken()) {
            failed_writes.fetch_add(1, Ordering::Relaxed);
            if is_full(&error) && writer.health.is_recoverable() {
                writer.health = Health::Blocked;
                self.refuse(&format!("the journal cannot be written: {error}"));
            } else {
                self.break_off(writer, &format!("the journal cannot be written: {error}"));
            }
            return false;
        }
        unsynced.note_written(writer.taken.len());
        self.pending_bytes.fetch_sub(writer.taken.len(), Ordering::Relaxed);
        self.segment_bytes.store(writer.segment().len, Ordering::Relaxed);
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

    /// Publishes how far the files are. The caller wakes the waiters after it has released the lock.
    pub(super) fn publish(&self, writer: &SegmentWriter) {
        if writer.health.is_recoverable() {
            self.written.store(writer.written.0, Ordering::Release);
            if !writer.owes_base {
                self.synced.store(writer.synced.0, Ordering::Release);
            }
        }
    }

    /// Syncs everything that has been written. One thread at a time does so, and never under the writer's lock.
    pub(super) fn sync(&self) {
        let _turn = self.sync_turn.lock();
        let (files, target, written_bytes) = {
            let mut writer = self.writer();
            let idle = writer.written == writer.synced && writer.retired.is_empty();
            if idle || matches!(writer.health, Health::Broken | Health::Closed) {
                return;
            }
            let mut files = std::mem::take(&mut writer.retired);
            files.push(writer.segment().file.clone());
            (files, writer.written, self.counters.unsynced.begin_sync())
        };
        for file in files {
            self.counters.fsyncs.fetch_add(1, Ordering::Relaxed);
            if let Err(error) = self.counters.times.of_sync(&self.clock, || file.sync()) {
                self.counters.failed_fsyncs.fetch_add(1, Ordering::Relaxed);
                self.break_off(&mut self.writer(), &format!("fdatasync of the journal failed: {error}"));
                return;
            }
        }
        let mut writer = self.writer();
        writer.synced = writer.synced.max(target);
        self.counters.unsynced.end_sync(written_bytes);
        self.publish(&writer);
        drop(writer);
        self.waiters.wake_up_to(target);
    }

    /// Declares the segment broken: it is not written to or trusted again.
    pub(super) fn break_off(&self, writer: &mut SegmentWriter, reason: &str) {
        if matches!(writer.health, Health::Broken | Health::Closed) {
            return;
        }
        writer.health = Health::Broken;
        self.drop_unwritten(writer);
        match self.stage.get() {
            JournalStage::On => self.refuse(reason),
            JournalStage::Beginning | JournalStage::Off => {
                tracing::error!(reason, "the first base of the journal cannot be completed now");
            }
        }
    }

    /// The data are about to be replaced by others that no record describes. What has been recorded so far is written; from then
    /// on nothing is, until a checkpoint has written a base of the new data. A restart before that finds the data as they were.
    /// Called once before the locks of all shards are taken, and once under them, for a journal that was turned on in between.
    pub fn supersede(&self, reason: &str) {
        let mut writer = self.writer();
        if self.stage.get() == JournalStage::On {
            self.flush_held(&mut writer, FlushAttempt::Again);
            // No fault, so nothing to log as one. One that runs ends without a result; the next one should have one.
            self.base_attempts.store(2, Ordering::Release);
            self.set_refusal(reason);
        }
        if !matches!(writer.health, Health::Broken | Health::Closed) {
            writer.health = Health::Broken;
            self.drop_unwritten(&mut writer);
        }
        drop(writer);
        self.void_base();
    }

    /// A base that is being written is not listed any more when this returns.
    pub(super) fn void_base(&self) {
        let _listed = self.listed.lock();
        self.base_is_void.store(true, Ordering::Release);
    }

    /// Drops the records that are in no file, and those that follow.
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
    /// If the pending records cannot be written to the present segment, which then stays.
    pub(super) fn change_over(&self, segment: Segment, role: Role) -> Result<(Seq, u32), String> {
        let mut writer = self.writer();
        self.flush_held(&mut writer, FlushAttempt::Again);
        match (role, writer.health) {
            (Role::Successor, Health::Good) => {
                let len = writer.segment().len;
                let before = writer.replace_segment(segment);
                writer.retired.push(before.file);
                self.older_bytes.fetch_add(len, Ordering::Relaxed);
            }
            (Role::Replacement, Health::Broken) => {
                let next = self.numbering().resume();
                writer.replace_segment(segment);
                writer.health = Health::Healing;
                writer.written = Seq(next.0 - 1);
                writer.synced = writer.written;
                self.counters.unsynced.end_sync(self.counters.unsynced.begin_sync());
            }
            _ => {
                return Err(self.refusal().unwrap_or_else(|| "the journal is not being written".to_owned()));
            }
        }
        self.segment_bytes.store(writer.segment().len, Ordering::Relaxed);
        Ok((Seq(writer.written.0 + 1), writer.previous))
    }

    /// The role that a new segment would have now.
    pub(super) fn role_of_next(&self) -> Role {
        if self.writer().health == Health::Broken { Role::Replacement } else { Role::Successor }
    }

    /// Whether the journal needs a new base: until then nothing is written, or nothing counts as synced.
    pub(super) fn needs_base(&self) -> bool {
        let writer = self.writer();
        writer.health == Health::Broken || writer.owes_base
    }

    /// See [`SegmentWriter::owes_base`].
    pub(super) fn owes_base(&self) -> bool {
        self.writer().owes_base
    }

    /// Notes that a checkpoint has failed. If it was to replace a broken segment, its new segment does not count. If
    /// replies wait for it, they are refused now rather than left waiting.
    pub(super) fn not_healed(&self, error: &str) {
        let mut writer = self.writer();
        if writer.health == Health::Healing {
            writer.health = Health::Broken;
            self.drop_unwritten(&mut writer);
        }
        let fewer = |attempts: u8| attempts.checked_sub(1);
        // None is awaited any more at 0.
        let _ = self.base_attempts.fetch_update(Ordering::AcqRel, Ordering::Acquire, fewer);
        let are_waiting = writer.owes_base && self.fsync_policy() == FsyncPolicy::Always;
        if are_waiting && writer.health == Health::Good && !self.is_closing() {
            let reason = "the journal was not closed in order, and the new base that it needs has failed";
            self.break_off(&mut writer, &format!("{reason}: {error}"));
        }
    }

    /// Whether every record up to `seq` is on disk, in a segment that may follow a new base.
    pub(super) fn has_synced(&self, seq: Seq) -> bool {
        let writer = self.writer();
        writer.synced >= seq && matches!(writer.health, Health::Good | Health::Blocked | Health::Healing)
    }

    /// Notes that a new base is durable and listed with the present segment: the journal is whole again.
    pub(super) fn healed(&self) {
        let mut writer = self.writer();
        writer.owes_base = false;
        let was_healing = writer.health == Health::Healing;
        if was_healing {
            writer.health = Health::Good;
        }
        self.publish(&writer);
        if was_healing && self.stage.get() == JournalStage::Beginning {
            self.stage.set(JournalStage::On);
            tracing::info!("the journal is on: its first base is complete");
        } else if was_healing {
            self.accept();
        }
        drop(writer);
        self.waiters.wake_all();
    }
}
