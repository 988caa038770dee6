//! A walk that tells each key once and whole, for files that list keys with their values.
//!
//! In steps, under one shard's lock at a time, it is no moment's picture, and unlike a checkpoint's walk it has no
//! journal behind it to correct what it saw. What it promises: a key is told at most once, and exactly once if it is
//! there throughout; a small value as it was at one moment; of a value that takes several steps each member at most
//! once, with a score it had during the walk, and exactly once if it is in there throughout. On a [`Frozen`] store
//! it is one moment's picture. A key that has expired and is still there is told, as in Redis: whoever reads the file
//! judges that.

use crate::limits;
use crate::ranking::{Order, RankedMembers, Score};
use crate::store::keys::keyspace::Entry;
use crate::store::values::value::{Kind, Value};
use crate::store::{DatabaseIndex, DatabaseSize, Shard, Shards, Store};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::collections::VecDeque;

/// Keys looked at in one step; those with more than [`SMALL_ELEMENTS`] are left for steps of their own.
const KEYS_PER_STEP: usize = 16;

/// Most elements of a value that is told together with its neighbours.
const SMALL_ELEMENTS: usize = limits::MEMBERS_PER_LOCK / KEYS_PER_STEP;

/// Most elements of a value that is told in one step.
const WHOLE_ELEMENTS: usize = limits::MEMBERS_PER_LOCK;

/// Elements told in one step of a larger value. In the order of hashes each costs a wait for memory.
const ELEMENTS_PER_STEP: usize = limits::MEMBERS_PER_LOCK / 4;

/// A key and when it expires, in unix milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct KeyHead<'a> {
    /// Its name.
    pub key: &'a [u8],
    /// `None`: never.
    pub expire_at_ms: Option<u64>,
}

/// How the elements of a set or a ranking come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// All in this step, this many.
    Exactly(usize),
    /// In several steps. There are this many at this moment.
    About(usize),
}

/// Takes what an [`Export`] tells. Called under a shard's lock: no method may wait for anything.
pub trait ExportVisitor {
    /// What follows is in `database`, which has this size at this moment.
    fn database(&mut self, database: DatabaseIndex, size: DatabaseSize);
    /// A string.
    fn string(&mut self, head: KeyHead<'_>, value: &[u8]);
    /// A set (or ranking, as `kind` says) that is not empty; its members (or entries) follow, then its end.
    fn begin(&mut self, head: KeyHead<'_>, kind: Kind, length: Length);
    /// A member of the set that has begun.
    fn member(&mut self, member: &[u8]);
    /// An entry of the ranking that has begun.
    fn entry(&mut self, member: &[u8], score: Score);
    /// The value that has begun is complete.
    fn end(&mut self);
}

/// A store all of whose locks are held: nobody else reads or writes a key until it is dropped.
pub struct Frozen<'s> {
    store: &'s Store,
    shards: Vec<RwLockWriteGuard<'s, Shard>>,
}

/// A walk over everything the store holds, database by database.
pub struct Export<'s> {
    store: &'s Store,
    /// The shards, where all of them are held; else each step takes one lock.
    frozen: Option<&'s [RwLockWriteGuard<'s, Shard>]>,
    /// The keyspace that is walked, or the next one if `cursor` is `None` and nothing is left of the last.
    database: DatabaseIndex,
    shard: usize,
    /// Where the keyspace's scan goes on; `None` once it is through and only `large` is left of it.
    cursor: Option<u64>,
    /// Keys of this keyspace whose values take steps of their own.
    large: VecDeque<LargeKey>,
}

impl std::fmt::Debug for Frozen<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frozen").field("store", self.store).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Export<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Export")
            .field("database", &self.database)
            .field("shard", &self.shard)
            .finish_non_exhaustive()
    }
}

/// How far the walk has come in a large value.
#[derive(Debug)]
struct LargeKey {
    key: Box<[u8]>,
    /// What has begun, and where its scan goes on.
    begun: Option<(Kind, u64)>,
}

impl Store {
    /// Begins a walk in steps, beside readers and writers.
    #[must_use]
    pub fn export(&self) -> Export<'_> {
        Export::new(self, None)
    }

    /// Takes all locks, in ascending order as everywhere.
    #[must_use]
    pub fn freeze(&self) -> Frozen<'_> {
        Frozen { store: self, shards: self.shards.iter().map(RwLock::write).collect() }
    }
}

impl Frozen<'_> {
    /// Begins a walk over this moment.
    #[must_use]
    pub fn export(&self) -> Export<'_> {
        Export::new(self.store, Some(&self.shards))
    }

    /// Puts what `other` holds in place of everything, which goes there. Nothing is recorded: to the journal and to
    /// clients the two must be the same.
    ///
    /// # Panics
    /// If `other` has another number of shards or databases.
    pub fn replace_by(mut self, other: &Store) {
        assert!(other.shards.len() == self.shards.len() && other.databases == self.store.databases);
        for (shard, other) in self.shards.iter_mut().zip(&other.shards) {
            let mut other = other.write();
            for (keyspace, other) in shard.keyspaces.iter_mut().zip(&mut other.keyspaces) {
                keyspace.swap(other);
            }
        }
    }
}

