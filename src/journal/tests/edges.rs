//! Faults between two steps: of a checkpoint, of an end and the start after it.

use super::checkpoints::names;
use super::disk::{Call, FaultyDisk, Left, Then};
use super::support::{Opened, acknowledge, open_with, options};
use crate::config::FsyncPolicy;
use crate::journal::Journal;
use crate::journal::segment_writer::FlushAttempt;
use crate::journal::walk::{Contents, Walkable};
use crate::machine::progress::ReadProgress;
use crate::store::change::ChangeBuffer;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

fn start(disk: &Arc<FaultyDisk>, directory: &Path, fsync: FsyncPolicy) -> Opened {
    open_with(disk.clone(), options(directory, fsync)).unwrap()
}

/// Writes members of one board, as a client does.
fn write(opened: &Opened, member: &str) {
    let seq = opened.table.write(&opened.journal, b"board", member.as_bytes(), Some(1.0));
    opened.acknowledge(seq).unwrap();
}

fn members(opened: &Opened) -> Vec<String> {
    let boards = opened.boards();
    let board = boards.get(&b"board"[..]).into_iter().flatten();
    board.map(|(member, _)| String::from_utf8(member.clone()).unwrap()).collect()
}

/// What other threads do during calls: a list of (call, part of the file's name, what), each done once.
type Deed = (Call, &'static str, Box<dyn Fn() + Send + Sync>);

fn during(disk: &FaultyDisk, deeds: Vec<Deed>) {
    let deeds: Vec<_> = deeds.into_iter().map(|deed| (deed, AtomicBool::new(false))).collect();
    disk.faults().meanwhile = Some(Arc::new(move |call, name| {
        for ((at, part, deed), is_done) in &deeds {
            if *at == call && name.contains(part) && !is_done.swap(true, Ordering::Relaxed) {
                return deed();
            }
        }
    }));
}

/// Writes from within a call of the disk.
fn writes(opened: &Opened, member: &'static str) -> Box<dyn Fn() + Send + Sync> {
    let (table, journal) = (Arc::clone(&opened.table), Arc::clone(&opened.journal));
    Box::new(move || {
        table.write(&journal, b"board", member.as_bytes(), Some(1.0));
        journal.flush(FlushAttempt::First);
    })
}

/// The power failed between the change to a new segment and the fdatasync of the previous one. The kernel had written
/// the new segment's record and not the old segment's last one, and the start failed: "there is a gap".
#[test]
fn a_power_failure_behind_the_change_of_segments_leaves_a_prefix() {
    for left in ["segment-0000000002", "segment"] {
        let directory = tempfile::tempdir().unwrap();
        let disk = Arc::new(FaultyDisk::default());
        let opened = start(&disk, directory.path(), FsyncPolicy::EverySecond);
        write(&opened, "a");
        opened.round();
        let crash = {
            let (disk, writes) = (Arc::downgrade(&disk), writes(&opened, "c"));
            Box::new(move || {
                writes();
                let disk = disk.upgrade().unwrap();
                let mut faults = disk.faults();
                faults.fail_call = Some((faults.calls, Then::Crash));
            })
        };
        let deeds: Vec<Deed> = vec![
            (Call::Create, "segment-0000000002", writes(&opened, "b")),
            (Call::Sync, "segment-0000000001", crash),
        ];
        during(&disk, deeds);
        opened.journal.run_checkpoint();
        assert!(opened.journal.status().last_checkpoint_error.is_some());
        assert_eq!(members(&opened), ["a", "b", "c"]);
        disk.faults().meanwhile = None;
        drop(opened);
        disk.power_failure_leaving(Left::AllOf(left));

        disk.faults().fail_call = None;
        let opened = start(&disk, directory.path(), FsyncPolicy::EverySecond);
        if left == "segment" {
            assert_eq!(members(&opened), ["a", "b", "c"], "nothing is missing: all of it counts");
        } else {
            assert_eq!(members(&opened), ["a"], "what came behind what is missing does not count");
            assert!(opened.recovered.torn_tail.as_ref().unwrap().bytes > 0);
        }
        let left = members(&opened);
        write(&opened, "d");
        opened.round();
        drop(opened);
        disk.power_failure();
        let opened = start(&disk, directory.path(), FsyncPolicy::EverySecond);
        assert_eq!(members(&opened), [left, vec!["d".to_owned()]].concat());
    }
}

/// Once the previous segment is synced, a gap in front of the new one is damage again.
#[test]
fn a_gap_that_no_power_failure_can_have_made_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let opened = start(&disk, directory.path(), FsyncPolicy::EverySecond);
    write(&opened, "a");
    disk.faults().fail_sync_of = Some("base");
    opened.journal.run_checkpoint();
    write(&opened, "b");
    drop(opened);
    let first = directory.path().join("segment-0000000001");
    let bytes = std::fs::read(&first).unwrap();
    std::fs::write(&first, &bytes[..bytes.len() - 1]).unwrap();
    let error = open_with(disk, options(directory.path(), FsyncPolicy::EverySecond)).err().unwrap();
    assert!(error.to_string().contains("segment-0000000002 has more"), "{error}");
}

