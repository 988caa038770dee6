//! The start: lock the directory, recover, cut a torn tail off, go on at the end.

use super::checkpoint::History;
use super::directory::Directory;
use super::error::OpenError;
use super::files::{Disk, Files};
use super::manifest::Manifest;
use super::pending::Pending;
use super::progress::Progress;
use super::recovery::{FileRead, Place, Replayed, TornTail, Visit, replay};
use super::segment::Segment;
use super::status::Counters;
use super::waiters::Waiters;
use super::writer::Writer;
use super::{Journal, Options, Walk};
use crate::chance::Chance;
use crate::store::change::Change;
use crate::store::sink::Seq;
use crate::store::{Loader, Store};
use crossbeam::channel::{self, Receiver};
use parking_lot::Mutex;
use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize};
use std::sync::{Arc, Weak};

/// What a start found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Records read, those of the base included.
    pub records: u64,
    /// Changes in them.
    pub changes: u64,
    /// Bytes of them and of the headers.
    pub bytes: u64,
    /// The last record; the next one gets the number after it.
    pub last_seq: Seq,
    /// What was cut off the end.
    pub torn_tail: Option<TornTail>,
    /// How long it took.
    pub duration_ms: u64,
}

impl Journal {
    /// Opens the journal, making true in `store`, which must be empty, what it says. The caller attaches it to the
    /// store afterwards.
    ///
    /// # Errors
    /// See [`OpenError`]. The store may hold a part of the journal then, and must not be served from.
    pub fn open(
        options: Options,
        store: &Arc<Store>,
        progress: &Progress,
    ) -> Result<(Arc<Self>, Recovered), OpenError> {
        let walk: Weak<dyn Walk> = Arc::downgrade(&(Arc::clone(store) as Arc<dyn Walk>));
        let directory = options.directory.clone();
        let (clock, started_ms) = (options.clock.clone(), options.clock.now_ms());
        let mut loader = Loader::new(store).map_err(OpenError::io(&directory))?;
        let mut load =
            |place: Place, change: &Change<'_>, encoded: &[u8]| place.load(&mut loader, change, encoded);
        let (journal, mut recovered, kicked) =
            Self::open_on(Arc::new(Disk), options, walk, progress, &mut load)?;
        loader.finish();
        recovered.duration_ms = clock.now_ms().saturating_sub(started_ms);
        journal.start_rounds(kicked).map_err(OpenError::io(&directory))?;
        Ok((journal, recovered))
    }

    /// [`Journal::open`] on any file layer and without the thread, whose rounds a test can run by hand.
    pub(super) fn open_on(
        files: Arc<dyn Files>,
        options: Options,
        walk: Weak<dyn Walk>,
        progress: &Progress,
        visit: &mut Visit<'_>,
    ) -> Result<(Arc<Self>, Recovered, Receiver<()>), OpenError> {
        let directory = Directory { path: options.directory.clone(), files };
        let lock = directory.lock()?;
        let start = match replay(&directory.path, progress, visit)? {
            Some(replayed) => Start::after(&directory, replayed)?,
            None => Start::empty(&directory)?,
        };
        directory.remove_unlisted(&start.manifest).map_err(OpenError::io(&directory.path))?;
        let recovered = start.recovered.clone();
        let (journal, kicked) = start.journal(directory, lock, options, walk);
        Ok((Arc::new(journal), recovered, kicked))
    }
}

/// All that a journal goes on from.
struct Start {
    manifest: Manifest,
    segment: Segment,
    /// CRC of the last record.
    previous: u32,
    base_bytes: u64,
    older_bytes: u64,
    /// The record before the first one that is not in the base.
    base_seq: Seq,
    recovered: Recovered,
}

