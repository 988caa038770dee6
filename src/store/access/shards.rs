//! The shards as a command on many keys sees them.

use super::hold::{Access, Hold};
use crate::store::change::buffer::ChangeBuffer;
use crate::store::change::seq::Seq;
use crate::store::keys::interest::Interests;
use crate::store::keys::table;
use crate::store::numbers::{DatabaseIndex, ShardIndex};
use crate::store::shard::{DatabaseSize, Shard};
use crate::store::sharded::Store;
use crate::store::values::kinds::Kind;
use std::cell::Cell;
use std::ops::Deref;

/// The shards, for a command that chooses its own locks: to be locked as it goes, or held already by a transaction.
#[derive(Debug)]
pub enum Shards<'a, 's> {
    /// Each is locked when it is needed. What is said of them rests on the record in the cell.
    Free(&'s Store, Cell<Seq>),
    /// All of them are held, for writing if anything will be written.
    Held(&'a mut Hold<'s>),
}

/// Shards that may be looked at: under locks of their own, or under a transaction's.
#[derive(Debug)]
pub enum Looking<'l> {
    /// Until dropped.
    Own(Box<Hold<'l>>),
    /// As long as the transaction runs.
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
    /// The shards of `store`, none of them held.
    #[must_use]
    pub fn free(store: &'s Store) -> Self {
        Self::Free(store, Cell::default())
    }

    /// The last record that what was said of shards of no transaction rests on; a transaction has its own.
    #[must_use]
    pub fn rests_on(&self) -> Seq {
        match self {
            Self::Free(_, rests_on) => rests_on.get(),
            Self::Held(_) => Seq::default(),
        }
    }

    /// What is said rests on the records up to `seq` as well.
    pub fn rest_on(&self, seq: Seq) {
        if let Self::Free(_, rests_on) = self {
            rests_on.set(rests_on.get().max(seq));
        }
    }

    /// Shards to look at, which must be ascending and without repetition.
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

    fn store(&self) -> &Store {
        match self {
            Shards::Free(store, _) => store,
            Shards::Held(hold) => hold.store,
        }
    }

    /// Lets `visit` see one shard, locked for reading. `None` if there is no such shard.
    fn visit<T>(&self, index: ShardIndex, visit: impl FnOnce(&Shard) -> T) -> Option<T> {
        match self {
            Shards::Free(store, _) => {
                let shard = store.shards.get(index)?.read();
                self.rest_on(shard.last_seq);
                Some(visit(&shard))
            }
            Shards::Held(hold) => hold.shard(index).map(visit),
        }
    }

    /// The size of a database, shard by shard: exact while nobody writes.
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

    /// The number of keys that transactions watch.
    #[must_use]
    pub fn watched_keys(&self) -> usize {
        self.sum_of_interests(Interests::watched_keys)
    }

    fn sum_of_interests(&self, count: impl Fn(&Interests) -> usize) -> usize {
        let of_shard = |shard: &Shard| shard.all_interests().map(&count).sum::<usize>();
        (0..self.store().shard_count()).filter_map(|index| self.visit(index, of_shard)).sum()
    }

    /// Visits about `count` keys of `database` from `cursor` on; returns where to go on, 0 at the end. A key that is
    /// there throughout a walk is visited at least once. Looks at one shard at a time.
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
                        visit(&entry.key, entry.value.kind());
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

    /// Removes every key of `database`, or of all if `None`, in one moment.
    pub fn flush(&mut self, database: Option<DatabaseIndex>) {
        match self {
            Shards::Free(store, _) => {
                let all: Vec<ShardIndex> = (0..store.shard_count()).collect();
                let mut hold = Hold::on(store, &all, Access::Write, ChangeBuffer::default());
                hold.flush(database);
                let (seq, _) = hold.release();
                self.rest_on(seq);
            }
            Shards::Held(hold) => hold.flush(database),
        }
    }
}
