//! Where a bit is, as a request says it.

use crate::commands::call::Call;
use crate::commands::call::error::CommandError;
use crate::resp::integer;

/// The bit's number, within what a string can be long.
///
/// # Errors
/// It is no integer, negative or too far.
pub(super) fn parse(text: &[u8], call: &Call<'_>) -> Result<usize, CommandError> {
    within_bounds(integer::parse(text), call)
}

/// As [`parse`]; `#` in front counts integers of `width` bits.
///
/// # Errors
/// As [`parse`].
pub(super) fn parse_counted(text: &[u8], width: u32, call: &Call<'_>) -> Result<usize, CommandError> {
    match text {
        // As Redis, which minds no overflow.
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
