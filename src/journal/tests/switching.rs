//! The journal turned on and off: what a start finds after a crash at any system call, faults on the way, and what is promised
//! when.

use super::checkpoints::names;
use super::disk::{FaultyDisk, Then};
use super::faults::copy_of;
use super::support::{Boards, Opened, Table, open, open_with, options};
use crate::config::FsyncPolicy;
use crate::journal::files::{Disk, Files};
use crate::journal::stage::JournalStage;
use crate::journal::walk::Walkable;
use crate::journal::{Journal, OpenError, Recovered};
use crate::store::change::sink::{ChangeSink, Seq};
use std::path::Path;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

/// A journal that is off, of a store with one member.
pub(super) fn off(files: Arc<dyn Files>, directory: &Path, fsync: FsyncPolicy) -> Opened {
    let table = Arc::new(Table::default());
    let walk: Weak<dyn Walkable> = Arc::downgrade(&(Arc::clone(&table) as Arc<dyn Walkable>));
    let journal = Journal::off_on(files, options(directory, fsync), walk);
    let opened = Opened { journal, recovered: Recovered::default(), table };
    write(&opened, "read elsewhere");
    opened
}

fn write(opened: &Opened, member: &str) -> Seq {
    opened.table.write(&opened.journal, b"board", member.as_bytes(), Some(1.0))
}

/// What has been written, and how much of it a start has to find.
struct Run {
    /// The boards after each write.
    states: Vec<Boards>,
    /// The number of the first of them that a start may find.
    least: usize,
}

impl Run {
    fn write(&mut self, opened: &Opened, member: &str) {
        let promises = opened.journal.stage.get() == JournalStage::On;
        let seq = write(opened, member);
        self.states.push(opened.boards());
        if opened.acknowledge(seq).is_ok() && promises {
            self.least = self.states.len() - 1;
        }
    }

    fn turn_on(&mut self, opened: &Opened) {
        let was_off = opened.journal.begin().is_ok();
        self.write(opened, &format!("awaiting a base after {}", self.states.len()));
        opened.journal.run_checkpoint();
        if was_off && opened.journal.stage.get() == JournalStage::On {
            self.least = self.states.len() - 1;
        }
    }
}

/// From a journal that is off to one that is on, off, on again, and closed.
fn scenario(disk: &Arc<FaultyDisk>, directory: &Path, fsync: FsyncPolicy) -> (Run, Opened) {
    let opened = off(disk.clone(), directory, fsync);
    // The first state is what a start finds that has no journal.
    let mut run = Run { states: vec![Boards::default(), opened.boards()], least: 0 };
    run.turn_on(&opened);
    run.write(&opened, "on");
    opened.round();
    opened.journal.turn_off();
    run.write(&opened, "off");
    run.turn_on(&opened);
    run.write(&opened, "on again");
    (run, opened)
}

#[test]
fn a_crash_at_any_call_leaves_the_old_journal_or_the_new_one() {
    for fsync in [FsyncPolicy::Always, FsyncPolicy::EverySecond] {
        let directory = tempfile::tempdir().unwrap();
        let disk = Arc::new(FaultyDisk::default());
        let (run, _) = scenario(&disk, directory.path(), fsync);
        assert_eq!(run.least, run.states.len() - 1);
        let calls = disk.faults().calls;
        assert!(calls > 50, "{calls}");
        for n in 0..calls {
            for fails_power in [false, true] {
                let directory = tempfile::tempdir().unwrap();
                let disk = Arc::new(FaultyDisk::default());
                disk.faults().fail_call = Some((n, Then::Crash));
                let (run, opened) = scenario(&disk, directory.path(), fsync);
                drop(opened);
                if fails_power {
                    disk.power_failure();
                }
                let found =
                    open(directory.path()).unwrap_or_else(|error| panic!("{fsync:?}, call {n}: {error}"));
                let least = if fails_power && fsync != FsyncPolicy::Always { 0 } else { run.least };
                let boards = found.boards();
                assert!(
                    run.states[least..].contains(&boards),
                    "{fsync:?}, call {n}, power {fails_power}: {boards:?} is none of {:?}",
                    &run.states[least..]
                );
            }
        }
    }
}

