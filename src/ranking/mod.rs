//! Who is ahead? The pure data structure: no lock, no I/O, no async, no RESP, no clock; threads only where one huge
//! ranking is put together out of parts.
//!
//! A ranking holds scored members in the order (score, member bytes), lowest first. What a score is, is the ranking's
//! sort key ([`SortKey`]): a double in [`Ranking`], which is exactly a Redis sorted set, or an exact number, or either
//! with the moment behind it at which it was reached. The interface is narrow on purpose: every range that a command
//! can name (by rank, by score, by member) is turned into a range of ranks by [`RankedMembers::position`], and
//! everything that reads or removes a range takes ranks. Two structures stand behind it, each checked against the
//! other and against a naive oracle.

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

/// Which end of a ranking counts as first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Lowest score first; equal scores by member bytes. Rank 0 is the lowest.
    Ascending,
    /// The exact mirror of `Ascending`. Rank 0 is the highest.
    Descending,
}

/// A place between two members of a ranking.
///
/// Scores here are whole sort keys: who means all moments of a [`Timed`] one names its lowest or its highest.
#[derive(Clone, Copy, Debug)]
pub enum Bound<'a, K = Score> {
    /// Just below every member with this score.
    BelowScore(K),
    /// Just above every member with this score.
    AboveScore(K),
    /// Just below where (score, member) stands or would stand.
    BelowEntry(K, &'a [u8]),
    /// Just above where (score, member) stands or would stand.
    AboveEntry(K, &'a [u8]),
    /// Just below where this member would stand among the members that share the lowest member's score.
    /// Redis defines lexicographic ranges only where all scores are equal.
    BelowMember(&'a [u8]),
    /// As `BelowMember`, just above it.
    AboveMember(&'a [u8]),
}

/// What [`RankedMembers::update`] found and left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Updated<K = Score> {
    /// The member's score before, `None` if it was absent.
    pub before: Option<K>,
    /// The member's score now, `None` if it is absent.
    pub after: Option<K>,
}

/// What an update is about to do to a member's score, as far as [`RankedMembers::prefetch_updates`] need know.
#[derive(Clone, Copy, Debug)]
pub enum Aim<K: SortKey = Score> {
    /// It becomes this.
    Score(K),
    /// This is added to it.
    Increment(K::Increment),
}

/// Scored members in order: the interface of a ranking.
///
/// `n` below is the number of members. Ranks are 0-based and ascending unless an [`Order`] says otherwise. Ranges of
/// ranks must satisfy `start <= end <= len`.
pub trait RankedMembers: Send + Sync {
    /// What members are ordered by before their bytes are: the score, and all that belongs to it.
    type Key: SortKey;

    /// An empty ranking whose member hash is keyed by `seed`.
    fn with_seed(seed: u64) -> Self
    where
        Self: Sized;

    /// A ranking of `entries`, which must come in strictly ascending (score, member) order, each member once.
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

    /// Calls `visit` with the score of each of `members` in turn, waiting for memory once for many of them. O(members).
    fn scores<'a>(&self, members: impl Iterator<Item = &'a [u8]>, visit: impl FnMut(Option<Self::Key>)) {
        members.map(|member| self.score(member)).for_each(visit);
    }

    /// Finds the member once and lets `decide` choose its new score from its present one (`None` if absent).
    /// `None` from `decide` leaves everything as it was. O(log n).
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

    /// As [`Self::visit`], with the members and scores of a run at a time, in the form in which the structure holds them:
    /// what is done with them is quicker in a loop, and no member is put together that is only to be copied.
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

    /// Walks members in an order of the structure's own. Start with cursor 0, pass on what is returned, stop when it
    /// is 0. Each call visits about `count` members. A member that is present throughout is visited at least once,
    /// whatever is added or removed in between. A cursor that was never returned starts anywhere, or at the end.
    /// O(count).
    fn scan(&self, cursor: u64, count: usize, visit: impl FnMut(&[u8], Self::Key)) -> u64;

    /// Starts loading what operations on these members will touch, so that a batch waits for memory once, not once a
    /// member. Changes nothing; callers pass at most a few dozen members just before using them.
    fn prefetch<'a>(&self, members: impl Iterator<Item = &'a [u8]> + Clone) {
        let _ = members;
    }

    /// As [`Self::prefetch`], for members whose ranks will be asked.
    fn prefetch_ranks<'a>(&self, members: impl Iterator<Item = &'a [u8]> + Clone) {
        self.prefetch(members);
    }

    /// As [`Self::prefetch`], for members that are about to be updated: what stands where they are going is loaded too.
    /// An aim that turns out wrong costs time and nothing else.
    fn prefetch_updates<'a>(&self, updates: impl Iterator<Item = (&'a [u8], Aim<Self::Key>)> + Clone) {
        self.prefetch(updates.map(|(member, _)| member));
    }

    /// Frees a bounded part of the memory and returns whether nothing is left to free. The ranking is empty from the
    /// first call on. Dropping a large ranking takes as long as it has blocks; this takes it in steps.
    fn drop_step(&mut self) -> bool {
        self.remove_range(self.len().saturating_sub(1000)..self.len(), |_, _| {});
        self.is_empty()
    }

    /// The bytes of memory that this ranking takes, itself included.
    fn memory_bytes(&self) -> usize;

    /// Panics if the structure contradicts itself. For tests and `DEBUG` only: O(n).
    fn check_invariants(&self);
}
