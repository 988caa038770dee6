//! The start: lock the directory, recover, cut off a torn tail, go on at the end.
//!
//! If the journal was not closed in order, it goes on in a new segment, and a checkpoint follows at once. An
//! fdatasync may have failed before that end. The kernel then marks pages as clean that never reached the disk: this
//! start reads them, and may sync the file again, and still they are missing after a power failure. So nothing relies
//! on those segments: the new segment is loose (`manifest.rs`), no record counts as synced, and the new base replaces
//! all of them.
//!
//! Nor does it go on in a segment of an older version, which may hold Changes of that version only.

use super::counters::Counters;
use super::directory::{ClosedEnd, Directory};
use super::directory_lock::DirectoryLock;
use super::error::OpenError;
use super::files::{Disk, Files, is_full};
use super::header;
use super::listed::Listed;
use super::manifest::Manifest;
use super::numbers::FreeNumbers;
use super::pending::Pending;
use super::recovery::{FileRead, Replayed, TornTail, replay};
use super::running::Journal;
use super::segment::Segment;
use super::segment_writer::SegmentWriter;
use super::stage::{JournalStage, SharedStage};
use super::visit::{Provenance, Visit};
use super::waiters::Waiters;
use super::walk::Walkable;
use crate::config::FsyncPolicy;
use crate::machine::chance::Chance;
use crate::machine::clock::Clock;
use crate::machine::progress::ReadProgress;
use crate::store::change::Change;
use crate::store::change::readers::RecordReaders;
use crate::store::change::sink::Seq;
use crate::store::{Loader, Store};
use crossbeam::channel;
use parking_lot::Mutex;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize};
use std::sync::{Arc, Weak};

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

/// What a start has read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Number of records, those of the base included.
    pub records: u64,
    /// Number of Changes in the records.
    pub changes: u64,
    /// Bytes of the records and of the headers.
    pub bytes: u64,
    /// The last record; the next one gets the number after it.
    pub last_seq: Seq,
    /// The torn tail that was cut off.
    pub torn_tail: Option<TornTail>,
    /// How long the reading took.
    pub duration_ms: u64,
}

impl Journal {
    /// Opens the journal and loads it into `store`, which must be empty. The caller then attaches the journal to the
    /// store.
    ///
    /// # Errors
    /// See [`OpenError`]. The store may then hold a part of the journal, and must not be used.
    pub fn open(
        options: JournalOptions,
        store: &Arc<Store>,
        progress: &ReadProgress,
    ) -> Result<(Arc<Self>, Recovered), OpenError> {
        let directory = options.directory.clone();
        let (journal, recovered) = Self::open_store_on(Arc::new(Disk), options, store, progress)?;
        journal.start_rounds().map_err(OpenError::io(&directory))?;
        Ok((journal, recovered))
    }

    /// A journal that is off, of a server that has read its data from elsewhere. It numbers records from 1 on, and touches no
    /// file. [`Journal::turn_on`] turns it on.
    #[must_use]
    pub fn off(options: JournalOptions, store: &Arc<Store>) -> Arc<Self> {
        let walk: Weak<dyn Walkable> = Arc::downgrade(&(Arc::clone(store) as Arc<dyn Walkable>));
        Self::off_on(Arc::new(Disk), options, walk)
    }

    /// [`Journal::off`] on any file layer.
    pub(super) fn off_on(
        files: Arc<dyn Files>,
        options: JournalOptions,
        walk: Weak<dyn Walkable>,
    ) -> Arc<Self> {
        let directory = Directory { path: options.directory.clone(), files };
        let journal = Self::new(directory, options, walk, SegmentWriter::off(Seq(0)), JournalStage::Off);
        journal.pending.lock().drop_all();
        journal.only_count();
        Arc::new(journal)
    }

