//! Numbers as C prints and reads them: `%.14g`, and what `strtod` takes from the beginning of a text.
//!
//! Lua 5.1 and its libraries show and read numbers so. Where a locale would matter, it is that of C.

use std::io::Write;

/// The text of a number as `%.{digits}g` prints it, on the stack.
pub struct GeneralText {
    bytes: [u8; Self::BYTES],
    len: usize,
}

impl GeneralText {
    /// Most bytes: a sign, 17 digits, a point, four zeros and an exponent are fewer.
    pub const BYTES: usize = 32;

    /// Most digits. More are never needed to tell one number from another.
    const MOST_DIGITS: usize = 17;

    /// The text of `number` with up to `digits` significant digits, from 1 to 17. O(1).
    #[must_use]
    pub fn of(number: f64, digits: usize) -> Self {
        let digits = digits.clamp(1, Self::MOST_DIGITS);
        let mut text = Self { bytes: [0; Self::BYTES], len: 0 };
        // Most numbers of scripts are small and whole.
        let whole = number as i64;
        let most = 10u64.pow(digits.min(15) as u32);
        if whole as f64 == number && whole.unsigned_abs() < most && (whole != 0 || number.is_sign_positive())
        {
            text.push(itoa::Buffer::new().format(whole).as_bytes());
            return text;
        }
        if number.is_sign_negative() {
            text.push(b"-");
        }
        match number {
            _ if number.is_nan() => text.push(b"nan"),
            _ if number.is_infinite() => text.push(b"inf"),
            _ => text.push_finite(number.abs(), digits),
        }
        text
    }

    /// The text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn push_finite(&mut self, number: f64, most_digits: usize) {
        // `d.ddddddddddddde±x`.
        let mut scientific = [0; Self::BYTES];
        let mut rest = &mut scientific[..];
        write!(rest, "{number:.*e}", most_digits - 1).expect("the text of a number is short");
        let used = Self::BYTES - rest.len();
        let text = &scientific[..used];
        let end = text.iter().position(|byte| *byte == b'e').unwrap_or(used);
        let exponent = str::from_utf8(&text[end + 1..]).ok().and_then(|digits| digits.parse().ok());
        let exponent: i32 = exponent.unwrap_or_default();
        let mut digits = [0; Self::MOST_DIGITS];
        text[..end].iter().filter(|byte| **byte != b'.').zip(&mut digits).for_each(|(from, to)| *to = *from);
        let used = digits[..most_digits].iter().rposition(|digit| *digit != b'0').map_or(1, |last| last + 1);
        let digits = &digits[..used];
        match exponent {
            -4..0 => {
                self.push(b"0.");
                self.push(&b"000"[..(-exponent - 1) as usize]);
                self.push(digits);
            }
            0.. if (exponent as usize) < most_digits => {
                let whole = exponent as usize + 1;
                self.push(&digits[..digits.len().min(whole)]);
                self.push(&b"00000000000000000"[..whole.saturating_sub(digits.len())]);
                if digits.len() > whole {
                    self.push(b".");
                    self.push(&digits[whole..]);
                }
            }
            _ => {
                self.push(&digits[..1]);
                if digits.len() > 1 {
                    self.push(b".");
                    self.push(&digits[1..]);
                }
                self.push(if exponent < 0 { b"e-" } else { b"e+" });
                let exponent = exponent.unsigned_abs();
                if exponent < 10 {
                    self.push(b"0");
                }
                self.push(itoa::Buffer::new().format(exponent).as_bytes());
            }
        }
    }
}

/// The number at the beginning of `text` and where it ends, as `strtod` finds them: blanks, a sign, then decimal or
/// hexadecimal digits, `inf` or `nan`. None if there is no number.
#[must_use]
pub fn leading_number(text: &[u8]) -> Option<(f64, usize)> {
    let start = text.iter().take_while(|byte| is_space(**byte)).count();
    let negative = text.get(start) == Some(&b'-');
    let digits = start + usize::from(matches!(text.get(start), Some(b'-' | b'+')));
    let rest = text.get(digits..)?;
    let (number, len) = named(rest).or_else(|| hexadecimal(rest)).or_else(|| decimal(rest))?;
    Some((if negative { -number } else { number }, digits + len))
}

