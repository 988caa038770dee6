//! Will it survive? The append-only journal: records, segments, recovery, checkpoint.
//!
//! A command's Changes come in under its shards' locks ([`ChangeSink::append`]) and wait in one buffer; before the
//! reply goes out, [`Journal::acknowledged`] sees to it that they are where `appendfsync` promises. At start,
//! [`Journal::open`] makes everything true again.
//!
//! | file | its subject |
//! |---|---|
//! | `pending` | the one buffer, where sequence numbers are given |
//! | `writer` | from the buffer to the disk, and what a failing disk does to the promises |
//! | `waiters` | commands that wait for it |
//! | `rounds` | the thread that syncs, retries, and starts checkpoints when they are due |
//! | `checkpoint`, `base_file` | a base in place of old segments, without fork |
//! | `listed` | which files count at this moment, and which may go |
//! | `recovery`, `visit`, `open_file`, `reader` | from the disk back to Changes, or an error that names the place |
//! | `open` | the start: lock, recover, cut a torn tail, go on |
//! | `offline`, `resp_dump`, `repair` | `rankd journal check`, `dump` and `repair` |
//! | `record`, `base`, `header`, `manifest`, `segment`, `directory` | the bytes and names; docs/journal-format.md draws them |
//! | `files` | the system calls, so that a test can make them fail |
//!
//! Invariant: what a reply has promised is found by the next start, or the start stops and says what is wrong.
//! Absent on purpose: commands, replies, tokio. Locks are taken in the order `sync_turn`, `writer`, `pending`; the
//! others are held for a line or two and hold nothing else.

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
pub use crate::journal::status::Status;
pub use crate::journal::waiters::Acknowledged;

use crate::config::FsyncPolicy;
use crate::limits;
use crate::machine::clock::Clock;
use crate::store::Store;
use crate::store::change::ChangeBuffer;
use crate::store::change::feed::Feed;
use crate::store::change::sink::{ChangeSink, Seq};
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
    /// Its directory, made if it is not there.
    pub directory: PathBuf,
    /// See [`Journal::set_fsync`].
    pub fsync: FsyncPolicy,
    /// See [`Journal::set_rewrite`].
    pub rewrite_percentage: u32,
    /// See [`Journal::set_rewrite`].
    pub rewrite_min_bytes: u64,
    /// Dates checkpoints and measures them.
    pub clock: Clock,
}

/// What a checkpoint reads: all that is held, in steps.
trait Walk: Send + Sync {
    /// Hands out closed records that state everything, a stretch at a time, until `visit` fails.
    fn walk(&self, visit: &mut dyn FnMut(&ChangeBuffer) -> io::Result<()>) -> io::Result<()>;
}

impl Walk for Store {
    fn walk(&self, visit: &mut dyn FnMut(&ChangeBuffer) -> io::Result<()>) -> io::Result<()> {
        self.refuse_damaged().map_err(io::Error::other)?;
        let mut snapshot = self.snapshot();
        let mut records = ChangeBuffer::default();
        loop {
            let more = snapshot.step(&mut records);
            records.end_record();
            visit(&records)?;
            records.clear();
            if !more {
                return self.refuse_damaged().map_err(io::Error::other);
            }
        }
    }
}

/// The journal of a running server.
pub struct Journal {
    directory: directory::Directory,
    /// Held until the journal is closed.
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
    /// Up to this record, a restart after a crash of the process finds everything.
    written: AtomicU64,
    /// Up to this record, so does a restart after a power failure.
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
    /// Waits until every record up to `seq` is as safe as the policy promises. A record that no file has yet is
    /// written on the calling thread (`EverySecond`, `Never`); with `Always` one fdatasync serves all who wait.
    ///
    /// # Errors
    /// If the journal refuses writes and the record has not got that far. Its Changes are in the store nevertheless,
    /// and will be in the journal when it has healed.
    pub fn acknowledged(&self, seq: Seq) -> Acknowledged<'_> {
        Acknowledged { journal: self, seq }
    }

    /// Why writes must be refused now, if they must. One load when they need not.
    pub fn refusal(&self) -> Option<String> {
        if self.is_refusing() { self.refusal.lock().clone() } else { None }
    }

    /// Whether so much waits for the disk that clients must be made to wait too.
    pub fn over_backlog(&self) -> bool {
        self.pending_bytes.load(Ordering::Relaxed) > limits::JOURNAL_BACKLOG_BYTES
    }

    /// The last record there is.
    pub fn last_seq(&self) -> Seq {
        self.pending.lock().last_seq()
    }

    /// Changes `appendfsync`, for those who wait already as well.
    pub fn set_fsync(&self, policy: FsyncPolicy) {
        self.fsync.store(policy as u8, Ordering::SeqCst);
        self.waiters.wake_all();
        self.kick();
    }

    /// Changes when checkpoints start by themselves: once the journal is larger than `min_bytes` and has grown by
    /// `percentage` of its base (0: never).
    pub fn set_rewrite(&self, percentage: u32, min_bytes: u64) {
        self.rewrite_percentage.store(percentage, Ordering::Relaxed);
        self.rewrite_min_bytes.store(min_bytes, Ordering::Relaxed);
    }

    /// Writes and syncs everything, stops the threads (an unfinished checkpoint is given up) and releases the
    /// directory. Appending afterwards is refused. Closing again does nothing and says the same unless it failed.
    ///
    /// # Errors
    /// If something that was appended is not safely on disk.
    pub fn close(&self) -> Result<(), Refused> {
        self.is_closing.store(true, Ordering::SeqCst);
        self.kick();
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in threads {
            if thread.thread().id() != thread::current().id() {
                // A thread that panicked has said so; the files are judged below.
                let _ = thread.join();
            }
        }
        self.flush(writer::FlushAttempt::Again);
        self.sync();
        let outcome = self.close_writer();
        self.waiters.wake_all();
        // Only the first to close has it.
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

    /// Refuses writes from now on; returns whether they were not refused, or for another reason, before.
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
        // Full means that the thread has been told already.
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
