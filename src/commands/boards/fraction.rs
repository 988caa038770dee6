//! A decimal between 0 and 1, multiplied exactly: doubles would put a member on the wrong side of a quantile.

use crate::text::fixed_point::read_exponent;

/// A decimal from 0 to 1, with all its digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fraction {
    /// Whether it is 1. The digits are zeros then.
    is_one: bool,
    /// The digits behind the point.
    digits: Vec<u8>,
}

/// An exponent below this leaves a share of less than one member of any board.
const LEAST_EXPONENT: i64 = -64;

impl Fraction {
    /// Reads a decimal literal with an optional sign, fraction and exponent; `None` for another text, and for a value that is
    /// not between 0 and 1.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let (is_negative, unsigned) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let (mantissa, exponent) = match unsigned.iter().position(|byte| matches!(byte, b'e' | b'E')) {
            Some(at) => (&unsigned[..at], read_exponent(&unsigned[at + 1..])?),
            None => (unsigned, 0),
        };
        let mut parts = mantissa.splitn(2, |byte| *byte == b'.');
        let (whole, behind) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let digits = [whole, behind].concat();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let leading_zeros = digits.iter().take_while(|digit| **digit == b'0').count();
        let significant: Vec<u8> = digits[leading_zeros..].iter().map(|digit| digit - b'0').collect();
        if significant.is_empty() {
            return Some(Self { is_one: false, digits: Vec::new() });
        }
        // Where the point is, counted from the first significant digit.
        let point = (whole.len() as i64 - leading_zeros as i64).saturating_add(exponent);
        if is_negative || point > 1 {
            return None;
        }
        if point == 1 {
            let is_one = significant[0] == 1 && significant[1..].iter().all(|digit| *digit == 0);
            return is_one.then_some(Self { is_one, digits: Vec::new() });
        }
        let zeros = point.max(LEAST_EXPONENT).unsigned_abs() as usize;
        Some(Self { is_one: false, digits: [vec![0; zeros], significant].concat() })
    }

    /// The least whole number that is not below this share of `count`. O(digits).
    pub(super) fn of(&self, count: usize) -> usize {
        if self.is_one {
            return count;
        }
        // From the last digit on, each step divides by ten what it has so far, and notes whether that left a remainder.
        let (mut whole, mut has_remainder) = (0u128, false);
        for digit in self.digits.iter().rev() {
            let product = whole + u128::from(*digit) * count as u128;
            has_remainder |= !product.is_multiple_of(10);
            whole = product / 10;
        }
        whole as usize + usize::from(has_remainder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_exact() {
        let of = |text: &str, count: usize| Fraction::parse(text.as_bytes()).map(|share| share.of(count));
        for (text, count, expected) in [
            ("0", 10, 0),
            ("-0.0", 10, 0),
            ("0e99", 10, 0),
            ("1", 10, 10),
            ("+1.000", 10, 10),
            ("10e-1", 10, 10),
            ("0.00001e5", 10, 10),
            ("0.5", 10, 5),
            (".5", 11, 6),
            ("5.e-1", 11, 6),
            ("5E-1", 10, 5),
            // In doubles 0.07 * 100 is above 7, and 0.29 * 100 below 29.
            ("0.07", 100, 7),
            ("0.29", 100, 29),
            ("0.999999999999999999999999", 10_000_000, 10_000_000),
            ("0.000000000000000000000001", 10, 1),
            ("1e-1000000000000000000000000", 10, 1),
            ("0.99", usize::MAX, (usize::MAX as u128 * 99).div_ceil(100) as usize),
        ] {
            assert_eq!(of(text, count), Some(expected), "{text} of {count}");
        }
        for text in [
            "",
            ".",
            "-",
            "e1",
            "1e",
            "1e+",
            "1.0.0",
            "0x1",
            "nan",
            "inf",
            " 1",
            "1 ",
            "1.01",
            "-0.1",
            "2",
            "1e1",
            "1e99999999999999999999",
            "0,5",
        ] {
            assert_eq!(of(text, 10), None, "{text:?}");
        }
    }
}
