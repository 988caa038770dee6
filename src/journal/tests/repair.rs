//! Repair: a damaged journal becomes the prefix before the damage, in whole records, and no byte is lost.

use super::bytes::{files, write_journal};
use super::faults::copy_of;
use super::support::open;
use crate::journal::{OpenError, RepairMode, check, repair};
use crate::machine::progress::ReadProgress;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files(directory).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

#[test]
fn a_repair_keeps_everything_before_a_wrong_byte() {
    let original = tempfile::tempdir().unwrap();
    let states = write_journal(original.path());
    let (mut cut, mut refused) = (0, 0);
    for path in files(original.path()) {
        for at in 0..fs::read(&path).unwrap().len() {
            let directory = copy_of(original.path());
            let path = directory.path().join(path.file_name().unwrap());
            let mut bytes = fs::read(&path).unwrap();
            bytes[at] ^= 0x20;
            fs::write(&path, &bytes).unwrap();
            let damaged = contents(directory.path());
            let reported = repair(directory.path(), RepairMode::Tell, &ReadProgress::default());
            assert_eq!(contents(directory.path()), damaged, "a report changes nothing");
            let done = repair(directory.path(), RepairMode::Cut, &ReadProgress::default());
            let Ok(Some(done)) = done else {
                let error = done.unwrap_err();
                assert!(
                    matches!(error, OpenError::Damaged { .. } | OpenError::UnknownVersion { .. }),
                    "{error}"
                );
                assert_eq!(contents(directory.path()), damaged, "a refusal changes nothing");
                refused += 1;
                continue;
            };
            assert_eq!(reported.unwrap(), Some(done.clone()));
            let report = check(directory.path(), &ReadProgress::default()).unwrap();
            assert_eq!((report.last_seq, &report.torn_tail), (done.last_good, &None));
            assert_eq!(
                repair(directory.path(), RepairMode::Cut, &ReadProgress::default()).unwrap(),
                None,
                "done once"
            );

            // Every byte is still in some file.
            let now = contents(directory.path());
            let kept: usize = now.values().map(Vec::len).sum();
            let manifest_shrank = damaged[&directory.path().join("manifest")].len()
                - now[&directory.path().join("manifest")].len();
            assert_eq!(kept + manifest_shrank, damaged.values().map(Vec::len).sum::<usize>(), "{done}");
            let boards = open(directory.path()).unwrap().boards();
            assert_eq!(boards, states[usize::try_from(done.last_good.0).unwrap()], "{path:?} at {at}");
            cut += 1;
        }
    }
    assert!(cut > 150 && refused > 100, "{cut} cut, {refused} refused");
}

#[test]
fn a_report_counts_what_a_repair_would_cut() {
    let directory = tempfile::tempdir().unwrap();
    write_journal(directory.path());
    let segment = files(directory.path()).remove(2);
    let mut bytes = fs::read(&segment).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let cut = repair(directory.path(), RepairMode::Tell, &ReadProgress::default()).unwrap().unwrap();
    assert_eq!((cut.path.clone(), cut.last_good.0, cut.later.len()), (segment, 2, 1));
    assert_eq!(
        (cut.lost.records, cut.lost.numbers.map(|(first, last)| (first.0, last.0))),
        (2, Some((4, 5)))
    );
    let text = cut.to_string();
    assert!(text.contains("2 whole records (numbers 4 to 5, 2025-11-22T06:43:44.000Z to"), "{text}");
}

#[test]
fn a_whole_journal_a_running_server_s_and_none_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(repair(directory.path(), RepairMode::Cut, &ReadProgress::default()).unwrap(), None);
    let opened = open(directory.path()).unwrap();
    let error = repair(directory.path(), RepairMode::Cut, &ReadProgress::default()).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    opened.journal.close().unwrap();
    assert_eq!(repair(directory.path(), RepairMode::Cut, &ReadProgress::default()).unwrap(), None);
}
