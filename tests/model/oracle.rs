//! The oracle: a ranking as a sorted `Vec`, simple enough to be obviously correct. It has the operations of `RankedMembers`
//! but does not implement the trait, because its results have the form that the tests compare.

use std::ops::Range;

use rankd::ranking::{Bound, SortKey, Updated};

pub(crate) type Pair<K> = (Vec<u8>, K);

/// Members in ascending (key, member bytes) order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Oracle<K>(Vec<Pair<K>>);

impl<K: SortKey> Oracle<K> {
    pub(crate) fn pairs(&self) -> &[Pair<K>] {
        &self.0
    }

    pub(crate) fn rank(&self, member: &[u8]) -> Option<usize> {
        self.0.iter().position(|(m, _)| m == member)
    }

    pub(crate) fn score(&self, member: &[u8]) -> Option<K> {
        self.rank(member).map(|rank| self.0[rank].1)
    }

    pub(crate) fn update(
        &mut self,
        member: &[u8],
        decide: impl FnOnce(Option<K>) -> Option<K>,
    ) -> Updated<K> {
        let before = self.score(member);
        let decided = decide(before);
        if let Some(score) = decided {
            self.remove(member);
            let rank = self.0.partition_point(|(m, s)| (*s, m.as_slice()) < (score, member));
            self.0.insert(rank, (member.to_vec(), score));
        }
        Updated { before, after: decided.or(before) }
    }

    pub(crate) fn remove(&mut self, member: &[u8]) -> Option<K> {
        self.rank(member).map(|rank| self.0.remove(rank).1)
    }

    pub(crate) fn remove_range(&mut self, ranks: Range<usize>) -> Vec<Pair<K>> {
        self.0.drain(ranks).collect()
    }

    pub(crate) fn position(&self, bound: Bound<'_, K>) -> usize {
        let lowest = self.0.first().map(|&(_, s)| s);
        let below = |(m, s): &&Pair<K>| match bound {
            Bound::BelowScore(score) => *s < score,
            Bound::AboveScore(score) => *s <= score,
            Bound::BelowEntry(score, member) => (*s, m.as_slice()) < (score, member),
            Bound::AboveEntry(score, member) => (*s, m.as_slice()) <= (score, member),
            Bound::BelowMember(member) => Some(*s) == lowest && m.as_slice() < member,
            Bound::AboveMember(member) => Some(*s) == lowest && m.as_slice() <= member,
        };
        self.0.iter().filter(below).count()
    }
}
