//! The data structure of a ranking: no lock, no I/O, no async, no RESP, no clock. It uses threads only to assemble one
//! huge ranking from parts.
//!
//! A ranking holds scored members in the order (score, member bytes), lowest first. Its sort key ([`SortKey`]) defines what
//! a score is: a double in [`Ranking`], which is exactly a Redis sorted set; or an integer; or either of them followed by
//! the time when the score was reached. The interface is narrow on purpose. [`RankedMembers::position`] converts every
//! range that a command can name (by rank, by score, by member) into a range of ranks, and all functions that read or
//! remove a range take ranks. Two structures implement the interface; tests compare them with each other and with a naive
//! oracle.

mod arena;
mod block;
mod blocked;
mod gathering;
mod key;
mod levels;
mod member_hash;
mod member_index;
pub(crate) mod prefetch;
mod skip_list;

pub use crate::ranking::blocked::{BlockRanking, Excerpt, RankingBuilder};
pub use crate::ranking::gathering::{Gathering, Scratch, SortedPart, assemble};
pub use crate::ranking::key::{KeyForm, KeyNumber, Score, SortKey, Timed, Whole};
pub use crate::ranking::skip_list::SkipListRanking;

/// The structure the server uses for sorted sets.
pub type Ranking = BlockRanking<Score>;

use crate::text::name_run::{NameRun, Tails};
use std::ops::Range;

/// The end of a ranking that comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Lowest score first; equal scores by member bytes. Rank 0 is the lowest.
    Ascending,
    /// The exact reverse of `Ascending`. Rank 0 is the highest.
    Descending,
}

