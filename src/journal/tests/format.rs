//! docs/journal-format.md is right: this code writes and reads its example.

use crate::journal::base::{BaseEnd, pack};
use crate::journal::header::{BaseHeader, SEGMENT_HEADER_BYTES, SegmentHeader, seed};
use crate::journal::manifest::Manifest;
use crate::journal::record::{push, seal};
use crate::journal::{OpenError, RepairMode, check, dump, repair};
use crate::machine::progress::ReadProgress;
use crate::ranking::Score;
use crate::store::change::ChangeBuffer;
use crate::store::change::sink::Seq;
use std::fs;

const PAGE: &str = include_str!("../../../docs/journal-format.md");

/// The bytes of the page's block with the heading `name`: hex up to the `|` of each line.
fn example(name: &str) -> Vec<u8> {
    let block = PAGE.split("```").find(|block| block.starts_with(&format!("hex {name}\n"))).unwrap();
    let hex: String =
        block.lines().skip(1).flat_map(|line| line.split('|').next().unwrap().split_whitespace()).collect();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn text(name: &str) -> &str {
    let block = PAGE.split("```").find(|block| block.starts_with(&format!("text {name}\n"))).unwrap();
    block.split_once('\n').unwrap().1
}

fn written_base() -> Vec<u8> {
    let (next_seq, next_previous) = (Seq(7), 0x0102_0304);
    let header = BaseHeader { number: 2, salt: 0x1111, unix_ms: 1_763_793_824_007, next_seq, next_previous };
    let mut bytes = header.encode();
    let mut records = ChangeBuffer::default();
    records.set_score(0, b"lb", b"alice", Score::new(1.5).unwrap());
    records.set_score(0, b"lb", b"bob", Score::new(2.0).unwrap());
    records.end_record();
    let mut frames = Vec::new();
    let mut block = Vec::new();
    pack(records.records().next().unwrap(), &mut block);
    push(&mut frames, Seq(1), 1_763_793_824_007, &block);
    let end = BaseEnd { walked_to: Seq(7) }.encode();
    push(&mut frames, Seq(2), 1_763_793_824_007, &end);
    seal(&mut frames, seed(&bytes), seed(&bytes));
    bytes.extend(frames);
    bytes
}

fn written_segment() -> Vec<u8> {
    let mut bytes = SegmentHeader { number: 2, salt: 0x2222 }.encode();
    let mut records = ChangeBuffer::default();
    records.set_score(0, b"lb", b"bob", Score::new(3.0).unwrap());
    records.remove_score(0, b"lb", b"alice");
    records.end_record();
    let mut frames = Vec::new();
    push(&mut frames, Seq(7), 1_763_793_825_000, records.records().next().unwrap());
    seal(&mut frames, seed(&bytes), 0x0102_0304);
    bytes.extend(frames);
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_page_shows_what_is_written() {
    assert_eq!(hex(&example("base-0000000002")), hex(&written_base()));
    assert_eq!(hex(&example("segment-0000000002")), hex(&written_segment()));
    assert_eq!(text("manifest"), Manifest::begun_by(2).encode());
    let first = Manifest { base: None, segments: vec![1], loose_from: None };
    assert_eq!(text("loose-manifest"), first.followed_by(2).encode());
}

#[test]
fn the_page_s_files_are_a_journal() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["base-0000000002", "segment-0000000002"] {
        fs::write(directory.path().join(name), example(name)).unwrap();
    }
    fs::write(directory.path().join("manifest"), text("manifest")).unwrap();
    assert_eq!(check(directory.path(), &ReadProgress::default()).unwrap().last_seq, Seq(7));
    let mut out = Vec::new();
    dump(directory.path(), &mut out, &ReadProgress::default()).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), text("dump"));
}

/// The base may show a part of record 7: without that record it is no state that the store has had.
#[test]
fn a_base_cannot_be_used_without_the_records_that_its_walk_may_have_seen() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("base-0000000002"), example("base-0000000002")).unwrap();
    fs::write(directory.path().join("manifest"), text("manifest")).unwrap();
    let segment = directory.path().join("segment-0000000002");
    let bytes = example("segment-0000000002");
    for len in SEGMENT_HEADER_BYTES..bytes.len() {
        fs::write(&segment, &bytes[..len]).unwrap();
        for error in [
            check(directory.path(), &ReadProgress::default()).unwrap_err(),
            repair(directory.path(), RepairMode::Cut, &ReadProgress::default()).unwrap_err(),
        ] {
            assert!(matches!(&error, OpenError::Damaged { last_good: Seq(6), .. }), "{error}");
            assert!(error.to_string().contains("cannot be used without the records"), "{error}");
        }
        assert_eq!(fs::read(&segment).unwrap().len(), len);
    }
    fs::write(&segment, &bytes).unwrap();
    check(directory.path(), &ReadProgress::default()).unwrap();
}
