//! The shards, for commands on many keys.

use super::guard::Access;
use super::hold::Hold;
use crate::limits;
use crate::machine::chance::Chance;
use crate::store::change::buffer::ChangeBuffer;
use crate::store::change::seq::Seq;
use crate::store::keys::interest::Interests;
use crate::store::keys::table;
use crate::store::numbers::{DatabaseIndex, ShardIndex};
use crate::store::shard::{DatabaseSize, Shard};
use crate::store::sharded::Store;
use crate::store::values::board::policy::Policy;
use crate::store::values::kinds::Kind;
use std::cell::Cell;
use std::ops::Deref;

/// Keys that are drawn before all are looked at for one that has not expired.
const DRAWS: usize = 100;

/// The shards, for a command that chooses its own locks. A transaction holds them all already.
#[derive(Debug)]
pub enum Shards<'a, 's> {
    /// No shard is held: each is locked when it is needed. The cell has the last record that the reply rests on.
    Free(&'s Store, Cell<Seq>),
    /// The transaction holds all of them, for writing if the transaction writes.
    Held(&'a mut Hold<'s>),
}

/// Clients may change nothing: the store follows a master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusesClients;

/// Shards locked for reading: by the command itself or by its transaction.
#[derive(Debug)]
pub enum Looking<'l> {
    /// The command holds the locks until this is dropped.
    Own(Box<Hold<'l>>),
    /// The transaction holds the locks.
    Shared(&'l Hold<'l>),
}

impl<'l> Deref for Looking<'l> {
    type Target = Hold<'l>;

    fn deref(&self) -> &Hold<'l> {
        match self {
            Looking::Own(hold) => hold,
            Looking::Shared(hold) => hold,
        }
    }
}

