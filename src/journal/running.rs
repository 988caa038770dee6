//! The state of a running journal, and what is short enough to be asked of it at any time. What it does is in the files
//! that have each task.

use super::counters::Counters;
use super::directory::Directory;
use super::directory_lock::DirectoryLock;
use super::history::CheckpointHistory;
use super::listed::Listed;
use super::numbers::FreeNumbers;
use super::pending::Pending;
use super::segment_writer::SegmentWriter;
use super::stage::{JournalStage, SharedStage};
use super::waiters::Waiters;
use super::walk::Walkable;
use crate::config::FsyncPolicy;
use crate::limits;
use crate::machine::clock::Clock;
use crate::store::change::ChangeBuffer;
use crate::store::change::feed::Feed;
use crate::store::change::readers::{RecordReaders, RegisteredReader};
use crate::store::change::sink::{ChangeSink, Seq};
use crossbeam::channel::{Receiver, Sender};
use parking_lot::{Mutex, MutexGuard};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;

/// The journal of a running server. If it is off, it numbers records and gives them to feeds, and no more.
pub struct Journal {
    pub(super) directory: Directory,
    pub(super) stage: SharedStage,
    pub(super) lock: Mutex<DirectoryLock>,
    pub(super) clock: Clock,
    /// Weak, because the store holds the journal as its sink.
    pub(super) walk: Weak<dyn Walkable>,

    pub(super) pending: Mutex<Pending>,
    /// The numbers of records while `pending` does not give them. It is changed under its lock.
    pub(super) numbers: FreeNumbers,
    pub(super) readers: Arc<RecordReaders>,
    /// The buffer, while it gives the numbers. It is changed under its lock.
    pub(super) buffer: Mutex<Option<RegisteredReader>>,
    pub(super) writer: Mutex<SegmentWriter>,
    /// Held during an fdatasync.
    pub(super) sync_turn: Mutex<()>,
    pub(super) waiters: Waiters,

    /// Bytes of records that are in no file.
    pub(super) pending_bytes: AtomicUsize,
    /// Every record up to this number survives a crash of the process.
    pub(super) written: AtomicU64,
    /// Every record up to this number survives a power failure.
    pub(super) synced: AtomicU64,
    pub(super) is_refusing: AtomicBool,
    pub(super) refusal: Mutex<Option<String>>,
    /// How many checkpoints may fail before writes are refused for long: not 0 while a base of superseded data is awaited.
    pub(super) base_attempts: AtomicU8,

    pub(super) fsync: AtomicU8,
    pub(super) rewrite_percentage: AtomicU32,
    pub(super) rewrite_min_bytes: AtomicU64,

    pub(super) listed: Mutex<Listed>,
    /// Number of the next segment and base.
    pub(super) next_number: AtomicU64,
    pub(super) base_bytes: AtomicU64,
    /// Bytes of the listed segments before the present one.
    pub(super) older_bytes: AtomicU64,
    pub(super) segment_bytes: AtomicU64,
    pub(super) history: Mutex<CheckpointHistory>,
    pub(super) checkpoint_running: AtomicBool,
    /// Whether the base that is being written is of no use: the journal was turned off, or the data were replaced. Set while
    /// `listed` is locked.
    pub(super) base_is_void: AtomicBool,
    pub(super) counters: Counters,

    /// Wakes the thread of `rounds` before its second is over.
    pub(super) kick: Sender<()>,
    pub(super) kicked: Receiver<()>,
    /// Whether that thread has been started.
    pub(super) has_rounds: AtomicBool,
    pub(super) threads: Mutex<Vec<JoinHandle<()>>>,
    pub(super) is_closing: AtomicBool,
}

impl Journal {
    /// Whether changes are written: it is not off. Until its first base is complete, no reply waits for it. Costs one atomic load.
    pub fn is_on(&self) -> bool {
        self.stage.get() != JournalStage::Off
    }

    /// The reason to refuse writes now, if there is one. Costs one atomic load if there is none.
    pub fn refusal(&self) -> Option<String> {
        if self.is_refusing() { self.refusal.lock().clone() } else { None }
    }

    /// Whether writes are refused only until the base is complete that [`Journal::supersede`] has called for.
    pub fn awaits_base(&self) -> bool {
        self.base_attempts.load(Ordering::Acquire) > 0
    }

    /// Bytes of records that no file has yet.
    pub fn unwritten_bytes(&self) -> usize {
        self.pending_bytes.load(Ordering::Relaxed)
    }