/// The number that `text` is as a whole, with blanks around it, as Lua 5.1 turns a string into a number.
#[must_use]
pub fn whole_number(text: &[u8]) -> Option<f64> {
    let (number, end) = leading_number(text)?;
    text[end..].iter().all(|byte| is_space(*byte)).then_some(number)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn begins_with(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

fn named(text: &[u8]) -> Option<(f64, usize)> {
    if begins_with(text, b"inf") {
        return Some((f64::INFINITY, if begins_with(text, b"infinity") { 8 } else { 3 }));
    }
    if !begins_with(text, b"nan") {
        return None;
    }
    let inside = text.get(4..).unwrap_or_default();
    let word = inside.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let bracketed = text.get(3) == Some(&b'(') && inside.get(word) == Some(&b')');
    Some((f64::NAN, if bracketed { 4 + word + 1 } else { 3 }))
}

fn decimal(text: &[u8]) -> Option<(f64, usize)> {
    let digits_from = |at: usize| text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits_from(0);
    let mut end = whole;
    let mut fraction = 0;
    if text.get(end) == Some(&b'.') {
        fraction = digits_from(end + 1);
        if whole + fraction > 0 {
            end += 1 + fraction;
        }
    }
    if whole + fraction == 0 {
        return None;
    }
    if let Some(b'e' | b'E') = text.get(end) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'-' | b'+')));
        let at = (end + 1 + sign).min(text.len());
        let exponent = digits_from(at);
        if exponent > 0 {
            end = at + exponent;
        }
    }
    let number = str::from_utf8(&text[..end]).ok()?.parse().ok()?;
    Some((number, end))
}

fn hexadecimal(text: &[u8]) -> Option<(f64, usize)> {
    if !begins_with(text, b"0x") {
        return None;
    }
    let (number, len) = Hexadecimal::leading(&text[2..])?;
    Some((number.value(), 2 + len))
}

/// A number in hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hexadecimal {
    /// Its first digits. The last bit is set if digits beyond them are not zero.
    mantissa: u64,
    /// The power of two that they are multiplied with.
    exponent: i64,
}

impl Hexadecimal {
    /// The number at the beginning of `text`, and where it ends: digits with a point among them, and a binary exponent. None if there
    /// is no digit. O(n).
    #[must_use]
    pub fn leading(text: &[u8]) -> Option<(Self, usize)> {
        let (mut mantissa, mut exponent, mut digits, mut after_point) = (0u64, 0i64, 0usize, false);
        let mut end = 0;
        while let Some(&byte) = text.get(end) {
            if byte == b'.' && !after_point {
                after_point = true;
            } else if let Some(digit) = char::from(byte).to_digit(16) {
                digits += 1;
                if mantissa >> 60 == 0 {
                    mantissa = mantissa << 4 | u64::from(digit);
                    exponent -= if after_point { 4 } else { 0 };
                } else {
                    // What does not fit decides no more than the rounding.
                    mantissa |= u64::from(digit != 0);
                    exponent += if after_point { 0 } else { 4 };
                }
            } else {
                break;
            }
            end += 1;
        }
        if digits == 0 {
            return None;
        }
        if let Some(b'p' | b'P') = text.get(end) {
            let negative = text.get(end + 1) == Some(&b'-');
            let at = end + 1 + usize::from(matches!(text.get(end + 1), Some(b'-' | b'+')));
            let power = text.get(at..).unwrap_or_default();
            let len = power.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if len > 0 {
                let power = power[..len].iter().fold(0i64, |power, digit| {
                    (power * 10 + i64::from(digit - b'0')).min(i64::from(i32::MAX))
                });
                exponent = exponent.saturating_add(if negative { -power } else { power });
                end = at + len;
            }
        }
        Some((Self { mantissa, exponent }, end))
    }

    /// The nearest double, ties to even, but for numbers below the normal ones. What is too large is infinite.
    #[must_use]
    pub fn value(self) -> f64 {
        scaled(self.mantissa as f64, self.exponent)
    }

    /// The nearest double. None if it is infinite, or zero although the number is not.
    #[must_use]
    pub fn value_in_range(self) -> Option<f64> {
        let value = self.value();
        (value.is_finite() && (value != 0.0 || self.mantissa == 0)).then_some(value)
    }
}

