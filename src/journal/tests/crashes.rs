//! One scenario with writes and checkpoints, stopped at each of its system calls in turn.

use super::disk::{FaultyDisk, Then};
use super::support::{Boards, Opened, open, open_with, options};
use crate::config::FsyncPolicy;
use crate::journal::files::Disk;
use std::path::Path;
use std::sync::Arc;

/// What was written, and how much of it was acknowledged.
#[derive(Default)]
struct Ledger {
    /// The boards after each number of records.
    states: Vec<Boards>,
    acknowledged: usize,
}

impl Ledger {
    fn write(&mut self, opened: &Opened, member: &str, score: Option<f64>) {
        if self.states.is_empty() {
            self.states.push(opened.boards());
        }
        let seq = opened.table.write(&opened.journal, b"board", member.as_bytes(), score);
        self.states.push(opened.boards());
        if opened.acknowledge(seq).is_ok() {
            self.acknowledged = self.states.len() - 1;
        }
    }
}

fn scenario(disk: &Arc<FaultyDisk>, directory: &Path, fsync: FsyncPolicy) -> (Ledger, Option<Opened>) {
    let mut ledger = Ledger::default();
    let Ok(opened) = open_with(disk.clone(), options(directory, fsync)) else { return (ledger, None) };
    ledger.write(&opened, "a", Some(1.0));
    ledger.write(&opened, "b", Some(2.0));
    opened.round();
    ledger.write(&opened, "a", None);
    opened.journal.run_checkpoint();
    ledger.write(&opened, "c", Some(3.0));
    opened.round();
    ledger.write(&opened, "b", Some(4.0));
    opened.journal.run_checkpoint();
    ledger.write(&opened, "d", Some(5.0));
    (ledger, Some(opened))
}

fn calls_of_scenario(fsync: FsyncPolicy) -> u64 {
    let directory = tempfile::tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let (ledger, _) = scenario(&disk, directory.path(), fsync);
    assert_eq!(ledger.acknowledged, 6);
    let calls = disk.faults().calls;
    assert!(calls > 50, "{calls}");
    calls
}

#[test]
fn a_crash_at_any_call_keeps_what_was_acknowledged() {
    for fsync in [FsyncPolicy::Always, FsyncPolicy::EverySecond, FsyncPolicy::Never] {
        for n in 0..calls_of_scenario(fsync) {
            let directory = tempfile::tempdir().unwrap();
            let disk = Arc::new(FaultyDisk::default());
            disk.faults().fail_call = Some((n, Then::Crash));
            let (ledger, opened) = scenario(&disk, directory.path(), fsync);
            drop(opened);
            let found = open(directory.path()).unwrap_or_else(|error| panic!("{fsync:?}, call {n}: {error}"));
            let possible = ledger.states.get(ledger.acknowledged..).unwrap_or_default();
            let boards = found.boards();
            let expected = possible.contains(&boards) || (possible.is_empty() && boards.is_empty());
            assert!(expected, "{fsync:?}, call {n}: {boards:?} is none of {possible:?}");
        }
    }
}

#[test]
fn a_power_failure_at_any_call_keeps_what_always_acknowledged() {
    for n in 0..calls_of_scenario(FsyncPolicy::Always) {
        for fsync in [FsyncPolicy::Always, FsyncPolicy::EverySecond] {
            let directory = tempfile::tempdir().unwrap();
            let disk = Arc::new(FaultyDisk::default());
            disk.faults().fail_call = Some((n, Then::Crash));
            let (ledger, opened) = scenario(&disk, directory.path(), fsync);
            drop(opened);
            disk.power_failure();
            let found = open(directory.path()).unwrap_or_else(|error| panic!("{fsync:?}, call {n}: {error}"));
            let least = if fsync == FsyncPolicy::Always { ledger.acknowledged } else { 0 };
            let possible = ledger.states.get(least..).unwrap_or_default();
            let boards = found.boards();
            let expected = possible.contains(&boards) || (possible.is_empty() && boards.is_empty());
            assert!(expected, "{fsync:?}, call {n}: {boards:?} is none of {possible:?}");
        }
    }
}

#[test]
fn one_failed_call_anywhere_heals_and_loses_nothing() {
    for fsync in [FsyncPolicy::Always, FsyncPolicy::EverySecond] {
        for n in 0..calls_of_scenario(fsync) {
            let directory = tempfile::tempdir().unwrap();
            let disk = Arc::new(FaultyDisk::default());
            disk.faults().fail_call = Some((n, Then::GoOn));
            let (mut ledger, opened) = scenario(&disk, directory.path(), fsync);
            let Some(opened) = opened else {
                // The start failed; the next one finds nothing wrong.
                open_with(Arc::new(Disk), options(directory.path(), fsync)).unwrap();
                continue;
            };
            for _ in 0..4 {
                opened.round();
            }
            assert_eq!(opened.journal.refusal(), None, "{fsync:?}, call {n}");
            ledger.write(&opened, "last", Some(6.0));
            assert_eq!(ledger.acknowledged, 7, "{fsync:?}, call {n}");
            drop(opened);
            disk.power_failure();
            let found = open(directory.path()).unwrap_or_else(|error| panic!("{fsync:?}, call {n}: {error}"));
            let least = if fsync == FsyncPolicy::Always { 7 } else { 0 };
            assert!(ledger.states[least..].contains(&found.boards()), "{fsync:?}, call {n}");
        }
    }
}