#[test]
fn nothing_is_promised_before_the_first_base_and_everything_behind_it() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let opened = off(disk.clone(), directory.path(), FsyncPolicy::Always);
    let journal = &opened.journal;
    opened.acknowledge(write(&opened, "off")).unwrap();
    assert_eq!((disk.faults().calls, journal.is_on()), (0, false));
    journal.begin().unwrap();
    assert!(journal.is_on() && journal.refusal().is_none());
    let early = write(&opened, "early");
    opened.acknowledge(early).unwrap();
    assert!(journal.synced() < early, "no disk has it");
    assert!(open(copy_of(directory.path()).path()).unwrap().boards().is_empty(), "an empty journal");

    journal.run_checkpoint();
    assert!(journal.synced() >= early);
    assert_eq!(open(copy_of(directory.path()).path()).unwrap().boards(), opened.boards());
    let later = write(&opened, "later");
    let fsyncs = journal.status().fsyncs;
    opened.acknowledge(later).unwrap();
    assert_eq!((journal.synced(), journal.status().fsyncs), (later, fsyncs + 1));
    let boards = opened.boards();
    drop(opened);
    disk.power_failure();
    let found = open(directory.path()).unwrap();
    assert_eq!((found.boards(), found.recovered.last_seq), (boards, later));
}

#[test]
fn a_first_base_that_fails_refuses_nothing_and_is_written_again() {
    for fault in ["base", "segment", "full"] {
        let directory = tempfile::tempdir().unwrap();
        let disk = Arc::new(FaultyDisk::default());
        let opened = off(disk.clone(), directory.path(), FsyncPolicy::EverySecond);
        let journal = &opened.journal;
        journal.begin().unwrap();
        match fault {
            "full" => disk.faults().space_bytes = Some(40),
            name => disk.faults().fail_sync_of = Some(name),
        }
        for round in 0..5 {
            opened.round();
            opened.acknowledge(write(&opened, &format!("{fault} {round}"))).unwrap();
            assert_eq!((journal.refusal(), journal.stage.get()), (None, JournalStage::Beginning), "{fault}");
        }
        let status = journal.status();
        assert!(status.last_checkpoint_error.is_some() && status.checkpoint_failures_in_a_row > 1, "{fault}");
        assert!(open(copy_of(directory.path()).path()).unwrap().boards().is_empty(), "{fault}");
        (disk.faults().space_bytes, disk.faults().fail_sync_of) = (None, None);
        while journal.stage.get() != JournalStage::On {
            opened.round();
        }
        opened.acknowledge(write(&opened, "after")).unwrap();
        assert_eq!(journal.status().pending_bytes, 0);
        assert_eq!(open(copy_of(directory.path()).path()).unwrap().boards(), opened.boards(), "{fault}");
        assert_eq!(names(directory.path()).len(), 4, "base, segment, manifest, lock");
    }
}

#[test]
fn what_cannot_be_turned_on_stays_off_and_the_files_stay() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let opened = off(disk.clone(), directory.path(), FsyncPolicy::Always);
    let goes_on = |why: &str| {
        assert!(!opened.journal.is_on(), "{why}");
        opened.acknowledge(write(&opened, why)).unwrap();
    };
    for space in 0..30 {
        disk.faults().space_bytes = Some(space);
        assert!(matches!(opened.journal.begin(), Err(OpenError::Io { .. })));
        goes_on("full");
    }
    disk.faults().space_bytes = None;

    let other = open(directory.path()).unwrap();
    assert!(matches!(opened.journal.begin(), Err(OpenError::Locked { .. })));
    goes_on("locked");
    other.table.write(&other.journal, b"theirs", b"member", Some(2.0));
    other.journal.close().unwrap();
    let theirs = other.boards();
    assert_eq!(open(copy_of(directory.path()).path()).unwrap().boards(), theirs);

    let manifest = directory.path().join("manifest");
    let whole = std::fs::read(&manifest).unwrap();
    std::fs::write(&manifest, &whole[1..]).unwrap();
    assert!(matches!(opened.journal.begin(), Err(OpenError::Damaged { .. })));
    goes_on("damaged");
    std::fs::write(&manifest, whole).unwrap();

    // The journal of before counts until the base is complete, and as one that was closed in order.
    opened.journal.begin().unwrap();
    let before = open(copy_of(directory.path()).path()).unwrap();
    assert_eq!((before.boards(), before.journal.owes_base()), (theirs, false));
    opened.journal.run_checkpoint();
    assert_eq!(open(copy_of(directory.path()).path()).unwrap().boards(), opened.boards());
}

