//! Parses the offset of a bit.

use crate::commands::call::Call;
use crate::commands::call::error::CommandError;
use crate::resp::integer;

/// Parses the offset of a bit. It must be below the longest possible string.
///
/// # Errors
/// The text is not an integer, or the offset is negative or too large.
pub(super) fn parse(text: &[u8], call: &Call<'_>) -> Result<usize, CommandError> {
    within_bounds(integer::parse(text), call)
}

/// Like [`parse`]; after a `#` the number is multiplied by `width` bits.
///
/// # Errors
/// Like [`parse`].
pub(super) fn parse_counted(text: &[u8], width: u32, call: &Call<'_>) -> Result<usize, CommandError> {
    match text {
        // Redis does not check this multiplication for overflow.
        [b'#', text @ ..] => {
            within_bounds(integer::parse(text).map(|number| number.wrapping_mul(i64::from(width))), call)
        }
        text => parse(text, call),
    }
}

fn within_bounds(offset: Option<i64>, call: &Call<'_>) -> Result<usize, CommandError> {
    let offset = offset.and_then(|offset| usize::try_from(offset).ok());
    offset
        .filter(|offset| offset / 8 < call.config.proto_max_bulk_len_bytes)
        .ok_or(CommandError::text("ERR bit offset is not an integer or out of range"))
}
