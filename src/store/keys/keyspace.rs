//! One database's keys in one shard: a table of entries, and the order in which keys expire.

use super::expiries::{Expiries, Expiry};
use super::key_name::KeyName;
use super::located::Located;
use super::segment::Probe;
use super::sizes::Sizes;
use super::table::{Place, Table};
use super::uses::UseMark;
use crate::store::values::kinds::{Kind, Value, WrongType};
use crate::store::values::stored::Stored;
use crate::text::short;
use foldhash::quality::FixedState;
use std::collections::BTreeSet;
use std::hash::BuildHasher;

/// A key and its value, as they are stored. When the key expires is the note beside it ([`Table`]).
#[derive(Debug)]
pub(in crate::store) struct KeyValue {
    pub(super) key: KeyName,
    value: Value,
}

impl KeyValue {
    /// Prefetches the memory outside the entry that every command on the key reads.
    pub(in crate::store) fn load_content(&self) {
        self.key.prefetch_bytes();
        self.value.prefetch();
    }

    pub(in crate::store) fn value(&self) -> &Value {
        &self.value
    }
}

const _: () = assert!(size_of::<KeyValue>() == 56);

/// A key, its value, and when it expires.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Entry<'k> {
    pub(in crate::store) key: &'k [u8],
    pub(in crate::store) value: &'k Value,
    /// When or how often the key is used.
    pub(in crate::store) mark: &'k UseMark,
    expiry: Option<Expiry>,
}

impl<'k> Entry<'k> {
    /// Its place in the tables. The array of entries has room for a twelfth more on average. An index takes three bytes with
    /// its tag, and the table of indices is two thirds full on average.
    pub(in crate::store) const PLACE_BYTES: usize = size_of::<KeyValue>() * 13 / 12 + 5;

    pub(super) fn new(stored: &'k KeyValue, expiry: Option<Expiry>) -> Self {
        Self { key: &stored.key, value: &stored.value, mark: stored.key.mark(), expiry }
    }

    /// The bytes of memory that key and value take, including their place in the tables; see [`Value::memory_bytes`].
    pub(in crate::store) fn memory_bytes(&self, samples: usize) -> usize {
        let expiry = self.expiry.map_or(0, |_| Expiry::BYTES);
        let key = Self::PLACE_BYTES + KeyName::heap_bytes_of(self.key.len());
        key + expiry + self.value.memory_bytes(samples)
    }

    /// The time in unix milliseconds at which the key expires; `None`: never.
    pub(in crate::store) fn expire_at_ms(&self) -> Option<u64> {
        self.expiry.map(Expiry::at_ms)
    }

    /// Whether the key expires at or before `by_ms`. That time must come from [`crate::store::Store::expired_by_ms`],
    /// not directly from the clock.
    pub(in crate::store) fn is_expired(&self, by_ms: u64) -> bool {
        self.expire_at_ms().is_some_and(|at_ms| at_ms <= by_ms)
    }
}

/// The result of a look-up: the place of the key's entry, or the place for a new one. It is valid until another entry
/// is added or removed.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Spot {
    hash: u64,
    place: Option<Place>,
}

/// Two registers.
const _: () = assert!(size_of::<Spot>() == 16);

impl Spot {
    /// Whether there is no such key.
    pub(in crate::store) fn is_vacant(&self) -> bool {
        self.place.is_none()
    }

    /// The same spot after its entry was removed.
    pub(in crate::store) fn vacated(self) -> Self {
        Self { place: None, ..self }
    }
}

/// What was first in the order of expiries.
#[derive(Debug)]
pub(in crate::store) enum Due {
    /// A key that has expired.
    Expired(Box<[u8]>),
    /// None, or one that expires later. Something else is the first now.
    Later,
}

/// The keys of one database in one shard.
#[derive(Debug)]
pub(in crate::store) struct Keyspace {
    pub(super) entries: Table<KeyValue, Option<Expiry>>,
    pub(super) expiries: Expiries,
    /// Every key of whose value an element expires, by when the first one does.
    dues: BTreeSet<(u64, Box<[u8]>)>,
    sizes: Sizes,
    pub(super) hasher: FixedState,
    seed: u64,
    /// The mark that a new key gets.
    first_mark: u32,
}

impl Keyspace {
    /// An empty keyspace. `seed` keys its hashes, and new keys get the mark `first_mark`.
    pub(in crate::store) fn new(seed: u64, first_mark: u32) -> Self {
        let hasher = FixedState::with_seed(seed);
        let (entries, expiries, dues) = (Table::default(), Expiries::default(), BTreeSet::new());
        Self { entries, expiries, dues, sizes: Sizes::default(), hasher, seed, first_mark }
    }

    /// The mark that new keys get.
    pub(in crate::store) fn first_mark(&self) -> u32 {
        self.first_mark
    }

    /// Sets the mark that new keys get from now on.
    pub(in crate::store) fn set_first_mark(&mut self, mark: u32) {
        // Mostly it is right already. Not to write it leaves its cache line to other threads.
        if self.first_mark != mark {
            self.first_mark = mark;
        }
    }

