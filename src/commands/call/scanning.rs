//! What SCAN, HSCAN, SSCAN and ZSCAN have in common: cursors, MATCH and COUNT.

use super::error::CommandError;
use super::{Cursor, parse_integer};
use crate::resp::integer;
use crate::resp::reply::Reply;

/// Elements visited without COUNT. As Redis.
const DEFAULT_COUNT: usize = 10;

/// The options that every SCAN command takes.
#[derive(Clone, Copy, Debug)]
pub(in crate::commands) struct ScanOptions<'c> {
    /// Only names that match are returned; `None` returns all.
    pub(in crate::commands) pattern: Option<&'c [u8]>,
    /// About how many elements are visited.
    pub(in crate::commands) count: usize,
}

impl<'c> ScanOptions<'c> {
    /// Reads all of `options`. Words other than MATCH and COUNT are offered to `take_own`, which moves past an option of the
    /// command's own and returns whether it was one.
    pub(in crate::commands) fn parse(
        mut options: Cursor<'c>,
        mut take_own: impl FnMut(&mut Cursor<'c>) -> bool,
    ) -> Result<Self, CommandError> {
        let mut parsed = Self { pattern: None, count: DEFAULT_COUNT };
        while options.remaining() > 0 {
            if options.remaining() > 1 && options.take_word("match") {
                parsed.pattern = options.next().filter(|pattern| *pattern != b"*");
            } else if options.remaining() > 1 && options.take_word("count") {
                let wanted = parse_integer(options.required()?)?;
                parsed.count =
                    usize::try_from(wanted).ok().filter(|&count| count > 0).ok_or(CommandError::SYNTAX)?;
            } else if !take_own(&mut options) {
                return Err(match options.take_word("novalues") {
                    true => CommandError::text("ERR NOVALUES option can only be used in HSCAN"),
                    false => CommandError::SYNTAX,
                });
            }
        }
        Ok(parsed)
    }
}

/// Begins the reply of a SCAN command: the next cursor, and an array of `len` elements, which follow.
pub(in crate::commands) fn begin_page(next: u64, len: usize, reply: &mut Reply<'_>) {
    reply.array(2);
    reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    reply.array(len);
}

/// Reads a cursor as Redis does. First as one of its integers, which must not be negative; what is not one is read as by
/// `strtoull`, which stops at a NUL, skips leading spaces, knows signs, and takes a negative number as 2^64 less its digits.
pub(in crate::commands) fn parse_cursor(text: &[u8]) -> Result<u64, CommandError> {
    const INVALID: CommandError = CommandError::text("ERR invalid cursor");
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    if let Some(number) = integer::parse(text) {
        return u64::try_from(number).map_err(|_| INVALID);
    }
    let is_space = |byte: &&u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let (is_negative, digits) = match &text[text.iter().take_while(is_space).count()..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(digits).ok().filter(|_| is_number).and_then(|text| text.parse().ok());
    let number: u64 = number.ok_or(INVALID)?;
    Ok(if is_negative { number.wrapping_neg() } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_in_redis() {
        let cases: [(&str, Option<u64>); 20] = [
            ("0", Some(0)),
            (" 1", Some(1)),
            ("\x0b\t1", Some(1)),
            ("+1", Some(1)),
            ("007", Some(7)),
            ("1\0x", Some(1)),
            ("-0", Some(0)),
            ("-01", Some(u64::MAX)),
            ("-18446744073709551615", Some(1)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("-18446744073709551616", None),
            ("-1", None),
            ("", None),
            (" ", None),
            ("1 ", None),
            ("+ 1", None),
            ("--1", None),
            ("0x1", None),
            ("\x001", None),
        ];
        for (text, cursor) in cases {
            assert_eq!(parse_cursor(text.as_bytes()).ok(), cursor, "{text:?}");
        }
    }
}
