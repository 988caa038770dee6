//! A hold: the locks of a command's shards, and through them its keys.
//!
//! Invariant: a value changes only through a [`Writer`], and each change is recorded in the hold's buffer before the
//! lock is released; the records reach the journal while the locks are still held.

use super::change::ChangeBuffer;
use super::event::EventBuffer;
use super::interest::{ReadyKey, Served, Waiter};
use super::keyspace::{Entry, Keyspace};
use super::members::Members;
use super::sink::Seq;
use super::value::{Kind, Value, WrongType};
use super::writer::Writer;
use super::{Access, DatabaseIndex, Shard, ShardIndex, Store};
use crate::config::EventClasses;
use crate::limits;
use crate::ranking::Ranking;
use parking_lot::{RwLockReadGuard, RwLockWriteGuard};
use std::cell::{Cell, RefCell};
use std::sync::Arc;

pub(super) enum Guard<'s> {
    Read(RwLockReadGuard<'s, Shard>),
    Write(RwLockWriteGuard<'s, Shard>),
}

impl Guard<'_> {
    fn shard(&self) -> &Shard {
        match self {
            Guard::Read(shard) => shard,
            Guard::Write(shard) => shard,
        }
    }

    pub(super) fn shard_mut(&mut self) -> &mut Shard {
        match self {
            Guard::Write(shard) => shard,
            Guard::Read(_) => unreachable!("a writer is made from a write hold only"),
        }
    }
}

/// The locks of one or several shards, held until dropped.
pub struct Hold<'s> {
    pub(super) store: &'s Store,
    /// One lock for nearly every command, held without an allocation.
    pub(super) first: (ShardIndex, Guard<'s>),
    /// The locks of further shards, ascending: the order in which every hold takes its locks.
    pub(super) rest: Vec<(ShardIndex, Guard<'s>)>,
    access: Access,
    has_waited: bool,
    pub(super) now_ms: u64,
    pub(super) changes: ChangeBuffer,
    /// In a cell because a reader notes the keys that it misses.
    pub(super) events: RefCell<EventBuffer>,
    /// Keys that have come to be and that somebody waits for.
    pub(super) ready: Vec<ReadyKey>,
    /// Clients that were served and have not been told.
    served: Vec<Arc<dyn Waiter>>,
    lookups: Cell<Lookups>,
}

/// How many questions a hold's readers found the key of, and how many not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lookups {
    /// The key was there.
    pub hits: u64,
    /// The key was missing.
    pub misses: u64,
}

impl<'s> Hold<'s> {
    /// Locks `shards`, which must be ascending, without repetition and not empty. `changes` is the empty buffer that the hold
    /// fills and gives back by [`Hold::release`].
    #[must_use]
    pub fn on(store: &'s Store, shards: &[ShardIndex], access: Access, changes: ChangeBuffer) -> Self {
        let lock = |&index: &ShardIndex| {
            let shard = &store.shards[index];
            let guard = match access {
                Access::Read => Guard::Read(shard.read()),
                Access::Write => Guard::Write(shard.write()),
            };
            (index, guard)
        };
        let (first, rest) = (lock(&shards[0]), shards[1..].iter().map(lock).collect());
        Self::with_locks(store, first, rest, access, store.clock.now_ms(), changes)
    }

    /// As [`Hold::on`], unless a lock cannot be had within [`limits::LOCK_PATIENCE`]. `now_ms` is the time by which it
    /// judges what has expired; `changes` is taken only if all locks can be.
    #[must_use]
    pub fn try_on(
        store: &'s Store,
        shards: &[ShardIndex],
        access: Access,
        now_ms: u64,
        changes: &mut ChangeBuffer,
    ) -> Option<Self> {
        let mut has_waited = false;
        let mut lock = |&index: &ShardIndex| {
            let shard = &store.shards[index];
            let mut patience = || {
                has_waited = true;
                limits::LOCK_PATIENCE
            };
            let guard = match access {
                Access::Read => Guard::Read(shard.try_read().or_else(|| shard.try_read_for(patience()))?),
                Access::Write => Guard::Write(shard.try_write().or_else(|| shard.try_write_for(patience()))?),
            };
            Some((index, guard))
        };
        let first = lock(&shards[0])?;
        let rest = shards[1..].iter().map(lock).collect::<Option<_>>()?;
        let mut hold = Self::with_locks(store, first, rest, access, now_ms, std::mem::take(changes));
        hold.has_waited = has_waited;
        Some(hold)
    }

