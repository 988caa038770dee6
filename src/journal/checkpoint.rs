//! A checkpoint: a base that says what the store holds, in place of the segments that led there. No fork, no stop.
//!
//! In this order, each step durable before the next, so that a crash between any two leaves a whole journal:
//!
//! 1. A new empty segment is made, and listed behind the present ones, as loose (`manifest.rs`).
//! 2. Writing changes over to it. The one before is synced, and the new one is listed as any other.
//! 3. The store is walked in small steps under its own locks; what is seen goes into a base under a temporary name.
//!    The base need not be a moment's picture: Changes are absolute, and all that came after step 2 is replayed over it.
//! 4. The base gets its name, then the manifest names it and the new segment only.
//! 5. The files before them are removed.
//!
//! One that fails leaves the files that count, and none beside them.
//!
//! If the present segment is broken (see `writer.rs`), nothing may follow it: step 1 lists nothing, and until step 4
//! has brought base and segment into the manifest together, no write is acknowledged.

use super::base::BaseEnd;
use super::base_file::BaseFile;
use super::error::AlreadyRunning;
use super::header::BaseHeader;
use super::manifest::Manifest;
use super::segment::Segment;
use super::writer::{FlushAttempt, Role};
use super::{Journal, Walk};
use crate::machine::chance::Chance;
use crate::store::change::sink::Seq;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

/// What is known of checkpoints.
#[derive(Clone, Debug, Default)]
pub(super) struct CheckpointHistory {
    pub(super) completed: u64,
    pub(super) failed_in_a_row: u32,
    pub(super) last_error: Option<String>,
    pub(super) last_duration_ms: Option<u64>,
    /// The last record that the base makes unnecessary.
    pub(super) base_seq: Seq,
    pub(super) started_ms: Option<u64>,
    /// Rounds of the once-a-second thread until it may start one by itself again.
    pub(super) hold_off_rounds: u32,
}

impl Journal {
    /// Starts a checkpoint on a thread of its own.
    ///
    /// # Errors
    /// If one is running, or the journal is closing.
    pub fn checkpoint(self: &Arc<Self>) -> Result<(), AlreadyRunning> {
        // Held until the new thread is among them, so that `close` either waits for it or keeps it from starting.
        let mut threads = self.threads.lock();
        if self.is_closing() || self.checkpoint_running.swap(true, Ordering::AcqRel) {
            return Err(AlreadyRunning);
        }
        threads.retain(|thread| !thread.is_finished());
        let journal = Arc::clone(self);
        // At the same priority as the threads that serve clients: one that is put off while it holds a shard's lock puts
        // them off too.
        let spawned = thread::Builder::new().name("journal-base".to_owned()).spawn(move || {
            journal.run_checkpoint();
        });
        match spawned {
            Ok(thread) => threads.push(thread),
            Err(error) => self.note_checkpoint(0, Err(format!("no thread for it: {error}"))),
        }
        Ok(())
    }

    /// Whether a checkpoint is under way.
    pub fn checkpoint_running(&self) -> bool {
        self.checkpoint_running.load(Ordering::Acquire)
    }

    /// A whole checkpoint on this thread; `checkpoint_running` has been taken.
    pub(super) fn run_checkpoint(&self) {
        let started_ms = self.clock.now_ms();
        self.history.lock().started_ms = Some(started_ms);
        tracing::info!("checkpoint begun");
        // A panic has said so; here it is a failure like others, so that the next checkpoint may begin.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.try_checkpoint(started_ms)))
            .unwrap_or_else(|_| Err("it panicked; please report this".to_owned()));
        if let Err(error) = &outcome {
            self.not_healed(error);
        }
        self.sweep();
        if outcome.is_err() {
            // What it took of a full disk has been given back.
            self.flush(FlushAttempt::Again);
        }
        self.note_checkpoint(started_ms, outcome);
    }

    fn note_checkpoint(&self, started_ms: u64, outcome: Result<u64, String>) {
        let now_ms = self.clock.now_ms();
        let mut history = self.history.lock();
        history.started_ms = None;
        history.last_duration_ms = Some(now_ms.saturating_sub(started_ms));
        match outcome {
            Ok(bytes) => {
                history.completed += 1;
                history.failed_in_a_row = 0;
                history.last_error = None;
                tracing::info!(bytes, duration_ms = history.last_duration_ms, "checkpoint complete");
            }
            Err(error) => {
                history.failed_in_a_row += 1;
                history.hold_off_rounds = 1 << history.failed_in_a_row.min(6);
                tracing::error!(error, "checkpoint failed; the journal goes on as it was");
                history.last_error = Some(error);
            }
        }
        drop(history);
        self.checkpoint_running.store(false, Ordering::Release);
    }