    pub(in crate::store) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(in crate::store) fn expiring_len(&self) -> usize {
        self.expiries.len()
    }

    /// The time in unix milliseconds at which [`Keyspace::next_due`] has something to look at.
    pub(in crate::store) fn first_expiry_ms(&self) -> Option<u64> {
        self.expiries.first().next().map(|(at_ms, _)| at_ms)
    }

    pub(in crate::store) fn get(&self, at: Located<'_>) -> Option<Entry<'_>> {
        let (entry, expiry) =
            self.entries.find_noted(at.hash, |entry| short::are_equal(&entry.key, at.key))?;
        Some(Entry::new(entry, expiry))
    }

    /// Looks a key up.
    pub(in crate::store) fn spot(&self, at: Located<'_>) -> Spot {
        Spot {
            hash: at.hash,
            place: self.entries.place(at.hash, |entry| short::are_equal(&entry.key, at.key)),
        }
    }

    pub(in crate::store) fn at(&self, spot: Spot) -> Option<Entry<'_>> {
        spot.place.map(|place| Entry::new(self.entries.at(place), self.entries.note(place)))
    }

    pub(in crate::store) fn value_mut(&mut self, spot: Spot) -> Option<&mut Value> {
        spot.place.map(|place| &mut self.entries.at_mut(place).value)
    }

    /// Puts `value` at `key`, found at `spot`, and returns the old value.
    pub(in crate::store) fn put(
        &mut self,
        key: &[u8],
        spot: Spot,
        value: Value,
        expire_at_ms: Option<u64>,
    ) -> Option<Value> {
        let Some(place) = spot.place else {
            self.insert(key, spot.hash, value, expire_at_ms);
            return None;
        };
        let (due, kind, size) = (value.first_due_ms(), value.kind(), value.size());
        let old = std::mem::replace(&mut self.entries.at_mut(place).value, value);
        self.note_due(key, old.first_due_ms(), due);
        self.sizes.note(key, old.kind(), Some(old.size()), None);
        self.sizes.note(key, kind, None, Some(size));
        self.set_expiry(spot, expire_at_ms);
        Some(old)
    }

    #[inline(never)]
    fn insert(&mut self, key: &[u8], hash: u64, value: Value, expire_at_ms: Option<u64>) -> Place {
        self.note_due(key, None, value.first_due_ms());
        self.sizes.note(key, value.kind(), None, Some(value.size()));
        let hasher = &self.hasher;
        let entry = KeyValue { key: KeyName::new(key, UseMark::of(self.first_mark)), value };
        let place = self.entries.insert(hash, entry, |entry| hasher.hash_one(&*entry.key));
        self.set_expiry(Spot { hash, place: Some(place) }, expire_at_ms);
        place
    }

    /// Removes the entry at `spot`. The spot is [vacated](Spot::vacated) then.
    pub(in crate::store) fn remove(&mut self, spot: Spot) -> Option<Value> {
        let place = spot.place?;
        let expiry = self.entries.note(place);
        let hasher = &self.hasher;
        let entry = self.entries.remove_at(spot.hash, place, |entry| hasher.hash_one(&*entry.key));
        if expiry.is_some() {
            self.expiries.change(spot.hash, expiry, None);
        }
        self.note_due(&entry.key, entry.value.first_due_ms(), None);
        self.sizes.note(&entry.key, entry.value.kind(), Some(entry.value.size()), None);
        Some(entry.value)
    }

    /// Sets when the key at `spot` expires, if the key exists.
    pub(in crate::store) fn set_expiry(&mut self, spot: Spot, expire_at_ms: Option<u64>) {
        let Some(place) = spot.place else { return };
        let before = self.entries.note(place);
        if before.is_some() || expire_at_ms.is_some() {
            let after = self.expiries.change(spot.hash, before, expire_at_ms);
            self.entries.set_note(place, after);
        }
    }

    /// The first element to expire of the value at `key` does at `after`, and did at `before`. Who changes a value in its
    /// place sees to this; a value that comes or goes is seen to.
    pub(in crate::store) fn note_due(&mut self, key: &[u8], before: Option<u64>, after: Option<u64>) {
        if before == after {
            return;
        }
        if let Some(at_ms) = before {
            self.dues.remove(&(at_ms, key.into()));
        }
        if let Some(at_ms) = after {
            self.dues.insert((at_ms, key.into()));
        }
    }

    /// The value at `key`, of type `kind`, has got another size in its place.
    pub(in crate::store) fn note_size(&mut self, key: &[u8], kind: Kind, before: usize, after: usize) {
        if before != after {
            self.sizes.change(key, kind, before, after);
        }
    }

    /// The sizes of the values.
    pub(in crate::store) fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    /// Counts the sizes anew, after Changes were replayed, which change values without a note. O(keys).
    pub(in crate::store) fn recount_sizes(&mut self) {
        let mut sizes = Sizes::default();
        for entry in self.iter() {
            sizes.note(entry.key, entry.value.kind(), None, Some(entry.value.size()));
        }
        self.sizes = sizes;
    }