    fn with_locks(
        store: &'s Store,
        first: (ShardIndex, Guard<'s>),
        rest: Vec<(ShardIndex, Guard<'s>)>,
        access: Access,
        now_ms: u64,
        changes: ChangeBuffer,
    ) -> Self {
        debug_assert!(rest.is_sorted_by(|(one, _), (other, _)| one < other) && changes.is_empty());
        Self {
            store,
            first,
            rest,
            access,
            has_waited: false,
            now_ms,
            changes,
            events: RefCell::new(EventBuffer::new(store.event_classes())),
            ready: Vec::new(),
            served: Vec::new(),
            lookups: Cell::default(),
        }
    }

    /// Gives the locks back. Returns the journal's number for the hold's last record (`None` if nothing changed) and
    /// the buffer, empty again.
    pub fn release(mut self) -> (Option<Seq>, ChangeBuffer) {
        let seq = self.append_changes();
        (seq, std::mem::take(&mut self.changes))
    }

    /// Whether a lock was not to be had at once.
    #[must_use]
    pub fn has_waited(&self) -> bool {
        self.has_waited
    }

    /// How many questions found their key so far.
    #[must_use]
    pub fn lookups(&self) -> Lookups {
        self.lookups.get()
    }

    /// Questions since `lookups` do not count: they will be asked again.
    pub fn forget_lookups(&mut self, since: Lookups) {
        self.lookups.set(since);
    }

    /// Whether this hold covers `shards` with at least `access`.
    #[must_use]
    pub fn covers(&self, shards: &[ShardIndex], access: Access) -> bool {
        let held = |wanted: &ShardIndex| {
            self.first.0 == *wanted || self.rest.iter().any(|(index, _)| index == wanted)
        };
        self.access >= access && shards.iter().all(held)
    }

    /// The time by which this hold judges what has expired, in unix milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Questions about the keys of `database` in the held shards.
    #[must_use]
    pub fn reader(&self, database: DatabaseIndex) -> Reader<'_> {
        Reader { hold: self, database, counts: true }
    }

    /// Changes to the keys of `database` in the held shards.
    ///
    /// # Panics
    /// If the hold is for reading: a command's access comes from the command table.
    pub fn writer(&mut self, database: DatabaseIndex) -> Writer<'_, 's> {
        assert!(self.access == Access::Write);
        Writer::new(self, database)
    }

    /// A command or transaction ends here: its Changes are one record. Clients that wait for keys it changed are served.
    pub fn end_record(&mut self) {
        self.changes.end_record();
        while !self.ready.is_empty() {
            let ready = std::mem::take(&mut self.ready);
            for (database, key) in &ready {
                self.serve_waiters(*database, key, &ready);
            }
        }
    }

    /// Serves those who wait for `key`, in the order in which they came, as long as there is something for them.
    fn serve_waiters(&mut self, database: DatabaseIndex, key: &[u8], ready: &[ReadyKey]) {
        let mut last = None;
        loop {
            let keyspace = self.keyspace_mut(database, key);
            let Some(kind) = keyspace.get(key).map(|entry| entry.value.kind()) else { return };
            let Some(waiter) = keyspace.interests.next_waiter(key, kind, last) else { return };
            last = Some(waiter.ticket());
            let served = waiter.serve(&mut self.writer(database), ready);
            self.changes.end_record();
            if served != Served::NotYet {
                self.keyspace_mut(database, key).interests.leave(key, &*waiter);
            }
            if served == Served::Yes {
                self.served.push(waiter);
            }
        }
    }

    /// Removes every key of `database`, or of all if `None`. All shards must be held for writing.
    pub fn flush(&mut self, database: Option<DatabaseIndex>) {
        debug_assert!(self.rest.len() + 1 == self.store.shard_count());
        match database {
            Some(database) => self.changes.flush_database(database),
            None => self.changes.flush_all(),
        }
        let Self { store, first, rest, .. } = self;
        for (_, guard) in std::iter::once(first).chain(rest) {
            store.flush_shard(guard.shard_mut(), database);
        }
    }
}

impl Hold<'_> {
    /// The lock that covers `key`. With one lock held there is nothing to ask.
    fn guard(&self, key: &[u8]) -> &Guard<'_> {
        match self.rest_position(key) {
            None => &self.first.1,
            Some(position) => &self.rest[position].1,
        }
    }

    /// Where in `rest` the lock that covers `key` stands, `None` if it is the first.
    pub(super) fn rest_position(&self, key: &[u8]) -> Option<usize> {
        if self.rest.is_empty() {
            return None;
        }
        let shard = self.store.shard_of(key);
        let position = self.rest.binary_search_by_key(&shard, |(index, _)| *index).ok();
        assert!(position.is_some() || self.first.0 == shard, "a command's keys are in its held shards");
        position
    }

    /// The shard numbered `index`, if it is held.
    pub(super) fn shard(&self, index: ShardIndex) -> Option<&Shard> {
        let mut all = std::iter::once(&self.first).chain(&self.rest);
        all.find(|(held, _)| *held == index).map(|(_, guard)| guard.shard())
    }

    fn keyspace_mut(&mut self, database: DatabaseIndex, key: &[u8]) -> &mut Keyspace {
        let guard = match self.rest_position(key) {
            None => &mut self.first.1,
            Some(position) => &mut self.rest[position].1,
        };
        guard.shard_mut().keyspace_mut(database)
    }

    /// Publishes the events so far, and from now on those of the classes that are wanted by now.
    pub fn publish_events(&mut self) {
        let events = self.events.get_mut().take();
        if !events.is_empty() {
            self.store.publish(&events);
        }
        *self.events.get_mut() = EventBuffer::new(self.store.event_classes());
    }

    /// Hands over what the hold's commands leave behind: records, events, and clients that were served.
    fn append_changes(&mut self) -> Option<Seq> {
        self.changes.end_record();
        let seq = (!self.changes.is_empty()).then(|| self.store.append(&self.changes, self.now_ms));
        self.changes.clear();
        let events = self.events.get_mut().take();
        if !events.is_empty() {
            self.store.publish(&events);
        }
        self.served.drain(..).for_each(|waiter| waiter.deliver(seq));
        seq
    }
}

