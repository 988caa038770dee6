//! What a board with a policy has beside its members.

use super::points::BoardTime;
use super::policy::Policy;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A policy, and what the board remembers for it.
#[derive(Clone, Debug, Default)]
pub struct BoardRules {
    /// The policy.
    pub policy: Policy,
    /// When the board was made, in unix milliseconds.
    pub created_ms: u64,
    /// The last moment that the board gave by itself.
    pub clock: BoardTime,
    /// The key whose season ended here. The board is read-only then.
    pub closed_from: Option<Box<[u8]>>,
    /// The ids of the last requests.
    pub ids: KeptIds,
}

impl BoardRules {
    /// The rules of a new board.
    #[must_use]
    pub fn new(policy: Policy, created_ms: u64) -> Self {
        Self { policy, created_ms, ..Self::default() }
    }

    /// Sets what an absolute Change says. The clock never goes back, and the ids stay.
    pub(super) fn become_as(&mut self, other: Self) {
        let clock = self.clock.max(other.clock);
        let ids = std::mem::take(&mut self.ids);
        *self = Self { clock, ids, ..other };
        self.ids.keep(self.policy.ids);
    }

    /// The memory beside the members, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.ids.memory_bytes()
    }

    /// When the board ends, in unix milliseconds; `None`: never.
    #[must_use]
    pub fn ends_at_ms(&self) -> Option<u64> {
        let ttl_ms = self.policy.ttl_s?.get().saturating_mul(1000);
        Some(self.created_ms.saturating_add(ttl_ms))
    }
}

/// The ids of the last requests, with ordinals: the number of the request on this board.
#[derive(Clone, Debug, Default)]
pub struct KeptIds {
    by_ordinal: BTreeMap<u64, Arc<[u8]>>,
    by_id: HashMap<Arc<[u8]>, u64>,
}

impl KeptIds {
    /// The number of ids.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_ordinal.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_ordinal.is_empty()
    }

    /// Whether the id is kept. O(1).
    #[must_use]
    pub fn contains(&self, id: &[u8]) -> bool {
        self.by_id.contains_key(id)
    }

    /// The ordinal of the next id.
    pub(super) fn next_ordinal(&self) -> u64 {
        self.by_ordinal.last_key_value().map_or(0, |(&ordinal, _)| ordinal + 1)
    }

    /// Notes an id. Of all ids the `most` with the highest ordinals are kept. O(log n).
    pub(super) fn note(&mut self, ordinal: u64, id: &[u8], most: u32) {
        if most == 0 || self.by_id.get(id).is_some_and(|&known| known >= ordinal) {
            return;
        }
        let id: Arc<[u8]> = id.into();
        if let Some(before) = self.by_id.insert(Arc::clone(&id), ordinal) {
            self.by_ordinal.remove(&before);
        }
        if let Some(other) = self.by_ordinal.insert(ordinal, id) {
            self.by_id.remove(&other);
        }
        self.keep(most);
    }

    /// Forgets all but the last `most`.
    pub(super) fn keep(&mut self, most: u32) {
        while self.by_ordinal.len() > most as usize {
            if let Some((_, id)) = self.by_ordinal.pop_first() {
                self.by_id.remove(&id);
            }
        }
    }

    /// The ids with their ordinals, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.by_ordinal.iter().map(|(&ordinal, id)| (ordinal, &**id))
    }

    /// The memory in bytes, roughly.
    pub(super) fn memory_bytes(&self) -> usize {
        const ENTRY_BYTES: usize = 96;
        self.by_ordinal.values().map(|id| id.len() + ENTRY_BYTES).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_ordinals_are_kept_in_whatever_order_they_come() {
        let mut ids = KeptIds::default();
        for ordinal in [3, 1, 4, 0, 2, 4] {
            ids.note(ordinal, format!("id-{ordinal}").as_bytes(), 3);
        }
        let kept: Vec<_> = ids.iter().map(|(ordinal, id)| (ordinal, id.to_vec())).collect();
        assert_eq!(kept, [2, 3, 4].map(|ordinal| (ordinal, format!("id-{ordinal}").into_bytes())));
        assert!(ids.contains(b"id-3") && !ids.contains(b"id-1") && ids.next_ordinal() == 5);
        ids.keep(1);
        assert_eq!((ids.len(), ids.by_id.len()), (1, 1));
        ids.note(9, b"id-4", 1);
        assert_eq!((ids.len(), ids.next_ordinal()), (1, 10));
    }
}
