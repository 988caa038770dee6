//! The members of a board with a policy: a ranking with the sort key that the policy needs.

use super::keys::{BoardKey, KeyRules, Scores};
use super::points::{Attained, BoardTime, Points, ScoreType};
use super::policy::{Policy, Ties};
use crate::ranking::{Aim, BlockRanking, Bound, Excerpt, Order, RankedMembers, Score, Timed, Whole};
use crate::text::name_run::NameRun;
use std::ops::Range;

/// A ranking of one of the sort keys.
#[derive(Clone, Debug)]
pub(super) enum AnyRanking {
    Floats(BlockRanking<Score>),
    Wholes(BlockRanking<Whole>),
    TimedFloats(BlockRanking<Timed<Score>>),
    TimedWholes(BlockRanking<Timed<Whole>>),
}

/// Calls a method of the ranking in `$ranking`, whatever its key.
macro_rules! each_ranking {
    ($ranking:expr, $name:ident => $call:expr) => {
        match $ranking {
            AnyRanking::Floats($name) => $call,
            AnyRanking::Wholes($name) => $call,
            AnyRanking::TimedFloats($name) => $call,
            AnyRanking::TimedWholes($name) => $call,
        }
    };
}
pub(super) use each_ranking;

/// A part of a ranking, copied.
#[derive(Debug)]
pub(super) enum AnyExcerpt {
    Floats(Excerpt<Score>),
    Wholes(Excerpt<Whole>),
    TimedFloats(Excerpt<Timed<Score>>),
    TimedWholes(Excerpt<Timed<Whole>>),
}

impl AnyRanking {
    pub(super) fn new(policy: &Policy, seed: u64) -> Self {
        match (policy.score, policy.ties) {
            (ScoreType::Float, Ties::Member) => Self::Floats(RankedMembers::with_seed(seed)),
            (ScoreType::Exact { .. }, Ties::Member) => Self::Wholes(RankedMembers::with_seed(seed)),
            (ScoreType::Float, Ties::First) => Self::TimedFloats(RankedMembers::with_seed(seed)),
            (ScoreType::Exact { .. }, Ties::First) => Self::TimedWholes(RankedMembers::with_seed(seed)),
        }
    }

    /// Whether a board with this policy has the same sort key.
    pub(super) fn fits(&self, policy: &Policy) -> bool {
        matches!(
            (self, policy.score, policy.ties),
            (Self::Floats(_), ScoreType::Float, Ties::Member)
                | (Self::Wholes(_), ScoreType::Exact { .. }, Ties::Member)
                | (Self::TimedFloats(_), ScoreType::Float, Ties::First)
                | (Self::TimedWholes(_), ScoreType::Exact { .. }, Ties::First)
        )
    }

    pub(super) fn len(&self) -> usize {
        each_ranking!(self, ranking => ranking.len())
    }

    pub(super) fn attained(&self, member: &[u8], rules: KeyRules) -> Option<Attained> {
        each_ranking!(self, ranking => ranking.score(member).map(|key| key.attained(rules)))
    }

