//! A checkpoint: writes a base that holds the contents of the store, in place of the segments before it. It neither
//! forks nor stops the server.
//!
//! The walk over the store begins before anything else, because from then on every record can be replayed over what the walk
//! sees ([`Snapshot`](crate::store::Snapshot)). The steps, each durable before the next begins, so that a crash between any two
//! leaves a whole journal:
//!
//! 1. A new, empty segment is created and listed behind the present ones, as loose (`manifest.rs`).
//! 2. The writer changes over to the new segment. The previous segment is synced, and the new one is listed without
//!    "loose".
//! 3. The store is walked in small steps under its own locks, and its contents are written to a base under a
//!    temporary name. The base need not show one moment: Changes are absolute, and every record since step 2 is
//!    replayed over it.
//! 4. The base is renamed to its final name. Then the manifest lists only the base and the new segment.
//! 5. Files that are no longer listed are removed.
//!
//! A checkpoint that fails leaves the listed files and no others.
//!
//! If the present segment is broken (see `writer.rs`), no segment may follow it: step 1 does not list the new
//! segment, and no write is acknowledged until step 4 lists base and segment together. The first base after the journal was turned
//! on (`beginning.rs`) is written in the same way, and until step 4 writes are acknowledged without it.

use super::base::BaseEnd;
use super::base_file::BaseFile;
use super::error::AlreadyRunning;
use super::header::BaseHeader;
use super::listed::Listed;
use super::manifest::Manifest;
use super::running::Journal;
use super::segment::Segment;
use super::segment_writer::{FlushAttempt, Role};
use super::stage::JournalStage;
use super::walk::Contents;
use crate::machine::chance::Chance;
use crate::store::change::sink::Seq;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

impl Journal {
    /// Starts a checkpoint on its own thread.
    ///
    /// # Errors
    /// If a checkpoint is running, or the journal is closing.
    pub fn checkpoint(self: &Arc<Self>) -> Result<(), AlreadyRunning> {
        // Held until the new thread is in the list, so that `close` either waits for it or keeps it from starting.
        let mut threads = self.threads.lock();
        if self.is_closing() || self.checkpoint_running.swap(true, Ordering::AcqRel) {
            return Err(AlreadyRunning);
        }
        threads.retain(|thread| !thread.is_finished());
        let journal = Arc::clone(self);
        // The thread has the priority of the threads that serve clients: if it were suspended while it holds a
        // shard's lock, they would wait for it.
        let spawned = thread::Builder::new().name("journal-base".to_owned()).spawn(move || {
            journal.run_checkpoint();
        });
        match spawned {
            Ok(thread) => threads.push(thread),
            Err(error) => self.note_checkpoint(0, Err(format!("its thread could not be started: {error}"))),
        }
        Ok(())
    }

    /// Whether a checkpoint is running.
    pub fn checkpoint_running(&self) -> bool {
        self.checkpoint_running.load(Ordering::Acquire)
    }

