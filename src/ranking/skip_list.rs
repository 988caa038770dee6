//! The second, simple implementation: the ordered list of the `skiplist` crate with a hash index of scores.
//!
//! It exists for comparison: property tests compare [`super::Ranking`] with it, and it is the baseline of
//! `benches/ranking.rs`. Its invariant: the list and the index hold the same (score, member) pairs. It does not limit
//! memory or pauses: a member costs several allocations, its index rehashes all at once, and a scan is O(n).

use std::cmp::Ordering;
use std::hash::BuildHasher;
use std::mem::size_of;
use std::ops::{self, Range};
use std::sync::Arc;

use foldhash::quality::FixedState;
use hashbrown::HashTable;
use skiplist::comparator::{Comparator, ComparatorKey};
use skiplist::level_generator::geometric::Geometric;
use skiplist::ordered_skip_list::OrderedSkipList;

use super::{Bound, Order, RankedMembers, Score, SortKey, Updated};

/// 16 levels of links with probability one half: enough for a few million members, and the default of the crate.
const LEVELS: usize = 16;

#[derive(Debug)]
struct ListEntry<K> {
    score: K,
    member: Arc<[u8]>,
}

/// (score, member bytes), the order of a ranking.
struct EntryOrder;

impl<K: SortKey> Comparator<ListEntry<K>> for EntryOrder {
    fn compare(&self, a: &ListEntry<K>, b: &ListEntry<K>) -> Ordering {
        a.score.cmp(&b.score).then_with(|| a.member.cmp(&b.member))
    }
}

/// A bound is never equal to a member, so the result is never `Equal`.
impl<K: SortKey> ComparatorKey<ListEntry<K>, Bound<'_, K>> for EntryOrder {
    fn compare_key(&self, stored: &ListEntry<K>, place: &Bound<'_, K>) -> Ordering {
        let by_score = |score: &K| stored.score.cmp(score);
        let by_member = |member: &[u8]| (*stored.member).cmp(member);
        match place {
            Bound::BelowScore(score) => by_score(score).then(Ordering::Greater),
            Bound::AboveScore(score) => by_score(score).then(Ordering::Less),
            Bound::BelowEntry(score, member) => {
                by_score(score).then_with(|| by_member(member)).then(Ordering::Greater)
            }
            Bound::AboveEntry(score, member) => {
                by_score(score).then_with(|| by_member(member)).then(Ordering::Less)
            }
            Bound::BelowMember(member) => by_member(member).then(Ordering::Greater),
            Bound::AboveMember(member) => by_member(member).then(Ordering::Less),
        }
    }
}

type List<K> = OrderedSkipList<ListEntry<K>, LEVELS, EntryOrder, Geometric>;

/// A ranking on a pointer-per-element skip list.
pub struct SkipListRanking<K: SortKey = Score> {
    list: List<K>,
    index: HashTable<(Arc<[u8]>, K)>,
    hasher: FixedState,
    member_bytes: usize,
}

impl<K: SortKey> SkipListRanking<K> {
    fn hash(&self, member: &[u8]) -> u64 {
        self.hasher.hash_one(member)
    }

    /// The rank of the first member above the bound `place`.
    fn rank_above(&self, place: &Bound<'_, K>) -> usize {
        match self.list.lower_bound(ops::Bound::Included(place)).peek_next() {
            // The crate's `rank` needs a key that equals an element, and a bound equals none: use the element.
            Some(above) => self.rank_of(above),
            None => self.list.len(),
        }
    }

    fn rank_of(&self, entry: &ListEntry<K>) -> usize {
        self.list.rank(&Exactly(entry)).expect("an entry of the list has a rank")
    }

    fn take(&mut self, score: K, member: &[u8]) -> Arc<[u8]> {
        let entry = ListEntry { score, member: Arc::from(member) };
        self.list.take(&Exactly(&entry)).expect("what the index holds, the list holds").member
    }
}

/// A search key that equals one entry.
struct Exactly<'a, K>(&'a ListEntry<K>);

impl<K: SortKey> ComparatorKey<ListEntry<K>, Exactly<'_, K>> for EntryOrder {
    fn compare_key(&self, stored: &ListEntry<K>, key: &Exactly<'_, K>) -> Ordering {
        self.compare(stored, key.0)
    }
}

impl<K: SortKey> RankedMembers for SkipListRanking<K> {
    type Key = K;

    fn with_seed(seed: u64) -> Self {
        let levels =
            Geometric::new_with_seed(LEVELS, 0.5, seed).expect("constant level parameters are valid");
        Self {
            list: OrderedSkipList::with_comparator_and_level_generator(EntryOrder, levels),
            index: HashTable::new(),
            hasher: FixedState::with_seed(seed),
            member_bytes: 0,
        }
    }

    fn len(&self) -> usize {
        self.list.len()
    }

    fn score(&self, member: &[u8]) -> Option<K> {
        self.index.find(self.hash(member), |(m, _)| **m == *member).map(|&(_, score)| score)
    }