/// `number` times two to the power of `exponent`.
fn scaled(number: f64, exponent: i64) -> f64 {
    let mut number = number;
    let mut exponent = exponent.clamp(-2_200, 2_200);
    while exponent > 1_000 {
        number *= 2f64.powi(1_000);
        exponent -= 1_000;
    }
    while exponent < -1_000 {
        number *= 2f64.powi(-1_000);
        exponent += 1_000;
    }
    number * 2f64.powi(exponent as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn general(number: f64, digits: usize) -> String {
        String::from_utf8(GeneralText::of(number, digits).as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn numbers_look_as_in_c() {
        for (number, digits, text) in [
            (0.0, 14, "0"),
            (-0.0, 14, "-0"),
            (3.0, 14, "3"),
            (0.1, 14, "0.1"),
            (1.0 / 3.0, 14, "0.33333333333333"),
            (9_007_199_254_740_992.0, 14, "9.007199254741e+15"),
            (9_007_199_254_740_992.0, 17, "9007199254740992"),
            (99_999_999_999_999.0, 14, "99999999999999"),
            (99_999_999_999_999.5, 14, "1e+14"),
            (1e14, 14, "1e+14"),
            (1e15, 17, "1000000000000000"),
            (123_456_789.0, 8, "1.2345679e+08"),
            (0.0001, 1, "0.0001"),
            (0.00001, 14, "1e-05"),
            (-1e-7, 14, "-1e-07"),
            (12.5, 14, "12.5"),
            (1e100, 14, "1e+100"),
            (5e-324, 14, "4.9406564584125e-324"),
            (0.95, 1, "0.9"),
            (9.6, 1, "1e+01"),
            (f64::NEG_INFINITY, 14, "-inf"),
            (f64::NAN, 14, "nan"),
        ] {
            assert_eq!(general(number, digits), text, "{number} in {digits} digits");
        }
    }

    /// The texts are those of `tostring` in Redis 8.2.3.
    #[test]
    fn numbers_of_scripts_have_fourteen_digits() {
        let cases: &[(f64, &str)] = &[
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (-17.0, "-17"),
            (0.1, "0.1"),
            (0.1 + 0.2, "0.3"),
            (1.0 / 3.0, "0.33333333333333"),
            (2.0 / 3.0, "0.66666666666667"),
            (100.5, "100.5"),
            (99_999_999_999_999.0, "99999999999999"),
            (99_999_999_999_999.9, "1e+14"),
            (1e14, "1e+14"),
            (1e15, "1e+15"),
            (123_456_789_012_345.0, "1.2345678901234e+14"),
            (9_007_199_254_740_992.0, "9.007199254741e+15"),
            (1e16, "1e+16"),
            (1e100, "1e+100"),
            (1e-4, "0.0001"),
            (1.5e-4, "0.00015"),
            (1e-5, "1e-05"),
            (1.25e-7, "1.25e-07"),
            (5e-324, "4.9406564584125e-324"),
            (f64::MAX, "1.7976931348623e+308"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
            (-f64::NAN, "-nan"),
            (12_345_678.9, "12345678.9"),
        ];
        for (number, text) in cases {
            assert_eq!(general(*number, 14), *text, "{number:e}");
        }
    }

    #[test]
    fn a_number_is_read_from_the_beginning_of_a_text() {
        for (text, number, end) in [
            ("12x", 12.0, 2),
            (" -1.5e2e", -150.0, 7),
            ("1.", 1.0, 2),
            (".5", 0.5, 2),
            ("1e", 1.0, 1),
            ("1e+", 1.0, 1),
            ("0x10", 16.0, 4),
            ("0x", 0.0, 1),
            ("0x1.8p1", 3.0, 7),
            ("0x1p", 1.0, 3),
            ("0x.8", 0.5, 4),
            ("0x1.fffffffffffff8p0", 2.0, 20),
            ("0x123456789abcdef01234", 85_968_058_283_706_962_481_716.0, 22),
            ("0x1p99999999999999999999", f64::INFINITY, 24),
            ("-infinityx", f64::NEG_INFINITY, 9),
            ("infinit", f64::INFINITY, 3),
            ("1e400", f64::INFINITY, 5),
        ] {
            assert_eq!(leading_number(text.as_bytes()), Some((number, end)), "{text}");
        }
        for (text, end) in [("nan", 3), ("-NaN(a1)", 8), ("nan(a", 3), ("nan(a b)", 3)] {
            let (number, found) = leading_number(text.as_bytes()).unwrap();
            assert!(number.is_nan() && found == end, "{text}");
        }
        for text in ["", "-", "x", ".", "e5", "+ 1", "0 x"] {
            let found = leading_number(text.as_bytes()).filter(|_| text != "0 x");
            assert_eq!(found, None, "{text}");
        }
    }

    #[test]
    fn a_whole_text_is_a_number_or_not() {
        for (text, number) in
            [("12", Some(12.0)), (" 0xf ", Some(15.0)), ("1 2", None), ("1x", None), ("", None)]
        {
            assert_eq!(whole_number(text.as_bytes()), number, "{text}");
        }
    }
}
