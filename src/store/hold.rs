//! A hold: the locks of a command's shards, and through them its keys.
//!
//! Invariant: a value changes only through a [`Writer`], and each change is recorded in the hold's buffer before the
//! lock is released; the records reach the journal while the locks are still held.

use super::change::ChangeBuffer;
use super::keyspace::{Entry, Keyspace};
use super::members::Members;
use super::sink::Seq;
use super::value::{Kind, Value, WrongType};
use super::{Access, DatabaseIndex, Shard, ShardIndex, Store};
use crate::ranking::{RankedMembers, Ranking, Score, Updated};
use parking_lot::{RwLockReadGuard, RwLockWriteGuard};
use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::Ordering;

enum Guard<'s> {
    Read(RwLockReadGuard<'s, Shard>),
    Write(RwLockWriteGuard<'s, Shard>),
}

impl Guard<'_> {
    fn keyspace_mut(&mut self, database: DatabaseIndex) -> &mut Keyspace {
        match self {
            Guard::Write(shard) => shard.keyspace_mut(database),
            Guard::Read(_) => unreachable!("a writer is made from a write hold only"),
        }
    }
}

/// The locks of one or several shards, held until dropped.
pub struct Hold<'s> {
    store: &'s Store,
    /// One lock for nearly every command, held without an allocation.
    first: (ShardIndex, Guard<'s>),
    /// The locks of further shards, ascending: the order in which every hold takes its locks.
    rest: Vec<(ShardIndex, Guard<'s>)>,
    access: Access,
    now_ms: u64,
    changes: ChangeBuffer,
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
        debug_assert!(shards.is_sorted_by(|one, other| one < other) && changes.is_empty());
        let lock = |&index: &ShardIndex| {
            let shard = &store.shards[index];
            let guard = match access {
                Access::Read => Guard::Read(shard.read()),
                Access::Write => Guard::Write(shard.write()),
            };
            (index, guard)
        };
        let first = lock(&shards[0]);
        let rest = shards[1..].iter().map(lock).collect();
        Self { store, first, rest, access, now_ms: store.clock.now_ms(), changes, lookups: Cell::default() }
    }

    /// Gives the locks back. Returns the journal's number for the hold's last record (`None` if nothing changed) and
    /// the buffer, empty again.
    pub fn release(mut self) -> (Option<Seq>, ChangeBuffer) {
        let seq = self.append_changes();
        (seq, std::mem::take(&mut self.changes))
    }

    /// How many questions found their key so far.
    #[must_use]
    pub fn lookups(&self) -> Lookups {
        self.lookups.get()
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
        Reader { hold: self, database }
    }

    /// Changes to the keys of `database` in the held shards.
    ///
    /// # Panics
    /// If the hold is for reading: a command's access comes from the command table.
    pub fn writer(&mut self, database: DatabaseIndex) -> Writer<'_, 's> {
        assert!(self.access == Access::Write);
        Writer { hold: self, database }
    }

    /// A command ends here: its Changes are one record.
    pub fn end_record(&mut self) {
        self.changes.end_record();
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
    fn rest_position(&self, key: &[u8]) -> Option<usize> {
        if self.rest.is_empty() {
            return None;
        }
        let shard = self.store.shard_of(key);
        let position = self.rest.iter().position(|(index, _)| *index == shard);
        assert!(position.is_some() || self.first.0 == shard, "a command's keys are in its held shards");
        position
    }

    fn append_changes(&mut self) -> Option<Seq> {
        self.changes.end_record();
        if self.changes.is_empty() {
            return None;
        }
        let seq = self.store.append(&self.changes, self.now_ms);
        self.changes.clear();
        Some(seq)
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
}

impl<'h> Reader<'h> {
    fn entry(&self, key: &[u8]) -> Option<&'h Entry> {
        let entry = self.find(key);
        let mut lookups = self.hold.lookups.get();
        *(if entry.is_some() { &mut lookups.hits } else { &mut lookups.misses }) += 1;
        self.hold.lookups.set(lookups);
        entry
    }

    fn find(&self, key: &[u8]) -> Option<&'h Entry> {
        let shard: &'h Shard = match self.hold.guard(key) {
            Guard::Read(guard) => guard,
            Guard::Write(guard) => guard,
        };
        shard.keyspace(self.database).get(key).filter(|entry| !entry.is_expired(self.hold.now_ms))
    }

    /// Whatever is at `key`, without counting the question: for looking ahead.
    #[must_use]
    pub fn peek(&self, key: &[u8]) -> Option<&'h Value> {
        self.find(key).map(|entry| &entry.value)
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

    /// When `key` expires in unix milliseconds (`Some(None)`: never), `None` if there is no such key.
    #[must_use]
    pub fn expiry(&self, key: &[u8]) -> Option<Option<u64>> {
        self.entry(key).map(|entry| entry.expire_at_ms)
    }

    /// The time by which expiry is judged, in unix milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.hold.now_ms
    }
}

