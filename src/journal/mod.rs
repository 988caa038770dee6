//! Will it survive? The append-only journal: records, segments, recovery, checkpoint.
//!
//! A command's Changes are appended under the locks of its shards ([`ChangeSink::append`]) and wait in one buffer.
//! Before the reply is sent, [`Journal::acknowledged`] waits until they are as durable as `appendfsync` promises. At
//! a start, [`Journal::open`] loads everything into the store again.
//!
//! | file | its subject |
//! |---|---|
//! | `pending` | the one buffer, where sequence numbers are given |
//! | `writer` | from the buffer to the disk, and what a failing disk does to the promises |
//! | `waiters` | commands that wait for their records |
//! | `rounds` | the thread that syncs, retries, and starts checkpoints when they are due |
//! | `checkpoint`, `base_file` | a base in place of old segments, without a fork |
//! | `status` | the state that INFO reports |
//! | `listed` | which files count, and which may be removed |
//! | `recovery`, `visit`, `open_file`, `reader` | from the disk back to Changes, or an error that names the place |
//! | `open` | the start: lock, recover, cut off a torn tail, go on |
//! | `offline`, `resp_dump`, `repair` | `rankd journal check`, `dump` and `repair` |
//! | `record`, `base`, `header`, `manifest`, `segment`, `directory` | the bytes and names; docs/journal-format.md draws them |
//! | `files` | the system calls, so that a test can make them fail |
//!
//! Invariant: the next start finds what a reply has promised, or it stops and says what is wrong. Absent on purpose:
//! commands, replies, tokio. Locks are taken in the order `sync_turn`, `writer`, `pending`; each of the others is
//! held for a line or two, with no further lock inside.

mod base;
mod base_file;
mod checkpoint;
mod directory;
mod error;
mod files;
mod header;
mod listed;
mod manifest;
mod offline;
mod open;
mod open_file;
mod pending;
mod reader;
mod record;
mod recovery;
mod repair;
mod resp_dump;
mod rounds;
mod segment;
mod status;
#[cfg(test)]
mod tests;
mod visit;
mod waiters;
mod writer;

pub use crate::journal::directory::DIRECTORY_NAME;
pub use crate::journal::error::{AlreadyRunning, OpenError, Refused};
pub use crate::journal::offline::{DumpError, JournalReport, check, dump};
pub use crate::journal::open::Recovered;
pub use crate::journal::recovery::{FileRead, TornTail};
pub use crate::journal::repair::{Cut, Lost, RepairMode, repair};
pub use crate::journal::resp_dump::dump_resp;
pub use crate::journal::status::{SlowestCalls, Status};
pub use crate::journal::waiters::Acknowledged;

use crate::config::FsyncPolicy;
use crate::limits;
use crate::machine::clock::Clock;
use crate::store::change::ChangeBuffer;
use crate::store::change::feed::Feed;
use crate::store::change::sink::{ChangeSink, Seq};
use crate::store::{Snapshot, Store};
use crossbeam::channel::Sender;
use parking_lot::Mutex;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Weak;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

/// How to open a journal.
#[derive(Clone, Debug)]
pub struct JournalOptions {
    /// The journal's directory, created if it is missing.
    pub directory: PathBuf,
    /// See [`Journal::set_fsync`].
    pub fsync: FsyncPolicy,
    /// See [`Journal::set_rewrite`].
    pub rewrite_percentage: u32,
    /// See [`Journal::set_rewrite`].
    pub rewrite_min_bytes: u64,
    /// The clock that dates and times checkpoints.
    pub clock: Clock,
}

/// What a checkpoint reads: the contents of a store.
trait Walk: Send + Sync {
    /// Begins a walk. All records that are appended after this may be replayed over what the walk sees.
    fn begin(&self) -> Box<dyn Contents + '_>;
}

/// The contents of a store, in steps.
trait Contents {
    /// Calls `visit` with closed records that together state the whole contents. The first error of `visit` ends the
    /// walk.
    fn walk(&mut self, visit: &mut dyn FnMut(&ChangeBuffer) -> io::Result<()>) -> io::Result<()>;
}

impl Walk for Store {
    fn begin(&self) -> Box<dyn Contents + '_> {
        Box::new(self.snapshot())
    }
}

impl Contents for Snapshot<'_> {
    fn walk(&mut self, visit: &mut dyn FnMut(&ChangeBuffer) -> io::Result<()>) -> io::Result<()> {
        self.store().refuse_damaged().map_err(io::Error::other)?;
        let mut records = ChangeBuffer::default();
        loop {
            let more = self.step(&mut records);
            records.end_record();
            visit(&records)?;
            records.clear();
            if !more {
                return self.store().refuse_damaged().map_err(io::Error::other);
            }
        }
    }
}

/// The journal of a running server.
pub struct Journal {
    directory: directory::Directory,
    /// The locked file; `None` once the journal is closed.
    lock: Mutex<Option<File>>,
    clock: Clock,
    /// Weak, because the store holds the journal as its sink.
    walk: Weak<dyn Walk>,

    pending: Mutex<pending::Pending>,
    writer: Mutex<writer::SegmentWriter>,
    /// Held during an fdatasync.
    sync_turn: Mutex<()>,
    waiters: waiters::Waiters,

    /// Bytes of records that are in no file.
    pending_bytes: AtomicUsize,
    /// Every record up to this number survives a crash of the process.
    written: AtomicU64,
    /// Every record up to this number survives a power failure.
    synced: AtomicU64,
    is_refusing: AtomicBool,
    refusal: Mutex<Option<String>>,

