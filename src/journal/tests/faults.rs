//! A disk that fails: writes are refused with a reason, reads are not affected, and no acknowledged record is missing
//! after a restart.

use super::disk::FaultyDisk;
use super::support::{Opened, open, open_with, options};
use crate::config::FsyncPolicy;
use crate::journal::OpenError;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

fn faulty(directory: &Path, fsync: FsyncPolicy) -> Result<(Arc<FaultyDisk>, Opened), OpenError> {
    let disk = Arc::new(FaultyDisk::default());
    let opened = open_with(disk.clone(), options(directory, fsync))?;
    Ok((disk, opened))
}

fn write(opened: &Opened, member: &str) -> Result<(), super::super::Refused> {
    let seq = opened.table.write(&opened.journal, b"board", member.as_bytes(), Some(1.0));
    opened.acknowledge(seq)
}

#[test]
fn a_full_disk_refuses_and_heals_by_itself_when_space_returns() {
    for space in 0..100 {
        let directory = tempfile::tempdir().unwrap();
        let (disk, opened) = faulty(directory.path(), FsyncPolicy::EverySecond).unwrap();
        write(&opened, "before").unwrap();
        disk.faults().space_bytes = Some(space);
        let mut kept = 0;
        while write(&opened, &format!("during-{kept}")).is_ok() {
            kept += 1;
        }
        let reason = opened.journal.refusal().unwrap();
        assert!(reason.contains("cannot be written"), "{reason}");
        assert!(opened.journal.status().pending_bytes > 0, "kept for later");
        let calls = disk.faults().calls;
        write(&opened, "refused").unwrap_err();
        assert_eq!(disk.faults().calls, calls, "a command does not try a full disk again");
        opened.round();
        assert!(opened.journal.refusal().is_some(), "still full");

        // A crash now leaves what was acknowledged, and a clean or torn end.
        let copy = copy_of(directory.path());
        let members = open(copy.path()).unwrap().boards()[&b"board"[..]].len();
        assert_eq!(members, kept + 1, "space for {space} bytes");

        disk.faults().space_bytes = None;
        opened.round();
        assert_eq!(opened.journal.refusal(), None);
        assert_eq!(opened.journal.status().pending_bytes, 0);
        write(&opened, "after").unwrap();
        let boards = opened.boards();
        drop(opened);
        let again = open(directory.path()).unwrap();
        assert_eq!((again.boards(), again.recovered.torn_tail.clone()), (boards, None), "space {space}");
    }
}

pub(super) fn copy_of(directory: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
}

#[test]
fn short_and_interrupted_writes_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (disk, opened) = faulty(directory.path(), FsyncPolicy::Always).unwrap();
    disk.faults().short_bytes = Some(3);
    for member in ["a", "b", "c"] {
        write(&opened, member).unwrap();
    }
    opened.journal.run_checkpoint();
    write(&opened, "d").unwrap();
    let boards = opened.boards();
    drop(opened);
    assert_eq!(open(directory.path()).unwrap().boards(), boards);
}

#[test]
fn a_failed_fdatasync_is_not_forgotten_until_a_new_base_is_synced() {
    for policy in [FsyncPolicy::Always, FsyncPolicy::EverySecond] {
        let directory = tempfile::tempdir().unwrap();
        let (disk, opened) = faulty(directory.path(), policy).unwrap();
        write(&opened, "before").unwrap();
        opened.round();
        disk.faults().fail_sync_of = Some("segment-0000000001");
        let during = write(&opened, "during");
        assert_eq!(during.is_ok(), policy == FsyncPolicy::EverySecond, "write(2) is what everysec waits for");
        opened.journal.sync();
        let reason = opened.journal.refusal().unwrap();
        assert!(reason.contains("fdatasync of the journal failed"), "{reason}");

        // The next fdatasync would succeed.
        disk.faults().fail_sync_of = None;
        opened.journal.sync();
        write(&opened, "refused").unwrap_err();
        assert!(opened.journal.refusal().is_some(), "believed a later fdatasync");
        assert_eq!(opened.journal.status().failed_fsyncs, 1);

        // A base that cannot be synced does not make the journal whole, and another attempt waits for its round.
        disk.faults().fail_sync_of = Some("base");
        opened.round();
        assert!(opened.journal.refusal().is_some());
        assert_eq!(opened.journal.status().checkpoint_failures_in_a_row, 1);
        write(&opened, "refused too").unwrap_err();
        disk.faults().fail_sync_of = None;
        for _ in 0..3 {
            opened.round();
        }
        assert_eq!(opened.journal.refusal(), None);
        write(&opened, "after").unwrap();
        let boards = opened.boards();
        assert_eq!(boards[&b"board"[..]].len(), 5, "what was refused is in the store, so it is in the base");
        drop(opened);
        assert_eq!(open(directory.path()).unwrap().boards(), boards);
    }
}

