//! Sorted sets. Commands use a [`Board`], never the structure behind it. So the type of its scores and the number of
//! its parts can change without changes to commands.

mod attained_codec;
mod best_first;
mod building;
pub(in crate::store) mod change;
pub(in crate::store) mod edit;
mod excerpt;
mod keys;
mod making;
mod points;
pub(in crate::store) mod policy;
mod ranked;
mod rules;
mod season;
pub(in crate::store) mod submit;
mod value;

use crate::ranking::{Aim, Bound, Order, RankedMembers, Ranking, Score};
use crate::text::name_run::NameRun;
pub use best_first::{BestFirst, ScoreSteps};
pub(in crate::store) use building::BoardInOrder;
pub use excerpt::BoardExcerpt;
use keys::KeyRules;
pub use keys::Scores;
pub use points::{Attained, BoardTime, Points, ScoreType};
use policy::{Best, Policy, Ties};
use ranked::AnyRanking;
pub use rules::{BoardRules, KeptIds};
use std::ops::Range;

/// A sorted set: scored members in the order (score, member bytes), lowest first.
///
/// A board with a policy ([`Policy`]) can have exact scores, and the time before the member in its order. One without is
/// a sorted set of Redis: doubles, of which the highest is best, in a structure of its own that costs nothing more.
///
/// `n` below is the number of members. Ranks are 0-based and ascending unless an [`Order`] says otherwise. Ranges of
/// ranks must satisfy `start <= end <= len`.
#[derive(Debug)]
pub struct Board(Content);

#[derive(Clone, Debug)]
enum Content {
    Plain(Ranking),
    Ruled(Box<Ruled>),
}

/// The content of a board with a policy.
#[derive(Clone, Debug)]
struct Ruled {
    rules: BoardRules,
    members: AnyRanking,
    /// The sum of all exact scores, in units.
    sum: i128,
}

impl Ruled {
    fn new(seed: u64, rules: BoardRules) -> Self {
        Self { members: AnyRanking::new(&rules.policy, seed), rules, sum: 0 }
    }

    /// Gives the member this score and moment, whatever it has. Nothing happens if the score is of another type.
    fn set(&mut self, member: &[u8], attained: Attained) {
        self.set_if_fitting(member, attained);
    }

    /// As [`Ruled::set`]. Returns false, and changes nothing, if the board has no such scores.
    fn set_if_fitting(&mut self, member: &[u8], attained: Attained) -> bool {
        let rules = self.key_rules();
        let before = self.members.set(member, attained, rules);
        if let Some(before) = before {
            self.count(before, Some(attained));
        }
        before.is_some()
    }

    fn remove(&mut self, member: &[u8]) -> Option<Attained> {
        let rules = self.key_rules();
        let removed = self.members.remove(member, rules);
        self.count(removed, None);
        removed
    }

    fn remove_range(&mut self, ranks: Range<usize>, removed: &mut dyn FnMut(&[u8])) {
        let rules = self.key_rules();
        let sum = &mut self.sum;
        self.members.remove_range(ranks, rules, &mut |member, attained| {
            *sum -= attained.points.units();
            removed(member);
        });
    }

    /// Keeps the sum, as of a member that had the one and has the other.
    fn count(&mut self, before: Option<Attained>, after: Option<Attained>) {
        let units = |attained: Option<Attained>| attained.map_or(0, |attained| attained.points.units());
        self.sum += units(after) - units(before);
    }

    fn key_rules(&self) -> KeyRules {
        KeyRules::of(&self.rules.policy)
    }
}

impl Board {
    /// An empty board with a policy.
    pub(in crate::store) fn with_rules(seed: u64, rules: BoardRules) -> Self {
        Self(Content::Ruled(Box::new(Ruled::new(seed, rules))))
    }

    /// The sum of all scores in units of 10^-digits; `None` if the scores are not exact. O(1).
    #[must_use]
    pub fn sum(&self) -> Option<i128> {
        match &self.0 {
            Content::Ruled(ruled) if ruled.rules.policy.score != ScoreType::Float => Some(ruled.sum),
            Content::Ruled(_) | Content::Plain(_) => None,
        }
    }

    /// What a board with a policy has beside its members; `None` for one without.
    #[must_use]
    #[inline]
    pub fn rules(&self) -> Option<&BoardRules> {
        match &self.0 {
            Content::Plain(_) => None,
            Content::Ruled(ruled) => Some(&ruled.rules),
        }
    }

