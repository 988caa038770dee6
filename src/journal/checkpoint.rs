//! A checkpoint: a base that says what the store holds, in place of the segments that led there. No fork, no stop.
//!
//! In this order, each step durable before the next, so that a crash between any two leaves a whole journal:
//!
//! 1. A new empty segment is made, and listed behind the present ones.
//! 2. Writing changes over to it.
//! 3. The store is walked in small steps under its own locks; what is seen goes into a base under a temporary name.
//!    The base need not be a moment's picture: Changes are absolute, and all that came after step 2 is replayed over it.
//! 4. The base gets its name, then the manifest names it and the new segment only.
//! 5. The files before them are removed.
//!
//! If the present segment is broken (see `writer.rs`), nothing may follow it: step 1 lists nothing, and until step 4
//! has brought base and segment into the manifest together, no write is acknowledged.

use super::base::{self, End};
use super::directory::Directory;
use super::error::AlreadyRunning;
use super::files::{Appendable, write_all};
use super::header::{self, BASE_HEADER_BYTES, BaseHeader};
use super::manifest::Manifest;
use super::record;
use super::segment::Segment;
use super::writer::{Attempt, Role};
use super::{Journal, Walk};
use crate::chance::Chance;
use crate::store::sink::Seq;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

/// Bytes collected before they are written.
const WRITE_BYTES: usize = 256 * 1024;

/// Bytes written between two fdatasyncs of a growing base, so that the last one, and the segment's beside it, stay
/// short.
const SYNC_EVERY_BYTES: u64 = 16 * 1024 * 1024;

/// What is known of checkpoints.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
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
        let outcome = self.try_checkpoint(started_ms);
        if outcome.is_err() {
            self.not_healed();
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
        let told = |doing: &'static str| move |error: io::Error| format!("{doing}: {error}");

        let segment =
            Segment::create(&self.directory, number, chance.next_u64()).map_err(told("new segment"))?;
        let role = self.role_of_next();
        if role == Role::Successor {
            let mut manifest = self.manifest.lock();
            let mut longer = manifest.clone();
            longer.segments.push(number);
            self.directory.store_manifest(&longer).map_err(told("manifest"))?;
            *manifest = longer;
        }
        let (next_seq, next_previous) = self.change_over(segment, role)?;
        // At once, so that after a power failure the new segment cannot hold more than the old one leads to.
        self.sync();

        let header = BaseHeader { number, salt: chance.next_u64(), unix_ms, next_seq, next_previous };
        let (base_bytes, walked_to) = self.write_base(&header, &*walk).map_err(told("new base"))?;
        // The base shows a part of what these records say, so it must never be found without them.
        self.flush(Attempt::First);
        self.sync();
        if !self.has_synced(walked_to) {
            return Err("the new segment could not be written".to_owned());
        }
        let shorter = Manifest { base: Some(number), segments: vec![number] };
        self.directory.store_manifest(&shorter).map_err(told("manifest"))?;
        *self.manifest.lock() = shorter.clone();
        self.base_bytes.store(base_bytes, Ordering::Relaxed);
        self.older_bytes.store(0, Ordering::Relaxed);
        self.history.lock().base_seq = Seq(next_seq.0 - 1);
        self.healed();
        if let Err(error) = self.directory.remove_unlisted(&shorter) {
            // They are not read any more; the next checkpoint or start tries again.
            tracing::warn!(%error, "old journal files could not be removed");
        }
        Ok(base_bytes)
    }

    /// Writes a base and returns when it is durable under its name: its bytes, and the last record it may show.
    fn write_base(&self, header: &BaseHeader, walk: &dyn Walk) -> io::Result<(u64, Seq)> {
        let temporary = self.directory.base_temporary(header.number);
        let written = self.write_base_as(&temporary, header, walk);
        if written.is_err() {
            // Space is what it may have lacked.
            let _ = self.directory.files.remove(&temporary);
        }
        let written = written?;
        self.directory.files.rename(&temporary, &self.directory.base(header.number))?;
        self.directory.files.sync_directory(&self.directory.path)?;
        Ok(written)
    }

    fn write_base_as(&self, path: &Path, header: &BaseHeader, walk: &dyn Walk) -> io::Result<(u64, Seq)> {
        let mut base = BaseFile::create(&self.directory, path, header)?;
        walk.walk(&mut |records| {
            for changes in records.records() {
                base.push(changes)?;
            }
            if self.is_closing() {
                return Err(io::Error::other("the journal is closing"));
            }
            thread::yield_now();
            Ok(())
        })?;
        let walked_to = self.last_seq();
        Ok((base.finish(End { walked_to })?, walked_to))
    }
}

/// A base that grows.
struct BaseFile {
    file: Arc<dyn Appendable>,
    unix_ms: u64,
    seed: u32,
    previous: u32,
    last: Seq,
    /// Changes that are in no record yet.
    block: Vec<u8>,
    /// The body of the record that is being made.
    body: Vec<u8>,
    unwritten: Vec<u8>,
    bytes: u64,
    synced_bytes: u64,
}

impl BaseFile {
    fn create(directory: &Directory, path: &Path, header: &BaseHeader) -> io::Result<Self> {
        let encoded = header.encode();
        let file = directory.files.create(path)?;
        write_all(&*file, &encoded)?;
        let seed = header::seed(&encoded);
        Ok(Self {
            file,
            unix_ms: header.unix_ms,
            seed,
            previous: seed,
            last: Seq(0),
            block: Vec::new(),
            body: Vec::new(),
            unwritten: Vec::new(),
            bytes: BASE_HEADER_BYTES as u64,
            synced_bytes: 0,
        })
    }

    fn push(&mut self, changes: &[u8]) -> io::Result<()> {
        self.block.extend_from_slice(changes);
        if self.block.len() >= base::BLOCK_BYTES { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        base::pack(&self.block, &mut self.body);
        self.last.0 += 1;
        record::push(&mut self.unwritten, self.last, self.unix_ms, &self.body);
        self.block.clear();
        // One large value must not keep its memory.
        self.block.shrink_to(2 * base::BLOCK_BYTES);
        self.body.shrink_to(2 * base::BLOCK_BYTES);
        if self.unwritten.len() >= WRITE_BYTES { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> io::Result<()> {
        self.previous = record::seal(&mut self.unwritten, self.seed, self.previous);
        write_all(&*self.file, &self.unwritten)?;
        self.bytes += self.unwritten.len() as u64;
        self.unwritten.clear();
        if self.bytes - self.synced_bytes >= SYNC_EVERY_BYTES {
            self.file.sync()?;
            self.synced_bytes = self.bytes;
        }
        Ok(())
    }

    /// Ends the base. The number of its last record tells how many there were.
    fn finish(mut self, end: End) -> io::Result<u64> {
        self.end_block()?;
        record::push(&mut self.unwritten, Seq(self.last.0 + 1), self.unix_ms, &end.encode());
        self.write()?;
        self.file.sync()?;
        Ok(self.bytes)
    }
}