impl<'s> Export<'s> {
    fn new(store: &'s Store, frozen: Option<&'s [RwLockWriteGuard<'s, Shard>]>) -> Self {
        Self { store, frozen, database: 0, shard: 0, cursor: None, large: VecDeque::new() }
    }

    /// Tells `visitor` the next stretch, at most about [`limits::MEMBERS_PER_LOCK`] elements under one lock. Returns
    /// whether there may be more.
    pub fn step(&mut self, visitor: &mut impl ExportVisitor) -> bool {
        if self.database == self.store.databases() {
            return false;
        }
        if self.shard == 0 && self.cursor.is_none() && self.large.is_empty() {
            visitor.database(self.database, self.size());
        }
        if let Some(large) = self.large.pop_front() {
            self.step_large(large, visitor);
        } else {
            self.step_keys(self.cursor.unwrap_or(0), visitor);
        }
        if self.cursor.is_none() && self.large.is_empty() {
            self.shard += 1;
            if self.shard == self.store.shard_count() {
                self.shard = 0;
                self.database += 1;
            }
        }
        true
    }

    fn size(&self) -> DatabaseSize {
        let Some(shards) = self.frozen else { return Shards::free(self.store).size(self.database) };
        let mut size = DatabaseSize::default();
        shards.iter().for_each(|shard| size.add(shard.keyspace(self.database)));
        size
    }

    fn lock(&self) -> Lock<'s> {
        match self.frozen {
            Some(shards) => Lock::Held(&shards[self.shard]),
            None => Lock::Taken(self.store.shards[self.shard].read()),
        }
    }

    fn step_keys(&mut self, cursor: u64, visitor: &mut impl ExportVisitor) {
        let shard = self.lock();
        let next = shard.keyspace(self.database).scan(cursor, KEYS_PER_STEP, |entry| {
            if entry.element_count() > SMALL_ELEMENTS {
                self.large.push_back(LargeKey { key: (*entry.key).into(), begun: None });
            } else {
                entry.tell(visitor);
            }
        });
        self.cursor = Some(next).filter(|&next| next != 0);
    }

    /// Large values are walked in the order of their members' hashes, which no write changes; by score, a member that
    /// moves could be passed over or met twice.
    fn step_large(&mut self, large: LargeKey, visitor: &mut impl ExportVisitor) {
        let LargeKey { key, begun } = large;
        let shard = self.lock();
        let entry = shard.keyspace(self.database).get(self.store.locate(&key));
        let now = entry.map(|entry| entry.value.kind());
        if let Some((kind, _)) = begun
            && now != Some(kind)
        {
            // It is gone, or something else now.
            visitor.end();
            return;
        }
        let Some(entry) = entry else { return };
        if begun.is_none() && entry.element_count() <= WHOLE_ELEMENTS {
            entry.tell(visitor);
            return;
        }
        let kind = entry.value.kind();
        let cursor = begun.map_or_else(
            || {
                visitor.begin(entry.head(), kind, Length::About(entry.element_count()));
                0
            },
            |(_, cursor)| cursor,
        );
        let next = match &entry.value {
            Value::Set(members) => members.scan(cursor, ELEMENTS_PER_STEP, |member| visitor.member(member)),
            Value::Ranking(ranking) => {
                ranking.scan(cursor, ELEMENTS_PER_STEP, |member, score| visitor.entry(member, score))
            }
            Value::String(_) => unreachable!("a string has one element"),
        };
        if next == 0 {
            visitor.end();
        } else {
            self.large.push_front(LargeKey { key, begun: Some((kind, next)) });
        }
    }
}

impl Entry {
    fn head(&self) -> KeyHead<'_> {
        KeyHead { key: &self.key, expire_at_ms: self.expire_at_ms() }
    }

    fn element_count(&self) -> usize {
        match &self.value {
            Value::String(_) => 1,
            Value::Set(members) => members.len(),
            Value::Ranking(ranking) => ranking.len(),
        }
    }

    /// Tells it whole.
    fn tell(&self, visitor: &mut impl ExportVisitor) {
        match &self.value {
            Value::String(value) => visitor.string(self.head(), value),
            Value::Set(members) => {
                visitor.begin(self.head(), Kind::Set, Length::Exactly(members.len()));
                members.for_each(|member| visitor.member(member));
                visitor.end();
            }
            Value::Ranking(ranking) => {
                visitor.begin(self.head(), Kind::Ranking, Length::Exactly(ranking.len()));
                // From the high end, as Redis writes and best reads it.
                ranking
                    .visit(0..ranking.len(), Order::Descending, |member, score| visitor.entry(member, score));
                visitor.end();
            }
        }
    }
}

/// A shard that may be read.
enum Lock<'s> {
    Held(&'s Shard),
    Taken(RwLockReadGuard<'s, Shard>),
}

impl std::ops::Deref for Lock<'_> {
    type Target = Shard;

    fn deref(&self) -> &Shard {
        match self {
            Self::Held(shard) => shard,
            Self::Taken(shard) => shard,
        }
    }
}

/// How much a store holds. Keys that have expired do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Strings.
    pub strings: u64,
    /// Sets.
    pub sets: u64,
    /// Members of sets.
    pub set_members: u64,
    /// Rankings.
    pub rankings: u64,
    /// Members of rankings.
    pub ranked_members: u64,
}

impl Store {
    /// Counts everything. O(keys), one shard's lock at a time.
    #[must_use]
    pub fn census(&self) -> Census {
        let expired_by_ms = self.expired_by_ms(self.clock.now_ms());
        let mut census = Census::default();
        for shard in &self.shards {
            for keyspace in &shard.read().keyspaces {
                for entry in keyspace.iter().filter(|entry| !entry.is_expired(expired_by_ms)) {
                    let (keys, members, len) = match &entry.value {
                        Value::String(_) => {
                            census.strings += 1;
                            continue;
                        }
                        Value::Set(members) => (&mut census.sets, &mut census.set_members, members.len()),
                        Value::Ranking(ranking) => {
                            (&mut census.rankings, &mut census.ranked_members, ranking.len())
                        }
                    };
                    *keys += 1;
                    *members += len as u64;
                }
            }
        }
        census
    }
}