impl<'s> Shards<'_, 's> {
    /// The shards of `store`; none of them is held.
    #[must_use]
    pub fn free(store: &'s Store) -> Self {
        Self::Free(store, Cell::default())
    }

    /// The last record that the command's reply rests on. In a transaction it is 0, because the transaction's hold has
    /// it.
    #[must_use]
    pub fn rests_on(&self) -> Seq {
        match self {
            Self::Free(_, rests_on) => rests_on.get(),
            Self::Held(_) => Seq::default(),
        }
    }

    /// Notes that the reply also rests on the records up to `seq`.
    pub fn rest_on(&self, seq: Seq) {
        if let Self::Free(_, rests_on) = self {
            rests_on.set(rests_on.get().max(seq));
        }
    }

    /// Locks `shards` for reading. They must be ascending and without repetition.
    #[must_use]
    pub fn look(&self, shards: &[ShardIndex]) -> Looking<'_> {
        match self {
            Shards::Free(store, _) => {
                let hold = Hold::on(store, shards, Access::Read, ChangeBuffer::default());
                self.rest_on(hold.rests_on());
                Looking::Own(Box::new(hold))
            }
            Shards::Held(hold) => Looking::Shared(hold),
        }
    }

    pub(super) fn shard_count(&self) -> usize {
        self.store().shard_count()
    }

    fn store(&self) -> &Store {
        match self {
            Shards::Free(store, _) => store,
            Shards::Held(hold) => hold.store,
        }
    }

    /// Calls `visit` with one shard, locked for reading. `None` if there is no such shard.
    pub(super) fn visit<T>(&self, index: ShardIndex, visit: impl FnOnce(&Shard) -> T) -> Option<T> {
        match self {
            Shards::Free(store, _) => {
                let shard = store.shards.get(index)?.read();
                self.rest_on(shard.last_seq);
                Some(visit(&shard))
            }
            Shards::Held(hold) => hold.shard(index).map(visit),
        }
    }

    /// The size of a database. It adds up one shard after the other, so it is exact only while no client writes.
    #[must_use]
    pub fn size(&self, database: DatabaseIndex) -> DatabaseSize {
        let mut size = DatabaseSize::default();
        for index in 0..self.store().shard_count() {
            self.visit(index, |shard| size.add(shard.keyspace(database)));
        }
        size
    }

    /// The number of keys that clients wait for.
    #[must_use]
    pub fn awaited_keys(&self) -> usize {
        self.sum_of_interests(Interests::awaited_keys)
    }

    /// The number of keys of which a client that waits needs the value that is there.
    #[must_use]
    pub fn needed_keys(&self) -> usize {
        self.sum_of_interests(Interests::needed_keys)
    }

    /// The number of keys that transactions watch.
    #[must_use]
    pub fn watched_keys(&self) -> usize {
        self.sum_of_interests(Interests::watched_keys)
    }

    fn sum_of_interests(&self, count: impl Fn(&Interests) -> usize) -> usize {
        let of_shard = |shard: &Shard| shard.all_interests().map(&count).sum::<usize>();
        (0..self.store().shard_count()).filter_map(|index| self.visit(index, of_shard)).sum()
    }

    /// Visits about `count` keys of `database` from `cursor` on. Returns the next cursor, 0 at the end. A key that
    /// exists during the whole walk is visited at least once. Locks one shard at a time.
    pub fn scan(
        &self,
        database: DatabaseIndex,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(&[u8], Kind),
    ) -> u64 {
        let expired_by_ms = self.store().expired_by_ms(self.store().clock.now_ms());
        let mut index = (cursor >> table::CURSOR_BITS) as usize;
        let mut place = cursor & ((1 << table::CURSOR_BITS) - 1);
        let mut seen = 0;
        loop {
            let next = self.visit(index, |shard| {
                shard.keyspace(database).scan(place, count - seen, |entry| {
                    seen += 1;
                    if !entry.is_expired(expired_by_ms) {
                        visit(entry.key, entry.value.kind());
                    }
                })
            });
            let Some(next) = next else { return 0 };
            place = next;
            if place == 0 {
                index += 1;
            }
            if seen >= count && index < self.store().shard_count() {
                return (index as u64) << table::CURSOR_BITS | place;
            }
            if seen >= count {
                return 0;
            }
        }
    }

    /// A key of `database` that has not expired, drawn at random; `None` if there is none. Each is as likely as any other
    /// while no client writes.
    #[must_use]
    pub fn random_key(&self, database: DatabaseIndex, chance: &mut Chance) -> Option<Box<[u8]>> {
        let expired_by_ms = self.store().expired_by_ms(self.store().clock.now_ms());
        let len = |index| self.visit(index, |shard| shard.keyspace(database).len() as u64).unwrap_or(0);
        let lens: Vec<u64> = (0..self.store().shard_count()).map(len).collect();
        let total = lens.iter().sum();
        if total == 0 {
            return None;
        }
        for _ in 0..DRAWS {
            let mut number = chance.below(total);
            let index = lens.iter().position(|len| {
                let is_here = number < *len;
                number = number.saturating_sub(*len);
                is_here
            });
            let drawn = index.and_then(|index| {
                self.visit(index, |shard| {
                    let entry = shard.keyspace(database).draw(chance);
                    entry.filter(|entry| !entry.is_expired(expired_by_ms)).map(|entry| (*entry.key).into())
                })
            });
            if let Some(key) = drawn.flatten() {
                return Some(key);
            }
        }
        // Nearly all keys have expired.
        let (mut found, mut cursor) = (None, 0);
        loop {
            cursor = self.scan(database, cursor, limits::MEMBERS_PER_LOCK, |key, _| {
                found.get_or_insert_with(|| key.into());
            });
            if found.is_some() || cursor == 0 {
                return found;
            }
        }
    }

    /// Removes every key of `database`, or of all databases if `None`, under all locks at once.
    ///
    /// # Errors
    /// [`RefusesClients`].
    pub fn flush(&mut self, database: Option<DatabaseIndex>) -> Result<(), RefusesClients> {
        self.with_all(|hold| hold.flush(database))
    }

    /// Exchanges all keys of two databases, under all locks at once. O(shards).
    ///
    /// # Errors
    /// [`RefusesClients`].
    pub fn swap_databases(&mut self, one: DatabaseIndex, other: DatabaseIndex) -> Result<(), RefusesClients> {
        self.with_all(|hold| hold.swap_databases(one, other))
    }

    /// Gives new boards whose keys begin with `prefix` this policy, or none, under all locks at once: so a checkpoint that
    /// has begun before has the record. Returns whether there was a template of this prefix.
    ///
    /// # Errors
    /// [`RefusesClients`].
    pub fn set_template(&mut self, prefix: &[u8], policy: Option<&Policy>) -> Result<bool, RefusesClients> {
        let mut was_there = false;
        self.with_all(|hold| was_there = hold.set_template(prefix, policy))?;
        Ok(was_there)
    }

    /// Calls `change` with all shards held for writing.
    pub(super) fn with_all(&mut self, change: impl FnOnce(&mut Hold<'_>)) -> Result<(), RefusesClients> {
        match self {
            Shards::Free(store, _) => {
                let all: Vec<ShardIndex> = (0..store.shard_count()).collect();
                let mut hold = Hold::on(store, &all, Access::Write, ChangeBuffer::default());
                if store.refuses_clients() {
                    return Err(RefusesClients);
                }
                change(&mut hold);
                hold.end_record();
                let (seq, _) = hold.release();
                self.rest_on(seq);
            }
            Shards::Held(hold) => change(hold),
        }
        Ok(())
    }
}
