//! Feeds: further readers of Changes beside the journal, such as a replica or data derived from a board.
//!
//! A feed gets every record made after it was opened, in the journal's order and with the journal's numbers: the sink
//! hands records over where it assigns the numbers ([`Feeds::publish`]). A writer never waits for a feed. A feed holds
//! records up to a bound. If its reader is too slow and the bound is exceeded, the feed drops everything it holds and
//! returns [`Lagged`]. Its reader must then start again from a walk over the store. A reader that applies records over what
//! a walk in steps has seen begins with [`Store::snapshot`](crate::store::Store::snapshot), before it opens the feed.

use super::buffer::ChangeBuffer;
use super::seq::Seq;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

/// The records of one hold.
#[derive(Debug, PartialEq, Eq)]
pub struct Published {
    /// The number of the first record; the others follow without gaps.
    pub first: Seq,
    /// The time of the commands, in unix milliseconds.
    pub unix_ms: u64,
    bytes: Box<[u8]>,
    /// The end of each record in `bytes`.
    ends: Box<[usize]>,
}

impl Published {
    /// The records' bodies with their numbers; [`super::decode`] reads a body.
    pub fn records(&self) -> impl Iterator<Item = (Seq, &[u8])> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let bodies = starts.zip(&self.ends).map(|(start, &end)| &self.bytes[start..end]);
        (self.first.0..).map(Seq).zip(bodies)
    }
}

/// The reader was too slow, and the feed has lost records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lagged;

/// The open feeds of a store. The sink keeps them under the lock that orders records.
#[derive(Debug, Default)]
pub struct Feeds(Vec<Weak<Queue>>);

impl Feeds {
    /// Opens a feed that holds up to `bound_bytes` bytes of records. Its first record is the next one published.
    pub fn open(&mut self, bound_bytes: usize) -> Feed {
        let queue = Arc::new(Queue { bound_bytes, waiting: Mutex::default() });
        self.0.push(Arc::downgrade(&queue));
        Feed(queue)
    }

    /// Whether a feed is open.
    pub fn are_open(&mut self) -> bool {
        self.0.retain(|queue| queue.strong_count() > 0);
        !self.0.is_empty()
    }

    /// Gives every feed the closed records of `records`; the first has the number `first`. Without feeds this is one
    /// check. With feeds the records are copied once for all of them.
    pub fn publish(&mut self, first: Seq, unix_ms: u64, records: &ChangeBuffer) {
        if self.0.is_empty() {
            return;
        }
        if records.lacks_changes() {
            // Of a hold that has promoted this server: it began when nobody read records.
            self.0.drain(..).filter_map(|queue| queue.upgrade()).for_each(|queue| queue.lose());
            return;
        }
        let mut bytes = Vec::with_capacity(records.len());
        let mut ends = Vec::new();
        for body in records.records() {
            bytes.extend_from_slice(body);
            ends.push(bytes.len());
        }
        let published = Arc::new(Published { first, unix_ms, bytes: bytes.into(), ends: ends.into() });
        self.0.retain(|queue| queue.upgrade().is_some_and(|queue| queue.put(&published)));
    }
}

/// The records that wait for the reader of a feed.
#[derive(Debug)]
struct Queue {
    bound_bytes: usize,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    published: VecDeque<Arc<Published>>,
    bytes: usize,
    has_lagged: bool,
    waker: Option<Waker>,
}

impl Waiting {
    fn lose(&mut self) {
        *self = Self { has_lagged: true, waker: self.waker.take(), ..Self::default() };
    }
}

impl Queue {
    /// Adds records. Returns whether the feed stays open.
    fn put(&self, published: &Arc<Published>) -> bool {
        let mut waiting = self.waiting.lock();
        waiting.bytes += published.bytes.len();
        waiting.published.push_back(Arc::clone(published));
        if waiting.bytes > self.bound_bytes {
            waiting.lose();
        }
        if let Some(waker) = waiting.waker.take() {
            waker.wake();
        }
        !waiting.has_lagged
    }

