//! A cache of results with a bound on its memory. The least recently used result is dropped first.
//!
//! FRIENDRANK's MAXAGE uses it: an answer for a user with a million friends is taken from here without a shard's lock. There
//! are few results and each is large, so it is cheap to look at all of them for the one to drop.

use dashmap::DashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Kept results by their key.
#[derive(Debug)]
pub struct KeptResults<K: Eq + Hash, V> {
    results: DashMap<K, Kept<V>>,
    bound_bytes: AtomicUsize,
    bytes: AtomicUsize,
    /// A counter of uses, from which the least recently used result follows.
    uses: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
}

#[derive(Debug)]
struct Kept<V> {
    value: Arc<V>,
    bytes: usize,
    begun: Begun,
    last_use: AtomicU64,
}

/// When the first read was made that a result rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// [`Store::flushes`](crate::store::Store::flushes) at that time. A result from before a flush is not valid after it.
    pub flushes: u64,
    /// The time by [`Clock::monotonic_ns`](crate::machine::clock::Clock::monotonic_ns).
    pub at_ns: u64,
}

/// What INFO says of kept results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptStats {
    /// Results held now.
    pub results: usize,
    /// Bytes they hold.
    pub bytes: usize,
    /// Answers given from a kept result.
    pub hits: u64,
    /// Answers that had to be computed although a kept one was allowed.
    pub misses: u64,
}

impl<K: Eq + Hash + Clone, V> KeptResults<K, V> {
    /// Nothing kept, and never more than `bound_bytes`.
    #[must_use]
    pub fn with_bound(bound_bytes: usize) -> Self {
        Self {
            results: DashMap::new(),
            bound_bytes: AtomicUsize::new(bound_bytes),
            bytes: AtomicUsize::new(0),
            uses: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// Changes the bound and drops what is above it.
    pub fn set_bound(&self, bound_bytes: usize) {
        self.bound_bytes.store(bound_bytes, Ordering::Relaxed);
        self.drop_above_bound();
    }

    /// The result for `key` if it was begun at or after `not_before`, with no flush in between.
    pub fn get(&self, key: &K, not_before: Begun) -> Option<Arc<V>> {
        let is_fit = |begun: Begun| begun.flushes == not_before.flushes && begun.at_ns >= not_before.at_ns;
        let found = self.results.get(key).filter(|kept| is_fit(kept.begun)).map(|kept| {
            kept.last_use.store(self.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
            Arc::clone(&kept.value)
        });
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// Keeps `value`, which holds `bytes` bytes; a value above the whole bound is not kept.
    pub fn put(&self, key: K, value: Arc<V>, bytes: usize, begun: Begun) {
        if bytes > self.bound_bytes.load(Ordering::Relaxed) {
            return;
        }
        let last_use = AtomicU64::new(self.uses.fetch_add(1, Ordering::Relaxed));
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Some(old) = self.results.insert(key, Kept { value, bytes, begun, last_use }) {
            self.bytes.fetch_sub(old.bytes, Ordering::Relaxed);
        }
        self.drop_above_bound();
    }

    /// Drops everything to free its memory.
    pub fn clear(&self) {
        self.results.retain(|_, kept| {
            self.bytes.fetch_sub(kept.bytes, Ordering::Relaxed);
            false
        });
    }

    /// Numbers for INFO.
    #[must_use]
    pub fn stats(&self) -> KeptStats {
        KeptStats {
            results: self.results.len(),
            bytes: self.bytes.load(Ordering::Relaxed),
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
        }
    }

    fn drop_above_bound(&self) {
        while self.bytes.load(Ordering::Relaxed) > self.bound_bytes.load(Ordering::Relaxed) {
            let oldest = self.results.iter().min_by_key(|kept| kept.last_use.load(Ordering::Relaxed));
            let Some(key) = oldest.map(|kept| kept.key().clone()) else { return };
            if let Some((_, dropped)) = self.results.remove(&key) {
                self.bytes.fetch_sub(dropped.bytes, Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes_first_and_age_is_respected() {
        let at = |at_ns| Begun { flushes: 3, at_ns };
        let kept = KeptResults::with_bound(100);
        kept.put("a", Arc::new(1), 40, at(1000));
        kept.put("b", Arc::new(2), 40, at(1000));
        assert_eq!(kept.get(&"a", at(1000)).as_deref(), Some(&1));
        kept.put("c", Arc::new(3), 40, at(1000));
        assert_eq!(kept.get(&"b", at(0)), None);
        assert_eq!(kept.get(&"a", at(1001)), None, "older than asked for");
        assert_eq!(kept.stats(), KeptStats { results: 2, bytes: 80, hits: 1, misses: 2 });
        kept.put("d", Arc::new(4), 101, at(1000));
        assert_eq!(kept.get(&"d", at(0)), None, "larger than the whole bound");
        kept.set_bound(0);
        assert_eq!(kept.stats().bytes, 0);
    }

    /// FRIENDRANK ranked a long list while FLUSHALL emptied the store and dropped what was kept, and then kept what it
    /// had. For a minute its answers had rows that were no longer in the store.
    #[test]
    fn a_result_begun_before_a_flush_is_not_returned_after_it() {
        let kept = KeptResults::with_bound(100);
        let begun = Begun { flushes: 0, at_ns: 1000 };
        kept.clear();
        kept.put("a", Arc::new(1), 40, begun);
        assert_eq!(kept.get(&"a", Begun { flushes: 1, at_ns: 0 }), None);
        kept.put("a", Arc::new(2), 40, Begun { flushes: 1, at_ns: 1000 });
        assert_eq!(kept.get(&"a", Begun { flushes: 1, at_ns: 0 }).as_deref(), Some(&2));
        assert_eq!(kept.stats().bytes, 40);
    }
}
