//! A sorted set as a type of value.

use super::change::{self, BoardChange};
use super::{Attained, Board, Content, Points};
use crate::config::EventClasses;
use crate::ranking::{Order, RankedMembers, Ranking};
use crate::store::values::kinds::{Element, Kind, Value};
use crate::store::values::stored::{Position, ReplayTarget, Stored, WalkOrder};

impl Stored for Board {
    const KIND: Kind = Kind::SortedSet;
    const EVENTS: EventClasses = EventClasses::SORTED_SET;

    type Change<'a> = BoardChange<'a>;

    fn with_seed(seed: u64) -> Self {
        Self(Content::Plain(Ranking::with_seed(seed)))
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

    fn stays_when_empty(&self) -> bool {
        self.rules().is_some()
    }

    fn memory_bytes(&self, _: usize) -> usize {
        match &self.0 {
            Content::Plain(ranking) => ranking.memory_bytes(),
            Content::Ruled(ruled) => ruled.members.memory_bytes() + ruled.rules.memory_bytes(),
        }
    }

    /// A leaf has a few dozen members.
    fn allocations(&self) -> usize {
        1 + self.len() / 32
    }

    /// Prefetches nothing: the memory that a command reads depends on its members, which the family's look-ahead knows.
    fn prefetch(&self) {}

    fn check(&self) {
        match &self.0 {
            Content::Plain(ranking) => ranking.check_invariants(),
            Content::Ruled(ruled) => {
                ruled.members.check();
                let mut sum = 0;
                self.visit(0..self.len(), Order::Ascending, |_, points| sum += points.units());
                assert_eq!(sum, ruled.sum);
            }
        }
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
        let is_ruled = self.rules().is_some();
        let mut see = |member: &[u8], attained: Attained| {
            see(match attained.points {
                Points::Float(score) if !is_ruled => Element::Scored(member, score),
                _ => Element::Attained(member, attained),
            });
        };
        match (order, from) {
            (WalkOrder::EachOnce, None) if most >= self.len() => {
                // From the high end: Redis writes dump files in this order and reads them fastest in it.
                self.visit_attained(0..self.len(), Order::Descending, see);
                None
            }
            (WalkOrder::EachOnce, None | Some(Position::Place(_))) => {
                let place = if let Some(Position::Place(place)) = from { *place } else { 0 };
                Some(self.scan_attained(place, most, &mut see)).filter(|&next| next != 0).map(Position::Place)
            }
            (WalkOrder::InOrder, None | Some(Position::After(..))) => {
                let start = match from {
                    Some(Position::After(attained, member)) => self.position_above(*attained, member),
                    _ => 0,
                };
                let end = self.len().min(start.saturating_add(most));
                self.visit_attained(start..end, Order::Ascending, &mut see);
                let mut next = None;
                if end < self.len() {
                    self.visit_attained(end - 1..end, Order::Ascending, |member, attained| {
                        next = Some(Position::After(attained, member.into()));
                    });
                }
                next
            }
            // The position is of a value of another type that was here before.
            (_, Some(Position::Within(_)))
            | (WalkOrder::EachOnce, Some(Position::After(..)))
            | (WalkOrder::InOrder, Some(Position::Place(_))) => None,
        }
    }
}
