//! Records that are numbered by the buffer, or only counted, while threads append them.

use super::switching::off;
use crate::config::FsyncPolicy;
use crate::journal::files::Disk;
use crate::store::change::ChangeBuffer;
use crate::store::change::sink::{ChangeSink, Seq};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;

#[test]
fn every_record_has_its_number_whoever_gives_it() {
    const RECORDS: u64 = 3;
    let directory = tempfile::tempdir().unwrap();
    let opened = off(Arc::new(Disk), directory.path(), FsyncPolicy::EverySecond);
    let journal = &opened.journal;
    let before = journal.last_seq();
    let is_over = AtomicBool::new(false);
    let append = || {
        let mut records = ChangeBuffer::default();
        for _ in 0..RECORDS {
            records.drop_key(0, b"key");
            records.end_record();
        }
        let mut numbers = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            numbers.push(journal.append(0, &records));
            thread::yield_now();
        }
        numbers
    };
    let context = Context::from_waker(Waker::noop());
    let numbers = thread::scope(|threads| {
        let appending = [threads.spawn(append), threads.spawn(append)];
        let wait = || {
            let last = journal.last_seq();
            while journal.last_seq().0 < last.0 + 200 {
                thread::yield_now();
            }
        };
        for round in 0..20 {
            let feed = (round % 3 > 0).then(|| journal.open_feed(usize::MAX));
            wait();
            journal.begin().unwrap();
            wait();
            journal.run_checkpoint();
            journal.turn_off();
            let is_free = journal.numbers.are_free();
            assert_eq!(is_free, feed.is_none(), "without a feed they are only counted");
            wait();
            let Some((feed, Seq(mut last))) = feed else { continue };
            let end = journal.last_seq();
            while let Poll::Ready(published) = feed.poll(&context) {
                for (seq, _) in published.unwrap().records() {
                    assert_eq!(seq, Seq(last + 1));
                    last = seq.0;
                }
            }
            assert!(last >= end.0, "{last} of {end:?}");
        }
        is_over.store(true, Ordering::Relaxed);
        appending.map(|thread| thread.join().unwrap())
    });
    let mut numbers = numbers.concat();
    numbers.sort_unstable();
    let expected = (1..=numbers.len() as u64).map(|append| Seq(before.0 + append * RECORDS));
    assert!(numbers.into_iter().eq(expected));
}