/// An fdatasync failed, and the server was started again before there was a new base. The kernel had marked pages
/// clean that never reached the disk, so the next fdatasync succeeded, and records were acknowledged behind the hole.
/// After a power failure the start failed.
#[test]
fn nothing_is_built_on_pages_that_a_failed_fdatasync_has_dropped() {
    for (fsync, has_base) in [
        (FsyncPolicy::Always, false),
        (FsyncPolicy::Always, true),
        (FsyncPolicy::EverySecond, false),
        (FsyncPolicy::EverySecond, true),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let disk = Arc::new(FaultyDisk::default());
        let opened = start(&disk, directory.path(), fsync);
        write(&opened, "before");
        opened.round();
        disk.faults().fail_sync_of = Some("segment-0000000001");
        let seq = opened.table.write(&opened.journal, b"board", b"dropped", Some(1.0));
        let _ = opened.acknowledge(seq);
        opened.journal.sync();
        assert!(opened.journal.refusal().is_some());
        drop(opened);
        disk.faults().fail_sync_of = None;

        let opened = start(&disk, directory.path(), fsync);
        assert_eq!(members(&opened), ["before", "dropped"], "the kernel still shows it");
        let seq = opened.table.write(&opened.journal, b"board", b"later", Some(1.0));
        let answer = acknowledge(&opened.journal, seq);
        match fsync {
            FsyncPolicy::Always => assert_eq!(answer, None, "there is no base yet"),
            _ => assert_eq!(answer, Some(Ok(()))),
        }
        if has_base {
            opened.round();
            assert_eq!(opened.journal.status().checkpoints, 1, "by itself");
            assert_eq!(acknowledge(&opened.journal, seq), Some(Ok(())));
            write(&opened, "last");
            opened.journal.sync();
            assert!(!opened.journal.is_checkpoint_due(), "once");
        }
        drop(opened);
        disk.power_failure();
        let opened = start(&disk, directory.path(), fsync);
        let expected: &[&str] = if has_base { &["before", "dropped", "last", "later"] } else { &["before"] };
        assert_eq!(members(&opened), expected, "{fsync:?}");
    }
}

/// With `always`, replies that wait for the base are refused if it fails, and the next attempt makes the journal
/// whole.
#[test]
fn replies_that_wait_for_a_failed_base_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let opened = start(&disk, directory.path(), FsyncPolicy::Always);
    write(&opened, "before");
    drop(opened);
    let opened = start(&disk, directory.path(), FsyncPolicy::Always);
    let seq = opened.table.write(&opened.journal, b"board", b"waits", Some(1.0));
    assert_eq!(acknowledge(&opened.journal, seq), None);
    disk.faults().fail_sync_of = Some("base");
    opened.round();
    let refused = acknowledge(&opened.journal, seq).unwrap().unwrap_err();
    assert!(refused.0.contains("not closed in order") && refused.0.contains("os error 5"), "{refused}");
    disk.faults().fail_sync_of = None;
    for _ in 0..3 {
        opened.round();
    }
    assert_eq!(opened.journal.refusal(), None);
    write(&opened, "after");
    drop(opened);
    disk.power_failure();
    assert_eq!(members(&start(&disk, directory.path(), FsyncPolicy::Always)), ["after", "before", "waits"]);
}

