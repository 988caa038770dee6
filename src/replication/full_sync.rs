//! Full syncs: all data as a file, and the place in the stream from which a replica goes on behind it.
//!
//! One walk serves all replicas that ask for the same form of file while it runs. There is no fork, and no writer waits. The order is this:
//!
//! 1. The [`Snapshot`](crate::store::Snapshot) begins: from here on no record is one that counts once, but for those of lists.
//! 2. All records up to this moment are spelled. Behind them is the place in the stream where the file begins to count. What
//!    follows is kept for the replica.
//! 3. The walk writes the file, in short steps beside writers. The file may have what a later record did, or not.
//! 4. The replica loads the file, and then gets the stream from that place. Commands whose effect is in the file already change
//!    nothing, and those of lists are left out (`marks`).
//!
//! Until the replica has what was written during the walk, its data are those of no moment. The file says where that ends, so that
//! a rankd does not go on from before, nor lets others go on with it. Where commands were left out, nobody goes on from before their
//! end: they count for others.
//!
//! A replica that has replicas of its own passes its master's bytes on, and commands in them may count once. So there the file is
//! of one moment: the master's commands wait while it is written (`upstream/standstill`).
//!
//! The file has no name and is gone with the last replica that reads it. The memory of the server does not grow.

use super::flow::{StreamForm, StreamSource};
use super::marks::{ListsAsOf, MarkLog};
use super::outflow::Outflow;
use super::reading::StreamReading;
use super::streaming::{StreamPosition, Streaming};
use super::sync_file::{BoardNames, FullSync, Growing, SyncEnd, SyncFile};
use super::upstream::standstill::Standstill;
use crate::journal;
use crate::machine::clock::Clock;
use crate::rdb;
use crate::store::change::position::{FollowedPosition, StreamPlace};
use crate::store::{KeyHead, Kind, Store};
use parking_lot::Mutex;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread;

/// Makes full syncs.
pub struct FullSyncs {
    store: Arc<Store>,
    outflow: Arc<Outflow>,
    streaming: Arc<Streaming>,
    clock: Clock,
    standstill: Arc<Standstill>,
    directory: PathBuf,
    files: AtomicU64,
    /// The last one of each form.
    current: Mutex<[Weak<FullSync>; 2]>,
}

/// What the file of a full sync is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncForm {
    /// A dump file, which every server reads. The counts in front of its large values are corrected behind them, so it is sent when
    /// it is complete.
    Dump,
    /// A base as a checkpoint writes it, for a rankd that reads this version. It is sent while it is written.
    Base,
}

impl FullSyncs {
    /// Files are written in `directory`.
    #[must_use]
    pub fn new(
        store: Arc<Store>,
        outflow: Arc<Outflow>,
        streaming: Arc<Streaming>,
        clock: Clock,
        directory: &Path,
    ) -> Arc<Self> {
        let (files, current) = (AtomicU64::new(0), Mutex::default());
        let standstill = Arc::default();
        let directory = directory.to_owned();
        Arc::new(Self { store, outflow, streaming, clock, standstill, directory, files, current })
    }

    /// Has the commands of this server's own master wait while a file is written.
    #[must_use]
    pub fn standstill(&self) -> &Arc<Standstill> {
        &self.standstill
    }

    /// The full sync that is under way, or a new one. It is given up when all who have joined it have dropped it.
    ///
    /// # Errors
    /// It cannot begin.
    pub fn join(self: &Arc<Self>, form: SyncForm, stream: StreamForm) -> Result<Arc<FullSync>, String> {
        if stream == StreamForm::Exact {
            self.outflow.become_exact();
        }
        self.streaming.turn_on(None)?;
        let current = &mut self.current.lock()[form as usize];
        if let Some(sync) = current.upgrade().filter(|sync| !sync.is_over()) {
            return Ok(sync);
        }
        let sync = Arc::new(FullSync::default());
        *current = Arc::downgrade(&sync);
        let (syncs, weak) = (Arc::clone(self), Arc::downgrade(&sync));
        let write = move || {
            let written = catch_unwind(AssertUnwindSafe(|| syncs.write(form, &weak)));
            let written = written.unwrap_or_else(|_| Err("its writing panicked; please report this".into()));
            if let Some(sync) = weak.upgrade() {
                sync.finish(written);
            }
        };
        let spawned = thread::Builder::new().name("full-sync".into()).spawn(write);
        spawned.map_err(|error| format!("the thread of a full sync: {error}"))?;
        Ok(sync)
    }