#[test]
fn nothing_is_acknowledged_while_a_new_base_is_still_being_written() {
    let directory = tempfile::tempdir().unwrap();
    let (disk, opened) = faulty(directory.path(), FsyncPolicy::EverySecond).unwrap();
    write(&opened, "before").unwrap();
    disk.faults().fail_sync_of = Some("segment");
    opened.journal.sync();
    disk.faults().fail_sync_of = None;
    let lost = opened.table.write(&opened.journal, b"board", b"dropped", Some(1.0));

    // The steps of a checkpoint up to the base.
    let directories = &opened.journal.directory;
    let segment = super::super::segment::Segment::create(directories, 2, 77).unwrap();
    opened.journal.change_over(segment, super::super::segment_writer::Role::Replacement).unwrap();
    write(&opened, "in the new segment").unwrap_err();
    opened.journal.flush(super::super::segment_writer::FlushAttempt::Again);
    opened.journal.sync();
    opened.acknowledge(lost).unwrap_err();
    let boards = open(copy_of(directory.path()).path()).unwrap().boards();
    assert_eq!(boards[&b"board"[..]].len(), 1, "what a crash would leave");
}

#[test]
fn a_record_that_is_too_long_is_not_acknowledged_and_the_base_takes_it() {
    let directory = tempfile::tempdir().unwrap();
    let (_, opened) = faulty(directory.path(), FsyncPolicy::EverySecond).unwrap();
    opened.journal.pending.lock().limit_records_to(60);
    write(&opened, "short").unwrap();
    let refused = write(&opened, &"long".repeat(20)).unwrap_err();
    assert!(refused.0.contains("longer than"), "{refused}");
    opened.round();
    assert_eq!(opened.journal.refusal(), None);
    write(&opened, "after").unwrap();
    let boards = opened.boards();
    drop(opened);
    assert_eq!(open(directory.path()).unwrap().boards(), boards);
}

#[test]
fn a_closed_journal_refuses() {
    let directory = tempfile::tempdir().unwrap();
    let (disk, opened) = faulty(directory.path(), FsyncPolicy::EverySecond).unwrap();
    opened.table.write(&opened.journal, b"board", b"pending", Some(1.0));
    let boards = opened.boards();
    opened.journal.close().unwrap();
    opened.journal.close().unwrap();
    disk.power_failure();
    assert!(write(&opened, "late").unwrap_err().0.contains("closed"));
    opened.journal.checkpoint().unwrap_err();
    assert_eq!(open(directory.path()).unwrap().boards(), boards);
}

#[test]
fn closing_fails_if_a_record_cannot_be_synced() {
    let directory = tempfile::tempdir().unwrap();
    let (disk, opened) = faulty(directory.path(), FsyncPolicy::EverySecond).unwrap();
    write(&opened, "a").unwrap();
    disk.faults().fail_sync_of = Some("segment");
    let refused = opened.journal.close().unwrap_err();
    assert!(refused.0.contains("fdatasync"), "{refused}");
}

/// Counts how often it is woken.
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn one_fdatasync_acknowledges_all_who_wait() {
    let directory = tempfile::tempdir().unwrap();
    let (_, opened) = faulty(directory.path(), FsyncPolicy::Always).unwrap();
    let woken = Arc::new(Woken(AtomicUsize::new(0)));
    let waker = Waker::from(woken.clone());
    let mut context = Context::from_waker(&waker);
    let seqs: Vec<_> =
        (0..50u8).map(|member| opened.table.write(&opened.journal, b"board", &[member], Some(1.0))).collect();
    let mut waiting: Vec<_> = seqs.iter().map(|&seq| Box::pin(opened.journal.acknowledged(seq))).collect();
    for one in &mut waiting {
        assert!(one.as_mut().poll(&mut context).is_pending());
    }
    opened.journal.commit_group();
    assert_eq!(woken.0.load(Ordering::SeqCst), 50);
    assert_eq!(opened.journal.status().fsyncs, 1);
    for one in &mut waiting {
        assert_eq!(one.as_mut().poll(&mut context), Poll::Ready(Ok(())));
    }
}

#[test]
fn a_thread_that_finds_the_writer_busy_is_woken_when_it_is_free() {
    let directory = tempfile::tempdir().unwrap();
    let (_, opened) = faulty(directory.path(), FsyncPolicy::EverySecond).unwrap();
    let woken = Arc::new(Woken(AtomicUsize::new(0)));
    let waker = Waker::from(woken.clone());
    let mut context = Context::from_waker(&waker);
    let seq = opened.table.write(&opened.journal, b"board", b"m", Some(1.0));
    let mut waiting = pin!(opened.journal.acknowledged(seq));
    // Taken for any reason: it need not be a flush that holds the lock.
    let busy = opened.journal.writer();
    assert!(waiting.as_mut().poll(&mut context).is_pending());
    drop(busy);
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    assert_eq!(waiting.as_mut().poll(&mut context), Poll::Ready(Ok(())));
}

#[test]
fn the_backlog_is_what_no_file_has() {
    let directory = tempfile::tempdir().unwrap();
    let (_, opened) = faulty(directory.path(), FsyncPolicy::EverySecond).unwrap();
    let member = vec![b'm'; 9 * 1024 * 1024];
    for key in [b"1", b"2", b"3", b"4", b"5", b"6", b"7"] {
        assert!(!opened.journal.over_backlog());
        opened.table.write(&opened.journal, key, &member, Some(1.0));
    }
    assert!(!opened.journal.over_backlog());
    let last = opened.table.write(&opened.journal, b"8", &member, Some(1.0));
    assert!(opened.journal.over_backlog());
    opened.acknowledge(last).unwrap();
    assert!(!opened.journal.over_backlog());
}