/// Write access to the held keys of one database: the one way in which values change.
#[derive(Debug)]
pub struct Writer<'h, 's> {
    hold: &'h mut Hold<'s>,
    database: DatabaseIndex,
}

/// What an edit does when its key is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Starts with an empty value; the key comes to be if the edit leaves something in it.
    Create,
    /// Leaves it missing and does not call the edit.
    Skip,
}

impl Writer<'_, '_> {
    /// The same keys, to ask about.
    #[must_use]
    pub fn reader(&self) -> Reader<'_> {
        self.hold.reader(self.database)
    }

    /// Changes the ranking at `key`; a ranking left empty is removed. Returns what `edit` returned, or `None` where
    /// the key is missing and `missing` says to skip it.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds something else; nothing is changed then.
    pub fn edit_ranking<T>(
        &mut self,
        key: &[u8],
        missing: Missing,
        edit: impl FnOnce(&mut RankingEdit<'_>) -> T,
    ) -> Result<Option<T>, WrongType> {
        let database = self.database;
        let (keyspace, changes) = self.fresh(key);
        if missing == Missing::Skip && keyspace.get(key).is_none() {
            return Ok(None);
        }
        let ranking = keyspace.ranking_or_new(key)?;
        let record = Recorder { changes, database, key };
        let result = edit(&mut RankingEdit { ranking, record });
        let is_empty = ranking.is_empty();
        if is_empty {
            self.remove(key);
        }
        Ok(Some(result))
    }

    /// Changes the set at `key`, as [`Writer::edit_ranking`] does a ranking.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds something else; nothing is changed then.
    pub fn edit_set<T>(
        &mut self,
        key: &[u8],
        missing: Missing,
        edit: impl FnOnce(&mut SetEdit<'_>) -> T,
    ) -> Result<Option<T>, WrongType> {
        let database = self.database;
        let (keyspace, changes) = self.fresh(key);
        if missing == Missing::Skip && keyspace.get(key).is_none() {
            return Ok(None);
        }
        let members = keyspace.set_or_new(key)?;
        let record = Recorder { changes, database, key };
        let result = edit(&mut SetEdit { members, record });
        let is_empty = members.is_empty();
        if is_empty {
            self.remove(key);
        }
        Ok(Some(result))
    }

    /// Makes `key` the string `value`, expiring at `expire_at_ms` or never, in place of whatever it was.
    pub fn set_string(&mut self, key: &[u8], value: &[u8], expire_at_ms: Option<u64>) {
        let database = self.database;
        let (keyspace, changes) = self.fresh(key);
        let old = keyspace.put(key, Value::String(value.into()), expire_at_ms);
        changes.set_string(database, key, value, expire_at_ms);
        self.free(old);
    }

    /// Makes `key` a ranking of `entries` that never expires, in place of whatever it was; without entries there is no
    /// such key then. `entries` as [`RankedMembers::from_sorted`] wants them. O(entries).
    pub fn put_ranking<'a>(&mut self, key: &[u8], entries: impl Iterator<Item = (&'a [u8], Score)> + Clone) {
        // Its old members are not said to be gone one by one: a Change that drops the key comes first.
        self.remove(key);
        if entries.clone().next().is_none() {
            return;
        }
        let database = self.database;
        let (keyspace, changes) = self.fresh(key);
        keyspace.put_ranking(key, entries.clone());
        entries.for_each(|(member, score)| changes.set_score(database, key, member, score));
    }

    /// Makes `key` expire at `expire_at_ms`, or never. Returns whether there is such a key.
    pub fn set_expiry(&mut self, key: &[u8], expire_at_ms: Option<u64>) -> bool {
        let database = self.database;
        let (keyspace, changes) = self.fresh(key);
        let found = keyspace.set_expiry(key, expire_at_ms);
        if found {
            changes.set_expiry(database, key, expire_at_ms);
        }
        found
    }

    /// Removes `key`. Returns whether it was there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let database = self.database;
        let (keyspace, changes) = self.fresh(key);
        let old = keyspace.remove(key);
        let found = old.is_some();
        if found {
            changes.drop_key(database, key);
        }
        self.free(old);
        found
    }

    /// Removes one key of `shard` that has expired, if there is one.
    pub(super) fn remove_one_expired(&mut self, shard: ShardIndex) -> bool {
        let (database, now_ms) = (self.database, self.hold.now_ms);
        debug_assert!(self.hold.first.0 == shard);
        let Some(key) = self.hold.first.1.keyspace_mut(database).expired_key(now_ms) else { return false };
        self.fresh(&key);
        true
    }

    /// The keyspace that `key` belongs to, rid of the key if it has expired, and the buffer to record changes in.
    fn fresh(&mut self, key: &[u8]) -> (&mut Keyspace, &mut ChangeBuffer) {
        let (database, now_ms) = (self.database, self.hold.now_ms);
        let position = self.hold.rest_position(key);
        let Hold { store, first, rest, changes, .. } = &mut *self.hold;
        let guard = position.map_or(&mut first.1, |position| &mut rest[position].1);
        let keyspace = guard.keyspace_mut(database);
        // Most of the time nothing at all has expired, and the key need not be looked up for it.
        let may_be_expired = keyspace.first_expiry_ms().is_some_and(|first_ms| first_ms <= now_ms);
        if may_be_expired && keyspace.get(key).is_some_and(|entry| entry.is_expired(now_ms)) {
            changes.drop_key(database, key);
            store.expired_keys.fetch_add(1, Ordering::Relaxed);
            store.reclaimer.free_value(keyspace.remove(key));
        }
        (keyspace, changes)
    }

    fn free(&self, value: Option<Value>) {
        self.hold.store.reclaimer.free_value(value);
    }
}

