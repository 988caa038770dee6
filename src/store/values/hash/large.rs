//! The fields of a large hash: a table that grows a segment at a time.

use crate::machine::chance::{Chance, Secret};
use crate::machine::heap::allocation_bytes;
use crate::store::keys::table::Table;
use crate::store::values::words::Text;
use foldhash::quality::FixedState;
use std::hash::BuildHasher;

/// Fields and values, hashed.
#[derive(Debug)]
pub(super) struct Hashed {
    table: Table<Pair>,
    /// Has a seed of its own: a small hash has no room to store the seed that it was created with.
    hasher: FixedState,
}

impl Default for Hashed {
    fn default() -> Self {
        Self { table: Table::default(), hasher: FixedState::with_seed(Secret::from_system().of(0)) }
    }
}

/// A field and its value in one allocation: the length of the field in a varint, the field, the value.
#[derive(Debug)]
struct Pair(Box<[u8]>);

impl Pair {
    fn new(field: &[u8], value: &[u8]) -> Self {
        let (mut head, mut head_len, mut left) = ([0; 10], 0, field.len());
        loop {
            head[head_len] = left as u8 & 0x7f | if left < 0x80 { 0 } else { 0x80 };
            head_len += 1;
            left >>= 7;
            if left == 0 {
                return Self([&head[..head_len], field, value].concat().into());
            }
        }
    }

    fn split(&self) -> (&[u8], &[u8]) {
        let (mut len, mut at) = (0, 0);
        loop {
            let byte = self.0[at];
            len |= usize::from(byte & 0x7f) << (7 * at);
            at += 1;
            if byte & 0x80 == 0 {
                return self.0[at..].split_at(len);
            }
        }
    }

    fn field(&self) -> &[u8] {
        self.split().0
    }

    fn texts(&self) -> (Text<'_>, Text<'_>) {
        let (field, value) = self.split();
        (Text::Bytes(field), Text::Bytes(value))
    }

    fn set(&mut self, field: &[u8], value: &[u8]) {
        let old = self.split().1.len();
        if old == value.len() {
            let start = self.0.len() - old;
            self.0[start..].copy_from_slice(value);
        } else {
            *self = Self::new(field, value);
        }
    }
}

impl Hashed {
    /// A hash of the same fields. It has a seed of its own, so the table is filled anew. O(n).
    pub(super) fn copy(&self) -> Self {
        let mut copy = Self::default();
        let Self { table, hasher } = &mut copy;
        for pair in self.table.iter() {
            let hash = hasher.hash_one(pair.field());
            table.insert(hash, Pair(pair.0.clone()), |pair| hasher.hash_one(pair.field()));
        }
        copy
    }

    /// The number of fields. O(1).
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// The value of `field`. O(1).
    pub(super) fn get(&self, field: &[u8]) -> Option<&[u8]> {
        let pair = self.table.find(self.hasher.hash_one(field), |pair| pair.field() == field)?;
        Some(pair.split().1)
    }

    /// Sets `field`; returns whether it was new. O(1).
    pub(super) fn set(&mut self, field: &[u8], value: &[u8]) -> bool {
        let hash = self.hasher.hash_one(field);
        match self.table.place(hash, |pair| pair.field() == field) {
            Some(place) => {
                self.table.at_mut(place).set(field, value);
                false
            }
            None => {
                let hasher = &self.hasher;
                self.table.insert(hash, Pair::new(field, value), |pair| hasher.hash_one(pair.field()));
                true
            }
        }
    }

    /// Removes `field`; returns whether it was there. O(1).
    pub(super) fn remove(&mut self, field: &[u8]) -> bool {
        let (hasher, hash) = (&self.hasher, self.hasher.hash_one(field));
        let place = self.table.place(hash, |pair| pair.field() == field);
        let hash_of = |pair: &Pair| hasher.hash_one(pair.field());
        place.map(|place| self.table.remove_at(hash, place, hash_of)).is_some()
    }

    /// Every field with its value, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Text<'_>, Text<'_>)> {
        self.table.iter().map(Pair::texts)
    }

    /// See [`Table::scan`].
    pub(super) fn scan<'s>(
        &'s self,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(Text<'s>, Text<'s>),
    ) -> u64 {
        let hash_of = |pair: &Pair| self.hasher.hash_one(pair.field());
        self.table.scan(cursor, count, hash_of, |pair, ()| {
            let (field, value) = pair.texts();
            visit(field, value);
        })
    }

    /// See [`Table::draw`].
    pub(super) fn draw(&self, chance: &mut Chance) -> Option<(Text<'_>, Text<'_>)> {
        self.table.draw(chance).map(|(pair, ())| pair.texts())
    }

    /// The bytes of memory that it uses, estimated from `samples` of its fields. O(samples + n / 100).
    pub(super) fn memory_bytes(&self, samples: usize) -> usize {
        let (mut sampled, mut bytes) = (0, 0);
        for pair in self.table.iter().take(samples.max(1)) {
            sampled += 1;
            bytes += allocation_bytes(pair.0.len());
        }
        self.table.memory_bytes() + bytes * self.table.len() / sampled.max(1)
    }
}