    /// [`Journal::open`] on any file layer and without the thread, whose rounds a test can run by hand.
    pub(super) fn open_store_on(
        files: Arc<dyn Files>,
        options: JournalOptions,
        store: &Arc<Store>,
        progress: &ReadProgress,
    ) -> Result<(Arc<Self>, Recovered), OpenError> {
        let walk: Weak<dyn Walkable> = Arc::downgrade(&(Arc::clone(store) as Arc<dyn Walkable>));
        let (clock, started_ms) = (options.clock.clone(), options.clock.now_ms());
        let mut loader = Loader::new(store).map_err(OpenError::io(&options.directory))?;
        let mut load = |provenance: Provenance, change: &Change<'_>, encoded: &[u8]| {
            provenance.load(&mut loader, change, encoded)
        };
        let (journal, mut recovered) = Self::open_on(files, options, walk, progress, &mut load)?;
        loader.finish();
        recovered.duration_ms = clock.now_ms().saturating_sub(started_ms);
        Ok((journal, recovered))
    }

    /// As [`Journal::open_store_on`], for anything that can be walked. `visit` takes the Changes.
    pub(super) fn open_on(
        files: Arc<dyn Files>,
        options: JournalOptions,
        walk: Weak<dyn Walkable>,
        progress: &ReadProgress,
        visit: &mut Visit<'_>,
    ) -> Result<(Arc<Self>, Recovered), OpenError> {
        let directory = Directory { path: options.directory.clone(), files };
        let lock = directory.lock()?;
        let start = match replay(&directory.path, progress, visit)? {
            Some(replayed) => Start::after(&directory, replayed)?,
            None => Start::empty(&directory)?,
        };
        directory.remove_unlisted(&[&start.manifest]).map_err(OpenError::io(&directory.path))?;
        let recovered = start.recovered.clone();
        Ok((Arc::new(start.journal(directory, lock, options, walk)), recovered))
    }

    fn new(
        directory: Directory,
        options: JournalOptions,
        walk: Weak<dyn Walkable>,
        writer: SegmentWriter,
        stage: JournalStage,
    ) -> Self {
        let last_seq = writer.written;
        let (kick, kicked) = channel::bounded(1);
        let readers = Arc::<RecordReaders>::default();
        let buffer = readers.register();
        Self {
            directory,
            stage: SharedStage::new(stage),
            lock: Mutex::default(),
            clock: options.clock,
            walk,
            pending: Mutex::new(Pending::new(Seq(last_seq.0 + 1))),
            numbers: FreeNumbers::of_buffer(),
            readers,
            buffer: Mutex::new(Some(buffer)),
            waiters: Waiters::default(),
            sync_turn: Mutex::new(()),
            pending_bytes: AtomicUsize::new(0),
            written: AtomicU64::new(last_seq.0),
            synced: AtomicU64::new(last_seq.0),
            is_refusing: AtomicBool::new(false),
            refusal: Mutex::new(None),
            base_attempts: AtomicU8::new(0),
            fsync: AtomicU8::new(options.fsync as u8),
            rewrite_percentage: AtomicU32::new(options.rewrite_percentage),
            rewrite_min_bytes: AtomicU64::new(options.rewrite_min_bytes),
            next_number: AtomicU64::new(1),
            listed: Mutex::new(Listed::new(Manifest::default())),
            base_bytes: AtomicU64::new(0),
            older_bytes: AtomicU64::new(0),
            segment_bytes: AtomicU64::new(0),
            writer: Mutex::new(writer),
            history: Mutex::default(),
            checkpoint_running: AtomicBool::new(false),
            base_is_void: AtomicBool::new(false),
            counters: Counters::default(),
            kick,
            kicked,
            has_rounds: AtomicBool::new(false),
            threads: Mutex::new(Vec::new()),
            is_closing: AtomicBool::new(false),
        }
    }
}

/// A new segment at the end, with a manifest that lists it. The manifest is written and not yet in place.
struct NewSegment {
    segment: Segment,
    manifest: Manifest,
}

impl NewSegment {
    /// `is_loose`: the end of the segment before it may be missing.
    fn behind(manifest: &Manifest, number: u64, is_loose: bool, directory: &Directory) -> io::Result<Self> {
        let segment = Segment::create(directory, number, Chance::from_system().next_u64())?;
        let followed = manifest.followed_by(number);
        let manifest = if is_loose { followed } else { followed.joined() };
        directory.write_manifest(&manifest)?;
        Ok(Self { segment, manifest })
    }
}

/// The state that an opened journal begins with.
struct Start {
    manifest: Manifest,
    segment: Segment,
    /// CRC of the last record.
    previous: u32,
    base_bytes: u64,
    older_bytes: u64,
    /// The last record that the base replaces.
    base_seq: Seq,
    /// See [`SegmentWriter::owes_base`].
    owes_base: bool,
    next_number: u64,
    recovered: Recovered,
}

