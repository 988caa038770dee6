//! Sorted sets. Commands use a [`Board`], never the structure behind it. So the type of its scores and the number of
//! its parts can change without changes to commands.

mod best_first;
pub(in crate::store) mod change;
mod edit;

pub use best_first::{BestFirst, ScoreSteps, ShownScore};

use super::kinds::{Element, Kind, Value};
use super::stored::{Position, ReplayTarget, Stored, WalkOrder};
use crate::config::EventClasses;
use crate::ranking::{Aim, Bound, Excerpt, Order, RankedMembers, Ranking, Score, Updated};
use crate::text::name_run::NameRun;
use change::BoardChange;
use std::ops::Range;

/// A sorted set: scored members in the order (score, member bytes), lowest first.
///
/// `n` below is the number of members. Ranks are 0-based and ascending unless an [`Order`] says otherwise. Ranges of
/// ranks must satisfy `start <= end <= len`.
#[derive(Debug)]
pub struct Board(Ranking);

impl Board {
    /// A board of `entries`, which must come in strictly ascending (score, member) order, each member once. O(n).
    pub(in crate::store) fn from_sorted<'a>(
        seed: u64,
        entries: impl Iterator<Item = (&'a [u8], Score)>,
    ) -> Self {
        Self(Ranking::from_sorted(seed, entries))
    }

    /// The number of members. O(1).
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no member. O(1).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The member's score. O(1).
    #[must_use]
    pub fn score(&self, member: &[u8]) -> Option<Score> {
        self.0.score(member)
    }

    /// Calls `visit` with the score of each of `members` in turn. O(members).
    pub fn scores<'a>(&self, members: impl Iterator<Item = &'a [u8]>, visit: impl FnMut(Option<Score>)) {
        self.0.scores(members, visit);
    }

    /// The member's rank in `order`, and its score. O(log n).
    #[must_use]
    pub fn rank(&self, member: &[u8], order: Order) -> Option<(usize, Score)> {
        self.0.rank(member, order)
    }

    /// The number of members below `bound` in the order of the set. O(log n).
    #[must_use]
    pub fn position(&self, bound: Bound<'_>) -> usize {
        self.0.position(bound)
    }

    /// Calls `visit` for the members with ascending ranks `ranks`, in the direction `order`. O(log n + members
    /// visited).
    pub fn visit(&self, ranks: Range<usize>, order: Order, visit: impl FnMut(&[u8], Score)) {
        self.0.visit(ranks, order, visit);
    }

    /// As [`Board::visit`], but `visit` gets a run of members and scores at a time. This is faster for copying.
    pub fn visit_runs(&self, ranks: Range<usize>, order: Order, visit: impl FnMut(&NameRun<'_>, &[Score])) {
        self.0.visit_runs(ranks, order, visit);
    }

    /// Copies the members with ascending ranks `ranks` in their compact form; the copy will be read in the direction
    /// `order`. O(log n + members copied), a few nanoseconds a member.
    #[must_use]
    pub fn excerpt(&self, ranks: Range<usize>, order: Order) -> Excerpt {
        self.0.excerpt(ranks, order)
    }

    /// Visits about `count` members from `cursor` on; see [`RankedMembers::scan`].
    pub fn scan(&self, cursor: u64, count: usize, visit: impl FnMut(&[u8], Score)) -> u64 {
        self.0.scan(cursor, count, visit)
    }

    /// Prefetches the memory for operations on these members; see [`RankedMembers::prefetch`].
    pub fn prefetch_members<'a>(&self, members: impl Iterator<Item = &'a [u8]> + Clone) {
        self.0.prefetch(members);
    }

    /// As [`Board::prefetch_members`], for members whose ranks will be read.
    pub fn prefetch_ranks<'a>(&self, members: impl Iterator<Item = &'a [u8]> + Clone) {
        self.0.prefetch_ranks(members);
    }

    /// As [`Board::prefetch_members`], for members that will be updated.
    pub fn prefetch_updates<'a>(&self, updates: impl Iterator<Item = (&'a [u8], Aim)> + Clone) {
        self.0.prefetch_updates(updates);
    }

    /// See [`RankedMembers::update`].
    fn update(&mut self, member: &[u8], decide: impl FnOnce(Option<Score>) -> Option<Score>) -> Updated {
        self.0.update(member, decide)
    }

    /// The structure, for the loader, which can build it faster than member by member.
    pub(in crate::store) fn ranking_mut(&mut self) -> &mut Ranking {
        &mut self.0
    }
}

impl From<Ranking> for Board {
    fn from(ranking: Ranking) -> Self {
        Self(ranking)
    }
}

impl Stored for Board {
    const KIND: Kind = Kind::SortedSet;
    const EVENTS: EventClasses = EventClasses::SORTED_SET;

    type Change<'a> = BoardChange<'a>;

    fn with_seed(seed: u64) -> Self {
        Self(Ranking::with_seed(seed))
    }

    fn into_value(self) -> Value {
        Value::SortedSet(Box::new(self))
    }

    fn of(value: &Value) -> Option<&Self> {
        if let Value::SortedSet(board) = value { Some(board) } else { None }
    }

    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::SortedSet(board) = value { Some(board) } else { None }
    }

    fn elements(&self) -> usize {
        self.len()
    }

    fn memory_bytes(&self, _: usize) -> usize {
        self.0.memory_bytes()
    }

    /// A leaf has a few dozen members.
    fn allocations(&self) -> usize {
        1 + self.len() / 32
    }

    /// Prefetches nothing: the memory that a command reads depends on its members, which the family's look-ahead knows.
    fn prefetch(&self) {}

    fn check(&self) {
        self.0.check_invariants();
    }

    fn copy(&self) -> Value {
        Self(self.0.clone()).into_value()
    }

    fn apply<'a>(
        key: &mut dyn ReplayTarget,
        changes: impl Iterator<Item = BoardChange<'a>> + Clone,
    ) -> usize {
        change::apply(key, changes)
    }

    fn walk(
        &self,
        from: Option<&Position>,
        most: usize,
        order: WalkOrder,
        see: &mut dyn FnMut(Element<'_>),
    ) -> Option<Position> {
        let mut see = |member: &[u8], score| see(Element::Scored(member, score));
        match (order, from) {
            (WalkOrder::EachOnce, None) if most >= self.len() => {
                // From the high end: Redis writes dump files in this order and reads them fastest in it.
                self.visit(0..self.len(), Order::Descending, see);
                None
            }
            (WalkOrder::EachOnce, None | Some(Position::Place(_))) => {
                let place = if let Some(Position::Place(place)) = from { *place } else { 0 };
                Some(self.scan(place, most, see)).filter(|&next| next != 0).map(Position::Place)
            }
            (WalkOrder::InOrder, None | Some(Position::After(..))) => {
                let start = match from {
                    Some(Position::After(score, member)) => self.position(Bound::AboveEntry(*score, member)),
                    _ => 0,
                };
                let end = self.len().min(start.saturating_add(most));
                self.visit(start..end, Order::Ascending, &mut see);
                let mut next = None;
                if end < self.len() {
                    self.visit(end - 1..end, Order::Ascending, |member, score| {
                        next = Some(Position::After(score, member.into()));
                    });
                }
                next
            }
            // The position is of a value of another type that was here before.
            (WalkOrder::EachOnce, Some(Position::After(..)))
            | (WalkOrder::InOrder, Some(Position::Place(_))) => None,
        }
    }
}
