//! The end of a journal: in order when the server stops, or turned off while the server goes on.

use super::directory::ClosedEnd;
use super::error::Refused;
use super::running::Journal;
use super::segment_writer::{FlushAttempt, Health, SegmentWriter};
use super::stage::JournalStage;
use std::sync::atomic::Ordering;
use std::thread;

impl Journal {
    /// Writes and syncs everything, stops the threads and releases the directory. A running checkpoint is given up, unless it is
    /// the first one after the journal was turned on: nothing of the data is in the journal before that. Later records are
    /// refused. A second call does nothing and succeeds.
    ///
    /// # Errors
    /// If something that was appended is not durable.
    pub fn close(&self) -> Result<(), Refused> {
        self.is_closing.store(true, Ordering::SeqCst);
        self.kick();
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in threads {
            if thread.thread().id() != thread::current().id() {
                // A panic has been logged. Whether the files are whole is checked below.
                let _ = thread.join();
            }
        }
        if self.stage.get() == JournalStage::Beginning {
            self.checkpoint_running.store(true, Ordering::Release);
            self.run_checkpoint();
        }
        self.flush(FlushAttempt::Again);
        self.sync();
        let mut writer = self.writer();
        let outcome = self.close_writer(&mut writer);
        if self.is_on() {
            self.set_refusal("the journal is closed");
        }
        drop(writer);
        self.leave_directory(outcome.as_ref().ok().and_then(Option::as_ref));
        outcome.map(drop)
    }

    /// Turns the journal off. What has been recorded so far is written and synced, as far as the disk can take it, and closed in
    /// order. From then on records are numbered, given to feeds, and dropped; no reply waits and no write is refused. A base that
    /// is being written is given up. Does nothing if it is off. Waits for the disk, and for no lock of the store.
    pub fn turn_off(&self) {
        let stage = self.stage.get();
        if stage == JournalStage::Off {
            return;
        }
        self.void_base();
        self.flush(FlushAttempt::Again);
        self.sync();
        let mut writer = self.writer();
        let outcome = self.close_writer(&mut writer);
        writer.owes_base = false;
        self.stage.set(JournalStage::Off);
        *self.refusal.lock() = None;
        self.is_refusing.store(false, Ordering::Release);
        for size in [&self.base_bytes, &self.older_bytes, &self.segment_bytes] {
            size.store(0, Ordering::Relaxed);
        }
        self.only_count();
        drop(writer);
        self.leave_directory(outcome.as_ref().ok().and_then(Option::as_ref));
        match outcome {
            Err(why) if stage == JournalStage::On => {
                tracing::warn!(%why, "the journal is off, and its files lack the last changes");
            }
            _ => tracing::info!("the journal is off: changes are not written any more"),
        }
    }

    /// Releases the directory, and wakes all who wait. `end`: where the journal ends, if nothing of it is in doubt.
    fn leave_directory(&self, end: Option<&ClosedEnd>) {
        self.waiters.wake_all();
        let mut lock = self.lock.lock();
        if lock.is_held()
            && let Some(end) = end
            && let Err(error) = self.directory.mark_closed(end)
        {
            tracing::warn!(%error, "the journal's end could not be marked: the next start writes a new base");
        }
        lock.let_go();
    }

    /// Ends writing. Returns where the journal ends, if nothing of it is in doubt.
    ///
    /// # Errors
    /// If something that the store holds is in no file, or if no fdatasync has covered it.
    fn close_writer(&self, writer: &mut SegmentWriter) -> Result<Option<ClosedEnd>, Refused> {
        self.flush_held(writer, FlushAttempt::Again);
        if writer.health == Health::Good && writer.written > writer.synced {
            // The few records since the last sync: syncing them under the lock is short.
            if let Err(error) = writer.segment().file.sync() {
                self.break_off(writer, &format!("fdatasync of the journal failed: {error}"));
            } else {
                writer.synced = writer.written;
                self.publish(writer);
            }
        }
        let outcome = match writer.health {
            Health::Good if !writer.owes_base => Ok(Some(ClosedEnd {
                segment: writer.segment().number,
                segment_bytes: writer.segment().len,
                last_crc: writer.previous,
            })),
            Health::Good | Health::Closed => Ok(None),
            _ => Err(Refused(self.why_not_whole())),
        };
        writer.health = Health::Closed;
        self.drop_unwritten(writer);
        // The end, not a fault: nothing to log.
        self.base_attempts.store(0, Ordering::Release);
        outcome
    }

    fn why_not_whole(&self) -> String {
        let failed = || self.history.lock().last_error.clone();
        self.refusal().or_else(failed).unwrap_or_else(|| "the journal is not whole".to_owned())
    }
}
