//! The arguments of LMPOP, ZMPOP and their blocking forms, except the keys: `numkeys key ... END [COUNT count]`.

use super::error::CommandError;
use super::{Call, parse_count};

/// A pop from the first of several keys that has elements.
#[derive(Clone, Copy, Debug)]
pub(in crate::commands) struct MultiPop<E> {
    /// The number of keys.
    pub(in crate::commands) key_count: usize,
    /// The end: front or back of a list, lowest or highest of a sorted set.
    pub(in crate::commands) end: E,
    /// The most elements that are popped.
    pub(in crate::commands) count: usize,
}

impl<E> MultiPop<E> {
    /// Parses a request whose number of keys is the argument at `count_at`. `parse_end` parses the word for the end.
    pub(in crate::commands) fn parse(
        call: &Call<'_>,
        count_at: usize,
        parse_end: impl FnOnce(&[u8]) -> Result<E, CommandError>,
    ) -> Result<Self, CommandError> {
        let at_least_one = |text, refusal| {
            let count = parse_count(text).ok().filter(|&count| count > 0);
            count.ok_or(CommandError::text(refusal))
        };
        let mut cursor = call.cursor(count_at);
        let key_count = at_least_one(cursor.required()?, "ERR numkeys should be greater than 0")?;
        if key_count >= cursor.remaining() {
            return Err(CommandError::SYNTAX);
        }
        cursor.nth(key_count - 1);
        let end = parse_end(cursor.required()?)?;
        let mut count = None;
        while cursor.remaining() > 0 {
            if count.is_some() || cursor.remaining() < 2 || !cursor.take_word("count") {
                return Err(CommandError::SYNTAX);
            }
            count = Some(at_least_one(cursor.required()?, "ERR count should be greater than 0")?);
        }
        Ok(Self { key_count, end, count: count.unwrap_or(1) })
    }
}
