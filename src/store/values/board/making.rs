//! Boards made of entries that are there already.

use super::policy::Policy;
use super::{Attained, Board, BoardRules, BoardTime, Content, Points, Ruled, ScoreType};
use crate::ranking::{Order, RankedMembers, Ranking, RankingBuilder, Score};
use std::ops::Range;

impl Board {
    /// A board of `entries`, which must come in strictly ascending (score, member) order, each member once. O(n).
    #[must_use]
    pub fn from_sorted<'a>(seed: u64, entries: impl Iterator<Item = (&'a [u8], Score)>) -> Self {
        Self(Content::Plain(Ranking::from_sorted(seed, entries)))
    }

    /// A board of exact scores, otherwise as a sorted set. `entries` are members and their units of 10^-`digits`. O(n) if
    /// they come in ascending order.
    #[must_use]
    pub fn from_exact<'a>(
        seed: u64,
        digits: u8,
        created_ms: u64,
        entries: impl Iterator<Item = (&'a [u8], i64)>,
    ) -> Self {
        let policy = Policy { score: ScoreType::Exact { digits }, ..Policy::default() };
        let mut ruled = Ruled::new(seed, BoardRules::new(policy, created_ms));
        for (member, units) in entries {
            let points = Points::Exact { digits, units };
            ruled.set(member, Attained { points, moment: BoardTime::default() });
        }
        Self(Content::Ruled(Box::new(ruled)))
    }

    /// A board of the members with ascending ranks `ranks`, which keeps their scores, order and ties. O(n).
    #[must_use]
    pub fn part(&self, ranks: Range<usize>, seed: u64, created_ms: u64) -> Self {
        let Policy { score, best, ties, .. } = self.policy();
        let policy = Policy { score, best, ties, ..Policy::default() };
        if policy == Policy::default() {
            let mut builder = RankingBuilder::with_seed(seed);
            self.visit(ranks, Order::Ascending, |member, points| builder.push(member, points.nearest()));
            return builder.finish().into();
        }
        let clock = self.rules().map_or_else(BoardTime::default, |rules| rules.clock);
        let mut ruled = Ruled::new(seed, BoardRules { clock, ..BoardRules::new(policy, created_ms) });
        self.visit_attained(ranks, Order::Ascending, |member, attained| ruled.set(member, attained));
        Self(Content::Ruled(Box::new(ruled)))
    }
}
