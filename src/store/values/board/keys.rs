//! From the score and the moment of a member to the sort key of its ranking, and back. The moment in a key is a tie
//! ([`Best::tie`]).

use super::points::{Attained, BoardTime, Points, ScoreType};
use super::policy::{Best, Policy};
use crate::ranking::{Aim, Score, SortKey, Timed, Whole};
use crate::text::fixed_point::nearest_units;
use crate::text::name_run::RUN_MAX;

/// The scores of a run of members.
#[derive(Clone, Copy, Debug)]
pub enum Scores<'a> {
    /// Doubles.
    Floats(&'a [Score]),
    /// Exact numbers, in units of 10^-`digits`.
    Exact {
        /// The digits behind the point.
        digits: u8,
        /// The units of each.
        units: &'a [Whole],
    },
}

impl Scores<'_> {
    /// The score at `index`.
    ///
    /// # Panics
    /// If there are not so many.
    #[must_use]
    pub fn at(&self, index: usize) -> Points {
        match *self {
            Self::Floats(scores) => Points::Float(scores[index]),
            Self::Exact { digits, units } => Points::Exact { digits, units: units[index].0 },
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Floats(scores) => scores.len(),
            Self::Exact { units, .. } => units.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What the keys of one board have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyRules {
    pub(super) digits: u8,
    pub(super) best: Best,
}

impl KeyRules {
    pub(super) fn of(policy: &Policy) -> Self {
        let digits = match policy.score {
            ScoreType::Float => 0,
            ScoreType::Exact { digits } => digits,
        };
        Self { digits, best: policy.best }
    }
}

/// A sort key of boards.
pub(super) trait BoardKey: SortKey {
    /// Whether it has a moment.
    const IS_TIMED: bool;

    /// The key of a member that attained this. `None` if its score is of another type.
    fn of(attained: Attained, rules: KeyRules) -> Option<Self>;

    /// What a member with this key attained.
    fn attained(self, rules: KeyRules) -> Attained;

    /// The lowest and the highest key with this score. `None` if the score is of another type.
    fn ends(points: Points) -> Option<[Self; 2]>;

    /// How an update to a score, or by one, changes a key of now. Only for prefetching.
    fn aim(aim: Aim<Score>, now: BoardTime, rules: KeyRules) -> Aim<Self>;

    /// Calls `visit` with the scores of `keys`, at most [`RUN_MAX`].
    fn with_scores<R>(keys: &[Self], rules: KeyRules, visit: impl FnOnce(Scores<'_>) -> R) -> R;
}

impl BoardKey for Score {
    const IS_TIMED: bool = false;

    fn of(attained: Attained, _: KeyRules) -> Option<Self> {
        if let Points::Float(score) = attained.points { Some(score) } else { None }
    }

    fn attained(self, _: KeyRules) -> Attained {
        Attained { points: Points::Float(self), moment: BoardTime::default() }
    }

    fn ends(points: Points) -> Option<[Self; 2]> {
        if let Points::Float(score) = points { Some([score; 2]) } else { None }
    }

    fn aim(aim: Aim<Score>, _: BoardTime, _: KeyRules) -> Aim<Self> {
        aim
    }

    fn with_scores<R>(keys: &[Self], _: KeyRules, visit: impl FnOnce(Scores<'_>) -> R) -> R {
        visit(Scores::Floats(keys))
    }
}

impl BoardKey for Whole {
    const IS_TIMED: bool = false;

    fn of(attained: Attained, _: KeyRules) -> Option<Self> {
        if let Points::Exact { units, .. } = attained.points { Some(Self(units)) } else { None }
    }

    fn attained(self, rules: KeyRules) -> Attained {
        let points = Points::Exact { digits: rules.digits, units: self.0 };
        Attained { points, moment: BoardTime::default() }
    }

    fn ends(points: Points) -> Option<[Self; 2]> {
        if let Points::Exact { units, .. } = points { Some([Self(units); 2]) } else { None }
    }

    fn aim(aim: Aim<Score>, _: BoardTime, rules: KeyRules) -> Aim<Self> {
        match aim {
            Aim::Score(score) => Aim::Score(Self(nearest_units(score.get(), rules.digits))),
            Aim::Increment(amount) => Aim::Increment(nearest_units(amount, rules.digits)),
        }
    }

    fn with_scores<R>(keys: &[Self], rules: KeyRules, visit: impl FnOnce(Scores<'_>) -> R) -> R {
        visit(Scores::Exact { digits: rules.digits, units: keys })
    }
}

impl<K: BoardKey + SortKey<Number = u64>> BoardKey for Timed<K> {
    const IS_TIMED: bool = true;

    fn of(attained: Attained, rules: KeyRules) -> Option<Self> {
        Some(Self::new(K::of(attained, rules)?, rules.best.tie(attained.moment)))
    }

    fn attained(self, rules: KeyRules) -> Attained {
        let moment = rules.best.of_tie(self.moment);
        Attained { moment, ..self.key.attained(rules) }
    }

    fn ends(points: Points) -> Option<[Self; 2]> {
        let [lowest, highest] = K::ends(points)?;
        Some([Self::new(lowest, 0), Self::new(highest, u64::MAX)])
    }

    fn aim(aim: Aim<Score>, now: BoardTime, rules: KeyRules) -> Aim<Self> {
        let moment = rules.best.tie(now);
        match K::aim(aim, now, rules) {
            Aim::Score(key) => Aim::Score(Self::new(key, moment)),
            Aim::Increment(amount) => Aim::Increment((amount, moment)),
        }
    }

    fn with_scores<R>(keys: &[Self], rules: KeyRules, visit: impl FnOnce(Scores<'_>) -> R) -> R {
        let mut own = [K::default(); RUN_MAX];
        for (own, key) in own.iter_mut().zip(keys) {
            *own = key.key;
        }
        K::with_scores(&own[..keys.len().min(RUN_MAX)], rules, visit)
    }
}