#[test]
fn an_end_in_order_costs_no_base_and_its_mark_serves_once() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let is_due = |opened: &Opened| opened.journal.is_checkpoint_due();
    let opened = start(&disk, directory.path(), FsyncPolicy::Always);
    assert!(!is_due(&opened), "an empty journal");
    write(&opened, "a");
    opened.journal.close().unwrap();
    disk.power_failure();
    assert!(names(directory.path()).contains(&"closed".to_owned()));
    let mark = std::fs::read(directory.path().join("closed")).unwrap();

    let opened = start(&disk, directory.path(), FsyncPolicy::Always);
    assert!(!is_due(&opened));
    assert_eq!(names(directory.path()), ["lock", "manifest", "segment-0000000001"]);
    write(&opened, "b");
    drop(opened);
    // The mark of another end, as a backup of single files may restore it.
    std::fs::write(directory.path().join("closed"), &mark).unwrap();
    let opened = start(&disk, directory.path(), FsyncPolicy::Always);
    assert!(is_due(&opened), "killed");
    drop(opened);
    let opened = start(&disk, directory.path(), FsyncPolicy::Always);
    assert!(is_due(&opened), "killed before its base");
    let segments = ["lock", "manifest", "segment-0000000001", "segment-0000000002"];
    assert_eq!(names(directory.path()), segments, "a start that wrote nothing leaves no further segment");
    opened.round();
    drop(opened);
    let opened = start(&disk, directory.path(), FsyncPolicy::Always);
    assert!(!is_due(&opened), "killed with nothing but a base");
    assert_eq!(members(&opened), ["a", "b"]);
}

/// A full disk must not keep a server from starting, however its last run ended.
#[test]
fn a_start_needs_no_space() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let opened = start(&disk, directory.path(), FsyncPolicy::EverySecond);
    write(&opened, "a");
    opened.journal.close().unwrap();
    disk.faults().space_bytes = Some(0);
    drop(start(&disk, directory.path(), FsyncPolicy::EverySecond));
    let opened = start(&disk, directory.path(), FsyncPolicy::EverySecond);
    assert_eq!(members(&opened), ["a"]);
    let seq = opened.table.write(&opened.journal, b"board", b"b", Some(1.0));
    assert!(opened.acknowledge(seq).unwrap_err().0.contains("No space left"));
    opened.round();
    assert_eq!(opened.journal.status().checkpoint_failures_in_a_row, 1);
    disk.faults().space_bytes = None;
    opened.round();
    assert_eq!(opened.journal.refusal(), None);
    drop(opened);
    assert_eq!(members(&start(&disk, directory.path(), FsyncPolicy::EverySecond)), ["a", "b"]);
}