    /// Returns the base's bytes. On failure nothing that a manifest on disk may name is removed.
    fn try_checkpoint(&self, unix_ms: u64) -> Result<u64, String> {
        let walk = self.walk.upgrade().ok_or("the store is gone")?;
        let mut chance = Chance::from_system();
        // Never a number that was used before: an attempt that failed may have left files of that name.
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        // So that little is left to sync behind the change, while the new segment is loose.
        self.sync();
        let segment =
            Segment::create(&self.directory, number, chance.next_u64()).map_err(told("new segment"))?;
        let role = self.role_of_next();
        let (next_seq, next_previous) = match role {
            Role::Successor => self.change_to_successor(segment)?,
            Role::Replacement => self.change_over(segment, role)?,
        };
        let header = BaseHeader { number, salt: chance.next_u64(), unix_ms, next_seq, next_previous };
        let (base_bytes, walked_to) = self.write_base(&header, &*walk, role).map_err(told("new base"))?;
        // The base shows a part of what these records say, so it must never be found without them.
        self.flush(FlushAttempt::First);
        self.sync();
        if !self.has_synced(walked_to) {
            return Err(self.refusal().unwrap_or_else(|| "the new segment could not be written".to_owned()));
        }
        self.list(Manifest::begun_by(number)).map_err(told("manifest"))?;
        self.base_bytes.store(base_bytes, Ordering::Relaxed);
        self.older_bytes.store(0, Ordering::Relaxed);
        self.history.lock().base_seq = Seq(next_seq.0 - 1);
        self.healed();
        Ok(base_bytes)
    }

    /// Lists `segment` behind the present one and changes over to it.
    ///
    /// Records are written to the new segment from the change on, and acknowledged, so it must be listed before; and
    /// until an fdatasync has covered the last of the old one, a power failure may leave the new ones without them. That
    /// is what loose says. Syncing the old one before the first record of the new one would make writers wait for the
    /// disk.
    fn change_to_successor(&self, segment: Segment) -> Result<(Seq, u32), String> {
        let before = self.listed.lock().manifest.clone();
        let owes_base = self.owes_base();
        // What stands before the present segment has been synced, unless there is more to doubt than that.
        let present = if owes_base { before.clone() } else { before.joined() };
        self.list(present.followed_by(segment.number)).map_err(told("manifest"))?;
        let changed = self.change_over(segment, Role::Successor).inspect_err(|_| {
            // If this fails too, an empty segment stays at the end of the list.
            let _ = self.list(before);
        })?;
        self.sync();
        if !self.has_synced(Seq(changed.0.0 - 1)) {
            return Err(self
                .refusal()
                .unwrap_or_else(|| "the segment before could not be synced".to_owned()));
        }
        if !owes_base {
            let joined = self.listed.lock().manifest.joined();
            self.list(joined).map_err(told("manifest"))?;
        }
        Ok(changed)
    }

    /// Writes a base and returns when it is durable under its name: its bytes, and the last record it may show.
    fn write_base(&self, header: &BaseHeader, walk: &dyn Walk, role: Role) -> io::Result<(u64, Seq)> {
        let temporary = self.directory.base_temporary(header.number);
        let written = self.write_base_as(&temporary, header, walk, role)?;
        self.directory.files.rename(&temporary, &self.directory.base(header.number))?;
        self.directory.files.sync_directory(&self.directory.path)?;
        Ok(written)
    }

    fn write_base_as(
        &self,
        path: &Path,
        header: &BaseHeader,
        walk: &dyn Walk,
        role: Role,
    ) -> io::Result<(u64, Seq)> {
        let mut base = BaseFile::create(&self.directory, path, header)?;
        walk.walk(&mut |records| {
            for changes in records.records() {
                base.push(changes)?;
            }
            if self.is_closing() {
                return Err(io::Error::other("the journal is closing"));
            }
            if role == Role::Successor
                && let Some(reason) = self.refusal()
            {
                // It would come to nothing, and on a full disk it is in the way of what would.
                return Err(io::Error::other(reason));
            }
            thread::yield_now();
            Ok(())
        })?;
        let walked_to = self.last_seq();
        Ok((base.finish(BaseEnd { walked_to })?, walked_to))
    }
}

/// Says what could not be done.
fn told(doing: &'static str) -> impl FnOnce(io::Error) -> String {
    move |error| format!("{doing}: {error}")
}