    /// Records are lost. The feed is closed.
    fn lose(&self) {
        let mut waiting = self.waiting.lock();
        waiting.lose();
        if let Some(waker) = waiting.waker.take() {
            waker.wake();
        }
    }
}

/// The reader's side of a feed. Dropping it closes the feed.
#[derive(Debug)]
pub struct Feed(Arc<Queue>);

impl Feed {
    /// The next records. If there are none, wakes the task when there are.
    ///
    /// # Errors
    /// [`Lagged`] if records were lost; every later call returns it again.
    pub fn poll(&self, context: &Context<'_>) -> Poll<Result<Arc<Published>, Lagged>> {
        let mut waiting = self.0.waiting.lock();
        if waiting.has_lagged {
            return Poll::Ready(Err(Lagged));
        }
        match waiting.published.pop_front() {
            Some(published) => {
                waiting.bytes -= published.bytes.len();
                Poll::Ready(Ok(published))
            }
            None => {
                waiting.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// The number of bytes of records that wait for the reader.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.0.waiting.lock().bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::clock::Clock;
    use crate::store::change::sink::Count;
    use crate::store::{Access, Hold, Store};
    use std::thread;

    fn write(store: &Store, number: usize) {
        let key = format!("key{number}");
        let mut hold =
            Hold::on(store, &[store.shard_of(key.as_bytes())], Access::Write, ChangeBuffer::default());
        hold.writer(0).set_string(key.as_bytes(), b"value", None);
        hold.end_record();
    }

    fn store() -> Store {
        let store = Store::new(8, 1, 1, Clock::manual(5_000));
        store.attach(Arc::new(Count::default()));
        store
    }

    fn next(feed: &Feed) -> Option<Result<Arc<Published>, Lagged>> {
        match feed.poll(&Context::from_waker(Waker::noop())) {
            Poll::Ready(next) => Some(next),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_feed_does_not_go_on_behind_a_record_without_its_changes() {
        let (mut feeds, mut records) = (Feeds::default(), ChangeBuffer::default());
        let feed = feeds.open(usize::MAX);
        records.expect_readers(false);
        assert!(records.skips_change());
        records.end_record();
        assert_eq!(records.record_count(), 1);
        feeds.publish(Seq(1), 0, &records);
        assert_eq!(next(&feed), Some(Err(Lagged)));
        assert!(!feeds.are_open());
    }

    #[test]
    fn a_feed_begins_where_it_was_opened_and_misses_nothing() {
        let store = store();
        write(&store, 0);
        let (feed, after) = store.open_feed(1 << 20).expect("a sink is attached");
        assert_eq!(after, Seq(1));
        assert_eq!(next(&feed), None);
        thread::scope(|scope| {
            for thread in 0..3 {
                let store = &store;
                scope.spawn(move || (0..200).for_each(|number| write(store, thread * 1000 + number)));
            }
        });
        let mut expected = 2;
        while let Some(published) = next(&feed) {
            for (seq, body) in published.expect("within the bound").records() {
                assert_eq!(seq, Seq(expected), "in order and without gaps");
                assert!(!body.is_empty());
                expected += 1;
            }
        }
        assert_eq!(expected, 602);
        assert_eq!(feed.waiting_bytes(), 0);
    }

    #[test]
    fn a_feed_that_falls_behind_ends_with_an_error_and_frees_its_records() {
        let store = store();
        let (slow, _) = store.open_feed(100).expect("a sink is attached");
        let (quick, _) = store.open_feed(1 << 20).expect("a sink is attached");
        for number in 0..50 {
            write(&store, number);
            assert!(next(&quick).is_some_and(|next| next.is_ok()));
        }
        assert_eq!(next(&slow), Some(Err(Lagged)));
        assert_eq!(slow.waiting_bytes(), 0);
        drop(slow);
        write(&store, 50);
        assert_eq!(next(&quick).expect("a record").expect("within the bound").first, Seq(51));
    }
}
