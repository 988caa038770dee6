//! Blocked clients: the mechanism behind every blocking command.
//!
//! A blocking command says what it wants as a [`Wish`]. If no key has it, the client is put into the queue of each key
//! ([`crate::store::keys::interest`]). A thread that changes a key serves the clients in the key's queue, first come, first
//! served, before it gives the lock back. The connection sleeps until it is woken with its reply.

use super::ending::Ending;
use super::wish::{Attempt, Patience, Wish};
use crate::commands::call::error::CommandError;
use crate::resp::Protocol;
use crate::resp::reply::Reply;
use crate::store::change::ChangeBuffer;
use crate::store::keys::interest::{Ready, ReadyKey, Served, Ticket, Waiter};
use crate::store::{Access, DatabaseIndex, Hold, Kind, Seq, Store, Writer};
use parking_lot::Mutex;
use smallvec::SmallVec;
use std::collections::BTreeSet;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A client that waits for one of several keys.
pub struct BlockedClient {
    patience: Patience,
    kind: Kind,
    destination: Option<Box<[u8]>>,
    needs_value: bool,
    attempt: Attempt,
    /// The keys, each once, in the order of the request.
    keys: Vec<Box<[u8]>>,
    /// Their places in `keys`, ascending by key.
    by_key: Vec<usize>,
    ticket: Ticket,
    database: DatabaseIndex,
    protocol: Protocol,
    progress: Mutex<Progress>,
    /// Writes its reply when its time is over; `None`: null.
    at_time_out: Option<WriteReply>,
}

