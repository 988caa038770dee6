//! A store double, and journals without their thread: a test runs the rounds itself.

use crate::config::FsyncPolicy;
use crate::journal::files::{Disk, Files};
use crate::journal::visit::Origin;
use crate::journal::walk::{Contents, Walkable};
use crate::journal::{Journal, JournalOptions, OpenError, Recovered, Refused};
use crate::machine::clock::Clock;
use crate::machine::progress::ReadProgress;
use crate::ranking::Score;
use crate::store::change::sink::{ChangeSink, Seq};
use crate::store::change::{Change, ChangeBuffer, What};
use crate::store::{BoardChange, ValueChange};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

/// Key to member to score.
pub(super) type Boards = BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Score>>;

/// A store as the journal sees it, with one lock and rankings only.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) boards: Mutex<Boards>,
}

impl Table {
    pub(super) fn apply(&self, change: &Change<'_>) {
        apply(&mut self.boards.lock(), change);
    }

    /// Applies the change and appends it, under the lock, as the store does.
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
        Change::Key {
            key,
            what: What::Value(ValueChange::SortedSet(BoardChange::SetScores(entries))),
            ..
        } => {
            let board = boards.entry(key.to_vec()).or_default();
            board.extend(entries.iter().map(|(member, score)| (member.to_vec(), score)));
        }
        Change::Key {
            key, what: What::Value(ValueChange::SortedSet(BoardChange::Remove(members))), ..
        } => {
            let board = boards.entry(key.to_vec()).or_default();
            board.retain(|held, _| members.iter().all(|member| member != held));
            if board.is_empty() {
                boards.remove(key);
            }
        }
        Change::Key { key, what: What::Dropped, .. } => drop(boards.remove(key)),
        Change::FlushAll => boards.clear(),
        ref other => panic!("not in these tests: {other:?}"),
    }
}

impl Walkable for Table {
    fn begin(&self) -> Box<dyn Contents + '_> {
        Box::new(TableWalk(self))
    }

    fn await_holds(&self) {}
}

struct TableWalk<'t>(&'t Table);

impl Contents for TableWalk<'_> {
    /// Walks one member a step and releases the lock in between, so that writes come between any two.
    fn walk(&mut self, visit: &mut dyn FnMut(&ChangeBuffer) -> io::Result<()>) -> io::Result<()> {
        let mut after: Option<(Vec<u8>, Vec<u8>)> = None;
        loop {
            let found = {
                let boards = self.0.boards.lock();
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

/// An open journal and its store.
pub(super) struct Opened {
    pub(super) journal: Arc<Journal>,
    pub(super) recovered: Recovered,
    pub(super) table: Arc<Table>,
}

impl Opened {
    pub(super) fn boards(&self) -> Boards {
        self.table.boards.lock().clone()
    }

    /// Runs a round of the thread. The checkpoint that it may start is done when this returns.
    pub(super) fn round(&self) {
        self.journal.flush(super::super::segment_writer::FlushAttempt::Again);
        self.journal.sync();
        if self.journal.is_checkpoint_due() {
            self.journal.run_checkpoint();
        }
    }

    /// Waits as a command does. With `always`, does the thread's part when asked to.
    pub(super) fn acknowledge(&self, seq: Seq) -> Result<(), Refused> {
        acknowledge(&self.journal, seq).expect("an answer after a group commit")
    }
}

/// [`Opened::acknowledge`], or `None` if the answer has to wait for a new base.
pub(super) fn acknowledge(journal: &Journal, seq: Seq) -> Option<Result<(), Refused>> {
    let mut waiting = pin!(journal.acknowledged(seq));
    let mut context = Context::from_waker(Waker::noop());
    if let Poll::Ready(answer) = waiting.as_mut().poll(&mut context) {
        return Some(answer);
    }
    journal.commit_group();
    match waiting.as_mut().poll(&mut context) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

pub(super) fn options(directory: &Path, fsync: FsyncPolicy) -> JournalOptions {
    JournalOptions {
        directory: directory.to_path_buf(),
        fsync,
        rewrite_percentage: 0,
        rewrite_min_bytes: 0,
        clock: Clock::manual(1_763_793_824_000),
    }
}

pub(super) fn open_with(files: Arc<dyn Files>, options: JournalOptions) -> Result<Opened, OpenError> {
    let table = Arc::new(Table::default());
    let walk: Weak<dyn Walkable> = Arc::downgrade(&(Arc::clone(&table) as Arc<dyn Walkable>));
    let (journal, recovered) =
        Journal::open_on(files, options, walk, &ReadProgress::default(), &mut |provenance, change, _| {
            if !matches!(provenance.origin, Origin::Ahead(_)) {
                table.apply(change);
            }
            Ok(())
        })?;
    Ok(Opened { journal, recovered, table })
}

pub(super) fn open(directory: &Path) -> Result<Opened, OpenError> {
    open_with(Arc::new(Disk), options(directory, FsyncPolicy::EverySecond))
}
