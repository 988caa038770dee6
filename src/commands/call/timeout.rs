//! How long a blocking command waits, as its request says it.

use super::Call;
use super::error::CommandError;
use crate::commands::state::wish::Patience;
use crate::resp::{double, integer};
use std::time::Duration;

/// A time in unix milliseconds that no clock will show.
const MOST_UNIX_MS: f64 = 1e13;

/// Reads the argument at `position` as a timeout: seconds and fractions of a second, 0 for ever.
///
/// # Errors
/// As of Redis 8.2: no number, negative, or beyond what 63 bits of milliseconds hold.
pub(in crate::commands) fn parse_timeout(call: &Call<'_>, position: usize) -> Result<Patience, CommandError> {
    let text = call.argument(position);
    // Redis reads it as a long double, whose range is wider.
    let seconds = double::parse(text).or_else(|| double::parse_bound(text).filter(|_| !text.is_empty()));
    let not_a_float = CommandError::text("ERR timeout is not a float or out of range");
    let ms = (seconds.ok_or(not_a_float)? * 1000.0).ceil();
    if ms < 0.0 {
        return Err(CommandError::text("ERR timeout is negative"));
    }
    // The deadline in unix milliseconds must fit as well.
    if ms >= i64::MAX as f64 - MOST_UNIX_MS {
        return Err(CommandError::text("ERR timeout is out of range"));
    }
    Ok(patience(ms as u64))
}

/// Reads a timeout in milliseconds, 0 for ever.
///
/// # Errors
/// No integer, negative, or beyond what 63 bits hold.
pub(in crate::commands) fn parse_timeout_ms(text: &[u8]) -> Result<Patience, CommandError> {
    let not_an_integer = CommandError::text("ERR timeout is not an integer or out of range");
    let ms = integer::parse(text).ok_or(not_an_integer)?;
    if ms < 0 {
        return Err(CommandError::text("ERR timeout is negative"));
    }
    if ms as f64 >= i64::MAX as f64 - MOST_UNIX_MS {
        return Err(CommandError::text("ERR timeout is out of range"));
    }
    Ok(patience(ms.unsigned_abs()))
}

fn patience(ms: u64) -> Patience {
    if ms == 0 { Patience::Endless } else { Patience::For(Duration::from_millis(ms)) }
}
