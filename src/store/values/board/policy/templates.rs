//! Templates: the policies that boards get when their first score is written, by how their keys begin.
//!
//! Templates belong to the server, not to a database, and no flush ends them. Only a command that writes the first score of a
//! missing key asks for them: replay, copies and files have the policy of each board. A server without templates reads one
//! number where such a command runs, and has nothing else.

use super::Policy;
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The templates of a store.
#[derive(Debug, Default)]
pub struct BoardTemplates {
    /// The number of templates, to be read without the lock.
    count: AtomicUsize,
    by_prefix: RwLock<BTreeMap<Box<[u8]>, Policy>>,
}

impl BoardTemplates {
    /// The number of templates. O(1).
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether there is none. O(1).
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The longest prefix of `key` that has a template, and its policy. O(key length x log n) for n templates.
    #[must_use]
    pub fn of_key(&self, key: &[u8]) -> Option<(Box<[u8]>, Policy)> {
        if self.is_empty() {
            return None;
        }
        let by_prefix = self.by_prefix.read();
        let mut left = key;
        loop {
            // The last name up to `left` begins with every prefix of `left` that is there.
            let up_to = (Bound::Unbounded, Bound::Included(left));
            let (prefix, policy) = by_prefix.range::<[u8], _>(up_to).next_back()?;
            if left.starts_with(prefix) {
                return Some((prefix.clone(), *policy));
            }
            left = &left[..left.iter().zip(prefix.iter()).take_while(|(one, other)| one == other).count()];
        }
    }

    /// Whether keys that begin with `prefix` have a template of just this prefix.
    #[must_use]
    pub fn contains(&self, prefix: &[u8]) -> bool {
        self.by_prefix.read().contains_key(prefix)
    }

    /// All templates, ascending by prefix. O(n).
    #[must_use]
    pub fn list(&self) -> Vec<(Box<[u8]>, Policy)> {
        self.by_prefix.read().iter().map(|(prefix, policy)| (prefix.clone(), *policy)).collect()
    }

    /// Gives the keys that begin with `prefix` this policy, or none. Returns whether there was a template of this prefix.
    pub(in crate::store) fn set(&self, prefix: &[u8], policy: Option<Policy>) -> bool {
        let mut by_prefix = self.by_prefix.write();
        let before = match policy {
            Some(policy) => by_prefix.insert(prefix.into(), policy),
            None => by_prefix.remove(prefix),
        };
        self.count.store(by_prefix.len(), Ordering::Relaxed);
        before.is_some()
    }

    /// Exchanges all templates with those of another store.
    pub(in crate::store) fn swap(&self, other: &Self) {
        let (mut own, mut others) = (self.by_prefix.write(), other.by_prefix.write());
        std::mem::swap(&mut *own, &mut *others);
        self.count.store(own.len(), Ordering::Relaxed);
        other.count.store(others.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_counts() {
        let templates = BoardTemplates::default();
        let policy = |ids| Policy { ids, ..Policy::default() };
        assert_eq!(templates.of_key(b"day:1"), None);
        for (prefix, ids) in [("", 1), ("day", 2), ("day:", 3), ("day:1x", 4)] {
            assert!(!templates.set(prefix.as_bytes(), Some(policy(ids))));
        }
        let ids = |key: &str| templates.of_key(key.as_bytes()).map(|(_, policy)| policy.ids);
        assert_eq!(
            [ids("day:1"), ids("day:1xy"), ids("days"), ids("da"), ids("")],
            [3, 4, 2, 1, 1].map(Some)
        );
        assert!(templates.set(b"", None) && !templates.set(b"", None));
        assert_eq!((ids("da"), templates.len()), (None, 3));
    }
}