/// A position between two members of a ranking.
///
/// Scores here are complete sort keys. To include all moments of a [`Timed`] key, use the lowest or the highest moment.
#[derive(Clone, Copy, Debug)]
pub enum Bound<'a, K = Score> {
    /// Just below every member with this score.
    BelowScore(K),
    /// Just above every member with this score.
    AboveScore(K),
    /// Just below (score, member), present or not.
    BelowEntry(K, &'a [u8]),
    /// Just above (score, member), present or not.
    AboveEntry(K, &'a [u8]),
    /// Just below this member, present or not, among the members that have the lowest score of the ranking.
    /// Redis defines lexicographic ranges only if all scores are equal.
    BelowMember(&'a [u8]),
    /// As `BelowMember`, just above it.
    AboveMember(&'a [u8]),
}

/// The result of [`RankedMembers::update`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Updated<K = Score> {
    /// The member's score before, `None` if it was absent.
    pub before: Option<K>,
    /// The member's score now, `None` if it is absent.
    pub after: Option<K>,
}

/// How an update will change a member's score, for [`RankedMembers::prefetch_updates`].
#[derive(Clone, Copy, Debug)]
pub enum Aim<K: SortKey = Score> {
    /// The score becomes this.
    Score(K),
    /// This is added to the score.
    Increment(K::Increment),
}

/// The interface of a ranking: scored members in order.
///
/// Below, `n` is the number of members. Ranks are 0-based and ascending unless an [`Order`] says otherwise. Ranges of
/// ranks must satisfy `start <= end <= len`.
pub trait RankedMembers: Send + Sync {
    /// The sort key: members are ordered by it, and members with equal keys by their bytes.
    type Key: SortKey;

    /// An empty ranking whose member hash is keyed by `seed`.
    fn with_seed(seed: u64) -> Self
    where
        Self: Sized;

    /// A ranking of `entries`, which must be in strictly ascending (score, member) order, each member once.
    fn from_sorted<'a>(seed: u64, entries: impl Iterator<Item = (&'a [u8], Self::Key)>) -> Self
    where
        Self: Sized,
    {
        let mut ranking = Self::with_seed(seed);
        for (member, score) in entries {
            ranking.update(member, |_| Some(score));
        }
        ranking
    }

    /// The number of members. O(1).
    fn len(&self) -> usize;

    /// Whether there is no member. O(1).
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The member's score. O(1).
    fn score(&self, member: &[u8]) -> Option<Self::Key>;

    /// Calls `visit` with the score of each of `members` in turn. Loads from memory overlap for many members. O(members).
    fn scores<'a>(&self, members: impl Iterator<Item = &'a [u8]>, visit: impl FnMut(Option<Self::Key>)) {
        members.map(|member| self.score(member)).for_each(visit);
    }

    /// Finds the member once and calls `decide` with its present score (`None` if absent), which returns the new score.
    /// If `decide` returns `None`, nothing changes. O(log n).
    fn update(
        &mut self,
        member: &[u8],
        decide: impl FnOnce(Option<Self::Key>) -> Option<Self::Key>,
    ) -> Updated<Self::Key>;

    /// Removes the member and returns the score it had. O(log n).
    fn remove(&mut self, member: &[u8]) -> Option<Self::Key>;

    /// The member's rank in `order`, and its score. O(log n).
    fn rank(&self, member: &[u8], order: Order) -> Option<(usize, Self::Key)>;

    /// The number of members below `bound`. O(log n).
    ///
    /// Members that share a score share a rank in competition ranking, that of the first of them: it is
    /// `position(Bound::BelowScore(score))`, and in descending order `len() - position(Bound::AboveScore(score))`.
    fn position(&self, bound: Bound<'_, Self::Key>) -> usize;

    /// Calls `visit` for the members of ascending ranks `ranks`, from the low end or the high end as `order` says.
    /// O(log n + members visited).
    fn visit(&self, ranks: Range<usize>, order: Order, visit: impl FnMut(&[u8], Self::Key));

    /// As [`Self::visit`], but passes runs of members and scores in the form in which the structure holds them. Loops over
    /// runs are faster, and members that are only copied need not be assembled first.
    fn visit_runs(
        &self,
        ranks: Range<usize>,
        order: Order,
        mut visit: impl FnMut(&NameRun<'_>, &[Self::Key]),
    ) {
        self.visit(ranks, order, |member, score| {
            visit(&NameRun::new(b"", Tails::Text(&[member])), &[score]);
        });
    }

    /// Removes the members of ascending ranks `ranks`, calling `removed` for each in ascending order.
    /// O(log n + members removed).
    fn remove_range(&mut self, ranks: Range<usize>, removed: impl FnMut(&[u8], Self::Key));

    /// Visits members in an order of the structure's own. Start with cursor 0, pass each returned cursor to the next call,
    /// and stop when it is 0. Each call visits about `count` members. A member that is present during the whole scan is
    /// visited at least once, whatever is added or removed meanwhile. An arbitrary cursor continues at an arbitrary member
    /// or ends the scan. O(count).
    fn scan(&self, cursor: u64, count: usize, visit: impl FnMut(&[u8], Self::Key)) -> u64;

    /// Prefetches the memory for operations on these members, so that a batch waits once and not once for each member.
    /// Changes nothing. Callers pass at most a few dozen members, just before they use them.
    fn prefetch<'a>(&self, members: impl Iterator<Item = &'a [u8]> + Clone) {
        let _ = members;
    }

    /// As [`Self::prefetch`], for members whose ranks will be looked up.
    fn prefetch_ranks<'a>(&self, members: impl Iterator<Item = &'a [u8]> + Clone) {
        self.prefetch(members);
    }

    /// As [`Self::prefetch`], for members that will be updated: it also loads the blocks at their new positions. A wrong
    /// `Aim` costs time and has no other effect.
    fn prefetch_updates<'a>(&self, updates: impl Iterator<Item = (&'a [u8], Aim<Self::Key>)> + Clone) {
        self.prefetch(updates.map(|(member, _)| member));
    }

    /// Frees a limited part of the memory and returns whether nothing is left to free. The ranking is empty from the first
    /// call on. Dropping a large ranking takes time in proportion to its blocks; this function does it in steps.
    fn drop_step(&mut self) -> bool {
        self.remove_range(self.len().saturating_sub(1000)..self.len(), |_, _| {});
        self.is_empty()
    }

    /// The memory of this ranking in bytes, including the structure itself.
    fn memory_bytes(&self) -> usize;

    /// Panics if an invariant is violated. For tests and `DEBUG` only: O(n).
    fn check_invariants(&self);
}