    pub(super) fn each_attained<'a>(
        &self,
        members: impl Iterator<Item = &'a [u8]>,
        rules: KeyRules,
        visit: &mut dyn FnMut(Option<Attained>),
    ) {
        each_ranking!(self, ranking => {
            ranking.scores(members, |key| visit(key.map(|key| key.attained(rules))));
        });
    }

    pub(super) fn rank(&self, member: &[u8], order: Order, rules: KeyRules) -> Option<(usize, Attained)> {
        each_ranking!(self, ranking => {
            ranking.rank(member, order).map(|(rank, key)| (rank, key.attained(rules)))
        })
    }

    /// See [`RankedMembers::position`]. A score stands for all its moments. A score of another type is above all.
    pub(super) fn position(&self, bound: Bound<'_, Points>) -> usize {
        fn of<K: BoardKey>(ranking: &BlockRanking<K>, bound: Bound<'_, Points>) -> usize {
            let ends = |points| K::ends(points);
            let bound = match bound {
                Bound::BelowScore(points) => ends(points).map(|[low, _]| Bound::BelowScore(low)),
                Bound::AboveScore(points) => ends(points).map(|[_, high]| Bound::AboveScore(high)),
                Bound::BelowEntry(points, member) => {
                    ends(points).map(|[low, _]| Bound::BelowEntry(low, member))
                }
                Bound::AboveEntry(points, member) => {
                    ends(points).map(|[_, high]| Bound::AboveEntry(high, member))
                }
                Bound::BelowMember(member) => Some(Bound::BelowMember(member)),
                Bound::AboveMember(member) => Some(Bound::AboveMember(member)),
            };
            bound.map_or(ranking.len(), |bound| ranking.position(bound))
        }
        each_ranking!(self, ranking => of(ranking, bound))
    }

    /// The number of members up to and including this entry, present or not.
    pub(super) fn position_above(&self, attained: Attained, member: &[u8], rules: KeyRules) -> usize {
        fn of<K: BoardKey>(
            ranking: &BlockRanking<K>,
            attained: Attained,
            member: &[u8],
            rules: KeyRules,
        ) -> usize {
            let key = K::of(attained, rules);
            key.map_or(ranking.len(), |key| ranking.position(Bound::AboveEntry(key, member)))
        }
        each_ranking!(self, ranking => of(ranking, attained, member, rules))
    }

    pub(super) fn visit(
        &self,
        ranks: Range<usize>,
        order: Order,
        rules: KeyRules,
        visit: &mut dyn FnMut(&[u8], Attained),
    ) {
        each_ranking!(self, ranking => {
            ranking.visit(ranks, order, |member, key| visit(member, key.attained(rules)));
        });
    }

    pub(super) fn visit_runs(
        &self,
        ranks: Range<usize>,
        order: Order,
        rules: KeyRules,
        visit: &mut dyn FnMut(&NameRun<'_>, Scores<'_>),
    ) {
        each_ranking!(self, ranking => {
            ranking.visit_runs(ranks, order, |names, keys| {
                BoardKey::with_scores(keys, rules, |scores| visit(names, scores));
            });
        });
    }

    pub(super) fn excerpt(&self, ranks: Range<usize>, order: Order) -> AnyExcerpt {
        match self {
            Self::Floats(ranking) => AnyExcerpt::Floats(ranking.excerpt(ranks, order)),
            Self::Wholes(ranking) => AnyExcerpt::Wholes(ranking.excerpt(ranks, order)),
            Self::TimedFloats(ranking) => AnyExcerpt::TimedFloats(ranking.excerpt(ranks, order)),
            Self::TimedWholes(ranking) => AnyExcerpt::TimedWholes(ranking.excerpt(ranks, order)),
        }
    }

    pub(super) fn scan(
        &self,
        cursor: u64,
        count: usize,
        rules: KeyRules,
        visit: &mut dyn FnMut(&[u8], Attained),
    ) -> u64 {
        each_ranking!(self, ranking => {
            ranking.scan(cursor, count, |member, key| visit(member, key.attained(rules)))
        })
    }

    pub(super) fn remove(&mut self, member: &[u8], rules: KeyRules) -> Option<Attained> {
        each_ranking!(self, ranking => ranking.remove(member).map(|key| key.attained(rules)))
    }

    pub(super) fn remove_range(
        &mut self,
        ranks: Range<usize>,
        rules: KeyRules,
        removed: &mut dyn FnMut(&[u8], Attained),
    ) {
        each_ranking!(self, ranking => {
            ranking.remove_range(ranks, |member, key| removed(member, key.attained(rules)));
        });
    }

    /// Gives the member this score and moment. Returns what it had before; `None` if the score is of another type, and
    /// nothing has happened.
    pub(super) fn set(
        &mut self,
        member: &[u8],
        attained: Attained,
        rules: KeyRules,
    ) -> Option<Option<Attained>> {
        each_ranking!(self, ranking => {
            let key = BoardKey::of(attained, rules)?;
            let updated = ranking.update(member, |_| Some(key));
            Some(updated.before.map(|key| key.attained(rules)))
        })
    }

    pub(super) fn prefetch<'a>(&self, members: impl Iterator<Item = &'a [u8]> + Clone) {
        each_ranking!(self, ranking => ranking.prefetch(members));
    }

    pub(super) fn prefetch_ranks<'a>(&self, members: impl Iterator<Item = &'a [u8]> + Clone) {
        each_ranking!(self, ranking => ranking.prefetch_ranks(members));
    }

    pub(super) fn prefetch_updates<'a>(
        &self,
        updates: impl Iterator<Item = (&'a [u8], Aim)> + Clone,
        now: BoardTime,
        rules: KeyRules,
    ) {
        each_ranking!(self, ranking => {
            let aimed = updates.map(|(member, aim)| (member, BoardKey::aim(aim, now, rules)));
            ranking.prefetch_updates(aimed);
        });
    }

    /// As [`AnyRanking::prefetch_updates`], for members that get these scores and moments.
    pub(super) fn prefetch_attained<'a>(
        &self,
        entries: impl Iterator<Item = (&'a [u8], Attained)> + Clone,
        rules: KeyRules,
    ) {
        each_ranking!(self, ranking => {
            let aimed = entries.filter_map(|(member, attained)| {
                BoardKey::of(attained, rules).map(|key| (member, Aim::Score(key)))
            });
            ranking.prefetch_updates(aimed);
        });
    }

    pub(super) fn memory_bytes(&self) -> usize {
        each_ranking!(self, ranking => ranking.memory_bytes())
    }

    pub(super) fn check(&self) {
        each_ranking!(self, ranking => ranking.check_invariants());
    }
}

impl AnyExcerpt {
    pub(super) fn visit_block(
        &mut self,
        rules: KeyRules,
        visit: &mut dyn FnMut(&NameRun<'_>, Scores<'_>),
    ) -> bool {
        fn of<K: BoardKey>(
            excerpt: &mut Excerpt<K>,
            rules: KeyRules,
            visit: &mut dyn FnMut(&NameRun<'_>, Scores<'_>),
        ) -> bool {
            excerpt.visit_block(|names, keys| K::with_scores(keys, rules, |scores| visit(names, scores)))
        }
        match self {
            Self::Floats(excerpt) => of(excerpt, rules, visit),
            Self::Wholes(excerpt) => of(excerpt, rules, visit),
            Self::TimedFloats(excerpt) => of(excerpt, rules, visit),
            Self::TimedWholes(excerpt) => of(excerpt, rules, visit),
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        match self {
            Self::Floats(excerpt) => excerpt.memory_bytes(),
            Self::Wholes(excerpt) => excerpt.memory_bytes(),
            Self::TimedFloats(excerpt) => excerpt.memory_bytes(),
            Self::TimedWholes(excerpt) => excerpt.memory_bytes(),
        }
    }
}