/// On a full disk a checkpoint failed after its base had been renamed. The base was never removed, and because it
/// took the space, writes stayed refused.
#[test]
fn a_checkpoint_that_fails_late_gives_its_space_back_and_writes_go_on() {
    let long: &'static str = Box::leak("x".repeat(600).into_boxed_str());
    for (call, part) in [(Call::Rename, "base"), (Call::Write, "base"), (Call::Sync, "base")] {
        let directory = tempfile::tempdir().unwrap();
        let disk = Arc::new(FaultyDisk::default());
        let opened = start(&disk, directory.path(), FsyncPolicy::EverySecond);
        (0..200u64).for_each(|number| {
            write(&opened, &format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        });
        let fill = {
            let (disk, writes) = (Arc::downgrade(&disk), writes(&opened, long));
            Box::new(move || {
                disk.upgrade().unwrap().faults().space_bytes =
                    Some(if call == Call::Write { 4_000 } else { 100 });
                writes();
            })
        };
        during(&disk, vec![(call, part, fill)]);
        if call == Call::Write {
            // The header fits, the records do not.
            during(&disk, Vec::new());
            disk.faults().space_bytes = Some(1_500);
        }
        opened.journal.run_checkpoint();
        disk.faults().meanwhile = None;
        let status = opened.journal.status();
        assert!(status.last_checkpoint_error.unwrap().contains("No space left"), "{call:?}");
        assert_eq!(status.refusal, None, "{call:?}: the base's space is there for records");
        let left = ["lock", "manifest", "segment-0000000001", "segment-0000000002"];
        assert_eq!(names(directory.path()), left, "{call:?}");
        write(&opened, "after");
        let boards = opened.boards();
        drop(opened);
        assert_eq!(start(&disk, directory.path(), FsyncPolicy::EverySecond).boards(), boards);
    }
}

/// Whichever call of a checkpoint fails, no file is left that no start would read, unless it is unknown which
/// manifest a start would find.
#[test]
fn a_failed_checkpoint_leaves_no_file_behind() {
    let mut failed = 0;
    for number in 0.. {
        let directory = tempfile::tempdir().unwrap();
        let disk = Arc::new(FaultyDisk::default());
        let opened = start(&disk, directory.path(), FsyncPolicy::EverySecond);
        write(&opened, "a");
        let first = disk.faults().calls + number;
        disk.faults().fail_call = Some((first, Then::GoOn));
        opened.journal.run_checkpoint();
        if opened.journal.status().last_checkpoint_error.is_none() {
            if disk.faults().calls > first {
                // The removal of files that are not needed; the next checkpoint tries again.
                continue;
            }
            break;
        }
        failed += 1;
        let listed = std::fs::read_to_string(directory.path().join("manifest")).unwrap();
        let is_listed = |name: &String| {
            let Some((kind, digits)) = name.split_once('-') else { return name != "manifest.temporary" };
            let number = digits.trim_start_matches('0');
            let kinds: &[&str] = if kind == "segment" { &["segment", "loose"] } else { &["base"] };
            kinds.iter().any(|kind| listed.contains(&format!("{kind} {number}\n")))
        };
        let is_in_doubt = opened.journal.listed.lock().is_in_doubt();
        let left = names(directory.path());
        assert!(is_in_doubt || left.iter().all(is_listed), "call {number}: {left:?}, {listed}");
        for _ in 0..4 {
            opened.round();
        }
        opened.journal.run_checkpoint();
        assert_eq!(names(directory.path()).len(), 4, "call {number}");
    }
    assert!(failed > 20, "{failed}");
}

/// A panic on the checkpoint's thread left the checkpoint running for ever: no other was started, not even to make
/// the journal whole.
#[test]
fn a_checkpoint_that_panics_has_failed_and_the_next_one_may_begin() {
    struct Panics;
    impl Walkable for Panics {
        fn begin(&self) -> Box<dyn Contents + '_> {
            Box::new(Self)
        }

        fn await_holds(&self) {}
    }
    impl Contents for Panics {
        fn walk(&mut self, visit: &mut dyn FnMut(&ChangeBuffer) -> io::Result<()>) -> io::Result<()> {
            visit(&ChangeBuffer::default())?;
            panic!("a bug in the walk");
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let walk = Arc::new(Panics);
    let weak: Weak<dyn Walkable> = Arc::downgrade(&(walk.clone() as Arc<dyn Walkable>));
    let options = options(directory.path(), FsyncPolicy::EverySecond);
    let files = Arc::new(FaultyDisk::default());
    let opened = Journal::open_on(files, options, weak, &ReadProgress::default(), &mut |_, _, _| Ok(()));
    let (journal, ..) = opened.unwrap();
    for times in 1..3 {
        journal.checkpoint().unwrap();
        let threads = std::mem::take(&mut *journal.threads.lock());
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let status = journal.status();
        assert!(!status.checkpoint_running && status.checkpoint_running_s.is_none());
        assert!(status.last_checkpoint_error.unwrap().contains("panicked"));
        assert_eq!(status.checkpoint_failures_in_a_row, times);
        assert!(names(directory.path()).iter().all(|name| !name.starts_with("base")));
    }
    journal.close().unwrap();
}