    /// Unix milliseconds at which the first element of a value expires.
    pub(in crate::store) fn first_due_ms(&self) -> Option<u64> {
        self.dues.first().map(|(at_ms, _)| *at_ms)
    }

    /// The number of keys of whose value an element expires.
    pub(in crate::store) fn dated_len(&self) -> usize {
        self.dues.len()
    }

    /// A key whose value has an element that expires at or before `by_ms`. Notes about a value that no longer exists, as
    /// after a panic, are discarded.
    pub(in crate::store) fn due_key(&mut self, by_ms: u64) -> Option<Box<[u8]>> {
        while let Some((at_ms, key)) = self.dues.first().filter(|(at_ms, _)| *at_ms <= by_ms) {
            let hash = self.hasher.hash_one(&**key);
            let entry = self.entries.find(hash, |entry| *entry.key == **key);
            if entry.is_some_and(|entry| entry.value.first_due_ms() == Some(*at_ms)) {
                return Some(key.clone());
            }
            self.dues.pop_first();
        }
        None
    }

    /// The sum of the times at which keys expire, in unix milliseconds.
    pub(in crate::store) fn expiry_sum_ms(&self) -> u128 {
        self.expiries.sum_ms()
    }

    /// What is the first to look at in the order of expiries, if that is due at or before `by_ms`. A place that is due before its
    /// key has expired is moved, and one without a key is given up. O(log n).
    pub(in crate::store) fn next_due(&mut self, by_ms: u64) -> Option<Due> {
        let (place_ms, hash) = self.expiries.first().next().filter(|(place_ms, _)| *place_ms <= by_ms)?;
        let has_hash = |entry: &KeyValue| self.hasher.hash_one(&*entry.key) == hash;
        let place = self.entries.place(hash, has_hash);
        let noted = place.and_then(|place| Some((place, self.entries.note(place)?)));
        let Some((place, expiry)) = noted.filter(|(_, expiry)| expiry.place_ms() == place_ms) else {
            self.expiries.give_up_first();
            return Some(Due::Later);
        };
        if expiry.at_ms() <= by_ms {
            return Some(Due::Expired((*self.entries.at(place).key).into()));
        }
        let moved = self.expiries.move_first(expiry);
        self.entries.set_note(place, Some(moved));
        Some(Due::Later)
    }

    /// The value of type `T` at `key`, found at `spot`, and its spot. A missing value is made. In line, because the result is
    /// large.
    #[inline(always)]
    pub(in crate::store) fn value_or_new<T: Stored>(
        &mut self,
        key: &[u8],
        spot: Spot,
    ) -> Result<(&mut T, Spot), WrongType> {
        let seed = self.seed;
        let (value, spot) = self.any_value_or_new(key, spot, || T::with_seed(seed).into_value());
        T::of_mut(value).map(|value| (value, spot)).ok_or(WrongType)
    }

    /// The value of any type at `key`, found at `spot`, and its spot. A missing value is made by `new`.
    #[inline(always)]
    pub(in crate::store) fn any_value_or_new(
        &mut self,
        key: &[u8],
        spot: Spot,
        new: impl FnOnce() -> Value,
    ) -> (&mut Value, Spot) {
        let place = spot.place.unwrap_or_else(|| self.insert(key, spot.hash, new(), None));
        (&mut self.entries.at_mut(place).value, Spot { place: Some(place), ..spot })
    }

    /// The seed that keys the hashes of values.
    pub(in crate::store) fn seed(&self) -> u64 {
        self.seed
    }

    /// Prefetches the entry that probably belongs to the key with this hash, in one step. Does not read the entry itself.
    pub(in crate::store) fn load_entry(&self, hash: u64) -> Option<&KeyValue> {
        self.entries.load(hash)
    }

    /// Begins to look for the key with this hash, to load it ahead.
    pub(in crate::store) fn probe(&self, hash: u64) -> Option<Probe<'_, KeyValue, Option<Expiry>>> {
        self.entries.probe(hash)
    }

    /// All keys, in no order.
    pub(in crate::store) fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        self.entries.iter_noted().map(|(entry, expiry)| Entry::new(entry, expiry))
    }

    /// See [`Table::scan`].
    pub(in crate::store) fn scan<'k>(
        &'k self,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(Entry<'k>),
    ) -> u64 {
        let hasher = self.hasher.clone();
        let visit = |entry, expiry| visit(Entry::new(entry, expiry));
        self.entries.scan(cursor, count, |entry| hasher.hash_one(&*entry.key), visit)
    }
}

impl Keyspace {
    /// The entry of a key, expired or not.
    pub(in crate::store) fn find(&self, key: &[u8]) -> Option<Entry<'_>> {
        let (entry, expiry) =
            self.entries.find_noted(self.hasher.hash_one(key), |entry| *entry.key == *key)?;
        Some(Entry::new(entry, expiry))
    }

    /// Whether there is such a key, expired or not.
    pub(in crate::store) fn holds(&self, key: &[u8]) -> bool {
        self.find(key).is_some()
    }

    /// Empties the keyspace and returns its contents, for another thread to free.
    pub(in crate::store) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::new(self.seed, self.first_mark))
    }
}
