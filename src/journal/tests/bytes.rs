//! Every length and every flipped bit of a small journal: a start finds a prefix in whole records, or an error that
//! names the place.

use super::support::{Boards, open};
use crate::journal::recovery::replay;
use crate::journal::visit::Origin;
use crate::journal::{OpenError, check, dump};
use crate::machine::progress::ReadProgress;
use crate::ranking::Score;
use crate::store::change::sink::ChangeSink;
use crate::store::change::{Change, ChangeBuffer, decode};
use std::fs;
use std::path::{Path, PathBuf};

/// Records written to each journal here, and the boards after each number of them.
pub(super) fn write_journal(directory: &Path) -> Vec<Boards> {
    let opened = open(directory).unwrap();
    let mut states = vec![Boards::new()];
    for (index, member) in ["alice", "bob", "carol \"x\"", "dave", "eve"].iter().enumerate() {
        let score = (index != 3).then_some(index as f64 * 1.5);
        let seq = opened.table.write(&opened.journal, b"board", member.as_bytes(), score);
        opened.acknowledge(seq).unwrap();
        states.push(opened.boards());
        if index == 1 {
            opened.journal.run_checkpoint();
        }
        if index == 2 {
            // A second listed segment without a second base, as a crash during a checkpoint leaves.
            begin_checkpoint(&opened);
        }
    }
    opened.journal.close().unwrap();
    states
}

fn begin_checkpoint(opened: &super::support::Opened) {
    let mut longer = opened.journal.listed.lock().manifest.clone();
    longer.segments.push(longer.last() + 1);
    let segment =
        super::super::segment::Segment::create(&opened.journal.directory, longer.last(), 77).unwrap();
    opened.journal.directory.store_manifest(&longer).unwrap();
    opened.journal.change_over(segment, super::super::segment_writer::Role::Successor).unwrap();
}

pub(super) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.retain(|path| !path.ends_with("lock") && !path.ends_with("closed"));
    files
}

/// The boards that reading the directory gives, without changing it.
fn read(directory: &Path) -> Result<Option<Boards>, OpenError> {
    let table = super::support::Table::default();
    let replayed = replay(directory, &ReadProgress::default(), &mut |provenance, change, _| {
        if !matches!(provenance.origin, Origin::Ahead(_)) {
            table.apply(change);
        }
        Ok(())
    })?;
    Ok(replayed.map(|_| table.boards.into_inner()))
}

#[test]
fn no_flipped_bit_gives_a_silent_other_state() {
    let directory = tempfile::tempdir().unwrap();
    let states = write_journal(directory.path());
    let whole = states.last().unwrap();
    let files = files(directory.path());
    assert_eq!(files.len(), 4, "a base, two segments, a manifest: {files:?}");
    assert_eq!(read(directory.path()).unwrap().as_ref(), Some(whole));
    let last = &files[3];
    assert!(last.to_str().unwrap().contains("segment"));
    let mut cut = 0;
    for path in &files {
        let bytes = fs::read(path).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs::write(path, &flipped).unwrap();
            match read(directory.path()) {
                // Only the very last record can be lost, as a torn tail is.
                Ok(state) => {
                    assert_eq!(state.as_ref(), Some(&states[4]), "{} bit {bit}", path.display());
                    assert_eq!(path, last, "bit {bit}");
                    cut += 1;
                }
                Err(OpenError::Damaged { path: named, what, .. }) => {
                    assert!(named.exists() && !what.is_empty());
                }
                Err(OpenError::UnknownVersion { .. }) => {}
                Err(other) => panic!("{} bit {bit}: {other}", path.display()),
            }
        }
        fs::write(path, &bytes).unwrap();
    }
    assert!(cut > 0, "a flip in the last record is a torn tail");
}

#[test]
fn every_length_of_the_last_segment_gives_a_whole_record_prefix_that_can_be_written_on() {
    let directory = tempfile::tempdir().unwrap();
    let states = write_journal(directory.path());
    let files = files(directory.path());
    let last = fs::read(&files[3]).unwrap();
    for len in 32..=last.len() {
        let copy = tempfile::tempdir().unwrap();
        for path in &files {
            fs::copy(path, copy.path().join(path.file_name().unwrap())).unwrap();
        }
        let tail = copy.path().join(files[3].file_name().unwrap());
        fs::write(&tail, &last[..len]).unwrap();

        let opened = open(copy.path()).unwrap();
        let records = opened.recovered.last_seq.0 as usize;
        assert!(records >= 3, "{len} bytes");
        assert_eq!(opened.boards(), states[records], "{len} bytes");
        let whole_bytes = match &opened.recovered.torn_tail {
            Some(tear) => {
                assert_eq!((&tear.path, tear.offset + tear.bytes), (&tail, len as u64));
                tear.offset
            }
            None => len as u64,
        };
        assert_eq!(fs::metadata(&tail).unwrap().len(), whole_bytes, "cut at {len} bytes");

        let seq = opened.table.write(&opened.journal, b"board", b"after", Some(9.0));
        opened.acknowledge(seq).unwrap();
        let after = opened.boards();
        drop(opened);
        let again = open(copy.path()).unwrap();
        assert_eq!((again.boards(), again.recovered.torn_tail.clone()), (after, None), "{len} bytes");
    }
}

