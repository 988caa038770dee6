//! Numbers as C prints and reads them: `%.14g`, and what `strtod` takes from the beginning of a text.
//!
//! Lua 5.1 and its libraries show and read numbers so. Where a locale would matter, it is that of C.

/// Writes `number` as `%.{digits}g` does, `digits` being at least 1.
pub fn write_general(out: &mut Vec<u8>, number: f64, digits: usize) {
    if number.is_nan() {
        out.extend_from_slice(if number.is_sign_negative() { b"-nan" } else { b"nan" });
        return;
    }
    if number.is_infinite() {
        out.extend_from_slice(if number < 0.0 { b"-inf" } else { b"inf" });
        return;
    }
    // Most numbers of scripts are small and whole.
    if number.abs() < 1e15 && digits >= 15 || number.abs() < 10f64.powi(digits.min(15) as i32) - 0.5 {
        let whole = number as i64;
        if whole as f64 == number && (whole != 0 || number.is_sign_positive()) {
            write_integer(out, whole);
            return;
        }
    }
    let scientific = format!("{number:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').expect("an exponent in scientific notation");
    let exponent: i32 = exponent.parse().expect("a decimal exponent");
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let all: String = mantissa.chars().filter(|character| *character != '.').collect();
    let significant = all.trim_end_matches('0');
    out.extend_from_slice(sign.as_bytes());
    if exponent < -4 || exponent >= digits as i32 {
        let (first, rest) = all.split_at(1);
        let rest = rest.trim_end_matches('0');
        out.extend_from_slice(first.as_bytes());
        write_fraction(out, rest);
        let sign = if exponent < 0 { '-' } else { '+' };
        out.extend_from_slice(format!("e{sign}{:02}", exponent.abs()).as_bytes());
    } else if exponent < 0 {
        out.extend_from_slice(b"0");
        write_fraction(out, &format!("{}{significant}", "0".repeat((-exponent - 1) as usize)));
    } else {
        let (whole, fraction) = all.split_at(exponent as usize + 1);
        out.extend_from_slice(whole.as_bytes());
        write_fraction(out, fraction.trim_end_matches('0'));
    }
}

fn write_fraction(out: &mut Vec<u8>, digits: &str) {
    if digits.bytes().any(|digit| digit != b'0') {
        out.push(b'.');
        out.extend_from_slice(digits.as_bytes());
    }
}

fn write_integer(out: &mut Vec<u8>, number: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
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

/// `0x`, hexadecimal digits with a point among them, and a binary exponent. Rounds once, ties to even, but for numbers
/// below the normal ones.
fn hexadecimal(text: &[u8]) -> Option<(f64, usize)> {
    if !begins_with(text, b"0x") {
        return None;
    }
    let (mut mantissa, mut exponent, mut digits, mut after_point) = (0u64, 0i64, 0usize, false);
    let mut end = 2;
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
            let power = power[..len]
                .iter()
                .fold(0i64, |power, digit| (power * 10 + i64::from(digit - b'0')).min(i64::from(i32::MAX)));
            exponent = exponent.saturating_add(if negative { -power } else { power });
            end = at + len;
        }
    }
    Some((scaled(mantissa as f64, exponent), end))
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
        let mut out = Vec::new();
        write_general(&mut out, number, digits);
        String::from_utf8(out).unwrap()
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
