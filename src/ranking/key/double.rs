//! A score: an IEEE double that is never NaN and never -0, so that it has a total order and one encoding.
//!
//! In a block, whole scores are encoded in 1, 2 or 4 bytes above a whole base, equal scores in no bytes. Other scores are
//! the bits of the double, transformed into an integer of the same order.

use std::cmp::Ordering;

use super::{KeyForm, SortKey, ends, highest};

/// Up to this limit every whole number is a double, so base and difference are exact.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// A member's score.
///
/// The order is numeric, with the infinities at the ends. `-0.0` becomes `0.0`: Redis keeps the sign in its large encoding
/// and loses it in the small one, and the two compare equal in both.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(transparent)]
pub struct Score(f64);

impl Score {
    /// The score `value`, or `None` for NaN, which has no order.
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

    /// A number in the order of the scores.
    #[must_use]
    #[inline]
    pub fn ordered(self) -> u64 {
        ordered(self.0)
    }

    /// The score with this number ([`Score::ordered`]). A number of no score gives 0.
    #[must_use]
    #[inline]
    pub fn of_ordered(number: u64) -> Self {
        Self::new(of_ordered(number)).unwrap_or_default()
    }

    /// Whether differences with other whole scores are exact.
    fn is_whole(self) -> bool {
        self.0.abs() <= WHOLE_MAX && self.0 as i64 as f64 == self.0
    }

    /// The number of this score in a narrow form, or that of a neighbouring score if it has none; and the score of that
    /// number. It rounds by a cast, because the rounding function is a library call on older processors.
    #[inline]
    fn nearest_number(self, KeyForm { base, widths }: KeyForm<f64>) -> (u64, Self) {
        // Width 0 encodes only the base. Beyond 32 bits the difference may be inexact, but no number is that high.
        let above = if widths == 0 { 0 } else { (self.0 - base).clamp(0.0, ABOVE_ALL) as i64 };
        (above as u64, Self(base + above as f64))
    }
}

/// The shortest digits that read back as the same double.
impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = format!("{:?}", self.0);
        f.write_str(digits.strip_suffix(".0").unwrap_or(&digits))
    }
}

impl From<Score> for f64 {
    fn from(score: Score) -> Self {
        score.0
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
        // This is numeric order for all scores (NaN and -0 are excluded), without a branch.
        self.0.total_cmp(&other.0)
    }
}

impl std::hash::Hash for Score {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

/// Above every number of four bytes.
const ABOVE_ALL: f64 = 4_294_967_296.0;

/// The width of the form that has the bits of doubles.
const DOUBLES: u8 = 8;

const SIGN: u64 = 1 << 63;

/// The bits of a double in numeric order: those of negative doubles are inverted, the others get the highest bit.
#[inline]
fn ordered(value: f64) -> u64 {
    let bits = value.to_bits();
    bits ^ ((bits as i64 >> 63) as u64 | SIGN)
}

/// The inverse of [`ordered`].
#[inline]
fn of_ordered(bits: u64) -> f64 {
    f64::from_bits(bits ^ ((!bits as i64 >> 63) as u64 | SIGN))
}

impl SortKey for Score {
    type Base = f64;
    type Number = u64;
    type Increment = f64;

    fn narrowest(mut keys: impl Iterator<Item = Self> + Clone) -> KeyForm<f64> {
        let doubles = KeyForm { base: 0.0, widths: DOUBLES };
        let Some((Self(low), Self(high))) = ends(keys.clone()) else { return KeyForm::default() };
        if low == high {
            return KeyForm { base: low, widths: 0 };
        }
        if !keys.all(Self::is_whole) {
            return doubles;
        }
        let span = high - low;
        // Half of the spare range is below the lowest score, so that further entries fit on either side.
        let form = |limit: u32, widths| {
            let base = (low - ((f64::from(limit) - span) / 2.0).floor()).max(-WHOLE_MAX);
            KeyForm { base, widths }
        };
        match span {
            _ if span <= f64::from(u8::MAX) => form(u32::from(u8::MAX), 1),
            _ if span <= f64::from(u16::MAX) => form(u32::from(u16::MAX), 2),
            _ if span <= f64::from(u32::MAX) => form(u32::MAX, 4),
            _ => doubles,
        }
    }

