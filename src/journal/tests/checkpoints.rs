//! Checkpoints beside writes, what they leave on disk, and when they start by themselves.

use super::faults::copy_of;
use super::support::{Boards, open, open_with, options};
use crate::config::FsyncPolicy;
use crate::journal::Journal;
use crate::machine::chance::Chance;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, thread};

pub(super) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn writes_during_a_checkpoint_are_all_there_afterwards() {
    let seed = 11;
    let directory = tempfile::tempdir().unwrap();
    let opened = open(directory.path()).unwrap();
    let write = |chance: &mut Chance, journal: &Journal| {
        let key = [b'k', b'0' + chance.below(5) as u8];
        let member = chance.below(200).to_string();
        let score = (chance.below(4) > 0).then(|| chance.below(1000) as f64);
        opened.table.write(journal, &key, member.as_bytes(), score)
    };
    let mut chance = Chance::seeded(seed);
    for _ in 0..500 {
        write(&mut chance, &opened.journal);
    }
    let done = AtomicBool::new(false);
    let written = thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|id| {
                let (opened, done, write) = (&opened, &done, &write);
                scope.spawn(move || {
                    let mut chance = Chance::seeded(seed + 1 + id);
                    let mut written = 0u64;
                    while !done.load(Ordering::Relaxed) {
                        let seq = write(&mut chance, &opened.journal);
                        if written.is_multiple_of(8) {
                            opened.journal.flush(super::super::segment_writer::FlushAttempt::First);
                            assert!(opened.journal.has_reached(seq));
                        }
                        written += 1;
                    }
                    written
                })
            })
            .collect();
        for _ in 0..5 {
            opened.journal.run_checkpoint();
        }
        done.store(true, Ordering::Relaxed);
        writers.into_iter().map(|writer| writer.join().unwrap()).sum::<u64>()
    });
    assert_eq!(opened.journal.status().checkpoints, 5);
    assert!(written > 0);
    let boards = opened.boards();
    opened.journal.close().unwrap();
    let again = open(directory.path()).unwrap();
    assert_eq!(again.boards(), boards, "seed {seed}");
    assert_eq!(again.recovered.last_seq.0, written + 500);
}

#[test]
fn a_checkpoint_leaves_one_base_and_one_segment() {
    let directory = tempfile::tempdir().unwrap();
    let opened = open(directory.path()).unwrap();
    for member in 0..100u8 {
        opened.table.write(&opened.journal, b"board", &[member % 3], Some(f64::from(member)));
    }
    opened.journal.run_checkpoint();
    assert_eq!(names(directory.path()), ["base-0000000002", "lock", "manifest", "segment-0000000002"]);
    let status = opened.journal.status();
    assert_eq!((status.checkpoints, status.last_checkpoint_error, status.records_since_base), (1, None, 0));
    let on_disk: u64 = ["base-0000000002", "segment-0000000002"]
        .iter()
        .map(|name| fs::metadata(directory.path().join(name)).unwrap().len())
        .sum();
    assert_eq!(status.size_bytes, on_disk);
    let boards = opened.boards();
    drop(opened);
    let again = open(directory.path()).unwrap();
    assert_eq!(again.boards(), boards);
    assert_eq!(again.journal.status().size_bytes, on_disk);
    assert_eq!(again.recovered.last_seq.0, 100, "numbers go on across a base");
}

#[test]
fn what_an_interrupted_checkpoint_leaves_is_not_read_and_goes_away() {
    let directory = tempfile::tempdir().unwrap();
    let opened = open(directory.path()).unwrap();
    let seq = opened.table.write(&opened.journal, b"board", b"m", Some(1.0));
    opened.acknowledge(seq).unwrap();
    let before = copy_of(directory.path());
    opened.journal.run_checkpoint();
    let boards = opened.boards();
    drop(opened);

    let leave = |name: &str, bytes: &[u8], in_directory: &Path| fs::write(in_directory.join(name), bytes);
    // Stopped before the manifest: half a base, a complete one, a segment that is not listed.
    let base = fs::read(directory.path().join("base-0000000002")).unwrap();
    leave("base-0000000002.temporary", &base[..base.len() / 2], before.path()).unwrap();
    leave("base-0000000002", &base, before.path()).unwrap();
    leave("segment-0000000002", b"", before.path()).unwrap();
    leave("manifest.temporary", b"rankd-journal 1\nbase", before.path()).unwrap();
    leave("notes.txt", b"not ours", before.path()).unwrap();
    // Stopped behind the manifest: the old segment was not removed.
    fs::copy(before.path().join("segment-0000000001"), directory.path().join("segment-0000000001")).unwrap();

    assert_eq!(open(before.path()).unwrap().boards(), boards);
    // The second segment is new, because the journal was not closed in order.
    let expected = ["lock", "manifest", "notes.txt", "segment-0000000001", "segment-0000000002"];
    assert_eq!(names(before.path()), expected);
    assert!(fs::metadata(before.path().join("segment-0000000002")).unwrap().len() > 0);
    assert_eq!(open(directory.path()).unwrap().boards(), boards);
    assert_eq!(names(directory.path()), ["base-0000000002", "lock", "manifest", "segment-0000000002"]);
}

#[test]
fn growth_over_the_percentage_and_the_least_size_starts_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut options = options(directory.path(), FsyncPolicy::EverySecond);
    options.rewrite_percentage = 100;
    options.rewrite_min_bytes = 2000;
    let opened = open_with(std::sync::Arc::new(super::super::files::Disk), options).unwrap();
    let grow_to = |bytes: u64| {
        while opened.journal.status().size_bytes <= bytes {
            let seq = opened.table.write(&opened.journal, b"board", b"one member", Some(1.0));
            opened.acknowledge(seq).unwrap();
        }
    };
    grow_to(1900);
    assert!(!opened.journal.is_checkpoint_due(), "below the least size");
    grow_to(2000);
    assert!(opened.journal.is_checkpoint_due());
    opened.round();
    assert_eq!(opened.journal.status().checkpoints, 1);
    assert!(opened.journal.status().size_bytes < 300);
    opened.journal.set_rewrite(0, 0);
    grow_to(4000);
    assert!(!opened.journal.is_checkpoint_due(), "0 is never");
    opened.journal.set_rewrite(1_000_000, 0);
    assert!(!opened.journal.is_checkpoint_due(), "not grown by so much");
    opened.journal.set_rewrite(100, 0);
    assert!(opened.journal.is_checkpoint_due());
}

#[test]
fn only_one_runs_at_a_time_and_closing_waits_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let opened = open(directory.path()).unwrap();
    opened.table.write(&opened.journal, b"board", b"m", Some(1.0));
    let held: parking_lot::MutexGuard<'_, Boards> = opened.table.boards.lock();
    opened.journal.checkpoint().unwrap();
    opened.journal.checkpoint().unwrap_err();
    assert!(opened.journal.checkpoint_running());
    let boards = held.clone();
    drop(held);
    opened.journal.close().unwrap();
    assert!(!opened.journal.checkpoint_running());
    assert_eq!(open(directory.path()).unwrap().boards(), boards);
}
