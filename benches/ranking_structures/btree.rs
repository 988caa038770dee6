//! A ranking built from common crates: the counted B-tree of `indexset` and a hash table. It is used only for comparison; it
//! does not limit pauses and is not fuzzed.

use std::ops::Range;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use indexset::BTreeSet;
use rankd::ranking::{Bound, Order, RankedMembers, Score, Updated};
use std::hash::BuildHasher;

type Entry = (Score, Box<[u8]>);

/// A ranking in a B-tree.
pub(crate) struct BTreeRanking {
    set: BTreeSet<Entry>,
    index: HashTable<(Box<[u8]>, Score)>,
    hasher: FixedState,
}

impl BTreeRanking {
    fn hash(&self, member: &[u8]) -> u64 {
        self.hasher.hash_one(member)
    }
}

impl RankedMembers for BTreeRanking {
    type Key = Score;

    fn with_seed(seed: u64) -> Self {
        Self { set: BTreeSet::new(), index: HashTable::new(), hasher: FixedState::with_seed(seed) }
    }

    fn len(&self) -> usize {
        self.index.len()
    }

    fn score(&self, member: &[u8]) -> Option<Score> {
        self.index.find(self.hash(member), |(own, _)| **own == *member).map(|&(_, score)| score)
    }

    fn update(&mut self, member: &[u8], decide: impl FnOnce(Option<Score>) -> Option<Score>) -> Updated {
        let hash = self.hash(member);
        let before = self.score(member);
        let Some(after) = decide(before) else { return Updated { before, after: before } };
        if let Some(present) = before {
            self.set.remove(&(present, member.into()));
            let entry = self.index.find_mut(hash, |(own, _)| **own == *member).expect("found above");
            entry.1 = after;
        } else {
            let hasher = &self.hasher;
            self.index.insert_unique(hash, (member.into(), after), |(own, _)| hasher.hash_one(&**own));
        }
        self.set.insert((after, member.into()));
        Updated { before, after: Some(after) }
    }

    fn remove(&mut self, member: &[u8]) -> Option<Score> {
        let found = self.index.find_entry(self.hash(member), |(own, _)| **own == *member).ok()?;
        let (entry, _) = found.remove();
        let score = entry.1;
        self.set.remove(&(score, entry.0));
        Some(score)
    }

    fn rank(&self, member: &[u8], order: Order) -> Option<(usize, Score)> {
        let score = self.score(member)?;
        let ascending = self.set.rank(&(score, member.into()));
        let rank = if order == Order::Ascending { ascending } else { self.len() - 1 - ascending };
        Some((rank, score))
    }

    fn position(&self, bound: Bound<'_>) -> usize {
        match bound {
            Bound::BelowScore(score) => self.set.rank(&(score, Box::default())),
            Bound::BelowEntry(score, member) => self.set.rank(&(score, member.into())),
            other => unimplemented_in_figures(other),
        }
    }

    fn visit(&self, ranks: Range<usize>, order: Order, mut visit: impl FnMut(&[u8], Score)) {
        let mut show = |(score, member): &Entry| visit(member, *score);
        match order {
            Order::Ascending => self.set.range_idx(ranks).for_each(&mut show),
            Order::Descending => self.set.range_idx(ranks).rev().for_each(&mut show),
        }
    }

    fn remove_range(&mut self, ranks: Range<usize>, mut removed: impl FnMut(&[u8], Score)) {
        for _ in ranks.clone() {
            let (score, member) = self.set.pop_index(ranks.start);
            let hash = self.hash(&member);
            if let Ok(found) = self.index.find_entry(hash, |(own, _)| *own == member) {
                found.remove();
            }
            removed(&member, score);
        }
    }

    fn scan(&self, _cursor: u64, _count: usize, mut visit: impl FnMut(&[u8], Score)) -> u64 {
        self.index.iter().for_each(|(member, score)| visit(member, *score));
        0
    }

    fn memory_bytes(&self) -> usize {
        self.index.allocation_size()
    }

    fn check_invariants(&self) {
        assert_eq!(self.set.len(), self.index.len());
    }
}

fn unimplemented_in_figures(bound: Bound<'_>) -> ! {
    panic!("{bound:?} is not among what is measured")
}