    /// Whether so many bytes are pending that clients must wait for the disk.
    pub fn over_backlog(&self) -> bool {
        self.pending_bytes.load(Ordering::Relaxed) > limits::JOURNAL_BACKLOG_BYTES
    }

    /// The last record that survives a power failure.
    pub fn synced(&self) -> Seq {
        Seq(self.synced.load(Ordering::Acquire))
    }

    /// The number of the last record.
    pub fn last_seq(&self) -> Seq {
        self.free_last().unwrap_or_else(|| {
            let pending = self.pending.lock();
            // It may have been turned off meanwhile.
            self.free_last().unwrap_or_else(|| pending.last_seq())
        })
    }

    /// The number of the last record. `None` if the buffer gives the numbers.
    fn free_last(&self) -> Option<Seq> {
        self.numbers.last(|| self.unread_records())
    }

    /// The records that were counted in the store, because nobody read them.
    fn unread_records(&self) -> u64 {
        self.walk.upgrade().map_or(0, |walk| walk.unread_records())
    }

    /// The buffer, which gives the numbers from here on.
    pub(super) fn numbering(&self) -> MutexGuard<'_, Pending> {
        let mut pending = self.pending.lock();
        if let Some(last) = self.numbers.give_to_buffer(|| self.unread_records()) {
            pending.go_on_behind(last);
            *self.buffer.lock() = Some(self.readers.register());
        }
        pending
    }

    /// If nobody reads the records from here on, they are only counted.
    pub(super) fn only_count(&self) {
        let mut pending = self.pending.lock();
        if !pending.has_readers() && !self.numbers.are_free() {
            let last = pending.last_seq();
            self.numbers.take_from_buffer(last, self.unread_records());
            self.readers.rest_unread_on(Seq(last.0 + 1));
            *self.buffer.lock() = None;
        }
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

    pub(super) fn fsync_policy(&self) -> FsyncPolicy {
        match self.fsync.load(Ordering::SeqCst) {
            0 => FsyncPolicy::Always,
            1 => FsyncPolicy::EverySecond,
            _ => FsyncPolicy::Never,
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::SeqCst)
    }

    pub(super) fn is_refusing(&self) -> bool {
        self.is_refusing.load(Ordering::Acquire)
    }

    /// Whether a reply that rests on the record may be sent.
    pub(super) fn has_reached(&self, seq: Seq) -> bool {
        if self.stage.get() != JournalStage::On {
            return true;
        }
        let reached = match self.fsync_policy() {
            FsyncPolicy::Always => &self.synced,
            FsyncPolicy::EverySecond | FsyncPolicy::Never => &self.written,
        };
        reached.load(Ordering::Acquire) >= seq.0
    }

    pub(super) fn refuse(&self, reason: &str) {
        if self.set_refusal(reason) {
            tracing::error!(reason, "writes are refused");
        }
    }

    /// Refuses writes from now on. Returns whether this is news: writes were accepted before, or refused for another
    /// reason.
    pub(super) fn set_refusal(&self, reason: &str) -> bool {
        let mut refusal = self.refusal.lock();
        let is_news = refusal.as_deref() != Some(reason);
        *refusal = Some(reason.to_owned());
        self.is_refusing.store(true, Ordering::Release);
        is_news
    }

    pub(super) fn accept(&self) {
        self.base_attempts.store(0, Ordering::Release);
        *self.refusal.lock() = None;
        self.is_refusing.store(false, Ordering::Release);
        tracing::info!("the journal can be written again; writes are accepted");
    }

    pub(super) fn kick(&self) {
        // A full channel means that the thread has been woken already.
        let _ = self.kick.try_send(());
    }
}

impl ChangeSink for Journal {
    fn append(&self, unix_ms: u64, records: &ChangeBuffer) -> Seq {
        loop {
            let count = records.record_count() as u64;
            if let Some(last) = self.numbers.count(count, || self.unread_records()) {
                return last;
            }
            let mut pending = self.pending.lock();
            // It may have been turned off meanwhile.
            if !self.numbers.are_free() {
                let (last, bytes) = pending.append(unix_ms, records);
                self.pending_bytes.fetch_add(bytes, Ordering::Relaxed);
                return last;
            }
        }
    }

    fn last_seq(&self) -> Seq {
        Journal::last_seq(self)
    }

    fn readers(&self) -> Option<Arc<RecordReaders>> {
        Some(Arc::clone(&self.readers))
    }

    fn open_feed(&self, bound_bytes: usize) -> (Feed, Seq) {
        let mut pending = self.numbering();
        (pending.open_feed(bound_bytes), pending.last_seq())
    }
}
