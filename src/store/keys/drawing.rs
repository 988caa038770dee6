//! Keys of a keyspace that are drawn at random, and estimates from such.

use super::keyspace::{Entry, KeyValue, Keyspace};
use crate::machine::chance::Chance;
use std::hash::BuildHasher;

/// Elements of a value that are sampled for its size, where that is sampled itself.
const SAMPLED_ELEMENTS: usize = 16;

/// Keys among which that one is looked for which expires first: a key's place in the order may be before its expiry. Redis
/// takes the best of five.
const FIRST_EXPIRING: usize = 8;

impl Keyspace {
    /// See [`Table::draw`].
    pub(in crate::store) fn draw(&self, chance: &mut Chance) -> Option<Entry<'_>> {
        self.entries.draw(chance).map(|(entry, expiry)| Entry::new(entry, expiry))
    }

    /// As [`Keyspace::draw`], a key that expires. None is far more likely than another, but not all are equally likely.
    pub(in crate::store) fn draw_expiring(&self, chance: &mut Chance) -> Option<Entry<'_>> {
        let drawn = self.entries.draw_noted(chance);
        drawn.map(|(entry, expiry)| Entry::new(entry, expiry)).or_else(|| self.first_expiring())
    }

    /// The key that expires first among the first ones in the order of expiries.
    pub(in crate::store) fn first_expiring(&self) -> Option<Entry<'_>> {
        let entries = self.expiries.first().take(FIRST_EXPIRING).filter_map(|(place_ms, hash)| {
            let has_hash = |entry: &KeyValue| self.hasher.hash_one(&*entry.key) == hash;
            let (entry, expiry) = self.entries.find_noted(hash, has_hash)?;
            expiry.filter(|expiry| expiry.place_ms() == place_ms).map(|_| Entry::new(entry, expiry))
        });
        entries.min_by_key(Entry::expire_at_ms)
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