#[test]
fn turned_off_it_takes_writes_whatever_the_disk_does() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let opened = open_with(disk.clone(), options(directory.path(), FsyncPolicy::Always)).unwrap();
    let journal = &opened.journal;
    opened.acknowledge(write(&opened, "kept")).unwrap();
    let kept = opened.boards();
    for fault in ["full", "broken"] {
        match fault {
            "full" => disk.faults().space_bytes = Some(0),
            _ => disk.faults().fail_sync_of = Some("segment"),
        }
        opened.acknowledge(write(&opened, fault)).unwrap_err();
        assert!(journal.refusal().is_some());
        journal.turn_off();
        assert_eq!((journal.refusal(), journal.unwritten_bytes(), journal.over_backlog()), (None, 0, false));
        opened.acknowledge(write(&opened, "accepted")).unwrap();
        opened.round();
        if fault == "full" {
            assert_eq!(open(copy_of(directory.path()).path()).unwrap().boards(), kept, "no half record");
        }
        (disk.faults().space_bytes, disk.faults().fail_sync_of) = (None, None);
        journal.begin().unwrap();
        opened.round();
        assert_eq!(journal.stage.get(), JournalStage::On);
        opened.acknowledge(write(&opened, "on again")).unwrap();
        assert_eq!(open(copy_of(directory.path()).path()).unwrap().boards(), opened.boards());
    }
}

#[test]
fn who_waits_for_an_fdatasync_is_answered_when_the_journal_is_turned_off() {
    let directory = tempfile::tempdir().unwrap();
    let opened = open_with(Arc::new(Disk), options(directory.path(), FsyncPolicy::Always)).unwrap();
    let seq = write(&opened, "waits");
    let mut waiting = Box::pin(opened.journal.acknowledged(seq));
    let mut context = Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(&mut context).is_pending());
    opened.journal.turn_off();
    assert_eq!(waiting.as_mut().poll(&mut context), Poll::Ready(Ok(())));
    // It was closed in order: all of it is there, and a start needs no new base.
    let found = open(directory.path()).unwrap();
    assert_eq!((found.boards(), found.journal.owes_base()), (opened.boards(), false));
}

/// Numbers and feeds are those of the server, not of a journal's files.
#[test]
fn records_are_numbered_and_given_to_feeds_without_gaps() {
    let directory = tempfile::tempdir().unwrap();
    let opened = off(Arc::new(Disk), directory.path(), FsyncPolicy::EverySecond);
    let (feed, after) = opened.journal.open_feed(1 << 20);
    let mut written = 0;
    for round in 0..4 {
        for member in 0..3 {
            written += 1;
            assert_eq!(write(&opened, &format!("{round} {member}")), Seq(after.0 + written));
        }
        match round % 3 {
            0 => opened.journal.begin().unwrap(),
            1 => opened.journal.run_checkpoint(),
            _ => opened.journal.turn_off(),
        }
    }
    let context = Context::from_waker(Waker::noop());
    for number in 1..=written {
        let Poll::Ready(Ok(published)) = feed.poll(&context) else { panic!("record {number} is missing") };
        assert_eq!((published.first, published.records().count()), (Seq(after.0 + number), 1));
    }
    assert!(feed.poll(&context).is_pending());
}