/// A command whose Changes fill several records, cut at every length: all of it counts or nothing.
#[test]
fn a_command_of_several_records_is_there_as_a_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let opened = open(directory.path()).unwrap();
    opened.table.write(&opened.journal, b"board", b"first", Some(1.0));
    opened.journal.flush(super::super::segment_writer::FlushAttempt::First);
    let before = opened.boards();
    let len_before = opened.journal.status().size_bytes;
    let mut records = ChangeBuffer::with_record_bytes(50);
    for member in 0..12 {
        let score = Score::new(f64::from(member)).unwrap();
        records.set_score(0, b"board", format!("member{member}").as_bytes(), score);
    }
    records.end_record();
    assert!(records.records().count() > 3);
    for mut body in records.records() {
        while !body.is_empty() {
            match decode(&mut body).unwrap() {
                Change::Continued => {}
                change => opened.table.apply(&change),
            }
        }
    }
    opened.journal.append(1, &records);
    opened.journal.flush(super::super::segment_writer::FlushAttempt::First);
    let after = opened.boards();
    drop(opened);
    let path = directory.path().join("segment-0000000001");
    let bytes = fs::read(&path).unwrap();
    // A damaged part with whole parts behind it: the error names the beginning of the command.
    for at in usize::try_from(len_before).unwrap()..bytes.len() - 90 {
        let mut damaged = bytes.clone();
        damaged[at] ^= 4;
        fs::write(&path, &damaged).unwrap();
        let error = check(directory.path(), &ReadProgress::default()).unwrap_err();
        let OpenError::Damaged { offset, last_good, .. } = error else { panic!("{error}") };
        assert_eq!((offset, last_good.0), (len_before, 1), "byte {at}");
    }
    for len in usize::try_from(len_before).unwrap()..=bytes.len() {
        fs::write(&path, &bytes[..len]).unwrap();
        let opened = open(directory.path()).unwrap();
        let is_whole = len == bytes.len();
        assert_eq!(opened.boards(), *if is_whole { &after } else { &before }, "{len} bytes");
        assert_eq!(opened.recovered.last_seq.0 > 1, is_whole);
        if !is_whole {
            assert_eq!(fs::metadata(&path).unwrap().len(), len_before, "cut at the command's beginning");
        }
        let seq = opened.table.write(&opened.journal, b"board", b"next", Some(2.0));
        opened.acknowledge(seq).unwrap();
        let boards = opened.boards();
        drop(opened);
        assert_eq!(open(directory.path()).unwrap().boards(), boards, "{len} bytes, written on");
    }
}

#[test]
fn no_shortened_file_but_the_last_is_taken_for_whole() {
    let directory = tempfile::tempdir().unwrap();
    write_journal(directory.path());
    for path in &files(directory.path())[..3] {
        let bytes = fs::read(path).unwrap();
        for len in 0..bytes.len() {
            fs::write(path, &bytes[..len]).unwrap();
            let state = read(directory.path());
            assert!(
                matches!(state, Err(OpenError::Damaged { .. })),
                "{} at {len}: {state:?}",
                path.display()
            );
        }
        fs::remove_file(path).unwrap();
        let state = read(directory.path());
        assert!(matches!(state, Err(OpenError::Damaged { .. })), "{} gone: {state:?}", path.display());
        fs::write(path, &bytes).unwrap();
    }
}

#[test]
fn damage_before_the_tail_is_refused_with_file_offset_and_sequence() {
    let directory = tempfile::tempdir().unwrap();
    write_journal(directory.path());
    let last = files(directory.path()).pop().unwrap();
    let mut bytes = fs::read(&last).unwrap();
    // Record 4 is the first of this file; 5 follows it.
    bytes[40] ^= 1;
    fs::write(&last, &bytes).unwrap();
    let Err(error) = open(directory.path()) else { panic!("opened") };
    let OpenError::Damaged { path, offset, last_good, .. } = &error else { panic!("{error}") };
    assert_eq!((path, *offset, last_good.0), (&last, 32, 3));
    let message = error.to_string();
    assert!(message.contains("segment-0000000003 at offset 32, after record 3"), "{message}");
    assert!(message.contains("record 5 is whole at offset"), "{message}");
    assert_eq!(fs::read(&last).unwrap(), bytes, "a refused start changes nothing");
}