/// Records one key's Changes while its value is borrowed.
#[derive(Debug)]
struct Recorder<'e> {
    changes: &'e mut ChangeBuffer,
    database: DatabaseIndex,
    key: &'e [u8],
}

/// A ranking being changed: each change is recorded as it is made.
pub struct RankingEdit<'e> {
    ranking: &'e mut Ranking,
    record: Recorder<'e>,
}

impl RankingEdit<'_> {
    /// The ranking as it is now.
    #[must_use]
    pub fn ranking(&self) -> &Ranking {
        self.ranking
    }

    /// See [`RankedMembers::update`].
    pub fn update(&mut self, member: &[u8], decide: impl FnOnce(Option<Score>) -> Option<Score>) -> Updated {
        let updated = self.ranking.update(member, decide);
        if let Some(score) = updated.after.filter(|_| updated.after != updated.before) {
            self.record.changes.set_score(self.record.database, self.record.key, member, score);
        }
        updated
    }

    /// See [`RankedMembers::remove`].
    pub fn remove(&mut self, member: &[u8]) -> Option<Score> {
        let removed = self.ranking.remove(member);
        if removed.is_some() {
            self.record.changes.remove_score(self.record.database, self.record.key, member);
        }
        removed
    }

    /// See [`RankedMembers::remove_range`]. Removing everything leaves no Change for each member: the key's removal,
    /// which follows, says it all.
    pub fn remove_range(&mut self, ranks: Range<usize>) {
        let Recorder { changes, database, key } = &mut self.record;
        let is_everything = ranks == (0..self.ranking.len());
        self.ranking.remove_range(ranks, |member, _| {
            if !is_everything {
                changes.remove_score(*database, key, member);
            }
        });
    }
}

impl std::fmt::Debug for RankingEdit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RankingEdit").field("members", &self.ranking.len()).finish_non_exhaustive()
    }
}

/// A set being changed: each change is recorded as it is made.
#[derive(Debug)]
pub struct SetEdit<'e> {
    members: &'e mut Members,
    record: Recorder<'e>,
}

impl SetEdit<'_> {
    /// Adds `member`; returns whether it was new.
    pub fn insert(&mut self, member: &[u8]) -> bool {
        let is_new = self.members.insert(member);
        if is_new {
            self.record.changes.add_member(self.record.database, self.record.key, member);
        }
        is_new
    }

    /// Removes `member`; returns whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let was_there = self.members.remove(member);
        if was_there {
            self.record.changes.remove_member(self.record.database, self.record.key, member);
        }
        was_there
    }
}
