//! The arguments of ZRANDMEMBER and HRANDFIELD with a count: `count [WITH...]`.

use super::error::CommandError;
use super::{Call, parse_integer};
use crate::limits;

/// How many elements are drawn at random, and how they are returned.
#[derive(Clone, Copy, Debug)]
pub(in crate::commands) struct Draw {
    /// The number of elements.
    pub(in crate::commands) count: usize,
    /// Whether an element may be drawn more than once.
    pub(in crate::commands) with_repeats: bool,
    /// Whether each element is followed by its score or value.
    pub(in crate::commands) with_values: bool,
}

impl Draw {
    /// Parses a request whose argument 2 is the count. `with` is the option for `with_values`; `elements` names the elements
    /// in an error.
    pub(in crate::commands) fn parse(
        call: &Call<'_>,
        with: &str,
        elements: &str,
    ) -> Result<Self, CommandError> {
        let count = parse_integer(call.argument(2))?;
        if count == i64::MIN {
            return Err(CommandError::text(
                "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
            ));
        }
        let mut options = call.cursor(3);
        let with_values = options.take_word(with);
        if options.remaining() > 0 {
            return Err(CommandError::SYNTAX);
        }
        let (with_repeats, count) = (count < 0, count.unsigned_abs());
        if with_values && count > i64::MAX.unsigned_abs() / 2 {
            return Err(CommandError::text("ERR value is out of range"));
        }
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if with_repeats && count > limits::REPEATED_MEMBERS {
            return Err(CommandError::new(format!(
                "ERR at most {} {elements} are drawn with repeats at a time",
                limits::REPEATED_MEMBERS
            )));
        }
        Ok(Self { count, with_repeats, with_values })
    }
}
