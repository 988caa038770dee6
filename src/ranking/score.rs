//! A score: an IEEE double that is never NaN and never -0, so that it has a total order and one spelling.

use std::cmp::Ordering;

/// A member's score.
///
/// Order is numeric order with both infinities at the ends. `-0.0` becomes `0.0` on the way in: Redis keeps the
/// sign in its large encoding and loses it in the small one, and the two compare equal in both.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score(f64);

impl Score {
    /// The score `value`, or `None` for NaN, which has no place in an order.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        // Adding +0 turns -0 into +0 and changes nothing else.
        if value.is_nan() { None } else { Some(Self(value + 0.0)) }
    }

    /// The score as a double.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl Eq for Score {}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        // Numeric order but for NaN and -0, which are no scores, and without a branch.
        self.0.total_cmp(&other.0)
    }
}

impl std::hash::Hash for Score {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_zero_is_zero_and_nan_is_refused() {
        assert_eq!(Score::new(-0.0).unwrap().get().to_bits(), 0.0f64.to_bits());
        assert!(Score::new(f64::NAN).is_none());
        assert!(Score::new(f64::NEG_INFINITY) < Score::new(-1.0));
        assert!(Score::new(f64::INFINITY) > Score::new(f64::MAX));
    }
}
