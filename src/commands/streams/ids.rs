//! Ids in requests.

use crate::commands::call::error::CommandError;
use crate::resp::integer;
use crate::store::StreamId;

const INVALID: CommandError =
    CommandError::text("ERR Invalid stream ID specified as stream command argument");

/// The longest text that is read as an id, in bytes.
const LONGEST_BYTES: usize = 127;

/// The id of an entry that is to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NewId {
    /// `*`: the present time, or what follows the last id.
    Any,
    /// `ms-*`: the next number within this time.
    Within(u64),
    /// This id.
    Exactly(StreamId),
}

/// Reads an id. A number that is left out is `number`.
///
/// # Errors
/// It is no id.
pub(super) fn parse(text: &[u8], number: u64) -> Result<StreamId, CommandError> {
    match parse_new(text, number)? {
        NewId::Exactly(id) => Ok(id),
        NewId::Any | NewId::Within(_) => Err(INVALID),
    }
}

/// Reads the id of a new entry.
///
/// # Errors
/// It is no id.
pub(super) fn parse_new(text: &[u8], number: u64) -> Result<NewId, CommandError> {
    if text == b"*" {
        return Ok(NewId::Any);
    }
    if text.len() > LONGEST_BYTES {
        return Err(INVALID);
    }
    let (ms, seq) = match text.iter().position(|&byte| byte == b'-') {
        Some(dash) => (&text[..dash], Some(&text[dash + 1..])),
        None => (text, None),
    };
    let ms = parse_unsigned(ms).ok_or(INVALID)?;
    match seq {
        Some(b"*") => Ok(NewId::Within(ms)),
        Some(seq) => Ok(NewId::Exactly(StreamId::new(ms, parse_unsigned(seq).ok_or(INVALID)?))),
        None => Ok(NewId::Exactly(StreamId::new(ms, number))),
    }
}

/// Reads an id that may also be `-` or `+`, the lowest and the highest.
///
/// # Errors
/// It is no id.
pub(super) fn parse_end(text: &[u8], number: u64) -> Result<StreamId, CommandError> {
    match text {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        text => parse(text, number),
    }
}

/// Reads the id at which a range begins.
///
/// # Errors
/// It is no id, or nothing comes behind it.
pub(super) fn parse_start(text: &[u8]) -> Result<StreamId, CommandError> {
    match excluded(text) {
        Some(id) => {
            let invalid = CommandError::text("ERR invalid start ID for the interval");
            parse(id, 0)?.next().ok_or(invalid)
        }
        None => parse_end(text, 0),
    }
}

/// Reads the id with which a range ends.
///
/// # Errors
/// It is no id, or nothing comes before it.
pub(super) fn parse_stop(text: &[u8]) -> Result<StreamId, CommandError> {
    match excluded(text) {
        Some(id) => {
            let invalid = CommandError::text("ERR invalid end ID for the interval");
            parse(id, u64::MAX)?.previous().ok_or(invalid)
        }
        None => parse_end(text, u64::MAX),
    }
}

/// What is behind the mark of an end that does not belong to its range.
fn excluded(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b"(").filter(|id| !id.is_empty())
}

/// Reads a number as Redis does: what is no integer in its one spelling is read as C's `strtoull` reads it.
fn parse_unsigned(text: &[u8]) -> Option<u64> {
    if let Some(number) = integer::parse(text) {
        return u64::try_from(number).ok();
    }
    let text = text.trim_ascii_start();
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(if is_negative { number.wrapping_neg() } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_redis_reads_them() {
        let id = |text: &str| parse(text.as_bytes(), 7).ok().map(|id| (id.ms, id.seq));
        assert_eq!(id("5"), Some((5, 7)));
        assert_eq!(id("5-3"), Some((5, 3)));
        assert_eq!(id("007-+3"), Some((7, 3)));
        assert_eq!(id("18446744073709551615-18446744073709551615"), Some((u64::MAX, u64::MAX)));
        for text in ["", "-", "+", "*", "5-", "-5", "5-*", "5-3-2", "18446744073709551616", "5-x", "x", "5 "]
        {
            assert_eq!(id(text), None, "{text}");
        }
        assert_eq!(parse_new(b"5-*", 0), Ok(NewId::Within(5)));
        assert_eq!(parse_new(b"*", 0), Ok(NewId::Any));
        assert_eq!(
            parse_stop(b"(0-0").is_err(),
            parse_start(b"(18446744073709551615-18446744073709551615").is_err()
        );
        assert_eq!(parse_start(b"(5-18446744073709551615"), Ok(StreamId::new(6, 0)));
        assert_eq!(parse_stop(b"(6-0"), Ok(StreamId::new(5, u64::MAX)));
    }
}
