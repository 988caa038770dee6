//! One database's keys within one shard: entries found by key, and which of them expire when.

use super::interest::Interests;
use super::members::Members;
use super::table::Table;
use super::value::{Value, WrongType};
use crate::heap::allocation_bytes;
use crate::ranking::{RankedMembers, Ranking, Score};
use foldhash::quality::FixedState;
use std::collections::BTreeSet;
use std::hash::BuildHasher;

/// A key and what it holds.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Box<[u8]>,
    pub(super) value: Value,
    /// Unix milliseconds from which on the key does not exist any more.
    pub(super) expire_at_ms: Option<u64>,
}

impl Entry {
    /// The bytes of memory that key and value take, with their places in the tables; see [`Value::memory_bytes`].
    pub(super) fn memory_bytes(&self, samples: usize) -> usize {
        let key = allocation_bytes(self.key.len());
        let expiry = self.expire_at_ms.map_or(0, |_| size_of::<(u64, Box<[u8]>)>() + key);
        size_of::<Self>() + key + expiry + self.value.memory_bytes(samples)
    }

    pub(super) fn is_expired(&self, now_ms: u64) -> bool {
        self.expire_at_ms.is_some_and(|at_ms| at_ms <= now_ms)
    }
}

/// The keys of one database in one shard.
#[derive(Debug)]
pub(super) struct Keyspace {
    entries: Table<Entry>,
    /// Every key that expires, soonest first.
    expiries: BTreeSet<(u64, Box<[u8]>)>,
    /// The sum of the times in `expiries`, for their average.
    expiry_sum_ms: u128,
    hasher: FixedState,
    seed: u64,
    /// Who watches or waits for keys, there or not.
    pub(super) interests: Interests,
}

