//! Commands on lists.
//!
//! | file | its subject |
//! |---|---|
//! | `push` | commands that add elements at an end |
//! | `pop` | commands that remove elements at an end, and their blocking forms |
//! | `moving` | commands that move an element from one list to another |
//! | `read` | commands that read lengths, elements and indices |
//! | `update` | commands that replace, insert and remove elements by index or value |

pub(super) mod moving;
pub(super) mod pop;
pub(super) mod push;
pub(super) mod read;
pub(super) mod update;

use super::call::error::CommandError;
use super::spec::{CommandSpec, Group, Lookahead};
use crate::store::{End, List, Value};
use std::ops::Range;

const BASE: CommandSpec = CommandSpec { group: Group::List, ..CommandSpec::BASE };

/// What commands at the front of a list touch.
const AT_FRONT: Lookahead = Lookahead::Inside(&[
    |value| with_list(value, |list| list.prefetch_chunks(End::Front)),
    |value| with_list(value, |list| list.prefetch_end(End::Front)),
    |value| with_list(value, |list| list.prefetch_bytes(End::Front)),
]);

/// What commands at the end of a list touch.
const AT_BACK: Lookahead = Lookahead::Inside(&[
    |value| with_list(value, |list| list.prefetch_chunks(End::Back)),
    |value| with_list(value, |list| list.prefetch_end(End::Back)),
    |value| with_list(value, |list| list.prefetch_bytes(End::Back)),
]);

fn with_list(value: &Value, load: impl FnOnce(&List)) {
    if let Value::List(list) = value {
        load(list);
    }
}

/// Reads the word LEFT or RIGHT as an end of a list.
fn parse_end(text: &[u8]) -> Result<End, CommandError> {
    if text.eq_ignore_ascii_case(b"left") {
        Ok(End::Front)
    } else if text.eq_ignore_ascii_case(b"right") {
        Ok(End::Back)
    } else {
        Err(CommandError::SYNTAX)
    }
}

/// The position that `index` means in a list of `len` elements. A negative index counts from the end. `None` if there is no
/// such element.
fn place(index: i64, len: usize) -> Option<usize> {
    let place = if index < 0 { index.checked_add_unsigned(len as u64)? } else { index };
    usize::try_from(place).ok().filter(|&place| place < len)
}

/// The positions from `start` to `stop`, both included, in a list of `len` elements.
fn places(start: i64, stop: i64, len: usize) -> Range<usize> {
    let from_end = |index: i64| if index < 0 { index.saturating_add_unsigned(len as u64) } else { index };
    let (start, stop) = (from_end(start).max(0), from_end(stop).min(len as i64 - 1));
    if start > stop { 0..0 } else { start as usize..stop as usize + 1 }
}

/// Reads a count of elements. A negative count means from the end; the lowest i64 is refused, as in Redis.
fn parse_signed_count(text: &[u8]) -> Result<i64, CommandError> {
    let count = super::call::parse_integer(text)?;
    if count == i64::MIN {
        return Err(CommandError::text(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        ));
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_at_the_ends_of_the_numbers() {
        assert_eq!(places(0, -1, 3), 0..3);
        assert_eq!(places(i64::MIN, i64::MAX, 3), 0..3);
        assert_eq!(places(i64::MAX, i64::MIN, 3), 0..0);
        assert_eq!(places(-2, 1, 3), 1..2);
        assert_eq!(places(3, 5, 3), 0..0);
        assert_eq!(places(0, -1, 0), 0..0);
        assert_eq!(place(i64::MIN, 3), None);
        assert_eq!(place(i64::MAX, 3), None);
        assert_eq!((place(-3, 3), place(-4, 3), place(2, 3), place(3, 3)), (Some(0), None, Some(2), None));
    }
}
