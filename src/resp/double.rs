//! Doubles as Redis reads and prints them: reads like `strtod` with Redis's restrictions, prints digits that read back to
//! the same bits, in fpconv's layout (Redis 7.2 and later).

use super::digits::Digits;
use crate::text::c_number::Hexadecimal;

/// Longest text of a double: a sign, 17 digits, a point, leading zeros or an exponent.
const TEXT_BYTES: usize = 40;

/// Reads a double as Redis's `string2d` does.
///
/// `inf` and `infinity` with a sign and in any case, hexadecimal, `5.` and `.5` are accepted. `None` for NaN, an empty
/// text, spaces, trailing bytes, and what overflows to infinity or underflows to zero.
#[must_use]
pub fn parse(text: &[u8]) -> Option<f64> {
    // Most scores are short whole numbers, which need no general parser.
    if text.len() <= 15 && !text.is_empty() && text.iter().all(u8::is_ascii_digit) {
        return Some(text.iter().fold(0u64, |value, digit| value * 10 + u64::from(digit - b'0')) as f64);
    }
    let (negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let magnitude = match unsigned {
        [b'0', b'x' | b'X', digits @ ..] => parse_hexadecimal(digits)?,
        [b'0'..=b'9' | b'.', ..] => parse_decimal(unsigned)?,
        word if word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"infinity") => f64::INFINITY,
        _ => return None,
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// Reads a bound of a score range as Redis 8.2 does. It differs from [`parse`]: there are no hexadecimal numbers, an empty
/// text is 0, and a number too large or too small for a double becomes infinite or zero.
#[must_use]
pub fn parse_bound(text: &[u8]) -> Option<f64> {
    if text.is_empty() {
        return Some(0.0);
    }
    let unsigned = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
    match unsigned.first()? {
        // Rust accepts the same decimal texts as Redis, and returns infinity or zero beyond the range of a double.
        b'0'..=b'9' | b'.' => std::str::from_utf8(text).ok()?.parse().ok(),
        _ => parse(text),
    }
}

fn parse_decimal(text: &[u8]) -> Option<f64> {
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let mantissa = text.split(|byte| matches!(byte, b'e' | b'E')).next()?;
    let is_zero = !mantissa.iter().any(|byte| matches!(byte, b'1'..=b'9'));
    let in_range = value.is_finite() && (value != 0.0 || is_zero);
    in_range.then_some(value)
}

/// Reads the text after `0x`, and all of it.
fn parse_hexadecimal(text: &[u8]) -> Option<f64> {
    let (number, end) = Hexadecimal::leading(text)?;
    if end == text.len() { number.value_in_range() } else { None }
}

/// `value` as an integer if it is whole and within ±2^62, which Redis prints as plain digits. Scores mostly are.
#[must_use]
pub fn whole(value: f64) -> Option<i64> {
    // The cast saturates and maps NaN to 0; only whole numbers are unchanged by it.
    let whole = value as i64;
    (whole as f64 == value && whole.unsigned_abs() <= 1 << 62).then_some(whole)
}

/// The text of a double, on the stack.
#[derive(Debug)]
pub struct DoubleText {
    bytes: [u8; TEXT_BYTES],
    len: usize,
}

impl DoubleText {
    /// The text of `value`.
    #[must_use]
    pub fn of(value: f64) -> Self {
        let mut text = Self { bytes: [0; TEXT_BYTES], len: 0 };
        if value.is_nan() {
            text.push(b"nan");
        } else if value.is_infinite() {
            text.push(if value < 0.0 { b"-inf" } else { b"inf" });
        } else if let Some(whole) = whole(value) {
            text.push(itoa::Buffer::new().format(whole).as_bytes());
        } else {
            text.push_shortest(value);
        }
        text
    }

    /// The fewest digits that read back as the finite `value`. Of a large whole number the last digits are zeros then, unlike
    /// in [`DoubleText::of`].
    #[must_use]
    pub fn shortest(value: f64) -> Self {
        if value == 0.0 || !value.is_finite() {
            return Self::of(value);
        }
        let mut text = Self { bytes: [0; TEXT_BYTES], len: 0 };
        text.push_shortest(value);
        text
    }

    /// The bytes to send.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn push_zeros(&mut self, count: usize) {
        self.bytes[self.len..self.len + count].fill(b'0');
        self.len += count;
    }

    /// Appends digits in fpconv's layout: plain if few zeros are needed, else `d.ddde±x` without padding.
    fn push_shortest(&mut self, value: f64) {
        if value < 0.0 {
            self.push(b"-");
        }
        let digits = Digits::of(value.abs());
        let (digits, power) = (digits.as_bytes(), digits.power);
        let count = digits.len();
        let scientific = power + count as i32 - 1;
        if power >= 0 && scientific.unsigned_abs() < count as u32 + 7 {
            self.push(digits);
            self.push_zeros(power as usize);
        } else if power < 0 && (power > -7 || scientific.abs() < 4) {
            let whole = count as i32 + power;
            if whole <= 0 {
                self.push(b"0.");
                self.push_zeros(whole.unsigned_abs() as usize);
                self.push(digits);
            } else {
                self.push(&digits[..whole as usize]);
                self.push(b".");
                self.push(&digits[whole as usize..]);
            }
        } else {
            self.push(&digits[..1]);
            if count > 1 {
                self.push(b".");
                self.push(&digits[1..]);
            }
            self.push(if scientific < 0 { b"e-" } else { b"e+" });
            self.push(itoa::Buffer::new().format(scientific.unsigned_abs()).as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DoubleText, parse};

    fn print(value: f64) -> String {
        String::from_utf8(DoubleText::of(value).as_bytes().to_vec()).unwrap()
    }

    /// The golden cases, captured from Redis 8.2.3.
    #[test]
    fn prints_as_redis() {
        let cases = [
            (0.1, "0.1"),
            (1.1, "1.1"),
            (-2.5, "-2.5"),
            (1e-7, "1e-7"),
            (0.0001, "0.0001"),
            (1e17, "100000000000000000"),
            (123_456_789_012_345_678.0, "123456789012345680"),
            (1e20, "1e+20"),
            (1e21, "1e+21"),
            (1e300, "1e+300"),
            (5e-324, "5e-324"),
            (1.234_567_890_123_456_8e-10, "1.2345678901234568e-10"),
            (9_007_199_254_740_991.0, "9007199254740991"),
            (4_611_686_018_427_387_904.0, "4611686018427387904"),
            (9_223_372_036_854_775_808.0, "9223372036854776000"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::MAX, "1.7976931348623157e+308"),
            (0.0, "0"),
            // Not the shortest digits, but Redis's.
            (1e23, "99999999999999990000000"),
            (386_501_847.911_688, "3.8650184791168803e+8"),
        ];
        for (value, text) in cases {
            assert_eq!(print(value), text);
        }
    }

    #[test]
    fn reads_as_redis() {
        let cases = [
            ("3.0", 3.0),
            ("5.", 5.0),
            (".5", 0.5),
            ("+1", 1.0),
            ("1e3", 1000.0),
            ("inf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("+inf", f64::INFINITY),
            ("0x10", 16.0),
            ("-0x1.8p1", -3.0),
            ("0x1p-1074", 5e-324),
            ("5e-324", 5e-324),
            ("0e-999", 0.0),
            ("123456789012345678", 123_456_789_012_345_678.0),
        ];
        for (text, value) in cases {
            assert_eq!(parse(text.as_bytes()), Some(value), "{text}");
        }
        for text in
            ["", "nan", "-nan", "1_0", " 1", "1 ", "1e400", "-1e400", "1e-400", "x", "1x", "0x", "0xp1", "."]
        {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn bounds_are_read_with_fewer_restrictions() {
        use super::parse_bound;
        assert_eq!(parse_bound(b""), Some(0.0));
        assert_eq!(parse_bound(b"1e400"), Some(f64::INFINITY));
        assert_eq!(parse_bound(b"-1e400"), Some(f64::NEG_INFINITY));
        assert_eq!(parse_bound(b"1e-400"), Some(0.0));
        assert_eq!(parse_bound(b"-Infinity"), Some(f64::NEG_INFINITY));
        for text in ["0x1", "nan", " 1", "1 ", "1x", "(1", "infinit"] {
            assert_eq!(parse_bound(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_printed_reads_back_to_the_same_bits() {
        let mut chance = crate::machine::chance::Chance::seeded(11);
        for _ in 0..20_000 {
            let value = f64::from_bits(chance.next_u64());
            if !value.is_nan() {
                assert_eq!(
                    parse(print(value).as_bytes()).map(f64::to_bits),
                    Some(value.to_bits()),
                    "{value:e}"
                );
            }
        }
    }
}