    fsync: AtomicU8,
    rewrite_percentage: AtomicU32,
    rewrite_min_bytes: AtomicU64,

    listed: Mutex<listed::Listed>,
    /// Number of the next segment and base.
    next_number: AtomicU64,
    base_bytes: AtomicU64,
    /// Bytes of the listed segments before the present one.
    older_bytes: AtomicU64,
    segment_bytes: AtomicU64,
    history: Mutex<checkpoint::CheckpointHistory>,
    checkpoint_running: AtomicBool,
    counters: status::Counters,

    /// Wakes the thread of `rounds` before its second is over.
    kick: Sender<()>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    is_closing: AtomicBool,
}

impl Journal {
    /// Waits until every record up to `seq` is as durable as the policy promises. With `EverySecond` and `Never` the
    /// calling thread writes the records that are pending; with `Always` one fdatasync serves all callers.
    ///
    /// # Errors
    /// If the journal refuses writes and the record is not that durable yet. Its Changes are in the store all the
    /// same, and will be in the journal once it accepts writes again.
    pub fn acknowledged(&self, seq: Seq) -> Acknowledged<'_> {
        Acknowledged { journal: self, seq }
    }

    /// The reason to refuse writes now, if there is one. Costs one atomic load if there is none.
    pub fn refusal(&self) -> Option<String> {
        if self.is_refusing() { self.refusal.lock().clone() } else { None }
    }

    /// Bytes of records that no file has yet.
    pub fn unwritten_bytes(&self) -> usize {
        self.pending_bytes.load(Ordering::Relaxed)
    }

    /// Whether so many bytes are pending that clients must wait for the disk.
    pub fn over_backlog(&self) -> bool {
        self.pending_bytes.load(Ordering::Relaxed) > limits::JOURNAL_BACKLOG_BYTES
    }

    /// The number of the last record.
    pub fn last_seq(&self) -> Seq {
        self.pending.lock().last_seq()
    }

    /// Sets `appendfsync`, also for the commands that are waiting.
    pub fn set_fsync(&self, policy: FsyncPolicy) {
        self.fsync.store(policy as u8, Ordering::SeqCst);
        self.waiters.wake_all();
        self.kick();
    }

    /// Sets when checkpoints start by themselves: when the journal is larger than `min_bytes` and has grown by
    /// `percentage` of its base (0: never).
    pub fn set_rewrite(&self, percentage: u32, min_bytes: u64) {
        self.rewrite_percentage.store(percentage, Ordering::Relaxed);
        self.rewrite_min_bytes.store(min_bytes, Ordering::Relaxed);
    }

    /// Writes and syncs everything, stops the threads (a running checkpoint is given up) and releases the directory.
    /// Later records are refused. A second call does nothing and succeeds.
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
        self.flush(writer::FlushAttempt::Again);
        self.sync();
        let outcome = self.close_writer();
        self.waiters.wake_all();
        // Only the first call finds the lock.
        if let (Some(_lock), Ok(Some(end))) = (self.lock.lock().take(), &outcome)
            && let Err(error) = self.directory.mark_closed(end)
        {
            tracing::warn!(%error, "the journal's end could not be marked: the next start writes a new base");
        }
        outcome.map(drop)
    }

    fn fsync_policy(&self) -> FsyncPolicy {
        match self.fsync.load(Ordering::SeqCst) {
            0 => FsyncPolicy::Always,
            1 => FsyncPolicy::EverySecond,
            _ => FsyncPolicy::Never,
        }
    }

    fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::SeqCst)
    }

    fn is_refusing(&self) -> bool {
        self.is_refusing.load(Ordering::Acquire)
    }

    fn has_reached(&self, seq: Seq) -> bool {
        let reached = match self.fsync_policy() {
            FsyncPolicy::Always => &self.synced,
            FsyncPolicy::EverySecond | FsyncPolicy::Never => &self.written,
        };
        reached.load(Ordering::Acquire) >= seq.0
    }

    fn refuse(&self, reason: &str) {
        if self.set_refusal(reason) {
            tracing::error!(reason, "writes are refused");
        }
    }

    /// Refuses writes from now on. Returns whether this is news: writes were accepted before, or refused for another
    /// reason.
    fn set_refusal(&self, reason: &str) -> bool {
        let mut refusal = self.refusal.lock();
        let is_news = refusal.as_deref() != Some(reason);
        *refusal = Some(reason.to_owned());
        self.is_refusing.store(true, Ordering::Release);
        is_news
    }

    fn accept(&self) {
        *self.refusal.lock() = None;
        self.is_refusing.store(false, Ordering::Release);
        tracing::info!("the journal can be written again; writes are accepted");
    }

    fn kick(&self) {
        // A full channel means that the thread has been woken already.
        let _ = self.kick.try_send(());
    }
}

impl ChangeSink for Journal {
    fn append(&self, unix_ms: u64, records: &ChangeBuffer) -> Seq {
        let mut pending = self.pending.lock();
        let (last, bytes) = pending.append(unix_ms, records);
        self.pending_bytes.fetch_add(bytes, Ordering::Relaxed);
        last
    }

    fn last_seq(&self) -> Seq {
        Journal::last_seq(self)
    }

    fn open_feed(&self, bound_bytes: usize) -> (Feed, Seq) {
        let mut pending = self.pending.lock();
        (pending.open_feed(bound_bytes), pending.last_seq())
    }
}