    /// Runs a whole checkpoint on this thread. The caller has set `checkpoint_running`.
    pub(super) fn run_checkpoint(&self) {
        self.base_is_void.store(false, Ordering::Release);
        // If the journal is turned off meanwhile, the directory stays locked until the last file is left alone.
        let Some(_lock) = self.lock.lock().share() else {
            self.checkpoint_running.store(false, Ordering::Release);
            return;
        };
        let started_ms = self.clock.now_ms();
        self.history.lock().started_ms = Some(started_ms);
        tracing::info!("checkpoint begun");
        // A panic has been logged. It counts as a failure, so that the next checkpoint may begin.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.try_checkpoint(started_ms)))
            .unwrap_or_else(|_| Err("it panicked; please report this".to_owned()));
        if let Err(error) = &outcome {
            self.not_healed(error);
        }
        self.sweep();
        if outcome.is_err() {
            // The sweep has freed the space that the failed checkpoint took on a full disk.
            self.flush(FlushAttempt::Again);
        }
        match outcome {
            Err(why) if self.base_is_void.load(Ordering::Acquire) => {
                self.history.lock().started_ms = None;
                tracing::info!(why, "checkpoint given up");
                self.checkpoint_running.store(false, Ordering::Release);
            }
            outcome => self.note_checkpoint(started_ms, outcome),
        }
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

    /// Runs the steps and returns the length of the base in bytes. A failure removes no file that a manifest on disk
    /// may name.
    fn try_checkpoint(&self, unix_ms: u64) -> Result<u64, String> {
        let walk = self.walk.upgrade().ok_or("the store is gone")?;
        let mut contents = walk.begin();
        let mut chance = Chance::from_system();
        // A number is never used twice: a failed attempt may have left files with it.
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        // Synced now, so that little is left to sync after the change, while the new segment is loose.
        self.sync();
        let segment =
            Segment::create(&self.directory, number, chance.next_u64()).map_err(failed_at("new segment"))?;
        let role = self.role_of_next();
        let (next_seq, next_previous) = match role {
            Role::Successor => self.change_to_successor(segment)?,
            Role::Replacement => {
                // Until here nobody may have read the records.
                let _reader = self.readers.register();
                walk.await_holds();
                self.change_over(segment, role)?
            }
        };
        let header = BaseHeader { number, salt: chance.next_u64(), unix_ms, next_seq, next_previous };
        let (base_bytes, walked_to) =
            self.write_base(&header, &mut *contents, role).map_err(failed_at("new base"))?;
        // The base shows a part of what these records say. A start must never find it without them.
        self.flush(FlushAttempt::First);
        self.sync();
        if !self.has_synced(walked_to) {
            return Err(self.refusal().unwrap_or_else(|| "the new segment could not be written".to_owned()));
        }
        self.list(Manifest::begun_by(number)).map_err(failed_at("manifest"))?;
        self.base_bytes.store(base_bytes, Ordering::Relaxed);
        self.older_bytes.store(0, Ordering::Relaxed);
        self.history.lock().base_seq = Seq(next_seq.0 - 1);
        self.healed();
        Ok(base_bytes)
    }

    /// Lists `segment` behind the present one and changes over to it.
    ///
    /// The new segment takes records from the change on, and they are acknowledged. So it must be listed first. Until
    /// an fdatasync has covered the end of the previous segment, a power failure may leave the new records without
    /// the ones before them: that is what loose means. If the previous segment were synced before the change, writers
    /// would wait for the disk.
    fn change_to_successor(&self, segment: Segment) -> Result<(Seq, u32), String> {
        let before = self.listed.lock().manifest.clone();
        let owes_base = self.owes_base();
        // Everything before the present segment has been synced, unless the journal owes a base.
        let present = if owes_base { before.clone() } else { before.joined() };
        self.list(present.followed_by(segment.number)).map_err(failed_at("manifest"))?;
        let changed = self.change_over(segment, Role::Successor).inspect_err(|_| {
            // If this fails too, an empty segment stays at the end of the list.
            let _ = self.list(before);
        })?;
        self.sync();
        if !self.has_synced(Seq(changed.0.0 - 1)) {
            return Err(self
                .refusal()
                .unwrap_or_else(|| "the previous segment could not be synced".to_owned()));
        }
        if !owes_base {
            let joined = self.listed.lock().manifest.joined();
            self.list(joined).map_err(failed_at("manifest"))?;
        }
        Ok(changed)
    }

    /// Writes a base and returns when it is durable under its final name. Returns its length in bytes, and the last
    /// record whose effect it may show.
    fn write_base(
        &self,
        header: &BaseHeader,
        contents: &mut dyn Contents,
        role: Role,
    ) -> io::Result<(u64, Seq)> {
        let temporary = self.directory.base_temporary(header.number);
        let written = self.write_base_as(&temporary, header, contents, role)?;
        self.directory.files.rename(&temporary, &self.directory.base(header.number))?;
        self.directory.files.sync_directory(&self.directory.path)?;
        Ok(written)
    }

    fn write_base_as(
        &self,
        path: &Path,
        header: &BaseHeader,
        contents: &mut dyn Contents,
        role: Role,
    ) -> io::Result<(u64, Seq)> {
        let mut base = BaseFile::create(&self.directory, path, header)?;
        contents.walk(&mut |records| {
            for changes in records.records() {
                base.push(changes)?;
            }
            if self.base_is_void.load(Ordering::Acquire) {
                return Err(io::Error::other(VOID));
            }
            if self.is_closing() && self.stage.get() == JournalStage::On {
                return Err(io::Error::other("the journal is closing"));
            }
            if role == Role::Successor
                && let Some(reason) = self.refusal()
            {
                // The base would not be used, and on a full disk it takes the space that the segment needs.
                return Err(io::Error::other(reason));
            }
            thread::yield_now();
            Ok(())
        })?;
        let walked_to = self.last_seq();
        Ok((base.finish(BaseEnd { walked_to })?, walked_to))
    }

    /// Replaces the present manifest with `manifest`. The change is durable when this returns.
    fn list(&self, manifest: Manifest) -> io::Result<()> {
        let mut listed = self.listed.lock();
        if self.base_is_void.load(Ordering::Acquire) || !self.is_on() {
            return Err(io::Error::other(VOID));
        }
        self.directory.write_manifest(&manifest)?;
        listed.doubted.push(manifest.clone());
        self.directory.replace_manifest()?;
        *listed = Listed::new(manifest);
        Ok(())
    }

    /// Removes every file of the journal that no start can need. Called at the end of every checkpoint, also of one
    /// that failed.
    fn sweep(&self) {
        let listed = self.listed.lock();
        let manifests: Vec<_> = listed.doubted.iter().chain([&listed.manifest]).collect();
        if let Err(error) = self.directory.remove_unlisted(&manifests) {
            // The files are not read any more. The next checkpoint or start tries again.
            tracing::warn!(%error, "journal files that are not needed could not be removed");
        }
    }
}

/// Why a base that is written is not listed.
const VOID: &str = "the journal was turned off, or its data were replaced";

/// Puts what was being done in front of an I/O error.
fn failed_at(doing: &'static str) -> impl FnOnce(io::Error) -> String {
    move |error| format!("{doing}: {error}")
}
