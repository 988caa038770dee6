//! Numbers with a fixed count of digits behind the point: integers in units of 10^-d. They are read and printed exactly.

use std::cmp::Ordering;

/// The most digits behind the point.
pub const DIGITS_MAX: u8 = 18;

/// The longest text: a sign, 19 digits and a point.
const TEXT_BYTES: usize = 21;

/// Up to this integer every integer is a double.
const WHOLE_MAX: u64 = 1 << 53;

/// A decimal number, placed among the numbers that 64 bits of units can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The nearest such number towards zero, or the last one if the number is beyond it.
    pub units: i64,
    /// Where the number is from there. `Equal`: it is exactly this one.
    pub side: Ordering,
}

impl Placed {
    /// The units, if the number is exactly representable.
    #[must_use]
    pub fn exact(self) -> Option<i64> {
        (self.side == Ordering::Equal).then_some(self.units)
    }

    /// Whether the number is beyond the first or the last that 64 bits can have.
    #[must_use]
    pub fn is_beyond(self) -> bool {
        matches!((self.units, self.side), (i64::MAX, Ordering::Greater) | (i64::MIN, Ordering::Less))
    }
}

/// Reads a decimal literal: a sign, digits, a point with digits, and an exponent, of which all but some digits may be
/// missing. `None` for any other text. O(length).
#[must_use]
pub fn place(text: &[u8], digits: u8) -> Option<Placed> {
    let (is_negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let exponent_at = unsigned.iter().position(|byte| matches!(byte, b'e' | b'E'));
    let (mantissa, exponent) = match exponent_at {
        Some(at) => (&unsigned[..at], read_exponent(&unsigned[at + 1..])?),
        None => (unsigned, 0),
    };
    let point = mantissa.iter().position(|&byte| byte == b'.').unwrap_or(mantissa.len());
    let (whole, fraction) = (&mantissa[..point], mantissa.get(point + 1..).unwrap_or_default());
    let all = || whole.iter().chain(fraction);
    if all().next().is_none() || !all().all(u8::is_ascii_digit) {
        return None;
    }
    // The number is this integer of all digits times 10^shift.
    let shift = exponent.saturating_add(i64::from(digits)).saturating_sub(fraction.len() as i64);
    let count = (whole.len() + fraction.len()) as i64;
    let kept = usize::try_from(count.saturating_add(shift.min(0))).unwrap_or(0);
    let step = |total: u128, digit: &u8| (total * 10 + u128::from(digit - b'0')).min(1 << 70);
    let mut total = all().take(kept).fold(0, step);
    for _ in 0..shift.clamp(0, 40) {
        total = step(total, &b'0');
    }
    let has_rest = all().skip(kept).any(|&digit| digit != b'0');
    let (last, beyond) = if is_negative { (i64::MIN, Ordering::Less) } else { (i64::MAX, Ordering::Greater) };
    if total > u128::from(last.unsigned_abs()) {
        return Some(Placed { units: last, side: beyond });
    }
    // The lowest integer has no positive counterpart, so that its magnitude wraps to itself.
    let magnitude = total as u64 as i64;
    let units = if is_negative { magnitude.wrapping_neg() } else { magnitude };
    Some(Placed { units, side: if has_rest { beyond } else { Ordering::Equal } })
}

/// Reads the exponent of a decimal literal. Beyond 10^15 an exponent has the same effect as any other, because no text has as
/// many digits.
pub(crate) fn read_exponent(text: &[u8]) -> Option<i64> {
    let (is_negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let step = |total: i64, digit: &u8| (total * 10 + i64::from(digit - b'0')).min(1_000_000_000_000_000);
    let magnitude = digits.iter().fold(0, step);
    Some(if is_negative { -magnitude } else { magnitude })
}

/// The double that is nearest to `units` of 10^-`digits`.
#[must_use]
pub fn nearest_double(units: i64, digits: u8) -> f64 {
    if digits == 0 {
        return units as f64;
    }
    if units.unsigned_abs() <= WHOLE_MAX {
        // Both are exact, so that the quotient is rounded once.
        return units as f64 / 10f64.powi(i32::from(digits));
    }
    let text = FixedPointText::of(units, digits);
    text.as_str().parse().unwrap_or(f64::NAN)
}

/// The units nearest to `value`, which is not NaN.
#[must_use]
pub fn nearest_units(value: f64, digits: u8) -> i64 {
    // The cast saturates.
    (value * 10f64.powi(i32::from(digits))).round() as i64
}

/// A number as text: `-12.30`.
#[derive(Clone, Copy)]
pub struct FixedPointText {
    bytes: [u8; TEXT_BYTES],
    start: usize,
}

impl FixedPointText {
    /// The text of `units` of 10^-`digits`, with as many digits behind the point, at most [`DIGITS_MAX`].
    #[must_use]
    pub fn of(units: i64, digits: u8) -> Self {
        let (mut bytes, mut start) = ([0; TEXT_BYTES], TEXT_BYTES);
        let mut put = |byte| {
            start -= 1;
            bytes[start] = byte;
        };
        let mut rest = units.unsigned_abs();
        let behind = digits.min(DIGITS_MAX);
        let mut written = 0;
        while rest > 0 || written <= behind {
            if written == behind && behind > 0 {
                put(b'.');
            }
            put(b'0' + (rest % 10) as u8);
            rest /= 10;
            written += 1;
        }
        if units < 0 {
            put(b'-');
        }
        Self { bytes, start }
    }

    /// The text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl std::fmt::Debug for FixedPointText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str, digits: u8) -> Option<i64> {
        place(text.as_bytes(), digits)?.exact()
    }

    #[test]
    fn literals_are_taken_if_their_value_is_representable() {
        for (text, digits, units) in [
            ("9007199254740993", 0, 9_007_199_254_740_993),
            ("5.0", 0, 5),
            ("5.", 0, 5),
            (".5e1", 0, 5),
            ("1.0E10", 0, 10_000_000_000),
            ("-0", 0, 0),
            ("+12.3", 2, 1_230),
            ("-9223372036854775808", 0, i64::MIN),
            ("9223372036854775807", 0, i64::MAX),
            ("9.223372036854775807", 18, i64::MAX),
            ("-9.223372036854775808", 18, i64::MIN),
            ("0e999999999999999999999", 0, 0),
            ("1000e-3", 0, 1),
            ("0.000000000000000001", 18, 1),
        ] {
            assert_eq!(exact(text, digits), Some(units), "{text}");
        }
        let long = format!("1{}e-400", "0".repeat(400));
        assert_eq!(exact(&long, 0), Some(1));
        for text in
            ["", "-", ".", "e5", "1e", "1e+", "0x10", "inf", "nan", " 1", "1 ", "1.2.3", "1e5.0", "--1"]
        {
            assert_eq!(place(text.as_bytes(), 3), None, "{text}");
        }
    }

    #[test]
    fn other_numbers_are_placed_beside_their_neighbour() {
        use Ordering::{Greater, Less};
        for (text, units, side) in [
            ("1.5", 1, Greater),
            ("-1.5", -1, Less),
            ("0.3", 0, Greater),
            ("-1e-30", 0, Less),
            ("9223372036854775807.5", i64::MAX, Greater),
            ("9223372036854775808", i64::MAX, Greater),
            ("1e999999999999999999", i64::MAX, Greater),
            ("-9223372036854775809", i64::MIN, Less),
            ("-9223372036854775808.1", i64::MIN, Less),
        ] {
            assert_eq!(place(text.as_bytes(), 0), Some(Placed { units, side }), "{text}");
        }
    }

    #[test]
    fn numbers_are_printed_with_all_their_digits_and_read_back() {
        for (units, digits, text) in [
            (0, 0, "0"),
            (0, 2, "0.00"),
            (1230, 2, "12.30"),
            (-5, 3, "-0.005"),
            (i64::MIN, 0, "-9223372036854775808"),
            (i64::MIN, 18, "-9.223372036854775808"),
            (1, 18, "0.000000000000000001"),
            (i64::MAX, 1, "922337203685477580.7"),
        ] {
            assert_eq!(FixedPointText::of(units, digits).as_str(), text);
            assert_eq!(exact(text, digits), Some(units));
            assert_eq!(nearest_double(units, digits).to_bits(), text.parse::<f64>().unwrap().to_bits());
        }
    }
}