/// A transaction holds locks that the walk of a checkpoint waits for, so to turn the journal off must not wait for the checkpoint.
#[test]
fn a_checkpoint_that_was_given_up_lists_nothing_and_keeps_others_out_until_it_has_ended() {
    let directory = tempfile::tempdir().unwrap();
    let opened = off(Arc::new(Disk), directory.path(), FsyncPolicy::EverySecond);
    let journal = &opened.journal;
    let held = opened.table.boards.lock();
    journal.begin().unwrap();
    begin_checkpoint(journal);
    journal.turn_off();
    assert!(journal.checkpoint_running() && !journal.is_on());
    assert!(matches!(open(directory.path()), Err(OpenError::Locked { .. })));
    journal.begin().unwrap();
    journal.turn_off();
    drop(held);
    join_checkpoint(journal);
    assert!(!journal.checkpoint_running());
    assert_eq!(journal.status().checkpoint_failures_in_a_row, 0, "that is no failure");
    let copy = copy_of(directory.path());
    assert!(open(copy.path()).unwrap().boards().is_empty());
    assert!(names(copy.path()).iter().all(|name| !name.starts_with("base")));

    let held = opened.table.boards.lock();
    journal.begin().unwrap();
    begin_checkpoint(journal);
    journal.turn_off();
    journal.begin().unwrap();
    drop(held);
    join_checkpoint(journal);
    assert_eq!(journal.stage.get(), JournalStage::Beginning, "the base was one of the time before");
    opened.round();
    assert_eq!(journal.stage.get(), JournalStage::On);
    assert_eq!(open(copy_of(directory.path()).path()).unwrap().boards(), opened.boards());
    journal.turn_off();
    open(directory.path()).unwrap();
}

/// Returns when the checkpoint's thread has begun its walk.
fn begin_checkpoint(journal: &Arc<Journal>) {
    journal.checkpoint().unwrap();
    let has_base = |names: Vec<String>| names.iter().any(|name| name.starts_with("base"));
    while !has_base(names(&journal.directory.path)) {
        std::thread::yield_now();
    }
}

fn join_checkpoint(journal: &Journal) {
    let threads = std::mem::take(&mut *journal.threads.lock());
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_stop_in_order_completes_the_first_base() {
    for is_running in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let opened = off(Arc::new(Disk), directory.path(), FsyncPolicy::EverySecond);
        opened.journal.begin().unwrap();
        if is_running {
            opened.journal.checkpoint().unwrap();
        }
        let last = write(&opened, "last");
        opened.journal.close().unwrap();
        let found = open(directory.path()).unwrap();
        assert_eq!((found.boards(), found.recovered.last_seq), (opened.boards(), last));
        assert!(!found.journal.owes_base());
    }
    let directory = tempfile::tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let opened = off(disk.clone(), directory.path(), FsyncPolicy::EverySecond);
    opened.journal.begin().unwrap();
    disk.faults().fail_sync_of = Some("base");
    opened.journal.close().unwrap_err();
    assert!(open(directory.path()).unwrap().boards().is_empty());
}

/// A base that was begun on a broken journal just before a full sync replaced the data could be listed: it had a part of the old
/// data, and the records behind it removed what it had of the new ones.
#[test]
fn a_base_of_data_that_are_replaced_meanwhile_is_not_listed() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let opened = open_with(disk.clone(), options(directory.path(), FsyncPolicy::EverySecond)).unwrap();
    opened.acknowledge(write(&opened, "old")).unwrap();
    let before = opened.boards();
    disk.faults().fail_sync_of = Some("segment");
    opened.journal.sync();
    disk.faults().fail_sync_of = None;
    let (journal, table) = (Arc::clone(&opened.journal), Arc::clone(&opened.table));
    disk.faults().meanwhile = Some(Arc::new(move |call, name| {
        if call == super::disk::Call::Create && name.starts_with("segment") {
            journal.supersede("replaced");
            *table.boards.lock() = [(b"new".to_vec(), Default::default())].into();
        }
    }));
    opened.journal.run_checkpoint();
    disk.faults().meanwhile = None;
    assert!(opened.journal.awaits_base());
    assert_eq!(open(copy_of(directory.path()).path()).unwrap().boards(), before);
    opened.table.boards.lock().clear();
    write(&opened, "new");
    opened.round();
    assert_eq!(opened.journal.refusal(), None);
    assert_eq!(open(copy_of(directory.path()).path()).unwrap().boards(), opened.boards());
}