impl Start {
    fn empty(directory: &Directory) -> Result<Self, OpenError> {
        let manifest = Manifest { base: None, segments: vec![1] };
        let segment = Segment::create(directory, 1, Chance::from_system().next_u64())
            .and_then(|segment| directory.store_manifest(&manifest).map(|()| segment))
            .map_err(OpenError::io(&directory.path))?;
        Ok(Self {
            manifest,
            segment,
            previous: 0,
            base_bytes: 0,
            older_bytes: 0,
            base_seq: Seq(0),
            recovered: Recovered::default(),
        })
    }

    fn after(directory: &Directory, replayed: Replayed) -> Result<Self, OpenError> {
        if let Some(tear) = &replayed.torn_tail {
            tracing::warn!(
                file = %tear.path.display(),
                offset = tear.offset,
                bytes = tear.bytes,
                "the journal's last record is incomplete: cut off"
            );
            let cut = directory.files.append(&tear.path).and_then(|file| file.cut(tear.offset));
            cut.map_err(OpenError::io(&tear.path))?;
        }
        let segments = &replayed.files[usize::from(replayed.base.is_some())..];
        for file in segments {
            // The process before this one may have written without syncing; what is built upon is durable first.
            let synced = directory.files.append(&file.path).and_then(|file| file.sync());
            synced.map_err(OpenError::io(&file.path))?;
        }
        let last = segments.last().expect("a manifest names a segment");
        let segment = Segment::reopen(directory, replayed.manifest.last(), last.bytes, last.seed)
            .map_err(OpenError::io(&last.path))?;
        let sum = |files: &[FileRead]| files.iter().map(|file| file.bytes).sum::<u64>();
        let base_bytes = sum(&replayed.files[..replayed.files.len() - segments.len()]);
        Ok(Self {
            segment,
            previous: replayed.last_crc,
            base_bytes,
            older_bytes: sum(segments) - last.bytes,
            base_seq: replayed.base.map_or(Seq(0), |base| Seq(base.next_seq.0 - 1)),
            recovered: Recovered {
                records: replayed.files.iter().map(|file| file.records).sum(),
                changes: replayed.changes,
                bytes: sum(&replayed.files),
                last_seq: replayed.last_seq,
                torn_tail: replayed.torn_tail,
                duration_ms: 0,
            },
            manifest: replayed.manifest,
        })
    }

    fn journal(
        self,
        directory: Directory,
        lock: File,
        options: Options,
        walk: Weak<dyn Walk>,
    ) -> (Journal, Receiver<()>) {
        let last_seq = self.recovered.last_seq;
        let (kick, kicked) = channel::bounded(1);
        let journal = Journal {
            directory,
            lock: Mutex::new(Some(lock)),
            clock: options.clock,
            walk,
            pending: Mutex::new(Pending::new(Seq(last_seq.0 + 1))),
            waiters: Waiters::default(),
            sync_turn: Mutex::new(()),
            pending_bytes: AtomicUsize::new(0),
            written: AtomicU64::new(last_seq.0),
            synced: AtomicU64::new(last_seq.0),
            is_refusing: AtomicBool::new(false),
            refusal: Mutex::new(None),
            fsync: AtomicU8::new(options.fsync as u8),
            rewrite_percentage: AtomicU32::new(options.rewrite_percentage),
            rewrite_min_bytes: AtomicU64::new(options.rewrite_min_bytes),
            next_number: AtomicU64::new(self.manifest.last() + 1),
            manifest: Mutex::new(self.manifest),
            base_bytes: AtomicU64::new(self.base_bytes),
            older_bytes: AtomicU64::new(self.older_bytes),
            segment_bytes: AtomicU64::new(self.segment.len),
            writer: Mutex::new(Writer::new(self.segment, last_seq, self.previous)),
            history: Mutex::new(History { base_seq: self.base_seq, ..History::default() }),
            checkpoint_running: AtomicBool::new(false),
            counters: Counters::default(),
            kick,
            threads: Mutex::new(Vec::new()),
            is_closing: AtomicBool::new(false),
        };
        (journal, kicked)
    }
}
