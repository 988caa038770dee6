//! What SCAN and ZSCAN have in common: cursors, MATCH and COUNT.

use super::call::{Cursor, parse_integer};
use super::error::CommandError;

/// Elements looked at when COUNT does not say. As Redis.
const DEFAULT_COUNT: usize = 10;

/// The options that every walk takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScanOptions<'c> {
    /// Only what matches is returned; `None` where everything does.
    pub(super) pattern: Option<&'c [u8]>,
    /// About how many elements are looked at.
    pub(super) count: usize,
}

impl<'c> ScanOptions<'c> {
    /// Reads all of `options`. What is neither MATCH nor COUNT is offered to `take_own`, which says whether it was an
    /// option of the command's own and moves past it if so.
    pub(super) fn parse(
        mut options: Cursor<'c>,
        mut take_own: impl FnMut(&mut Cursor<'c>) -> Result<bool, CommandError>,
    ) -> Result<Self, CommandError> {
        let mut parsed = Self { pattern: None, count: DEFAULT_COUNT };
        while options.remaining() > 0 {
            if options.remaining() > 1 && options.take_word("match") {
                parsed.pattern = options.next().filter(|pattern| *pattern != b"*");
            } else if options.remaining() > 1 && options.take_word("count") {
                let wanted = parse_integer(options.required()?)?;
                parsed.count =
                    usize::try_from(wanted).ok().filter(|&count| count > 0).ok_or(CommandError::SYNTAX)?;
            } else if !take_own(&mut options)? {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(parsed)
    }
}

/// Reads a cursor: an unsigned 64-bit number; as `strtoul` does, spaces in front are passed over.
pub(super) fn parse_cursor(text: &[u8]) -> Result<u64, CommandError> {
    let digits = text.trim_ascii_start();
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let number =
        std::str::from_utf8(digits).ok().filter(|_| is_number).and_then(|digits| digits.parse().ok());
    number.ok_or(CommandError::text("ERR invalid cursor"))
}
