//! What the commands on fields that expire have in common: `FIELDS numfields field ...` and the times.

use crate::commands::call::error::CommandError;
use crate::commands::call::{Call, Cursor, parse_integer};
use crate::commands::keys::expiry::{Moment, Unit};
use crate::resp::integer;

/// The latest moment at which a field may expire, in unix milliseconds. As Redis.
const LATEST_MS: i64 = (1 << 46) - 1;

/// The error of most commands for a number of fields that is not a number.
pub(super) const NOT_A_NUMBER_OF_FIELDS: CommandError =
    CommandError::text("ERR Number of fields must be a positive integer");

/// The fields behind `FIELDS`, which is argument `position`, and their number. The number must be correct; if it is not a
/// number, the error is `not_a_number`.
pub(super) fn fields<'c>(
    call: &Call<'c>,
    position: usize,
    not_a_number: CommandError,
) -> Result<Cursor<'c>, CommandError> {
    let mut cursor = call.cursor(position);
    if !cursor.take_word("fields") {
        return Err(CommandError::text(
            "ERR Mandatory argument FIELDS is missing or not at the right position",
        ));
    }
    let count = cursor.next().and_then(integer::parse).filter(|&count| count > 0).ok_or(not_a_number)?;
    if count.unsigned_abs() != cursor.remaining() as u64 {
        return Err(CommandError::text("ERR The `numfields` parameter must match the number of arguments"));
    }
    Ok(cursor)
}

/// The unix millisecond that `text` says, in the words of `command`.
pub(super) fn moment(
    text: &[u8],
    (moment, unit): (Moment, Unit),
    now_ms: u64,
    command: &str,
) -> Result<i64, CommandError> {
    let number = parse_integer(text)?;
    if number < 0 {
        return Err(CommandError::text("ERR invalid expire time, must be >= 0"));
    }
    let at_ms = unit.to_unix_ms(moment, number, now_ms).filter(|&at_ms| at_ms <= LATEST_MS);
    at_ms.ok_or_else(|| CommandError::new(format!("ERR invalid expire time in '{command}' command")))
}

/// Takes the word that says how the next argument names a time, if it comes next.
pub(super) fn take_moment_word(cursor: &mut Cursor<'_>) -> Option<(Moment, Unit)> {
    let words = [
        ("ex", (Moment::FromNow, Unit::Seconds)),
        ("px", (Moment::FromNow, Unit::Milliseconds)),
        ("exat", (Moment::UnixTime, Unit::Seconds)),
        ("pxat", (Moment::UnixTime, Unit::Milliseconds)),
    ];
    words.into_iter().find(|(word, _)| cursor.take_word(word)).map(|(_, meaning)| meaning)
}