    fn write(&self, form: SyncForm, sync: &Weak<FullSync>) -> Result<(u64, SyncEnd), String> {
        const BROKEN: &str = "the stream to replicas was broken off";
        let log = Arc::<MarkLog>::default();
        let held = match self.outflow.source() {
            StreamSource::Own => None,
            StreamSource::Upstream => {
                Some(self.standstill.hold().ok_or("the stream of the master does not stand still")?)
            }
        };
        let snapshot = self.store.snapshot();
        let position = match held {
            None => self.streaming.position_behind(self.store.last_seq(), Some(&log)).ok_or(BROKEN)?,
            Some(_) => self.position_of_upstream().ok_or(BROKEN)?,
        };
        let StreamPosition { offset, reading, numbering } = position;
        let file = self.create().map_err(|error| format!("{}: {error}", self.directory.display()))?;
        let id = self.outflow.history().id;
        let file = Arc::new(SyncFile { id, offset, reading, file });
        sync.upgrade().ok_or("nobody waits")?.begin(Arc::clone(&file));
        let (mut as_of, mut boards) = (ListsAsOf::default(), BoardNames::default());
        let go_on = || {
            let is_wanted = sync.strong_count() > 0 && file.reading.end().is_none();
            thread::yield_now();
            if is_wanted { Ok(()) } else { Err(io::Error::other("no replica waits for it any more")) }
        };
        let mut note = |database, head: KeyHead<'_>, kind: Kind| {
            if kind.changes_by_steps() {
                as_of.note(numbering.keyspace_of(database), head.key, head.as_of);
            }
            if head.rules.is_some() {
                boards.note(head.key);
            }
        };
        self.store.refuse_damaged()?;
        let (now_ms, selected) = (self.clock.now_ms(), held.as_ref().map(|held| held.selected));
        let whole_at = || match held {
            // What the file can contain has been spelled, and so marked, by then.
            None => {
                let behind = self.streaming.position_behind(self.store.last_seq(), None);
                Ok(behind.ok_or_else(|| io::Error::other(BROKEN))?.offset)
            }
            Some(_) => Ok(self.outflow.whole_at()),
        };
        let written = match form {
            SyncForm::Dump => {
                let (walk, out) = (snapshot.export(numbering.clone()), BufWriter::new(&file.file));
                let whole_at = || whole_at().map(|whole_at| Some(whole_at).filter(|at| *at > offset));
                let written =
                    rdb::write_for_replicas(out, walk, now_ms / 1000, selected, note, go_on, whole_at);
                written.map(|written| written.bytes)
            }
            SyncForm::Base => {
                let history = id.as_str().as_bytes().try_into().expect("an identifier has as many digits");
                let reached = StreamPlace { offset, database: selected.unwrap_or(0) };
                let position = FollowedPosition { history, reached };
                let mut walk = snapshot.for_replica(numbering.clone(), position);
                let out = Growing::new(&file.file, sync);
                journal::write_base(out, &mut walk, offset, now_ms, &mut note, go_on, whole_at)
            }
        };
        let bytes = written.map_err(|error| error.to_string())?;
        self.store.refuse_damaged()?;
        let blanks = log.blanks(as_of);
        file.reading.note_blanks(offset, blanks.end());
        Ok((bytes, SyncEnd { blanks, boards }))
    }

    /// The end of the master's stream, which stands still. `None` if this server has become a master.
    fn position_of_upstream(&self) -> Option<StreamPosition> {
        let offset = self.outflow.history().offset;
        let reading = StreamReading::from(&self.outflow, offset, StreamForm::Plain);
        // A promotion from here on ends the reading.
        (self.outflow.source() == StreamSource::Upstream).then(|| StreamPosition {
            offset,
            reading,
            numbering: self.store.numbering(),
        })
    }

    /// A file without a name.
    fn create(&self) -> io::Result<File> {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        let path = self.directory.join(format!("full-sync.temporary-{}-{number}", std::process::id()));
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        fs::remove_file(&path)?;
        Ok(file)
    }
}

impl std::fmt::Debug for FullSyncs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FullSyncs").field("directory", &self.directory).finish_non_exhaustive()
    }
}