    #[inline]
    fn bytes(widths: u8) -> usize {
        usize::from(widths)
    }

    #[inline]
    fn number(self, form: KeyForm<f64>) -> Option<u64> {
        if form.widths == DOUBLES {
            return Some(ordered(self.0));
        }
        let (number, own) = self.nearest_number(form);
        (own == self && number <= highest(form.widths)).then_some(number)
    }

    #[inline]
    fn of_number(number: u64, KeyForm { base, widths }: KeyForm<f64>) -> Self {
        match widths {
            DOUBLES => Self(of_ordered(number)),
            // At most 32 bits above a whole base: both the conversion and the sum are exact.
            _ => Self(base + f64::from(number as u32)),
        }
    }

    #[inline]
    fn below(self, form: KeyForm<f64>) -> u64 {
        if form.widths == DOUBLES {
            return ordered(self.0);
        }
        let (number, own) = self.nearest_number(form);
        number + u64::from(own.0 < self.0)
    }

    #[inline]
    fn up_to(self, form: KeyForm<f64>) -> Option<u64> {
        if form.widths == DOUBLES {
            return Some(ordered(self.0) + 1);
        }
        // One is added to the number, not to the score: from 2^53 on, adding 1 does not change a score.
        let (number, own) = self.nearest_number(form);
        Some(number + u64::from(own.0 <= self.0))
    }

    fn plus(self, increment: f64) -> Self {
        Self::new(self.0 + increment).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranking::key::tests::check_forms;

    #[test]
    fn negative_zero_is_zero_and_nan_is_refused() {
        assert_eq!(Score::new(-0.0).unwrap().get().to_bits(), 0.0f64.to_bits());
        assert!(Score::new(f64::NAN).is_none());
        assert!(Score::new(f64::NEG_INFINITY) < Score::new(-1.0));
        assert!(Score::new(f64::INFINITY) > Score::new(f64::MAX));
    }

    #[test]
    fn forms_have_the_widths_of_the_scores_and_numbers_in_their_order() {
        let scores = |values: &[f64]| values.iter().map(|&value| Score(value)).collect::<Vec<_>>();
        let runs: [(u8, &[f64]); 12] = [
            (0, &[2.5, 2.5]),
            (0, &[f64::INFINITY]),
            (1, &[-100.0, 155.0]),
            (1, &[WHOLE_MAX - 1.0, WHOLE_MAX]),
            (1, &[-WHOLE_MAX, -WHOLE_MAX + 1.0]),
            (2, &[0.0, 256.0]),
            (4, &[0.0, 65_536.0]),
            (4, &[-WHOLE_MAX, -WHOLE_MAX + 4_294_967_295.0]),
            (8, &[0.0, 4_294_967_296.0]),
            (8, &[0.0, 0.5]),
            (8, &[f64::NEG_INFINITY, 0.0, f64::INFINITY]),
            (8, &[WHOLE_MAX, WHOLE_MAX + 2.0]),
        ];
        let mut keys = scores(&[f64::MIN, f64::MAX, f64::MIN_POSITIVE, -f64::MIN_POSITIVE, 5e-324, 1e300]);
        for (width, run) in runs {
            assert_eq!(Score::narrowest(scores(run).into_iter()).widths, width, "{run:?}");
            for value in run {
                keys.extend(scores(&[*value, value + 1.0, value - 1.0, value + 0.25, value - 0.25]));
            }
        }
        let runs = runs.map(|(_, run)| scores(run));
        check_forms(&keys, &runs.each_ref().map(Vec::as_slice));
    }
}
