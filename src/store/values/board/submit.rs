//! Scores that are submitted to a board: what becomes of them by its policy.
//!
//! A call has pairs of a score and a member. [`Submit::prepare`] computes the wanted scores of all pairs; it alone can
//! fail. Then [`Edit::submit`](crate::store::Edit) applies them one by one. So a call that fails changes nothing.

use super::keys::{BoardKey, KeyRules};
use super::points::{Attained, BoardTime, Points, ScoreType};
use super::policy::{AllowedScores, Best, Keep, Policy, Ties};
use super::ranked::{AnyRanking, each_ranking};
use super::rules::BoardRules;
use super::{Board, Content, Ruled};
use crate::ranking::{BlockRanking, Order, RankedMembers, Score};
use crate::text::fixed_point;
use smallvec::SmallVec;
use std::collections::HashMap;

/// How the pairs of a call change a board.
#[derive(Clone, Copy, Debug)]
pub struct Submit {
    /// What a score does to the present one.
    pub keep: Keep,
    /// Which members may be touched.
    pub conditions: Conditions,
    /// When the scores were reached, in unix milliseconds; `None`: now.
    pub at_ms: Option<u64>,
    /// The time of the call, in unix milliseconds.
    pub now_ms: u64,
}

/// The members that a call may touch: the options of ZADD. They compare visible scores, whatever the policy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conditions {
    /// NX: only members that are not there.
    pub only_new: bool,
    /// XX: only members that are there.
    pub only_present: bool,
    /// GT: a present member only to a higher score.
    pub only_higher: bool,
    /// LT: a present member only to a lower score.
    pub only_lower: bool,
}

impl Conditions {
    /// Whether a member may be touched, by whether it is present.
    #[must_use]
    #[inline]
    pub fn allow_presence(self, is_present: bool) -> bool {
        if is_present { !self.only_new } else { !self.only_present }
    }

    /// Whether a member's score may change from `current` to `wanted`. GT and LT do not apply to a new member.
    #[must_use]
    #[inline]
    pub fn allow_score<S: Ord + Copy>(self, current: Option<S>, wanted: S) -> bool {
        current.is_none_or(|current| {
            (!self.only_higher || wanted > current) && (!self.only_lower || wanted < current)
        })
    }

    /// Both.
    #[must_use]
    #[inline]
    pub fn allow<S: Ord + Copy>(self, current: Option<S>, wanted: S) -> bool {
        self.allow_presence(current.is_some()) && self.allow_score(current, wanted)
    }
}

/// Why a score cannot be taken. Nothing is changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmitError {
    /// The text is not a double.
    NotAFloat,
    /// The text is not an integer of 64 bits.
    NotAnInteger,
    /// The text is not a decimal with so few digits.
    NotADecimal,
    /// A sum of infinities.
    NotANumber,
    /// A sum that 64 bits cannot have.
    Overflow,
    /// The score is beyond the policy's range.
    OutsideRange,
    /// The board is an archive.
    Closed,
    /// A time, for a board that keeps none.
    NoMoments,
}

impl std::fmt::Display for SubmitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotAFloat => "value is not a valid float",
            Self::NotAnInteger => "value is not an integer or out of range",
            Self::NotADecimal => "value is not a valid decimal",
            Self::NotANumber => "resulting score is not a number (NaN)",
            Self::Overflow => "increment or decrement would overflow",
            Self::OutsideRange => "score is outside the board's range",
            Self::Closed => "the board is closed",
            Self::NoMoments => "AT needs TIES FIRST",
        })
    }
}

impl std::error::Error for SubmitError {}

/// What became of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmitStatus {
    /// The member has another score, or has it from another moment.
    Applied,
    /// The member is as it was.
    Kept,
    /// The member is new and would be the last of a full board.
    Capped,
}

/// What became of a pair, and the scores before and after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// What became of it.
    pub status: SubmitStatus,
    /// What the member had, `None` if it was absent.
    pub before: Option<Attained>,
    /// What it has now.
    pub after: Option<Attained>,
}

/// The scores that pairs want, in their order.
pub type WantedPoints = SmallVec<[Points; 4]>;

