//! Full syncs: all data as a dump file, and the place in the stream from which a replica goes on behind it.
//!
//! One walk serves all replicas that ask while it runs. There is no fork, and no writer waits. The order is this:
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
use super::id::ReplicationId;
use super::marks::{Blanks, ListsAsOf, MarkLog};
use super::outflow::Outflow;
use super::reading::StreamReading;
use super::streaming::{StreamPosition, Streaming};
use super::upstream::standstill::Standstill;
use crate::machine::clock::Clock;
use crate::rdb;
use crate::store::{KeyHead, Kind, Store};
use parking_lot::Mutex;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
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
    current: Mutex<Weak<FullSync>>,
}

/// A full sync, which one or more replicas wait for.
#[derive(Debug, Default)]
pub struct FullSync(Mutex<SyncProgress>);

#[derive(Debug, Default)]
struct SyncProgress {
    begun: Option<(ReplicationId, u64)>,
    outcome: Option<Result<Arc<SyncFile>, String>>,
    wakers: Vec<Waker>,
}

/// A dump file that is complete, and the stream behind it.
#[derive(Debug)]
pub struct SyncFile {
    /// The file. It is read by positions.
    pub file: File,
    /// Its length in bytes.
    pub len_bytes: u64,
    /// Where the stream goes on.
    pub offset: u64,
    /// What of the stream must not be sent.
    pub blanks: Blanks,
    /// Keeps the stream from there on.
    pub reading: StreamReading,
    /// The boards with a policy in it.
    pub boards: BoardNames,
}

/// The names of some boards, and how many there are.
#[derive(Debug, Default)]
pub struct BoardNames {
    names: Vec<String>,
    count: usize,
}

impl BoardNames {
    /// Most names that are kept.
    const MOST: usize = 10;

    fn note(&mut self, key: &[u8]) {
        self.count += 1;
        if self.names.len() < Self::MOST {
            self.names.push(key.escape_ascii().to_string());
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl std::fmt::Display for BoardNames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.names.join(", "))?;
        match self.count - self.names.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
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
    pub fn join(self: &Arc<Self>, form: StreamForm) -> Result<Arc<FullSync>, String> {
        if form == StreamForm::Exact {
            self.outflow.become_exact();
        }
        self.streaming.turn_on(None)?;
        let mut current = self.current.lock();
        if let Some(sync) = current.upgrade().filter(|sync| !sync.is_over()) {
            return Ok(sync);
        }
        let sync = Arc::new(FullSync::default());
        *current = Arc::downgrade(&sync);
        let (syncs, weak) = (Arc::clone(self), Arc::downgrade(&sync));
        let write = move || {
            let written = catch_unwind(AssertUnwindSafe(|| syncs.write(&weak)));
            let written = written.unwrap_or_else(|_| Err("its writing panicked; please report this".into()));
            if let Some(sync) = weak.upgrade() {
                sync.finish(written);
            }
        };
        let spawned = thread::Builder::new().name("full-sync".into()).spawn(write);
        spawned.map_err(|error| format!("the thread of a full sync: {error}"))?;
        Ok(sync)
    }

    fn write(&self, sync: &Weak<FullSync>) -> Result<Arc<SyncFile>, String> {
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
        sync.upgrade().ok_or("nobody waits")?.begin(self.outflow.history().id, position.offset);
        let file = self.create().map_err(|error| format!("{}: {error}", self.directory.display()))?;
        let (mut as_of, mut boards) = (ListsAsOf::default(), BoardNames::default());
        let go_on = || {
            let is_wanted = sync.strong_count() > 0 && position.reading.end().is_none();
            thread::yield_now();
            if is_wanted { Ok(()) } else { Err(io::Error::other("no replica waits for it any more")) }
        };
        let note = |database, head: KeyHead<'_>, kind: Kind| {
            if kind.changes_by_steps() {
                as_of.note(position.numbering.keyspace_of(database), head.key, head.as_of);
            }
            if head.rules.is_some() {
                boards.note(head.key);
            }
        };
        self.store.refuse_damaged()?;
        let walk = snapshot.export(position.numbering.clone());
        let out = BufWriter::new(&file);
        let (unix_s, selected) = (self.clock.now_ms() / 1000, held.as_ref().map(|held| held.selected));
        let offset = position.offset;
        let whole_at = || {
            let whole_at = match held {
                // What the file can contain has been spelled, and so marked, by then.
                None => {
                    let behind = self.streaming.position_behind(self.store.last_seq(), None);
                    behind.ok_or_else(|| io::Error::other(BROKEN))?.offset
                }
                Some(_) => self.outflow.whole_at(),
            };
            Ok(Some(whole_at).filter(|whole_at| *whole_at > offset))
        };
        let written = rdb::write_for_replicas(out, walk, unix_s, selected, note, go_on, whole_at);
        let len_bytes = written.map_err(|error| error.to_string())?.bytes;
        self.store.refuse_damaged()?;
        drop(snapshot);
        let blanks = log.blanks(as_of);
        let reading = position.reading;
        reading.note_blanks(offset, blanks.end());
        Ok(Arc::new(SyncFile { file, len_bytes, offset, blanks, reading, boards }))
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

impl FullSync {
    /// The history and the offset that the data belong to, once it is known. Otherwise wakes the task when it is.
    ///
    /// # Errors
    /// Why there will be none.
    pub fn poll_begun(&self, context: &Context<'_>) -> Poll<Result<(ReplicationId, u64), String>> {
        let mut progress = self.0.lock();
        match (&progress.begun, &progress.outcome) {
            (_, Some(Err(why))) => Poll::Ready(Err(why.clone())),
            (Some(begun), _) => Poll::Ready(Ok(*begun)),
            _ => progress.wait(context),
        }
    }

    /// The file, once it is complete. Otherwise wakes the task when it is.
    ///
    /// # Errors
    /// Why there will be none.
    pub fn poll_file(&self, context: &Context<'_>) -> Poll<Result<Arc<SyncFile>, String>> {
        let mut progress = self.0.lock();
        match &progress.outcome {
            Some(outcome) => Poll::Ready(outcome.clone()),
            None => progress.wait(context),
        }
    }

    fn is_over(&self) -> bool {
        self.0.lock().outcome.is_some()
    }

    fn begin(&self, id: ReplicationId, offset: u64) {
        let mut progress = self.0.lock();
        progress.begun = Some((id, offset));
        progress.wake();
    }

    fn finish(&self, outcome: Result<Arc<SyncFile>, String>) {
        if let Err(why) = &outcome {
            tracing::warn!("a full sync has failed: {why}");
        }
        let mut progress = self.0.lock();
        progress.outcome = Some(outcome);
        progress.wake();
    }
}

impl SyncProgress {
    fn wait<T>(&mut self, context: &Context<'_>) -> Poll<T> {
        if !self.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            self.wakers.push(context.waker().clone());
        }
        Poll::Pending
    }

    fn wake(&mut self) {
        std::mem::take(&mut self.wakers).into_iter().for_each(Waker::wake);
    }
}

impl std::fmt::Debug for FullSyncs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FullSyncs").field("directory", &self.directory).finish_non_exhaustive()
    }
}