/// Writes a reply.
pub type WriteReply = Box<dyn Fn(&mut Reply<'_>) + Send + Sync>;

#[derive(Debug, Default)]
struct Progress {
    phase: Phase,
    reply: Vec<u8>,
    seq: Option<Seq>,
    waker: Option<Waker>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Waiting,
    /// There is a reply, but the journal does not have yet the record that it rests on.
    Served,
    Over,
}

impl BlockedClient {
    pub(in crate::commands) fn new(
        wish: Wish,
        ticket: Ticket,
        database: DatabaseIndex,
        protocol: Protocol,
    ) -> Self {
        let Wish { keys, kind, destination, needs_value, patience, attempt, elements: _ } = wish;
        let keys = each_once(keys);
        let mut by_key: Vec<usize> = (0..keys.len()).collect();
        by_key.sort_unstable_by_key(|&place| &keys[place]);
        Self {
            patience,
            kind,
            destination,
            needs_value,
            attempt,
            keys,
            by_key,
            ticket,
            database,
            protocol,
            progress: Mutex::default(),
            at_time_out: None,
        }
    }

    /// A client that waits for no key: somebody else ends its wait, or `at_time_out` replies when its time is over.
    pub(in crate::commands) fn for_others(
        patience: Patience,
        at_time_out: WriteReply,
        database: DatabaseIndex,
        protocol: Protocol,
    ) -> Self {
        let wish = Wish {
            keys: Vec::new(),
            kind: Kind::String,
            destination: None,
            needs_value: false,
            patience,
            attempt: Attempt::First(Box::new(|_, _, _| Ok(false))),
            elements: None,
        };
        Self { at_time_out: Some(at_time_out), ..Self::new(wish, Ticket::default(), database, protocol) }
    }

    /// How long it waits at most; `None` for ever.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        if let Patience::For(timeout) = self.patience { Some(timeout) } else { None }
    }

    /// The keys that it waits for, each once.
    pub(in crate::commands) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().map(|key| &**key)
    }

    /// Those of its keys that are `ready`, in the order of the request. Of the two lists, each key of the shorter one is looked
    /// up in the longer one.
    fn ready_keys(&self, ready: &[&ReadyKey]) -> SmallVec<[&[u8]; 4]> {
        if self.keys.len() < ready.len() {
            let is_ready = |key: &&[u8]| {
                count_look_up();
                ready.binary_search_by_key(key, |(_, key)| key).is_ok()
            };
            return self.keys().filter(is_ready).collect();
        }
        let mut places: SmallVec<[usize; 4]> = SmallVec::new();
        for (_, key) in ready {
            count_look_up();
            let position = self.by_key.binary_search_by_key(&key, |place| &self.keys[*place]);
            places.extend(position.ok().map(|position| self.by_key[position]));
        }
        places.sort_unstable();
        places.iter().map(|place| &*self.keys[*place]).collect()
    }

    /// Takes what it waits for from `keys`, or ends the wait with an error. Returns whether it did.
    fn take(&self, writer: &mut Writer<'_, '_>, keys: &[&[u8]], reply: &mut Reply<'_>) -> bool {
        let ends = |outcome: Result<bool, CommandError>, reply: &mut Reply<'_>| match outcome {
            // The destination holds another type, or the value is gone: as in Redis, that ends the wait.
            Err(error) if self.destination.is_some() || self.needs_value => {
                reply.error(&error.0);
                true
            }
            // A key of another type is skipped. The client goes on waiting for it.
            outcome => outcome == Ok(true),
        };
        match &self.attempt {
            Attempt::First(take) => keys.iter().any(|key| {
                let outcome = take(writer, key, reply);
                ends(outcome, reply)
            }),
            Attempt::Each(take) => {
                let outcome = take(writer, keys, reply);
                ends(outcome, reply)
            }
        }
    }

    /// Whether the wait has ended, and how. Wakes the task when it does.
    pub fn poll(&self, context: &mut Context<'_>) -> Poll<Ending> {
        let mut progress = self.progress.lock();
        if progress.phase == Phase::Over {
            return Poll::Ready(Ending { reply: std::mem::take(&mut progress.reply), seq: progress.seq });
        }
        progress.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// Its time is over. The reply is null, as of every command that waits for keys, unless it has been served just before.
    /// Returns whether it was still waiting.
    pub fn time_out(&self) -> bool {
        self.end(|reply| match &self.at_time_out {
            Some(write) => write(reply),
            None => reply.null_array(),
        })
    }

    /// The connection has closed: there is no reply to make.
    pub fn give_up(&self) {
        self.end(|_| ());
    }

    /// Ends the wait with the reply that `write` writes, unless it has been served. Returns whether it did.
    pub(in crate::commands) fn end(&self, write: impl FnOnce(&mut Reply<'_>)) -> bool {
        let mut progress = self.progress.lock();
        let is_waiting = progress.phase == Phase::Waiting;
        if is_waiting {
            write(&mut Reply::new(&mut progress.reply, self.protocol));
            progress.finish();
        }
        is_waiting
    }

    /// Takes the client out of the keys' queues. Locks one shard after the other.
    pub fn leave(&self, store: &Store) {
        for key in self.keys() {
            let mut hold = Hold::on(store, &[store.shard_of(key)], Access::Write, ChangeBuffer::default());
            hold.writer(self.database).stop_waiting(key, self);
        }
    }
}

/// `keys` without repetitions.
fn each_once(mut keys: Vec<Box<[u8]>>) -> Vec<Box<[u8]>> {
    let mut seen = BTreeSet::new();
    let is_first: Vec<bool> = keys.iter().map(|key| seen.insert(key)).collect();
    let mut is_first = is_first.into_iter();
    keys.retain(|_| is_first.next() == Some(true));
    keys
}

impl Progress {
    fn finish(&mut self) {
        self.phase = Phase::Over;
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Waiter for BlockedClient {
    fn ticket(&self) -> Ticket {
        self.ticket
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn destination(&self) -> Option<&[u8]> {
        self.destination.as_deref()
    }

    fn needs_value(&self) -> bool {
        self.needs_value
    }

    fn serve(&self, keys: &mut Writer<'_, '_>, ready: &Ready<'_>) -> Served {
        let mut progress = self.progress.lock();
        if progress.phase != Phase::Waiting {
            return Served::Gone;
        }
        // A transaction may have filled several of its keys. As in Redis, they are tried in the order of the client's request.
        let ready = self.ready_keys(ready.of(self.database));
        let has_taken = self.take(keys, &ready, &mut Reply::new(&mut progress.reply, self.protocol));
        if !has_taken {
            return Served::NotYet;
        }
        progress.phase = Phase::Served;
        Served::Yes
    }

    fn deliver(&self, seq: Seq) {
        let mut progress = self.progress.lock();
        progress.seq = Some(seq);
        progress.finish();
    }
}

impl std::fmt::Debug for BlockedClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockedClient").field("progress", &self.progress).finish_non_exhaustive()
    }
}

/// A blocked client looks a key up. A test counts it.
fn count_look_up() {
    #[cfg(test)]
    tests::LOOK_UPS.set(tests::LOOK_UPS.get() + 1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::chance::Chance;
    use crate::machine::clock::Clock;
    use crate::store::{Board, Missing};
    use std::cell::Cell;
    use std::sync::Arc;

    thread_local! {
        pub(in crate::commands) static LOOK_UPS: Cell<usize> = const { Cell::new(0) };
    }

    /// Which keys each client was offered; clients are numbered.
    type Offered = Arc<Mutex<Vec<(usize, Box<[u8]>)>>>;

    fn key(number: usize) -> Box<[u8]> {
        format!("board:{number}").into_bytes().into()
    }

    /// A store, and for each element of `keys_of` a client that waits for the keys with these numbers. No client takes a key.
    /// The keys that they were offered are added to the list.
    fn store_with_waiters(keys_of: &[Vec<usize>]) -> (Store, Offered) {
        let store = Store::new(4, 2, 1, Clock::manual(1_000));
        let offered = Offered::default();
        for (number, keys) in keys_of.iter().enumerate() {
            let offered = Arc::clone(&offered);
            let wish = Wish {
                keys: keys.iter().copied().map(key).collect(),
                kind: Kind::SortedSet,
                destination: None,
                needs_value: false,
                patience: Patience::Endless,
                attempt: Attempt::First(Box::new(move |_, key, _| {
                    offered.lock().push((number, key.into()));
                    Ok(false)
                })),
                elements: None,
            };
            let waiting = Arc::new(BlockedClient::new(wish, store.ticket(), 1, Protocol::Resp2));
            let mut hold = hold_all(&store);
            for key in waiting.keys() {
                hold.writer(1).wait_for(key, Arc::clone(&waiting) as Arc<dyn Waiter>);
            }
        }
        (store, offered)
    }

    fn hold_all(store: &Store) -> Hold<'_> {
        let all: Vec<usize> = (0..store.shard_count()).collect();
        Hold::on(store, &all, Access::Write, ChangeBuffer::default())
    }

    /// A transaction that makes rankings of the keys with these numbers, in both databases.
    fn fill(store: &Store, numbers: impl Iterator<Item = usize>) {
        let mut hold = hold_all(store);
        for number in numbers {
            for database in [0, 1] {
                let made =
                    hold.writer(database).edit::<Board, _>(&key(number), Missing::Create, "zadd", |edit| {
                        edit.plain().unwrap().update(b"member", |_| crate::ranking::Score::new(1.0))
                    });
                assert!(made.is_ok());
            }
        }
        hold.end_record();
    }

    /// An EXEC that filled 4,000 keys for as many clients had each of them look at all the keys: 202 ms under the locks,
    /// four times as long as for half as many.
    #[test]
    fn a_client_that_waits_for_few_keys_looks_at_few() {
        const CLIENTS: usize = 3_000;
        let own_key: Vec<Vec<usize>> = (0..CLIENTS).map(|client| vec![client]).collect();
        let many_keys = vec![(0..CLIENTS).collect()];
        for (keys_of, filled, most) in [(&own_key, CLIENTS, CLIENTS), (&many_keys, 3, 9)] {
            let (store, offered) = store_with_waiters(keys_of);
            LOOK_UPS.set(0);
            fill(&store, 0..filled);
            let look_ups = LOOK_UPS.get();
            assert!(look_ups <= most, "{look_ups} look-ups by {} clients, {filled} keys", keys_of.len());
            assert!(offered.lock().len() >= filled);
        }
    }

    #[test]
    fn keys_are_offered_in_the_order_of_the_request_to_one_client_after_the_other() {
        let seed = Chance::from_system().next_u64();
        println!("seed {seed}");
        let mut chance = Chance::seeded(seed);
        let mut some = |most: u64| -> Vec<usize> {
            let len = 1 + chance.below(most);
            (0..len).map(|_| chance.below(20) as usize).collect()
        };
        for _ in 0..200 {
            let keys_of: Vec<Vec<usize>> = (0..4).map(|_| some(25)).collect();
            let (store, offered) = store_with_waiters(&keys_of);
            let filled = some(25);
            fill(&store, filled.iter().copied());
            // Each new key is offered to the clients that wait for it, together with their other new keys.
            let each_once = |numbers: &[usize]| {
                let mut seen = BTreeSet::new();
                numbers.iter().copied().filter(|number| seen.insert(*number)).collect::<Vec<usize>>()
            };
            let come = each_once(&filled);
            let mut expected = Vec::new();
            for number in &come {
                for (client, keys) in keys_of.iter().enumerate().filter(|(_, keys)| keys.contains(number)) {
                    let keys = each_once(keys).into_iter().filter(|key| come.contains(key));
                    expected.extend(keys.map(|number| (client, key(number))));
                }
            }
            let offered = std::mem::take(&mut *offered.lock());
            assert_eq!(offered, expected, "clients' keys {keys_of:?}, filled {filled:?}");
        }
    }
}