    /// The policy. A board without one has the policy of a sorted set.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.rules().map_or_else(Policy::default, |rules| rules.policy)
    }

    /// What its scores are.
    #[must_use]
    #[inline]
    pub fn score_type(&self) -> ScoreType {
        self.rules().map_or(ScoreType::Float, |rules| rules.policy.score)
    }

    /// The order in which the best member comes first.
    #[must_use]
    pub fn best_first(&self) -> Order {
        self.rules().map_or(Best::Highest, |rules| rules.policy.best).first()
    }

    /// Whether members with equal scores are in the order of the times at which they reached them.
    #[must_use]
    #[inline]
    pub fn has_moments(&self) -> bool {
        self.rules().is_some_and(|rules| rules.policy.ties == Ties::First)
    }

    /// The number of members. O(1).
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Content::Plain(ranking) => ranking.len(),
            Content::Ruled(ruled) => ruled.members.len(),
        }
    }

    /// Whether there is no member. O(1).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The member's score. O(1).
    #[must_use]
    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<Points> {
        match &self.0 {
            Content::Plain(ranking) => ranking.score(member).map(Points::Float),
            Content::Ruled(ruled) => Some(ruled.members.attained(member, ruled.key_rules())?.points),
        }
    }

    /// The member's score, and when it was reached. O(1).
    #[must_use]
    pub fn attained(&self, member: &[u8]) -> Option<Attained> {
        match &self.0 {
            Content::Plain(ranking) => ranking.score(member).map(timeless),
            Content::Ruled(ruled) => ruled.members.attained(member, ruled.key_rules()),
        }
    }

    /// Calls `visit` with the score of each of `members` in turn. O(members).
    pub fn scores<'a>(&self, members: impl Iterator<Item = &'a [u8]>, mut visit: impl FnMut(Option<Points>)) {
        match &self.0 {
            Content::Plain(ranking) => ranking.scores(members, |score| visit(score.map(Points::Float))),
            Content::Ruled(ruled) => {
                ruled.members.each_attained(members, ruled.key_rules(), &mut |attained| {
                    visit(attained.map(|attained| attained.points));
                });
            }
        }
    }

    /// As [`Board::scores`], with the moments.
    pub fn each_attained<'a>(
        &self,
        members: impl Iterator<Item = &'a [u8]>,
        mut visit: impl FnMut(Option<Attained>),
    ) {
        match &self.0 {
            Content::Plain(ranking) => ranking.scores(members, |score| visit(score.map(timeless))),
            Content::Ruled(ruled) => {
                ruled.members.each_attained(members, ruled.key_rules(), &mut visit);
            }
        }
    }

    /// The member's rank in `order`, and its score. O(log n).
    #[must_use]
    #[inline]
    pub fn rank(&self, member: &[u8], order: Order) -> Option<(usize, Points)> {
        match &self.0 {
            Content::Plain(ranking) => {
                ranking.rank(member, order).map(|(rank, score)| (rank, Points::Float(score)))
            }
            Content::Ruled(ruled) => {
                let (rank, attained) = ruled.members.rank(member, order, ruled.key_rules())?;
                Some((rank, attained.points))
            }
        }
    }

    /// The number of members below `bound` in the order of the set. A score stands for all moments at which it was
    /// reached. O(log n).
    #[must_use]
    #[inline]
    pub fn position(&self, bound: Bound<'_, Points>) -> usize {
        match &self.0 {
            Content::Plain(ranking) => ranking.position(match bound {
                Bound::BelowScore(points) => Bound::BelowScore(points.nearest()),
                Bound::AboveScore(points) => Bound::AboveScore(points.nearest()),
                Bound::BelowEntry(points, member) => Bound::BelowEntry(points.nearest(), member),
                Bound::AboveEntry(points, member) => Bound::AboveEntry(points.nearest(), member),
                Bound::BelowMember(member) => Bound::BelowMember(member),
                Bound::AboveMember(member) => Bound::AboveMember(member),
            }),
            Content::Ruled(ruled) => ruled.members.position(bound),
        }
    }

    /// Calls `visit` for the members with ascending ranks `ranks`, in the direction `order`. O(log n + members
    /// visited).
    #[inline]
    pub fn visit(&self, ranks: Range<usize>, order: Order, mut visit: impl FnMut(&[u8], Points)) {
        match &self.0 {
            Content::Plain(ranking) => {
                ranking.visit(ranks, order, |member, score| visit(member, Points::Float(score)));
            }
            Content::Ruled(ruled) => {
                ruled.members.visit(ranks, order, ruled.key_rules(), &mut |member, attained| {
                    visit(member, attained.points);
                });
            }
        }
    }

    /// As [`Board::visit`], with the moments.
    pub fn visit_attained(&self, ranks: Range<usize>, order: Order, mut visit: impl FnMut(&[u8], Attained)) {
        match &self.0 {
            Content::Plain(ranking) => {
                ranking.visit(ranks, order, |member, score| visit(member, timeless(score)));
            }
            Content::Ruled(ruled) => ruled.members.visit(ranks, order, ruled.key_rules(), &mut visit),
        }
    }

    /// As [`Board::visit`], but `visit` gets a run of members and scores at a time. This is faster for copying.
    #[inline]
    pub fn visit_runs(
        &self,
        ranks: Range<usize>,
        order: Order,
        mut visit: impl FnMut(&NameRun<'_>, Scores<'_>),
    ) {
        match &self.0 {
            Content::Plain(ranking) => {
                ranking.visit_runs(ranks, order, |names, scores| visit(names, Scores::Floats(scores)));
            }
            Content::Ruled(ruled) => {
                ruled.members.visit_runs(ranks, order, ruled.key_rules(), &mut visit);
            }
        }
    }

    /// Visits about `count` members from `cursor` on; see [`RankedMembers::scan`].
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], Points)) -> u64 {
        self.scan_attained(cursor, count, &mut |member, attained| visit(member, attained.points))
    }

    fn scan_attained(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(&[u8], Attained)) -> u64 {
        match &self.0 {
            Content::Plain(ranking) => {
                ranking.scan(cursor, count, |member, score| visit(member, timeless(score)))
            }
            Content::Ruled(ruled) => ruled.members.scan(cursor, count, ruled.key_rules(), visit),
        }
    }

    /// Prefetches the memory for operations on these members; see [`RankedMembers::prefetch`].
    pub fn prefetch_members<'a>(&self, members: impl Iterator<Item = &'a [u8]> + Clone) {
        match &self.0 {
            Content::Plain(ranking) => ranking.prefetch(members),
            Content::Ruled(ruled) => ruled.members.prefetch(members),
        }
    }

    /// As [`Board::prefetch_members`], for members whose ranks will be read.
    pub fn prefetch_ranks<'a>(&self, members: impl Iterator<Item = &'a [u8]> + Clone) {
        match &self.0 {
            Content::Plain(ranking) => ranking.prefetch_ranks(members),
            Content::Ruled(ruled) => ruled.members.prefetch_ranks(members),
        }
    }

    /// As [`Board::prefetch_members`], for members that will be updated.
    pub fn prefetch_updates<'a>(&self, updates: impl Iterator<Item = (&'a [u8], Aim)> + Clone) {
        match &self.0 {
            Content::Plain(ranking) => ranking.prefetch_updates(updates),
            Content::Ruled(ruled) => {
                ruled.members.prefetch_updates(updates, ruled.rules.clock.next(), ruled.key_rules());
            }
        }
    }

    /// The number of members up to and including this entry, present or not. O(log n).
    fn position_above(&self, attained: Attained, member: &[u8]) -> usize {
        match &self.0 {
            Content::Plain(ranking) => ranking.position(Bound::AboveEntry(attained.points.nearest(), member)),
            Content::Ruled(ruled) => ruled.members.position_above(attained, member, ruled.key_rules()),
        }
    }

    /// Removes the member.
    fn remove_unrecorded(&mut self, member: &[u8]) {
        match &mut self.0 {
            Content::Plain(ranking) => drop(ranking.remove(member)),
            Content::Ruled(ruled) => drop(ruled.remove(member)),
        }
    }

    /// The structure of a board without a policy, for the loader, which can build it faster than member by member.
    pub(in crate::store) fn ranking_mut(&mut self) -> Option<&mut Ranking> {
        match &mut self.0 {
            Content::Plain(ranking) => Some(ranking),
            Content::Ruled(_) => None,
        }
    }
}

/// A score of a board that keeps no moments.
fn timeless(score: Score) -> Attained {
    Attained { points: Points::Float(score), moment: BoardTime::default() }
}

impl From<Ranking> for Board {
    fn from(ranking: Ranking) -> Self {
        Self(Content::Plain(ranking))
    }
}
