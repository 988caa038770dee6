//! A store double, a disk double, and journals opened by hand (no thread: a test runs the rounds itself).

use super::super::files::{Appendable, Disk, Files};
use super::super::recovery::Origin;
use super::super::{Journal, OpenError, Options, Progress, Recovered, Refused, Walk};
use crate::clock::Clock;
use crate::config::FsyncPolicy;
use crate::ranking::Score;
use crate::store::change::{Change, ChangeBuffer};
use crate::store::sink::{ChangeSink, Seq};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::fs::OpenOptions;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

/// Key to member to score.
pub(super) type Boards = BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Score>>;

/// What a store is to the journal, with one lock and rankings only.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) boards: Mutex<Boards>,
}

impl Table {
    pub(super) fn apply(&self, change: &Change<'_>) {
        apply(&mut self.boards.lock(), change);
    }

    /// Does `change` and appends it, under the lock, as the store does.
    pub(super) fn write(&self, journal: &Journal, key: &[u8], member: &[u8], score: Option<f64>) -> Seq {
        let mut boards = self.boards.lock();
        let mut records = ChangeBuffer::default();
        match score.and_then(Score::new) {
            Some(score) => records.set_score(0, key, member, score),
            None => records.remove_score(0, key, member),
        }
        records.end_record();
        for mut body in records.records() {
            apply(&mut boards, &crate::store::change::decode(&mut body).unwrap());
        }
        journal.append(1_763_793_824_000, &records)
    }
}

fn apply(boards: &mut Boards, change: &Change<'_>) {
    match *change {
        Change::SetScores { key, entries, .. } => {
            let board = boards.entry(key.to_vec()).or_default();
            board.extend(entries.iter().map(|(member, score)| (member.to_vec(), score)));
        }
        Change::RemoveScores { key, members, .. } => {
            let board = boards.entry(key.to_vec()).or_default();
            board.retain(|held, _| members.iter().all(|member| member != held));
            if board.is_empty() {
                boards.remove(key);
            }
        }
        Change::DropKey { key, .. } => drop(boards.remove(key)),
        Change::FlushAll => boards.clear(),
        ref other => panic!("not in these tests: {other:?}"),
    }
}

impl Walk for Table {
    /// One member a step, the lock let go in between, so that writes come between any two.
    fn walk(&self, visit: &mut dyn FnMut(&ChangeBuffer) -> io::Result<()>) -> io::Result<()> {
        let mut after: Option<(Vec<u8>, Vec<u8>)> = None;
        loop {
            let found = {
                let boards = self.boards.lock();
                let entries = boards.iter().flat_map(|(key, board)| {
                    board.iter().map(move |(member, score)| (key.clone(), member.clone(), *score))
                });
                let mut entries = entries
                    .filter(|(key, member, _)| after.as_ref().is_none_or(|(k, m)| (k, m) < (key, member)));
                entries.next()
            };
            let Some((key, member, score)) = found else { return Ok(()) };
            let mut records = ChangeBuffer::default();
            records.set_score(0, &key, &member, score);
            records.end_record();
            visit(&records)?;
            after = Some((key, member));
        }
    }
}

/// An open journal and what it keeps.
pub(super) struct Opened {
    pub(super) journal: Arc<Journal>,
    pub(super) recovered: Recovered,
    pub(super) table: Arc<Table>,
}

impl Opened {
    pub(super) fn boards(&self) -> Boards {
        self.table.boards.lock().clone()
    }

    /// A round of the thread, with the checkpoint it may start done before it returns.
    pub(super) fn round(&self) {
        self.journal.flush(super::super::writer::Attempt::Again);
        self.journal.sync();
        if self.journal.is_checkpoint_due() {
            self.journal.run_checkpoint();
        }
    }

    /// Waits as a command does; with `always`, doing the thread's part when it is asked for.
    pub(super) fn acknowledge(&self, seq: Seq) -> Result<(), Refused> {
        let mut waiting = pin!(self.journal.acknowledged(seq));
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(answer) = waiting.as_mut().poll(&mut context) {
            return answer;
        }
        self.journal.commit_group();
        match waiting.as_mut().poll(&mut context) {
            Poll::Ready(answer) => answer,
            Poll::Pending => panic!("still waiting after a group commit"),
        }
    }
}

pub(super) fn options(directory: &Path, fsync: FsyncPolicy) -> Options {
    Options {
        directory: directory.to_path_buf(),
        fsync,
        rewrite_percentage: 0,
        rewrite_min_bytes: 0,
        clock: Clock::manual(1_763_793_824_000),
    }
}

