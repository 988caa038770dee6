//! The words that say how long a string is to live, for SET and GETEX.

use crate::commands::call::error::CommandError;
use crate::commands::call::{Cursor, parse_integer};
use crate::commands::keys::expiry::{Moment, Unit};

/// How long a string is to live, as a request says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lifetime<'a> {
    /// By a word without a number: as long as it was to (KEEPTTL), or for ever (PERSIST).
    Word,
    /// Until then.
    Until(Moment, Unit, &'a [u8]),
}

impl<'a> Lifetime<'a> {
    /// Takes the word that comes next, which is `word` or says how a number is meant, where `before` was said before it.
    ///
    /// # Errors
    /// A syntax error for any other word, and for a second one. As in Redis, the same one may come again.
    pub(super) fn take(
        word: &str,
        before: Option<Self>,
        cursor: &mut Cursor<'a>,
    ) -> Result<Self, CommandError> {
        if !matches!(before, Some(Self::Until(..))) && cursor.take_word(word) {
            return Ok(Self::Word);
        }
        let words = [
            ("ex", Moment::FromNow, Unit::Seconds),
            ("px", Moment::FromNow, Unit::Milliseconds),
            ("exat", Moment::UnixTime, Unit::Seconds),
            ("pxat", Moment::UnixTime, Unit::Milliseconds),
        ];
        let found = words.into_iter().find(|(word, ..)| cursor.take_word(word));
        let (_, moment, unit) = found.ok_or(CommandError::SYNTAX)?;
        match before {
            None => {}
            Some(Self::Until(other, per, _)) if (other, per) == (moment, unit) => {}
            Some(_) => return Err(CommandError::SYNTAX),
        }
        Ok(Self::Until(moment, unit, cursor.required()?))
    }
}

/// The moment that an argument of `command` names, in unix milliseconds.
///
/// # Errors
/// It is no integer, not after the epoch, or beyond what 63 bits hold.
pub(super) fn to_unix_ms(
    (moment, unit, text): (Moment, Unit, &[u8]),
    now_ms: u64,
    command: &str,
) -> Result<u64, CommandError> {
    let number = parse_integer(text)?;
    let at_ms = unit.to_unix_ms(moment, number, now_ms).filter(|_| number > 0);
    let invalid = || CommandError::new(format!("ERR invalid expire time in '{command}' command"));
    Ok(at_ms.ok_or_else(invalid)?.cast_unsigned())
}