    fn update(&mut self, member: &[u8], decide: impl FnOnce(Option<K>) -> Option<K>) -> Updated<K> {
        let hash = self.hash(member);
        let before = self.score(member);
        let Some(after) = decide(before) else { return Updated { before, after: before } };
        match before {
            Some(present) if present == after => {}
            Some(present) => {
                let member = self.take(present, member);
                let slot = self.index.find_mut(hash, |(m, _)| *m == member).expect("found above");
                slot.1 = after;
                self.list.insert(ListEntry { score: after, member });
            }
            None => {
                let member: Arc<[u8]> = Arc::from(member);
                self.member_bytes += member.len();
                let hasher = &self.hasher;
                self.index.insert_unique(hash, (member.clone(), after), |(m, _)| hasher.hash_one(&**m));
                self.list.insert(ListEntry { score: after, member });
            }
        }
        Updated { before, after: Some(after) }
    }

    fn remove(&mut self, member: &[u8]) -> Option<K> {
        let found = self.index.find_entry(self.hash(member), |(m, _)| **m == *member).ok()?;
        let ((_, score), _) = found.remove();
        self.take(score, member);
        self.member_bytes -= member.len();
        Some(score)
    }

    fn rank(&self, member: &[u8], order: Order) -> Option<(usize, K)> {
        let score = self.score(member)?;
        let ascending = self.rank_of(&ListEntry { score, member: Arc::from(member) });
        let rank = match order {
            Order::Ascending => ascending,
            Order::Descending => self.len() - 1 - ascending,
        };
        Some((rank, score))
    }

    fn position(&self, bound: Bound<'_, K>) -> usize {
        let Some(lowest) = self.list.first() else { return 0 };
        match bound {
            Bound::BelowMember(member) => self.rank_above(&Bound::BelowEntry(lowest.score, member)),
            Bound::AboveMember(member) => self.rank_above(&Bound::AboveEntry(lowest.score, member)),
            place => self.rank_above(&place),
        }
    }

    fn visit(&self, ranks: Range<usize>, order: Order, mut visit: impl FnMut(&[u8], K)) {
        assert!(ranks.start <= ranks.end && ranks.end <= self.len(), "ranks {ranks:?} of {}", self.len());
        if ranks.is_empty() {
            return;
        }
        match order {
            Order::Ascending => {
                let first = self.list.get_by_index(ranks.start).expect("below len");
                let mut cursor = self.list.lower_bound(ops::Bound::Included(&Exactly(first)));
                for entry in std::iter::from_fn(|| cursor.next()).take(ranks.len()) {
                    visit(&entry.member, entry.score);
                }
            }
            Order::Descending => {
                let last = self.list.get_by_index(ranks.end - 1).expect("below len");
                let mut cursor = self.list.upper_bound(ops::Bound::Included(&Exactly(last)));
                for entry in std::iter::from_fn(|| cursor.prev()).take(ranks.len()) {
                    visit(&entry.member, entry.score);
                }
            }
        }
    }

    fn remove_range(&mut self, ranks: Range<usize>, mut removed: impl FnMut(&[u8], K)) {
        assert!(ranks.start <= ranks.end && ranks.end <= self.len(), "ranks {ranks:?} of {}", self.len());
        for _ in ranks.clone() {
            let ListEntry { score, member } = self.list.remove(ranks.start);
            let Ok(found) = self.index.find_entry(self.hash(&member), |(m, _)| *m == member) else {
                unreachable!("what the list holds, the index holds")
            };
            found.remove();
            self.member_bytes -= member.len();
            removed(&member, score);
        }
    }

    /// Scans in the order of member hashes, which growth and removals do not change. Each call looks at every member.
    fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], K)) -> u64 {
        // 48 bits: a signed integer or a double of a client can hold the cursor.
        let place = |member: &[u8]| self.hash(member) >> 16;
        let mut ahead: Vec<_> =
            self.index.iter().map(|(m, s)| (place(m), m, *s)).filter(|&(p, ..)| p >= cursor).collect();
        ahead.sort_unstable_by_key(|&(p, ..)| p);
        // Members with the same place are visited in one call, because a cursor cannot point between them.
        let Some(&(last, ..)) = ahead.get(count.clamp(1, ahead.len().max(1)) - 1) else { return 0 };
        let end = ahead.partition_point(|&(p, ..)| p <= last);
        for (_, member, score) in &ahead[..end] {
            visit(member, *score);
        }
        if end == ahead.len() { 0 } else { last + 1 }
    }

    fn memory_bytes(&self) -> usize {
        // An estimate for each node: the entry, its links at every level (pointer and span), the shared member with its two
        // counts, and the rounding of the allocator.
        let node_bytes = size_of::<ListEntry<K>>() + 2 * LEVELS * size_of::<usize>() + 16;
        let shared_bytes = 2 * size_of::<usize>() + 16;
        size_of::<Self>()
            + self.len() * (node_bytes + shared_bytes)
            + self.member_bytes
            + self.index.allocation_size()
    }

    fn check_invariants(&self) {
        assert_eq!(self.list.len(), self.index.len());
        let mut before: Option<&ListEntry<K>> = None;
        let mut member_bytes = 0;
        for entry in &self.list {
            if let Some(before) = before {
                assert_eq!(EntryOrder.compare(before, entry), Ordering::Less);
            }
            assert_eq!(self.score(&entry.member), Some(entry.score));
            member_bytes += entry.member.len();
            before = Some(entry);
        }
        assert_eq!(member_bytes, self.member_bytes);
    }
}
