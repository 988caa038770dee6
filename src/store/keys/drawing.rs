//! Keys of a keyspace that are drawn at random, and estimates from such.

use super::keyspace::{Entry, KeyValue, Keyspace};
use crate::machine::chance::Chance;
use std::hash::BuildHasher;
use std::num::NonZeroU64;

/// Elements of a value that are sampled for its size, where that is sampled itself.
const SAMPLED_ELEMENTS: usize = 16;

impl Keyspace {
    /// See [`Table::draw`].
    pub(in crate::store) fn draw(&self, chance: &mut Chance) -> Option<Entry<'_>> {
        self.entries.draw(chance).map(|(entry, expire_at_ms)| Entry::new(entry, expire_at_ms))
    }

    /// As [`Keyspace::draw`], a key that expires. None is far more likely than another, but not all are equally likely.
    pub(in crate::store) fn draw_expiring(&self, chance: &mut Chance) -> Option<Entry<'_>> {
        let drawn = self.entries.draw_noted(chance);
        drawn.map(|(entry, expire_at_ms)| Entry::new(entry, expire_at_ms)).or_else(|| self.first_expiring())
    }

    /// The key that expires first.
    pub(in crate::store) fn first_expiring(&self) -> Option<Entry<'_>> {
        let &(at_ms, hash) = self.expiries.first()?;
        let has_hash = |entry: &KeyValue| self.hasher.hash_one(&*entry.key) == hash;
        let found = self.entries.find_noted(hash, has_hash);
        let (entry, note) = found.filter(|(_, note)| *note == NonZeroU64::new(at_ms))?;
        Some(Entry::new(entry, note))
    }

    /// About the bytes of memory that it takes with all its values, from `samples` of its keys. O(segments + samples).
    pub(in crate::store) fn about_bytes(&self, samples: usize) -> usize {
        let mut chance = Chance::drawn();
        let drawn: Vec<usize> = (0..samples)
            .filter_map(|_| self.draw(&mut chance))
            .map(|entry| entry.memory_bytes(SAMPLED_ELEMENTS).saturating_sub(Entry::PLACE_BYTES))
            .collect();
        let each = drawn.iter().sum::<usize>().checked_div(drawn.len()).unwrap_or(0);
        self.entries.memory_bytes() + each * self.len()
    }
}