impl Keyspace {
    pub(super) fn with_seed(seed: u64) -> Self {
        let hasher = FixedState::with_seed(seed);
        Self {
            entries: Table::default(),
            expiries: BTreeSet::new(),
            expiry_sum_ms: 0,
            hasher,
            seed,
            interests: Interests::with_seed(seed),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn expiring_len(&self) -> usize {
        self.expiries.len()
    }

    /// Unix milliseconds at which the first key expires.
    pub(super) fn first_expiry_ms(&self) -> Option<u64> {
        self.expiries.first().map(|(at_ms, _)| *at_ms)
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<&Entry> {
        self.entries.find(self.hasher.hash_one(key), |entry| *entry.key == *key)
    }

    pub(super) fn get_mut(&mut self, key: &[u8]) -> Option<&mut Entry> {
        self.entries.find_mut(self.hasher.hash_one(key), |entry| *entry.key == *key)
    }

    /// Puts `value` at `key` in place of whatever was there, which is returned.
    pub(super) fn put(&mut self, key: &[u8], value: Value, expire_at_ms: Option<u64>) -> Option<Value> {
        let Some(entry) = self.get_mut(key) else {
            let hasher = self.hasher.clone();
            let entry = Entry { key: key.into(), value, expire_at_ms };
            self.entries.insert(hasher.hash_one(key), entry, |entry| hasher.hash_one(&*entry.key));
            if let Some(at_ms) = expire_at_ms {
                self.note_expiry(at_ms, key);
            }
            return None;
        };
        let old = std::mem::replace(&mut entry.value, value);
        if entry.expire_at_ms != expire_at_ms {
            self.set_expiry(key, expire_at_ms);
        }
        Some(old)
    }

    /// Puts a ranking of `entries` at `key`, as [`Keyspace::put`]; see [`RankedMembers::from_sorted`].
    pub(super) fn put_ranking<'a>(
        &mut self,
        key: &[u8],
        entries: impl Iterator<Item = (&'a [u8], Score)>,
    ) -> Option<Value> {
        let ranking = Ranking::from_sorted(self.seed, entries);
        self.put(key, Value::Ranking(Box::new(ranking)), None)
    }

    pub(super) fn remove(&mut self, key: &[u8]) -> Option<Value> {
        let entry = self.entries.remove(self.hasher.hash_one(key), |entry| *entry.key == *key)?;
        if let Some(at_ms) = entry.expire_at_ms {
            self.forget_expiry(at_ms, entry.key);
        }
        Some(entry.value)
    }

    /// Sets when `key` expires. Returns whether the key exists.
    pub(super) fn set_expiry(&mut self, key: &[u8], expire_at_ms: Option<u64>) -> bool {
        let Some(entry) = self.get_mut(key) else { return false };
        let before = std::mem::replace(&mut entry.expire_at_ms, expire_at_ms);
        if let Some(at_ms) = before {
            self.forget_expiry(at_ms, key.into());
        }
        if let Some(at_ms) = expire_at_ms {
            self.note_expiry(at_ms, key);
        }
        true
    }

    fn note_expiry(&mut self, at_ms: u64, key: &[u8]) {
        self.expiries.insert((at_ms, key.into()));
        self.expiry_sum_ms += u128::from(at_ms);
    }

    fn forget_expiry(&mut self, at_ms: u64, key: Box<[u8]>) {
        self.expiries.remove(&(at_ms, key));
        self.expiry_sum_ms -= u128::from(at_ms);
    }

    /// See the field.
    pub(super) fn expiry_sum_ms(&self) -> u128 {
        self.expiry_sum_ms
    }

    /// A key that has expired by `now_ms`, if there is one.
    pub(super) fn expired_key(&self, now_ms: u64) -> Option<Box<[u8]>> {
        self.expiries.first().filter(|(at_ms, _)| *at_ms <= now_ms).map(|(_, key)| key.clone())
    }

    /// The ranking at `key`, made if the key is missing.
    pub(super) fn ranking_or_new(&mut self, key: &[u8]) -> Result<&mut Ranking, WrongType> {
        let seed = self.seed;
        match self.value_or_new(key, || Value::Ranking(Box::new(Ranking::with_seed(seed)))) {
            Value::Ranking(ranking) => Ok(ranking),
            _ => Err(WrongType),
        }
    }

    /// The set at `key`, made if the key is missing.
    pub(super) fn set_or_new(&mut self, key: &[u8]) -> Result<&mut Members, WrongType> {
        let seed = self.seed;
        match self.value_or_new(key, || Value::Set(Box::new(Members::with_seed(seed)))) {
            Value::Set(members) => Ok(members),
            _ => Err(WrongType),
        }
    }

    fn value_or_new(&mut self, key: &[u8], new: impl FnOnce() -> Value) -> &mut Value {
        let hasher = self.hasher.clone();
        let hash = hasher.hash_one(key);
        // Looked up twice on purpose: the borrow of a first hit would outlive the insertion otherwise.
        if self.entries.find(hash, |entry| *entry.key == *key).is_none() {
            let entry = Entry { key: key.into(), value: new(), expire_at_ms: None };
            return &mut self.entries.insert(hash, entry, |entry| hasher.hash_one(&*entry.key)).value;
        }
        &mut self.entries.find_mut(hash, |entry| *entry.key == *key).expect("found above").value
    }

    /// All keys, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// See [`Table::scan`].
    pub(super) fn scan<'k>(&'k self, cursor: u64, count: usize, visit: impl FnMut(&'k Entry)) -> u64 {
        let hasher = self.hasher.clone();
        self.entries.scan(cursor, count, |entry| hasher.hash_one(&*entry.key), visit)
    }
}

impl Keyspace {
    /// Tells those who watch keys that all of them are about to be removed.
    pub(super) fn note_flush(&mut self) {
        let Self { entries, interests, hasher, .. } = self;
        interests.note_flush(|key| entries.find(hasher.hash_one(key), |entry| *entry.key == *key).is_some());
    }

    /// Puts what `other` holds in place of everything, and that into `other`. Who watches or waits still does: to them
    /// the two must be the same.
    pub(super) fn swap(&mut self, other: &mut Keyspace) {
        std::mem::swap(self, other);
        std::mem::swap(&mut self.interests, &mut other.interests);
    }

    /// Empties the keyspace and returns what it held, for someone else to free. Who watches or waits still does.
    pub(super) fn take(&mut self) -> Keyspace {
        let mut taken = std::mem::replace(self, Self::with_seed(self.seed));
        std::mem::swap(&mut self.interests, &mut taken.interests);
        taken
    }
}