impl Start {
    fn empty(directory: &Directory) -> Result<Self, OpenError> {
        let manifest = Manifest::begun_empty(1);
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
            owes_base: false,
            next_number: 2,
            recovered: Recovered::default(),
        })
    }

    fn after(directory: &Directory, replayed: Replayed) -> Result<Self, OpenError> {
        let segments = &replayed.files[usize::from(replayed.base.is_some())..];
        let last = segments.last().expect("a manifest names a segment");
        let end = ClosedEnd {
            segment: replayed.last_listed,
            segment_bytes: last.bytes,
            last_crc: replayed.last_crc,
        };
        let was_closed = directory.take_closed(&end).map_err(OpenError::io(&directory.path))?;
        // A segment without records was synced before it was listed, so nothing of it can be missing.
        let holds_records = replayed.torn_tail.is_some() || segments.iter().any(|file| file.records > 0);
        let owes_base = holds_records && (!was_closed || replayed.torn_tail.is_some());
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
        for file in &replayed.files {
            // The last process may have written without syncing, or the files may be a fresh copy. They are made
            // durable before anything relies on them.
            let synced = directory.files.append(&file.path).and_then(|file| file.sync());
            synced.map_err(OpenError::io(&file.path))?;
        }
        let number = replayed.last_listed + 1;
        let leaves_out = replayed.manifest.last() != replayed.last_listed;
        // A loose segment without records, left by a start like this one, is used again.
        let is_begun = last.records == 0 && replayed.manifest.is_loose(replayed.manifest.last());
        // An older rankd cannot read what may be written now, so nothing is appended to its segments.
        let is_older = last.version != header::VERSION;
        let begins = is_older || (owes_base && (leaves_out || !is_begun));
        let begun = begins.then(|| NewSegment::behind(&replayed.manifest, number, owes_base, directory));
        let begun = match begun.transpose() {
            // A full disk must not keep a server from starting. Records that are then appended to the old segment do
            // not count as synced until there is a new base.
            Err(error) if is_full(&error) && !leaves_out && !is_older => {
                tracing::warn!(%error, "no room for a new segment: the journal goes on in the last one");
                None
            }
            begun => begun.map_err(OpenError::io(&directory.path))?,
        };
        if begun.is_some() {
            directory.replace_manifest().map_err(OpenError::io(&directory.path))?;
        }
        let sum = |files: &[FileRead]| files.iter().map(|file| file.bytes).sum::<u64>();
        let base_bytes = sum(&replayed.files[..replayed.files.len() - segments.len()]);
        let (segment, manifest, older_bytes) = match begun {
            Some(NewSegment { segment, manifest }) => (segment, manifest, sum(segments)),
            None => {
                let number = replayed.manifest.last();
                let segment = Segment::reopen(directory, number, last.bytes, last.seed);
                let segment = segment.map_err(OpenError::io(&last.path))?;
                (segment, replayed.manifest, sum(segments) - last.bytes)
            }
        };
        if owes_base {
            tracing::info!("the journal was not closed in order: a new base will be written");
        }
        Ok(Self {
            segment,
            previous: replayed.last_crc,
            base_bytes,
            older_bytes,
            owes_base,
            next_number: number + 1,
            base_seq: replayed.base.map_or(Seq(0), |base| Seq(base.next_seq.0 - 1)),
            recovered: Recovered {
                records: replayed.files.iter().map(|file| file.records).sum(),
                changes: replayed.changes,
                bytes: sum(&replayed.files),
                last_seq: replayed.last_seq,
                torn_tail: replayed.torn_tail,
                duration_ms: 0,
            },
            manifest,
        })
    }

    fn journal(
        self,
        directory: Directory,
        lock: File,
        options: JournalOptions,
        walk: Weak<dyn Walkable>,
    ) -> Journal {
        let last_seq = self.recovered.last_seq;
        let segment_bytes = self.segment.len;
        let writer = SegmentWriter::new(self.segment, last_seq, self.previous, self.owes_base);
        let mut journal = Journal::new(directory, options, walk, writer, JournalStage::On);
        journal.lock = Mutex::new(DirectoryLock::of(lock));
        if self.owes_base {
            // The records that were read are in doubt as well: with `always`, no reply relies on them until there is a new base.
            journal.synced = AtomicU64::new(0);
        }
        journal.next_number = AtomicU64::new(self.next_number);
        journal.listed = Mutex::new(Listed::new(self.manifest));
        journal.base_bytes = AtomicU64::new(self.base_bytes);
        journal.older_bytes = AtomicU64::new(self.older_bytes);
        journal.segment_bytes = AtomicU64::new(segment_bytes);
        journal.history.get_mut().base_seq = self.base_seq;
        journal
    }
}
