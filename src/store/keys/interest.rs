//! The clients interested in a key: those that wait until it holds something, and transactions that must not run after
//! it has changed.
//!
//! There is one table beside each keyspace, under the lock of its shard. It is nearly always empty; then a change costs
//! one branch.

use crate::store::access::writer::Writer;
use crate::store::change::seq::Seq;
use crate::store::numbers::DatabaseIndex;
use crate::store::values::kinds::Kind;
use foldhash::quality::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A client's place in its queues: clients that come later have higher tickets.
pub type Ticket = u64;

/// A client that waits until one of several keys holds something.
pub trait Waiter: Send + Sync {
    /// The ticket it was given when it began to wait ([`Store::ticket`](crate::store::Store::ticket)).
    fn ticket(&self) -> Ticket;

    /// The type of value that it waits for.
    fn kind(&self) -> Kind;

    /// The key that it writes to when it is served, beside the one that it waits for.
    fn destination(&self) -> Option<&[u8]>;

    /// Whether it is served, too, when the key has no value of that type any more.
    fn needs_value(&self) -> bool;

    /// Serves the client from a key of `ready` that it waits for; the Changes of this are a record of their own.
    /// `ready` are the new keys of the present record. With m and n as the smaller and the larger number of keys of the
    /// two: O(m log n).
    fn serve(&self, keys: &mut Writer<'_, '_>, ready: &Ready<'_>) -> Served;

    /// Delivers the reply to the client. It rests on the records up to `seq`.
    fn deliver(&self, seq: Seq);
}

/// The result of serving a waiting client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// The client was served.
    Yes,
    /// The keys have nothing for it.
    NotYet,
    /// The client has stopped waiting.
    Gone,
}

/// Whether one of the keys that a transaction watches has changed.
#[derive(Debug, Default)]
pub struct Watch(AtomicBool);

impl Watch {
    /// Whether one of the keys has changed.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// How a key is in a keyspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Presence {
    /// There is no such key.
    Missing,
    /// It has expired and is not removed yet.
    Expired,
    /// It is there.
    Present,
}

/// A key that clients wait for, and that is new, has more in it, or is gone.
pub type ReadyKey = (DatabaseIndex, Box<[u8]>);

/// A transaction that watches a key.
struct Watcher {
    watch: Arc<Watch>,
    /// The key had expired already when the watch began, so its removal is no change.
    began_expired: bool,
}

/// The new keys of one record that clients wait for, each once. They are sorted: thousands of clients may wait for
/// thousands of keys, and no client should have to look at all of them.
#[derive(Debug)]
pub struct Ready<'r> {
    ascending: SmallVec<[&'r ReadyKey; 4]>,
}

impl<'r> Ready<'r> {
    pub(in crate::store) fn new(keys: &'r [ReadyKey]) -> Self {
        let mut ascending: SmallVec<[&ReadyKey; 4]> = keys.iter().collect();
        ascending.sort_unstable();
        ascending.dedup();
        Self { ascending }
    }

    /// The keys of `database`, ascending.
    #[must_use]
    pub fn of(&self, database: DatabaseIndex) -> &[&'r ReadyKey] {
        let start = self.ascending.partition_point(|(other, _)| *other < database);
        let len = self.ascending[start..].partition_point(|(other, _)| *other == database);
        &self.ascending[start..start + len]
    }
}

/// The clients interested in one key.
#[derive(Default)]
struct Interested {
    /// By type and ticket: first come, first served.
    waiters: BTreeMap<(Kind, Ticket), Arc<dyn Waiter>>,
    /// By the address of the [`Watch`].
    watches: BTreeMap<usize, Watcher>,
    /// Where those who wait write to, and how many of them.
    destinations: BTreeMap<Box<[u8]>, usize>,
    /// How many of those who wait need the value that is there.
    needing_value: usize,
}

/// The capacity, in keys, that an empty table keeps.
const KEPT_KEYS: usize = 1024;

/// The clients interested in the keys of a keyspace.
pub(in crate::store) struct Interests {
    by_key: HashMap<Box<[u8]>, Interested, FixedState>,
    /// Places in queues of clients that write to another key when they are served.
    movers: usize,
}

impl Interests {
    pub(in crate::store) fn with_seed(seed: u64) -> Self {
        Self { by_key: HashMap::with_hasher(FixedState::with_seed(seed)), movers: 0 }
    }