impl Drop for Hold<'_> {
    /// What was changed is recorded even when a command panicked and was caught.
    fn drop(&mut self) {
        self.append_changes();
    }
}

impl std::fmt::Debug for Hold<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hold")
            .field("first", &self.first.0)
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

/// Read access to the held keys of one database.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'h> {
    hold: &'h Hold<'h>,
    database: DatabaseIndex,
    /// Whether questions count as hits and misses; as in Redis, those of a command that writes do not.
    counts: bool,
}

impl<'h> Reader<'h> {
    fn entry(&self, key: &[u8]) -> Option<&'h Entry> {
        let entry = self.find(key);
        if self.counts {
            self.count(key, entry.is_some());
        }
        entry
    }

    fn count(&self, key: &[u8], is_there: bool) {
        let mut lookups = self.hold.lookups.get();
        if is_there {
            lookups.hits += 1;
        } else {
            lookups.misses += 1;
            let mut events = self.hold.events.borrow_mut();
            events.push(EventClasses::KEY_MISS, "keymiss", self.database, key);
        }
        self.hold.lookups.set(lookups);
    }

    fn find(&self, key: &[u8]) -> Option<&'h Entry> {
        let keyspace = self.hold.guard(key).shard().keyspace(self.database);
        keyspace.get(key).filter(|entry| !entry.is_expired(self.hold.now_ms))
    }

    /// The same keys, with questions that count neither as hits nor as misses.
    #[must_use]
    pub(super) fn uncounted(self) -> Self {
        Self { counts: false, ..self }
    }

    /// Whatever is at `key`, without counting the question: for looking ahead.
    #[must_use]
    pub fn peek(&self, key: &[u8]) -> Option<&'h Value> {
        self.find(key).map(|entry| &entry.value)
    }

    /// The bytes of memory that `key` takes, judged by `samples` of a set's members; `None` if there is no such key. Does
    /// not count as a look-up.
    #[must_use]
    pub fn memory_bytes(&self, key: &[u8], samples: usize) -> Option<usize> {
        self.find(key).map(|entry| entry.memory_bytes(samples))
    }

    /// The type of `key`'s value, `None` if there is no such key.
    #[must_use]
    pub fn kind(&self, key: &[u8]) -> Option<Kind> {
        self.entry(key).map(|entry| entry.value.kind())
    }

    /// The ranking at `key`, `None` if there is no such key.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds something else.
    pub fn ranking(&self, key: &[u8]) -> Result<Option<&'h Ranking>, WrongType> {
        match self.entry(key).map(|entry| &entry.value) {
            None => Ok(None),
            Some(Value::Ranking(ranking)) => Ok(Some(ranking)),
            Some(_) => Err(WrongType),
        }
    }

    /// The set at `key`, `None` if there is no such key.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds something else.
    pub fn set(&self, key: &[u8]) -> Result<Option<&'h Members>, WrongType> {
        match self.entry(key).map(|entry| &entry.value) {
            None => Ok(None),
            Some(Value::Set(members)) => Ok(Some(members)),
            Some(_) => Err(WrongType),
        }
    }

    /// The string at `key`, `None` if there is no such key.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds something else.
    pub fn string(&self, key: &[u8]) -> Result<Option<&'h [u8]>, WrongType> {
        match self.entry(key).map(|entry| &entry.value) {
            None => Ok(None),
            Some(Value::String(bytes)) => Ok(Some(bytes)),
            Some(_) => Err(WrongType),
        }
    }

    /// Whatever is at `key`.
    #[must_use]
    pub fn value(&self, key: &[u8]) -> Option<&'h Value> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Whether there is a value at `key` whose time has come, though nobody has removed it yet.
    #[must_use]
    pub fn has_expired(&self, key: &[u8]) -> bool {
        let keyspace = self.hold.guard(key).shard().keyspace(self.database);
        keyspace.get(key).is_some_and(|entry| entry.is_expired(self.hold.now_ms))
    }

    /// When `key` expires in unix milliseconds (`Some(None)`: never), `None` if there is no such key.
    #[must_use]
    pub fn expiry(&self, key: &[u8]) -> Option<Option<u64>> {
        self.entry(key).map(Entry::expire_at_ms)
    }

    /// The time by which expiry is judged, in unix milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.hold.now_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn a_lock_that_cannot_be_had_is_not_waited_for_long() {
        let store = Store::new(2, 1, 1, Clock::manual(1_000));
        let mut changes = ChangeBuffer::default();
        let reading = Hold::on(&store, &[1], Access::Read, ChangeBuffer::default());
        assert!(Hold::try_on(&store, &[0, 1], Access::Write, 7, &mut changes).is_none());
        // What could be had of it was given back.
        assert!(Hold::try_on(&store, &[0], Access::Write, 7, &mut changes).is_some());
        let beside = Hold::try_on(&store, &[0, 1], Access::Read, 7, &mut changes).expect("two readers");
        assert_eq!(beside.now_ms(), 7);
        drop((reading, beside));
        assert!(Hold::try_on(&store, &[0, 1], Access::Write, 7, &mut changes).is_some());
    }
}