impl Board {
    /// Reads a score, or an amount to add, of the board's type. A number beyond 64 bits becomes the last one if the board's
    /// range saturates.
    ///
    /// # Errors
    /// If it is not representable.
    pub fn read_points(
        &self,
        text: &[u8],
        read_float: fn(&[u8]) -> Option<f64>,
    ) -> Result<Points, SubmitError> {
        let ScoreType::Exact { digits } = self.score_type() else {
            let score = read_float(text).and_then(Score::new);
            return score.map(Points::Float).ok_or(SubmitError::NotAFloat);
        };
        let saturates =
            self.rules().and_then(|rules| rules.policy.range).is_some_and(|range| range.saturates);
        let placed = fixed_point::place(text, digits);
        let units = placed.and_then(|placed| {
            if saturates && placed.is_beyond() { Some(placed.units) } else { placed.exact() }
        });
        let error = if digits == 0 { SubmitError::NotAnInteger } else { SubmitError::NotADecimal };
        units.map(|units| Points::Exact { digits, units }).ok_or(error)
    }

    /// The score 0 of the board's type.
    #[must_use]
    pub fn zero(&self) -> Points {
        match self.score_type() {
            ScoreType::Float => Points::Float(Score::default()),
            ScoreType::Exact { digits } => Points::Exact { digits, units: 0 },
        }
    }

    /// Whether writes are refused because the season has ended.
    #[must_use]
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.rules().is_some_and(|rules| rules.closed_from.is_some())
    }
}

impl Submit {
    /// The scores that `pairs` want on `board`, before any of them is applied. O(pairs).
    ///
    /// # Errors
    /// The first pair that cannot be taken, or what makes the whole call impossible.
    pub fn prepare<'a>(
        &self,
        board: &Board,
        pairs: impl ExactSizeIterator<Item = (&'a [u8], Points)>,
    ) -> Result<WantedPoints, SubmitError> {
        if board.is_closed() {
            return Err(SubmitError::Closed);
        }
        if self.at_ms.is_some() && !board.has_moments() {
            return Err(SubmitError::NoMoments);
        }
        let range = board.rules().and_then(|rules| rules.policy.range);
        if self.keep != Keep::Sum {
            return pairs.map(|(_, given)| within(range, given)).collect();
        }
        // A member that is repeated has the sum of the pairs before.
        let mut sums = HashMap::new();
        let are_many = pairs.len() > 1;
        let mut wanted = WantedPoints::new();
        for (member, given) in pairs {
            let present = sums.get(member).copied().or_else(|| board.score(member));
            if !self.conditions.allow_presence(present.is_some()) {
                wanted.push(given);
                continue;
            }
            let total = sum(present.unwrap_or_else(|| board.zero()), given, range)?;
            wanted.push(total);
            if are_many {
                sums.insert(member, total);
            }
        }
        Ok(wanted)
    }

    /// The moment of a change now, on a board with this clock.
    fn own_moment(&self, clock: BoardTime) -> BoardTime {
        BoardTime::at_ms(self.now_ms).max(clock.next())
    }

    /// What a member with `current` is to have; `None`: what it has.
    fn decide(
        &self,
        policy: &Policy,
        clock: BoardTime,
        current: Option<Attained>,
        wanted: Points,
    ) -> Option<Attained> {
        if !self.conditions.allow(current.map(|current| current.points), wanted) {
            return None;
        }
        let at = self.at_ms.map(BoardTime::at_ms);
        let moment = match policy.ties {
            Ties::Member => BoardTime::default(),
            Ties::First => at.unwrap_or_else(|| self.own_moment(clock)),
        };
        let Some(Attained { points, moment: since }) = current else {
            return Some(Attained { points: wanted, moment });
        };
        let is_earlier = at.is_some_and(|at| at < since);
        match self.keep {
            Keep::Latest => (points != wanted && !is_earlier).then_some(Attained { points: wanted, moment }),
            Keep::Best => {
                let is_better = policy.best.is_better(wanted, points) || (wanted == points && is_earlier);
                is_better.then_some(Attained { points: wanted, moment })
            }
            Keep::Sum => {
                let moment = if at.is_some() { moment.max(since) } else { moment };
                (points != wanted).then_some(Attained { points: wanted, moment })
            }
        }
    }