#[test]
fn a_record_lost_or_doubled_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    {
        let opened = open(directory.path()).unwrap();
        for member in [b"a", b"b", b"c"] {
            let seq = opened.table.write(&opened.journal, b"board", member, Some(1.0));
            opened.acknowledge(seq).unwrap();
        }
    }
    let path = directory.path().join("segment-0000000001");
    let bytes = fs::read(&path).unwrap();
    let record = (bytes.len() - 32) / 3;
    let (header, records) = bytes.split_at(32);
    let parts: Vec<_> = records.chunks(record).collect();
    for order in [vec![0, 2], vec![1, 2], vec![0, 0, 1, 2], vec![0, 2, 1], vec![2]] {
        let other: Vec<_> = order.iter().flat_map(|&part: &usize| parts[part]).copied().collect();
        fs::write(&path, [header, &other].concat()).unwrap();
        let state = read(directory.path());
        let Err(OpenError::Damaged { .. }) = state else { panic!("{order:?}: {state:?}") };
    }
}

#[test]
fn zeros_behind_the_last_record_are_a_torn_tail() {
    let directory = tempfile::tempdir().unwrap();
    let states = write_journal(directory.path());
    let last = files(directory.path()).pop().unwrap();
    let mut bytes = fs::read(&last).unwrap();
    bytes.extend([0; 5000]);
    fs::write(&last, &bytes).unwrap();
    let opened = open(directory.path()).unwrap();
    assert_eq!(Some(&opened.boards()), states.last());
    assert_eq!(opened.recovered.torn_tail.as_ref().unwrap().bytes, 5000);
}

#[test]
fn another_version_is_refused_by_its_number() {
    let directory = tempfile::tempdir().unwrap();
    write_journal(directory.path());
    let last = files(directory.path()).pop().unwrap();
    let mut bytes = fs::read(&last).unwrap();
    bytes[8] = 9;
    fs::write(&last, &bytes).unwrap();
    let error = check(directory.path(), &ReadProgress::default()).unwrap_err();
    assert!(matches!(&error, OpenError::UnknownVersion { version, .. } if version == "9"), "{error}");
}

#[test]
fn a_directory_in_use_is_refused_and_free_again_after_closing() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path()).unwrap();
    assert!(matches!(open(directory.path()), Err(OpenError::Locked { .. })));
    first.journal.close().unwrap();
    open(directory.path()).unwrap();
}

#[test]
fn data_without_a_manifest_is_refused_but_an_interrupted_first_start_is_not() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("segment-0000000001"), [7; 20]).unwrap();
    fs::write(directory.path().join("manifest.temporary"), "half").unwrap();
    drop(open(directory.path()).unwrap());

    write_journal(directory.path());
    fs::remove_file(directory.path().join("manifest")).unwrap();
    let error = check(directory.path(), &ReadProgress::default()).unwrap_err();
    assert!(error.to_string().contains("there is no manifest"), "{error}");
}

#[test]
fn check_and_dump_read_without_changing() {
    let directory = tempfile::tempdir().unwrap();
    write_journal(directory.path());
    let last = files(directory.path()).pop().unwrap();
    let mut bytes = fs::read(&last).unwrap();
    bytes.extend(b"torn");
    fs::write(&last, &bytes).unwrap();
    let report = check(directory.path(), &ReadProgress::default()).unwrap().to_string();
    assert!(report.contains("segment-0000000003: torn tail of 4 bytes"), "{report}");
    assert!(report.ends_with("ok: 5 changes, last record 5"), "{report}");

    let mut out = Vec::new();
    dump(directory.path(), &mut out, &ReadProgress::default()).unwrap();
    let expected = r#"2025-11-22T06:43:44.000Z base set-score db0 "board" "alice" 0
2025-11-22T06:43:44.000Z base set-score db0 "board" "bob" 1.5
2025-11-22T06:43:44.000Z 3 set-score db0 "board" "carol \"x\"" 3
2025-11-22T06:43:44.000Z 4 remove-score db0 "board" "dave"
2025-11-22T06:43:44.000Z 5 set-score db0 "board" "eve" 6
"#;
    assert_eq!(String::from_utf8(out).unwrap(), expected);
    assert_eq!(fs::read(&last).unwrap(), bytes);
}