    /// Whether no client watches or waits for a key.
    #[inline]
    pub(in crate::store) fn are_none(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Notes that `key` was changed: breaks the watches on it. Returns whether clients wait for it.
    pub(in crate::store) fn note_change(&mut self, key: &[u8]) -> bool {
        let Some(interested) = self.by_key.get_mut(key) else { return false };
        interested.break_watches();
        let is_waited_for = !interested.waiters.is_empty();
        self.forget_if_idle(key);
        is_waited_for
    }

    /// Whether clients wait for `key`.
    pub(in crate::store) fn is_awaited(&self, key: &[u8]) -> bool {
        !self.by_key.is_empty()
            && self.by_key.get(key).is_some_and(|interested| !interested.waiters.is_empty())
    }

    /// Notes that `key` was removed because it had expired. Returns whether clients wait for it.
    pub(in crate::store) fn note_expiry(&mut self, key: &[u8]) -> bool {
        let Some(interested) = self.by_key.get_mut(key) else { return false };
        interested.note_removal();
        let is_waited_for = !interested.waiters.is_empty();
        self.forget_if_idle(key);
        is_waited_for
    }

    /// Notes that every key for which `existed` holds was removed. Calls `lost` with those whose value a client needs.
    pub(in crate::store) fn note_flush(
        &mut self,
        existed: impl Fn(&[u8]) -> bool,
        mut lost: impl FnMut(&[u8]),
    ) {
        for (key, interested) in self.by_key.iter_mut().filter(|(key, _)| existed(key)) {
            interested.note_removal();
            if interested.needing_value > 0 {
                lost(key);
            }
        }
        self.by_key.retain(|_, interested| !interested.is_idle());
    }

    /// Notes that the database has another keyspace. `before` and `after` tell how a key was there, and how it is now. Returns
    /// the keys that clients wait for and that are there now, or whose value they need. As in Redis, a key that was missing and has expired now is
    /// still missing to those who watch it, and one that had expired already may go or stay.
    pub(in crate::store) fn note_swap(
        &mut self,
        before: impl Fn(&[u8]) -> Presence,
        after: impl Fn(&[u8]) -> Presence,
    ) -> Vec<Box<[u8]>> {
        let mut awaited = Vec::new();
        for (key, interested) in &mut self.by_key {
            let (before, after) = (before(key), after(key));
            interested.note_swap(before, after);
            if (after == Presence::Present && !interested.waiters.is_empty()) || interested.needing_value > 0
            {
                awaited.push(key.clone());
            }
        }
        self.by_key.retain(|_, interested| !interested.is_idle());
        awaited
    }

    /// Adds `watch`. `began_expired` says whether `key` has a value that has expired.
    pub(in crate::store) fn watch(&mut self, key: &[u8], watch: Arc<Watch>, began_expired: bool) {
        let address = Arc::as_ptr(&watch).addr();
        self.interested(key).watches.insert(address, Watcher { watch, began_expired });
    }

    /// Whether `key` had expired when `watch` began to watch it, and is not removed yet.
    pub(in crate::store) fn began_expired(&self, key: &[u8], watch: &Watch) -> bool {
        let address = std::ptr::from_ref(watch).addr();
        let watcher = self.by_key.get(key).and_then(|interested| interested.watches.get(&address));
        watcher.is_some_and(|watcher| watcher.began_expired)
    }

    pub(in crate::store) fn unwatch(&mut self, key: &[u8], watch: &Arc<Watch>) {
        if let Some(interested) = self.by_key.get_mut(key) {
            interested.watches.remove(&Arc::as_ptr(watch).addr());
            self.forget_if_idle(key);
        }
    }

    /// Puts `waiter` at the end of the queue for `key`.
    pub(in crate::store) fn wait(&mut self, key: &[u8], waiter: Arc<dyn Waiter>) {
        if let Some(destination) = waiter.destination() {
            self.movers += 1;
            *self.interested(key).destinations.entry(destination.into()).or_default() += 1;
        }
        let interested = self.interested(key);
        interested.needing_value += usize::from(waiter.needs_value());
        interested.waiters.insert((waiter.kind(), waiter.ticket()), waiter);
    }

    /// The clients that need a value at `key` of a type other than `kind`, in the order in which they came.
    pub(in crate::store) fn without_value(&self, key: &[u8], kind: Option<Kind>) -> Vec<Arc<dyn Waiter>> {
        let interested = self.by_key.get(key).filter(|interested| interested.needing_value > 0);
        let waiters = interested.into_iter().flat_map(|interested| interested.waiters.values());
        let lost = waiters.filter(|waiter| waiter.needs_value() && Some(waiter.kind()) != kind);
        lost.map(Arc::clone).collect()
    }

    /// The first client behind `ticket` that waits for a value of type `kind` at `key`.
    pub(in crate::store) fn next_waiter(
        &self,
        key: &[u8],
        kind: Kind,
        ticket: Option<Ticket>,
    ) -> Option<Arc<dyn Waiter>> {
        let start = ticket.map_or(Bound::Included((kind, 0)), |ticket| Bound::Excluded((kind, ticket)));
        let end = Bound::Included((kind, Ticket::MAX));
        self.by_key.get(key)?.waiters.range((start, end)).next().map(|(_, waiter)| Arc::clone(waiter))
    }

    /// Removes `waiter` from the queue for `key`.
    pub(in crate::store) fn leave(&mut self, key: &[u8], waiter: &dyn Waiter) {
        if let Some(interested) = self.by_key.get_mut(key) {
            let gone = interested.waiters.remove(&(waiter.kind(), waiter.ticket()));
            if gone.as_ref().is_some_and(|waiter| waiter.needs_value()) {
                interested.needing_value -= 1;
            }
            if let Some(destination) = gone.as_ref().and_then(|waiter| waiter.destination()) {
                self.movers -= 1;
                let others = interested.destinations.get_mut(destination).expect("noted when it came");
                *others -= 1;
                if *others == 0 {
                    interested.destinations.remove(destination);
                }
            }
            self.forget_if_idle(key);
        }
    }

    /// Whether a client waits that writes to another key when it is served.
    pub(in crate::store) fn has_movers(&self) -> bool {
        self.movers > 0
    }

    /// The keys that those who wait for `key` write to when they are served.
    pub(in crate::store) fn destinations(&self, key: &[u8]) -> impl Iterator<Item = &[u8]> {
        self.by_key
            .get(key)
            .into_iter()
            .flat_map(|interested| interested.destinations.keys())
            .map(|key| &**key)
    }

    /// The number of keys that clients wait for.
    pub(in crate::store) fn awaited_keys(&self) -> usize {
        self.by_key.values().filter(|interested| !interested.waiters.is_empty()).count()
    }

    /// The number of keys of which a client that waits needs the value that is there.
    pub(in crate::store) fn needed_keys(&self) -> usize {
        self.by_key.values().filter(|interested| interested.needing_value > 0).count()
    }

    /// The number of keys that transactions watch.
    pub(in crate::store) fn watched_keys(&self) -> usize {
        self.by_key.values().filter(|interested| !interested.watches.is_empty()).count()
    }

    fn interested(&mut self, key: &[u8]) -> &mut Interested {
        self.by_key.entry(key.into()).or_default()
    }

    fn forget_if_idle(&mut self, key: &[u8]) {
        if self.by_key.get(key).is_some_and(Interested::is_idle) {
            self.by_key.remove(key);
        }
        if self.by_key.is_empty() && self.by_key.capacity() > KEPT_KEYS {
            self.by_key.shrink_to_fit();
        }
    }
}

impl Watcher {
    fn break_watch(&self) {
        self.watch.0.store(true, Ordering::Release);
    }
}

impl Interested {
    fn break_watches(&mut self) {
        std::mem::take(&mut self.watches).values().for_each(Watcher::break_watch);
    }

    /// Notes that the key was removed. For a watch that began with an expired key this is no change, but the next
    /// change is.
    fn note_removal(&mut self) {
        self.watches.retain(|_, watcher| {
            let stays = std::mem::take(&mut watcher.began_expired);
            if !stays {
                watcher.break_watch();
            }
            stays
        });
    }

    fn note_swap(&mut self, before: Presence, after: Presence) {
        if (before, after) == (Presence::Missing, Presence::Missing) {
            return;
        }
        self.watches.retain(|_, watcher| {
            let stays = match after {
                Presence::Missing => watcher.began_expired,
                Presence::Expired => watcher.began_expired || before == Presence::Missing,
                Presence::Present => false,
            };
            watcher.began_expired = after == Presence::Expired;
            if !stays {
                watcher.break_watch();
            }
            stays
        });
    }

    fn is_idle(&self) -> bool {
        self.waiters.is_empty() && self.watches.is_empty()
    }
}

impl std::fmt::Debug for Interests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interests").field("keys", &self.by_key.len()).finish()
    }
}
