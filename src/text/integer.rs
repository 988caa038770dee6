//! Integers as Redis reads them: decimal, no plus sign, no leading zero, no space (`string2ll`).

/// Reads a signed 64-bit integer; `None` if `text` is anything but its one canonical spelling.
#[must_use]
pub fn parse(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] if digits.len() <= 19 => {}
        _ => return None,
    }
    let mut value = 0u64;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        // At most 19 digits: 9,999,999,999,999,999,999 fits in 64 bits.
        value = value * 10 + u64::from(digit - b'0');
    }
    if negative { 0i64.checked_sub_unsigned(value) } else { i64::try_from(value).ok() }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn only_the_canonical_spelling_is_an_integer() {
        for value in [0, 1, -1, 42, i64::MAX, i64::MIN, 99_999_999_999] {
            assert_eq!(parse(value.to_string().as_bytes()), Some(value));
        }
        let bad = [
            "",
            "-",
            "-0",
            "01",
            "+1",
            " 1",
            "1 ",
            "1.0",
            "x",
            "9223372036854775808",
            "-9223372036854775809",
        ];
        for text in bad {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
    }
}