    /// Applies one pair to the board. `evicted` gets the member that falls off a full board.
    pub(super) fn apply(
        &self,
        board: &mut Board,
        member: &[u8],
        wanted: Points,
        evicted: &mut dyn FnMut(&[u8]),
    ) -> Submitted {
        match &mut board.0 {
            Content::Plain(ranking) => {
                let (policy, mut clock) = (Policy::default(), BoardTime::default());
                self.put(ranking, &policy, &mut clock, (member, wanted), &mut |_, _| {})
            }
            Content::Ruled(ruled) => {
                let Ruled { rules: BoardRules { policy, clock, .. }, members, sum } = &mut **ruled;
                let mut evicted = |member: &[u8], attained: Attained| {
                    *sum -= attained.points.units();
                    evicted(member);
                };
                let submitted = each_ranking!(members, ranking => {
                    self.put(ranking, policy, clock, (member, wanted), &mut evicted)
                });
                ruled.count(submitted.before, submitted.after);
                submitted
            }
        }
    }

    fn put<K: BoardKey>(
        &self,
        ranking: &mut BlockRanking<K>,
        policy: &Policy,
        clock: &mut BoardTime,
        (member, wanted): (&[u8], Points),
        evicted: &mut dyn FnMut(&[u8], Attained),
    ) -> Submitted {
        let rules = KeyRules::of(policy);
        let cap = policy.cap.map_or(usize::MAX, |cap| usize::try_from(cap.get()).unwrap_or(usize::MAX));
        if ranking.len() >= cap && ranking.score(member).is_none() {
            let unchanged = |status| Submitted { status, before: None, after: None };
            let Some(newcomer) = self.decide(policy, *clock, None, wanted) else {
                return unchanged(SubmitStatus::Kept);
            };
            if K::of(newcomer, rules).is_none_or(|key| is_last(ranking, policy.best, key, member)) {
                return unchanged(SubmitStatus::Capped);
            }
        }
        let before_clock = *clock;
        let updated = ranking.update(member, |before| {
            let current = before.map(|key| key.attained(rules));
            K::of(self.decide(policy, before_clock, current, wanted)?, rules)
        });
        let of_key = |key: Option<K>| key.map(|key| key.attained(rules));
        let (before, after) = (of_key(updated.before), of_key(updated.after));
        let is_applied = before != after;
        if is_applied && K::IS_TIMED && self.at_ms.is_none() {
            *clock = after.map_or(before_clock, |after| after.moment);
        }
        while ranking.len() > cap {
            let last = last_rank(ranking, policy.best);
            ranking.remove_range(last..last + 1, |member, key| evicted(member, key.attained(rules)));
        }
        let status = if is_applied { SubmitStatus::Applied } else { SubmitStatus::Kept };
        Submitted { status, before, after }
    }
}

/// The ascending rank of the last member in the order in which the best is first. There is a member.
fn last_rank<K: BoardKey>(ranking: &BlockRanking<K>, best: Best) -> usize {
    match best {
        Best::Highest => 0,
        Best::Lowest => ranking.len() - 1,
    }
}

/// Whether a new member with this key would be behind all others. There is one.
fn is_last<K: BoardKey>(ranking: &BlockRanking<K>, best: Best, key: K, member: &[u8]) -> bool {
    let last = last_rank(ranking, best);
    let mut is_last = true;
    ranking.visit(last..last + 1, Order::Ascending, |other, other_key| {
        is_last = match best {
            Best::Highest => (key, member) < (other_key, other),
            Best::Lowest => (key, member) > (other_key, other),
        };
    });
    is_last
}

/// `points`, if it is in the range; the end that it is beyond, if the range saturates.
fn within(range: Option<AllowedScores>, points: Points) -> Result<Points, SubmitError> {
    let Some(AllowedScores { min, max, saturates }) = range else { return Ok(points) };
    let nearest = points.clamp(min, max);
    if nearest == points || saturates { Ok(nearest) } else { Err(SubmitError::OutsideRange) }
}

fn sum(present: Points, amount: Points, range: Option<AllowedScores>) -> Result<Points, SubmitError> {
    let total = match (present, amount) {
        (Points::Float(present), Points::Float(amount)) => {
            Score::new(present.get() + amount.get()).map(Points::Float).ok_or(SubmitError::NotANumber)?
        }
        (Points::Exact { digits, units: present }, Points::Exact { units: amount, .. }) => {
            let saturates = range.is_some_and(|range| range.saturates);
            let units = match present.checked_add(amount) {
                Some(units) => units,
                None if saturates => present.saturating_add(amount),
                None => return Err(SubmitError::Overflow),
            };
            Points::Exact { digits, units }
        }
        (Points::Float(_), Points::Exact { .. }) | (Points::Exact { .. }, Points::Float(_)) => amount,
    };
    within(range, total)
}
