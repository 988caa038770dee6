//! The start: lock the directory, recover, cut a torn tail off, go on at the end.
//!
//! After an end that was not in order, it goes on in a new segment, and a checkpoint follows at once. An fdatasync may
//! have failed before that end, and the kernel then calls pages clean that never reached the disk: what is read here,
//! and synced here again, would be missing after a power failure. So nothing is built on those segments: the new one
//! is loose (`manifest.rs`), no record is called synced, and the new base takes the place of all of them.
//!
//! Nor does it go on in a segment of an older version, which has Changes of that version only.

use super::checkpoint::History;
use super::directory::{ClosedEnd, Directory};
use super::error::OpenError;
use super::files::{Disk, Files};
use super::header;
use super::listed::{Listed, is_full};
use super::manifest::Manifest;
use super::pending::Pending;
use super::progress::Progress;
use super::recovery::{FileRead, Place, Replayed, TornTail, Visit, replay};
use super::segment::Segment;
use super::status::Counters;
use super::waiters::Waiters;
use super::writer::Writer;
use super::{Journal, Options, Walk};
use crate::machine::chance::Chance;
use crate::store::change::Change;
use crate::store::change::sink::Seq;
use crate::store::{Loader, Store};
use crossbeam::channel::{self, Receiver};
use parking_lot::Mutex;
use std::fs::File;
use std::io;
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
        let directory = options.directory.clone();
        let (journal, recovered, kicked) = Self::open_store_on(Arc::new(Disk), options, store, progress)?;
        journal.start_rounds(kicked).map_err(OpenError::io(&directory))?;
        Ok((journal, recovered))
    }

    /// [`Journal::open`] on any file layer and without the thread, whose rounds a test can run by hand.
    pub(super) fn open_store_on(
        files: Arc<dyn Files>,
        options: Options,
        store: &Arc<Store>,
        progress: &Progress,
    ) -> Result<(Arc<Self>, Recovered, Receiver<()>), OpenError> {
        let walk: Weak<dyn Walk> = Arc::downgrade(&(Arc::clone(store) as Arc<dyn Walk>));
        let (clock, started_ms) = (options.clock.clone(), options.clock.now_ms());
        let mut loader = Loader::new(store).map_err(OpenError::io(&options.directory))?;
        let mut load =
            |place: Place, change: &Change<'_>, encoded: &[u8]| place.load(&mut loader, change, encoded);
        let (journal, mut recovered, kicked) = Self::open_on(files, options, walk, progress, &mut load)?;
        loader.finish();
        recovered.duration_ms = clock.now_ms().saturating_sub(started_ms);
        Ok((journal, recovered, kicked))
    }

    /// The same for anything that can be walked: `visit` takes what is read.
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
        directory.remove_unlisted(&[&start.manifest]).map_err(OpenError::io(&directory.path))?;
        let recovered = start.recovered.clone();
        let (journal, kicked) = start.journal(directory, lock, options, walk);
        Ok((Arc::new(journal), recovered, kicked))
    }
}

/// A new segment behind all there is, with a manifest that lists it and is not in place yet.
struct Begun {
    segment: Segment,
    manifest: Manifest,
}

impl Begun {
    /// `is_loose`: what stands before it is in doubt.
    fn behind(manifest: &Manifest, number: u64, is_loose: bool, directory: &Directory) -> io::Result<Self> {
        let segment = Segment::create(directory, number, Chance::from_system().next_u64())?;
        let followed = manifest.followed_by(number);
        let manifest = if is_loose { followed } else { followed.joined() };
        directory.write_manifest(&manifest)?;
        Ok(Self { segment, manifest })
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
    /// See [`Writer::owes_base`].
    owes_base: bool,
    next_number: u64,
    recovered: Recovered,
}

impl Start {
    fn empty(directory: &Directory) -> Result<Self, OpenError> {
        let manifest = Manifest { base: None, segments: vec![1], loose_from: None };
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
        // Before its first record, a segment was synced and then listed: of it there is nothing to doubt.
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
            // The process before this one may have written without syncing, and a copy of the files may be new; what is
            // built upon is durable first.
            let synced = directory.files.append(&file.path).and_then(|file| file.sync());
            synced.map_err(OpenError::io(&file.path))?;
        }
        let number = replayed.last_listed + 1;
        let leaves_out = replayed.manifest.last() != replayed.last_listed;
        // A loose one without records, from a start like this one, serves again.
        let is_begun = last.records == 0 && replayed.manifest.is_loose(replayed.manifest.last());
        // What may be written now, an older rankd cannot read: its segments are gone on with by none of it.
        let is_older = last.version != header::VERSION;
        let begins = is_older || (owes_base && (leaves_out || !is_begun));
        let begun = begins.then(|| Begun::behind(&replayed.manifest, number, owes_base, directory));
        let begun = match begun.transpose() {
            // A full disk must not keep a server from starting. What is written at the old end is doubted as what
            // stands before it, until there is a base.
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
            Some(Begun { segment, manifest }) => (segment, manifest, sum(segments)),
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
            // In doubt is what was read as well: until there is a new base, no reply counts on it with `always`.
            synced: AtomicU64::new(if self.owes_base { 0 } else { last_seq.0 }),
            is_refusing: AtomicBool::new(false),
            refusal: Mutex::new(None),
            fsync: AtomicU8::new(options.fsync as u8),
            rewrite_percentage: AtomicU32::new(options.rewrite_percentage),
            rewrite_min_bytes: AtomicU64::new(options.rewrite_min_bytes),
            next_number: AtomicU64::new(self.next_number),
            listed: Mutex::new(Listed::new(self.manifest)),
            base_bytes: AtomicU64::new(self.base_bytes),
            older_bytes: AtomicU64::new(self.older_bytes),
            segment_bytes: AtomicU64::new(self.segment.len),
            writer: Mutex::new(Writer::new(self.segment, last_seq, self.previous, self.owes_base)),
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