pub(super) fn open_with(files: Arc<dyn Files>, options: Options) -> Result<Opened, OpenError> {
    let table = Arc::new(Table::default());
    let walk: Weak<dyn Walk> = Arc::downgrade(&(Arc::clone(&table) as Arc<dyn Walk>));
    let (journal, recovered, _) =
        Journal::open_on(files, options, walk, &Progress::default(), &mut |place, change, _| {
            if !matches!(place.origin, Origin::Ahead(_)) {
                table.apply(change);
            }
            Ok(())
        })?;
    Ok(Opened { journal, recovered, table })
}

pub(super) fn open(directory: &Path) -> Result<Opened, OpenError> {
    open_with(Arc::new(Disk), options(directory, FsyncPolicy::EverySecond))
}

/// A disk that fails when told to.
#[derive(Debug, Default)]
pub(super) struct FaultyDisk {
    state: Arc<Mutex<Faults>>,
}

/// What goes wrong.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// Calls so far, of any kind.
    pub(super) calls: u64,
    /// This call fails with EIO, and with `Crash` every later one.
    pub(super) fail_call: Option<(u64, Then)>,
    /// Bytes that still fit; what does not is refused with ENOSPC, after as much as fits has been written.
    pub(super) space_bytes: Option<u64>,
    /// Every write takes at most this many bytes, and every second one is interrupted.
    pub(super) short_bytes: Option<usize>,
    /// fdatasync of a file whose name contains this fails.
    pub(super) fail_sync_of: Option<&'static str>,
    /// Bytes of each file that an fdatasync has covered.
    synced_bytes: HashMap<PathBuf, u64>,
}

/// What comes after the call that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    GoOn,
    Crash,
}

impl FaultyDisk {
    pub(super) fn faults(&self) -> parking_lot::MutexGuard<'_, Faults> {
        self.state.lock()
    }

    /// Cuts every file to what an fdatasync has covered.
    pub(super) fn power_failure(&self) {
        for (path, &bytes) in &self.faults().synced_bytes {
            let Ok(file) = OpenOptions::new().write(true).open(path) else { continue };
            if file.metadata().unwrap().len() > bytes {
                file.set_len(bytes).unwrap();
            }
        }
    }

    fn file(&self, path: &Path, inner: Arc<dyn Appendable>) -> Arc<dyn Appendable> {
        Arc::new(FaultyFile { path: path.to_path_buf(), inner, state: Arc::clone(&self.state) })
    }
}

impl Faults {
    fn call(&mut self) -> io::Result<()> {
        let call = self.calls;
        self.calls += 1;
        match self.fail_call {
            Some((n, Then::GoOn)) if n == call => Err(eio()),
            Some((n, Then::Crash)) if n <= call => Err(eio()),
            _ => Ok(()),
        }
    }
}

fn eio() -> io::Error {
    io::Error::from_raw_os_error(5)
}

impl Files for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn Appendable>> {
        self.faults().call()?;
        self.faults().synced_bytes.insert(path.to_path_buf(), 0);
        Ok(self.file(path, Disk.create(path)?))
    }

    fn append(&self, path: &Path) -> io::Result<Arc<dyn Appendable>> {
        self.faults().call()?;
        Ok(self.file(path, Disk.append(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.faults().call()?;
        Disk.rename(from, to)?;
        let mut faults = self.faults();
        if let Some(bytes) = faults.synced_bytes.remove(from) {
            faults.synced_bytes.insert(to.to_path_buf(), bytes);
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.faults().call()?;
        Disk.remove(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.faults().call()?;
        assert!(path.is_dir());
        Ok(())
    }
}

struct FaultyFile {
    path: PathBuf,
    inner: Arc<dyn Appendable>,
    state: Arc<Mutex<Faults>>,
}

impl Appendable for FaultyFile {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut faults = self.state.lock();
        if let Err(error) = faults.call() {
            // A call that fails may have done half of its work.
            self.inner.write(&bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        let mut len = bytes.len();
        if let Some(short) = faults.short_bytes {
            if faults.calls.is_multiple_of(2) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            len = len.min(short);
        }
        if let Some(space) = &mut faults.space_bytes {
            if *space == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            len = len.min(usize::try_from(*space).unwrap());
            *space -= len as u64;
        }
        self.inner.write(&bytes[..len])
    }

    fn sync(&self) -> io::Result<()> {
        let mut faults = self.state.lock();
        faults.call()?;
        let name = self.path.file_name().unwrap().to_str().unwrap();
        if faults.fail_sync_of.is_some_and(|part| name.contains(part)) {
            return Err(eio());
        }
        // Not done in fact: what it would have saved is kept count of, and the real disk is slow.
        // The path it was made under may have been given to another name since; nothing is written after that.
        let bytes = std::fs::metadata(&self.path)?.len();
        faults.synced_bytes.insert(self.path.clone(), bytes);
        Ok(())
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        self.state.lock().call()?;
        self.inner.cut(len)
    }
}
