//! The scores that unions and intersections compute with: doubles as in Redis, or exact numbers.

use crate::ranking::Score;
use crate::store::{Points, ScoreType};

/// How the scores that a member has in several inputs become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregate {
    /// Their sum.
    Sum,
    /// The lowest.
    Min,
    /// The highest.
    Max,
    /// The sum of the weights of the inputs that hold the member, whatever its scores.
    Count,
}

/// A score that can be weighed and aggregated.
pub(super) trait Summand: Copy + Ord + Default {
    /// What it is multiplied by.
    type Weight: Copy;

    /// A weighted score before it is aggregated.
    type Term: Copy;

    /// The score of a board.
    fn of(points: Points) -> Self;

    /// What a member with this score contributes from an input of this weight.
    fn weighted(self, aggregate: Aggregate, weight: Self::Weight) -> Self::Term;

    /// The score of a term that is alone.
    fn of_term(term: Self::Term) -> Self;

    /// The score as a term.
    fn term(self) -> Self::Term;

    /// This total aggregated with `term`.
    fn join(self, aggregate: Aggregate, term: Self::Term) -> Self;
}

impl Summand for Score {
    type Weight = f64;
    type Term = f64;

    fn of(points: Points) -> Self {
        points.nearest()
    }

    /// NaN for 0 times infinity.
    fn weighted(self, aggregate: Aggregate, weight: f64) -> f64 {
        if aggregate == Aggregate::Count { weight } else { weight * self.get() }
    }

    fn of_term(term: f64) -> Self {
        Self::new(term).unwrap_or_default()
    }

    fn term(self) -> f64 {
        self.get()
    }

    /// As in Redis, a sum that would be NaN (infinity less infinity) is 0, so the order of the inputs matters, and a value
    /// that is NaN does not change the lowest or the highest.
    fn join(self, aggregate: Aggregate, value: f64) -> Self {
        let total = self.get();
        Self::of_term(match aggregate {
            Aggregate::Sum | Aggregate::Count => total + value,
            Aggregate::Min if value < total => value,
            Aggregate::Max if value > total => value,
            Aggregate::Min | Aggregate::Max => total,
        })
    }
}

/// A sum of exact scores, in units. It has room for more than a score, so that only the result can be out of range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Units(i128);

/// The weight of an input with exact scores, as a number and in units.
#[derive(Clone, Copy, Debug)]
pub(super) struct WholeWeight {
    number: i64,
    units: i128,
}

impl WholeWeight {
    /// The weight, for scores with so many digits. `None` if it is not whole.
    pub(super) fn of(weight: f64, digits: u8) -> Option<Self> {
        let number = weight as i64;
        let is_whole = number as f64 == weight && number.unsigned_abs() <= 1 << 53;
        is_whole.then(|| Self { number, units: Units::of_whole(number, digits).0 })
    }
}

impl Units {
    /// A whole number in units of 10^-`digits`.
    pub(super) fn of_whole(number: i64, digits: u8) -> Self {
        Self(i128::from(number) * 10i128.pow(u32::from(digits)))
    }

    /// The units of a score; `None` if it is out of range.
    pub(super) fn score(self) -> Option<i64> {
        i64::try_from(self.0).ok()
    }
}

impl Summand for Units {
    type Weight = WholeWeight;
    type Term = i128;

    fn of(points: Points) -> Self {
        match points {
            Points::Exact { units, .. } => Self(units.into()),
            // Exact inputs have exact scores.
            Points::Float(_) => Self::default(),
        }
    }

    fn weighted(self, aggregate: Aggregate, weight: WholeWeight) -> i128 {
        if aggregate == Aggregate::Count {
            weight.units
        } else {
            i128::from(weight.number).saturating_mul(self.0)
        }
    }

    fn of_term(term: i128) -> Self {
        Self(term)
    }

    fn term(self) -> i128 {
        self.0
    }

    fn join(self, aggregate: Aggregate, term: i128) -> Self {
        Self(match aggregate {
            Aggregate::Sum | Aggregate::Count => self.0.saturating_add(term),
            Aggregate::Min => self.0.min(term),
            Aggregate::Max => self.0.max(term),
        })
    }
}

/// The digits of the exact scores that all of `types` have; `None` if some have others, or there is none.
pub(super) fn common_digits(types: impl Iterator<Item = ScoreType>) -> Option<u8> {
    let mut common = None;
    for score in types {
        match (score, common) {
            (ScoreType::Exact { digits }, None) => common = Some(digits),
            (ScoreType::Exact { digits }, Some(other)) if digits == other => {}
            _ => return None,
        }
    }
    common
}
