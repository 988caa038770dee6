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

    /// A key that expires before most: the first to expire of one that is drawn and those that are first in the order. Keys whose
    /// expiry is moved on and on have early places, so they could stand before all that expire soon.
    pub(in crate::store) fn draw_expiring_soon(&self, chance: &mut Chance) -> Option<Entry<'_>> {
        let drawn = self.entries.draw_noted(chance).map(|(entry, expiry)| Entry::new(entry, expiry));
        self.first_expiring().into_iter().chain(drawn).min_by_key(Entry::expire_at_ms)
    }

    /// The key that expires first among the first ones in the order of expiries.
    fn first_expiring(&self) -> Option<Entry<'_>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::keys::located::Located;
    use crate::store::values::kinds::Value;

    /// Sessions whose expiry is moved on with each use had the first places, and keys that expire long before them were never
    /// evicted.
    #[test]
    fn keys_that_expire_soon_are_found_behind_places_of_keys_that_were_renewed() {
        const NOW_MS: u64 = 1_800_000_000_000;
        const HOUR_MS: u64 = 3_600_000;
        let mut keyspace = Keyspace::new(1, 0);
        let mut expire = |key: &str, after_ms| {
            let key = key.as_bytes();
            let at = Located { key, shard: 0, hash: keyspace.hasher.hash_one(key) };
            let spot = keyspace.spot(at);
            if spot.is_vacant() {
                keyspace.put(key, spot, Value::String((&b"value"[..]).into()), Some(NOW_MS + after_ms));
            } else {
                keyspace.set_expiry(spot, Some(NOW_MS + after_ms));
            }
        };
        for session in 0..50 {
            expire(&format!("session:{session}"), HOUR_MS);
            expire(&format!("session:{session}"), 20 * HOUR_MS);
            expire(&format!("page:{session}"), 2 * HOUR_MS);
        }
        let is_page = |entry: Option<Entry<'_>>| entry.is_some_and(|entry| entry.key.starts_with(b"page"));
        assert!(!is_page(keyspace.first_expiring()), "the order alone shows only sessions");
        let mut chance = Chance::seeded(3);
        let pages = (0..100).filter(|_| is_page(keyspace.draw_expiring_soon(&mut chance))).count();
        assert!(pages > 20, "{pages}");
    }
}
