//! Long doubles: the 80-bit format of the x87, which Redis uses as C's `long double`. INCRBYFLOAT and HINCRBYFLOAT parse
//! them, add them, and print them with at most 17 decimals.

use rustc_apfloat::ieee::X87DoubleExtended;
use rustc_apfloat::{Float, Status};

/// The longest text that is parsed, as in Redis (`MAX_LONG_DOUBLE_CHARS`, less one for the terminator).
const LONGEST_BYTES: usize = 5 * 1024 - 1;

/// The number of decimals that are printed at most.
const DECIMALS: usize = 17;

/// `10^DECIMALS`.
const SCALE: u128 = 10u128.pow(DECIMALS as u32);

/// The value is `significand * 2^(exponent - EXPONENT_BIAS)`, with the significand as a 64-bit integer. 16383 is the bias of
/// the format, and 63 the number of significand bits after the binary point.
const EXPONENT_BIAS: i32 = 16383 + 63;

/// A long double that is not NaN.
#[derive(Clone, Copy, Debug)]
pub struct LongDouble(X87DoubleExtended);

impl LongDouble {
    /// Parses what C's `strtold` accepts: decimal, hexadecimal, infinity. `None` for anything else, for a number outside the
    /// range of the format, and for NaN, as in Redis.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > LONGEST_BYTES {
            return None;
        }
        let (is_negative, unsigned) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let infinite = [&b"inf"[..], b"infinity"].iter().any(|word| unsigned.eq_ignore_ascii_case(word));
        let value = if infinite { X87DoubleExtended::INFINITY } else { finite(unsigned)? };
        Some(Self(if is_negative { -value } else { value }))
    }

    /// The sum, `None` if it is infinite or NaN.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        let sum = (self.0 + other.0).value;
        sum.is_finite().then_some(Self(sum))
    }
}

/// Parses a finite number without a sign. `None` if it is malformed or outside the range of the format.
fn finite(text: &[u8]) -> Option<X87DoubleExtended> {
    let text = std::str::from_utf8(text).ok()?;
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, mark) = hexadecimal.map_or((text, ['e', 'E']), |digits| (digits, ['p', 'P']));
    let (mantissa, exponent) =
        digits.split_once(mark).map_or((digits, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let radix = if hexadecimal.is_some() { 16 } else { 10 };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_well_formed = whole.len() + fraction.len() > 0
        && whole.chars().chain(fraction.chars()).all(|digit| digit.is_digit(radix))
        && exponent.is_none_or(|exponent| {
            let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
        });
    if !is_well_formed {
        return None;
    }
    if whole.bytes().chain(fraction.bytes()).all(|digit| digit == b'0') {
        return Some(X87DoubleExtended::ZERO);
    }
    // The library requires an exponent in a hexadecimal number.
    let completed = match (hexadecimal, exponent) {
        (Some(digits), None) => format!("0x{digits}p0"),
        _ => text.to_owned(),
    };
    let read = X87DoubleExtended::from_str_r(&completed, rustc_apfloat::Round::NearestTiesToEven).ok()?;
    let is_in_range = !read.status.contains(Status::OVERFLOW) && !read.value.is_zero();
    is_in_range.then_some(read.value)
}

impl std::fmt::Display for LongDouble {
    /// Prints like Redis's "human friendly" mode: `%.17Lf` without trailing zeros.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bits = self.0.to_bits();
        let (is_negative, exponent) = (bits >> 79 == 1, (bits >> 64 & 0x7fff) as i32);
        let significand = bits as u64;
        // Subnormal numbers have exponent bits of 0, and the power of the smallest normal number.
        let power = exponent.max(1) - EXPONENT_BIAS;
        let text = if power >= 0 { whole(significand, power) } else { rounded(significand, -power) };
        let sign = if is_negative && text != "0" { "-" } else { "" };
        write!(f, "{sign}{text}")
    }
}

/// `significand / 2^shift`, rounded to `DECIMALS` decimals, ties to even.
fn rounded(significand: u64, shift: i32) -> String {
    // Less than 2^121, so that a shift by 128 or more gives less than half of the last decimal.
    let scaled = u128::from(significand) * SCALE;
    let decimals = if shift >= 128 {
        0
    } else {
        let (floor, rest, half) = (scaled >> shift, scaled & ((1 << shift) - 1), 1 << (shift - 1));
        floor + u128::from(rest > half || (rest == half && floor % 2 == 1))
    };
    let text = format!("{}.{:02$}", decimals / SCALE, decimals % SCALE, DECIMALS);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `significand * 2^power`, in decimal, exactly.
fn whole(significand: u64, power: i32) -> String {
    const LIMB: u64 = 1_000_000_000;
    /// A limb shifted by this, plus a carry, fits into 64 bits.
    const STEP: i32 = 32;
    // Limbs of nine decimal digits, the lowest first.
    let mut limbs = vec![significand % LIMB, significand / LIMB % LIMB, significand / LIMB / LIMB];
    let mut left = power;
    while left > 0 {
        let step = left.min(STEP);
        let mut carry = 0;
        for limb in &mut limbs {
            let product = (*limb << step) + carry;
            (*limb, carry) = (product % LIMB, product / LIMB);
        }
        while carry > 0 {
            limbs.push(carry % LIMB);
            carry /= LIMB;
        }
        left -= step;
    }
    let digits: String = limbs.iter().rev().map(|limb| format!("{limb:09}")).collect();
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() { "0".to_owned() } else { digits.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::LongDouble;

    fn printed(text: &str) -> Option<String> {
        LongDouble::parse(text.as_bytes()).map(|value| value.to_string())
    }

    /// The replies of Redis 8.2.3 to `INCRBYFLOAT` of a missing key. An empty string stands for an error.
    #[test]
    fn numbers_print_as_in_redis() {
        let pairs = [
            ("0", "0"),
            ("-0", "0"),
            ("1e3", "1000"),
            ("0.1", "0.1"),
            ("1e-17", "0.00000000000000001"),
            ("-1e-18", "0"),
            ("3.0e0", "3"),
            (".5", "0.5"),
            ("5.", "5"),
            ("0x1p-3", "0.125"),
            ("0X1.8", "1.5"),
            ("1e25", "10000000000000000000000000"),
            ("9223372036854775808", "9223372036854775808"),
            ("1e-5000", ""),
            ("1e-4940", "0"),
            ("18446744073709551617", "18446744073709551616"),
            ("0.000000000000000005", "0"),
            ("0.000000000000000015", "0.00000000000000002"),
        ];
        for (text, expected) in pairs {
            assert_eq!(printed(text).unwrap_or_default(), expected, "{text}");
        }
    }

    #[test]
    fn texts_that_are_not_numbers_are_refused() {
        let long = "1".repeat(5 * 1024);
        for text in
            ["", " 1", "1 ", "1e", "1e+", "0x", "0xp1", ".", "nan", "1e5000", "--1", "1_0", "é", &long]
        {
            assert_eq!(printed(text), None, "{text:?}");
        }
        assert_eq!(printed(&long[1025..]).map(|text| text.len()), Some(4095));
    }

    #[test]
    fn a_sum_that_is_not_finite_is_refused() {
        let sum = |one: &str, other: &str| {
            let [one, other] = [one, other].map(|text| LongDouble::parse(text.as_bytes()).expect("a number"));
            one.plus(other).map(|sum| sum.to_string())
        };
        assert_eq!(sum("0.1", "0.2").as_deref(), Some("0.3"));
        assert_eq!(sum("1e4932", "1e4932"), None);
        assert_eq!(sum("inf", "-inf"), None);
        assert_eq!(sum("inf", "1"), None);
    }
}
