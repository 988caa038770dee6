//! Records of holds that nobody reads lack their Changes: whoever begins to read finds none of those.

use super::support::options;
use crate::config::FsyncPolicy;
use crate::journal::Journal;
use crate::machine::clock::Clock;
use crate::machine::progress::ReadProgress;
use crate::store::change::sink::Seq;
use crate::store::change::{ChangeBuffer, decode};
use crate::store::{Access, End, Hold, List, Missing, Store};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;

const LISTS: usize = 40;
const MOST_ELEMENTS: usize = 50;

/// Ends the writers, also where the test fails.
struct Ends<'t>(&'t AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn push(store: &Store, number: usize) {
    let key = format!("list{}", number % LISTS);
    let shard = store.shard_of(key.as_bytes());
    let mut hold = Hold::on(store, &[shard], Access::Write, ChangeBuffer::default());
    let pushed = hold.writer(0).edit::<List, _>(key.as_bytes(), Missing::Create, "rpush", |list| {
        list.push(End::Back, b"an element");
        if list.len() > MOST_ELEMENTS {
            list.pop(End::Front, MOST_ELEMENTS / 2);
        }
    });
    assert_eq!(pushed, Ok(Some(())));
    hold.end_record();
}

#[test]
fn whoever_begins_to_read_records_gets_whole_ones() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::new(8, 1, 1, Clock::manual(5_000)));
    let journal = Journal::off(options(directory.path(), FsyncPolicy::Never), &store);
    store.attach(journal.clone());
    let is_over = AtomicBool::new(false);
    let write = |first: usize| {
        let mut number = first;
        while !is_over.load(Ordering::Relaxed) {
            push(&store, number);
            number += 1;
        }
        (number - first) as u64
    };
    let context = Context::from_waker(Waker::noop());
    thread::scope(|threads| {
        let _end = Ends(&is_over);
        let writers = [threads.spawn(|| write(0)), threads.spawn(|| write(LISTS / 2))];
        for round in 0..60 {
            assert!(!journal.readers.are_there(), "round {round}");
            let (feed, Seq(mut last)) = store.open_feed(usize::MAX).unwrap();
            let until = last + 200;
            while last < until {
                let Poll::Ready(published) = feed.poll(&context) else {
                    thread::yield_now();
                    continue;
                };
                for (seq, mut body) in published.unwrap().records() {
                    assert_eq!(seq, Seq(last + 1));
                    last = seq.0;
                    decode(&mut body).expect("a Change");
                }
            }
            drop(feed);
            journal.only_count();
            if round % 6 == 0 {
                turn_on(&journal);
                journal.turn_off();
            }
        }
        turn_on(&journal);
        is_over.store(true, Ordering::Relaxed);
        let pushes = writers.map(|writer| writer.join().unwrap());
        assert_eq!(journal.last_seq(), Seq(pushes[0] + pushes[1]), "each record has a number, read or not");
    });
    journal.close().unwrap();
    let again = Arc::new(Store::new(8, 1, 1, Clock::manual(5_000)));
    Journal::open(options(directory.path(), FsyncPolicy::Never), &again, &ReadProgress::default()).unwrap();
    for number in 0..LISTS {
        let key = format!("list{number}");
        assert_eq!(len(&store, &key), len(&again, &key), "{key}");
    }
}

#[test]
fn records_that_nobody_reads_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::new(8, 1, 1, Clock::manual(5_000)));
    let journal = Journal::off(options(directory.path(), FsyncPolicy::Never), &store);
    store.attach(journal.clone());
    let push_three = |unread: u64, last: u64| {
        (0..3).for_each(|number| push(&store, number));
        assert_eq!((store.unread_records(), store.last_seq()), (unread, Seq(last)));
    };
    push_three(3, 3);
    let (feed, after) = store.open_feed(usize::MAX).unwrap();
    assert_eq!(after, Seq(3));
    push_three(3, 6);
    drop(feed);
    journal.only_count();
    push_three(6, 9);
    turn_on(&journal);
    push_three(6, 12);
    journal.turn_off();
    push_three(9, 15);
}

fn turn_on(journal: &Journal) {
    assert!(!journal.readers.are_there());
    journal.begin().unwrap();
    journal.run_checkpoint();
    assert!(journal.is_on() && journal.refusal().is_none());
}

fn len(store: &Store, key: &str) -> usize {
    let shard = store.shard_of(key.as_bytes());
    let hold = Hold::on(store, &[shard], Access::Read, ChangeBuffer::default());
    hold.reader(0).get::<List>(key.as_bytes()).unwrap().map_or(0, List::len)
}
