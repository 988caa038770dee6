//! BITCOUNT and BITPOS: count and find bits in a range of a string.

use super::{BASE, words};
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, Cursor, parse_integer};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::commands::strings::part::{span, span_within};
use crate::resp::reply::Reply;
use crate::store::Reader;
use std::ops::RangeInclusive;

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "bitcount",
        syntax: "key [start end [BYTE | BIT]]",
        summary: "Counts the bits of a string that are set",
        since: "2.6.0",
        complexity: "O(N), 64 bits at a time",
        arity: -2,
        flags: &[Flag::Readonly],
        keys: Keys::first(&[KeyFlag::Ro, KeyFlag::Access]),
        run: Handler::Read(bitcount),
        ..BASE
    },
    CommandSpec {
        name: "bitpos",
        syntax: "key bit [start [end [BYTE | BIT]]]",
        summary: "Finds the first bit of a string that is set, or that is not",
        since: "2.8.7",
        complexity: "O(N), 64 bits at a time",
        arity: -3,
        flags: &[Flag::Readonly],
        keys: Keys::first(&[KeyFlag::Ro, KeyFlag::Access]),
        run: Handler::Read(bitpos),
        ..BASE
    },
];

/// The number of bytes that take as long as one element of other commands.
const BYTES_PER_ELEMENT: usize = 512;

/// The unit of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Byte,
    Bit,
}

impl Unit {
    /// Takes the optional last word. The default is bytes.
    fn take(cursor: &mut Cursor<'_>) -> Result<Self, CommandError> {
        let unit = if cursor.take_word("bit") { Self::Bit } else { Self::Byte };
        if unit == Self::Byte && cursor.remaining() > 0 && !cursor.take_word("byte") {
            return Err(CommandError::SYNTAX);
        }
        if cursor.remaining() > 0 { Err(CommandError::SYNTAX) } else { Ok(unit) }
    }

    /// The length of `string` in this unit.
    fn len(self, string: &[u8]) -> usize {
        if self == Self::Bit { string.len() * 8 } else { string.len() }
    }

    /// Converts a range in this unit to bits.
    fn bits(self, span: RangeInclusive<usize>) -> RangeInclusive<usize> {
        if self == Self::Bit { span } else { span.start() * 8..=span.end() * 8 + 7 }
    }
}

fn bitcount(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let range = match call.arguments.len() {
        2 => None,
        3 => return Err(CommandError::SYNTAX.into()),
        _ => {
            // The order of Redis's checks: too many arguments, then the numbers, then the unit.
            if call.arguments.len() > 5 {
                return Err(CommandError::SYNTAX.into());
            }
            let mut cursor = call.cursor(2);
            let (start, end) = (cursor.integer()?, cursor.integer()?);
            Some((start, end, Unit::take(&mut cursor)?))
        }
    };
    let string = keys.string(call.argument(1))?.unwrap_or_default();
    call.announce(string.len() / BYTES_PER_ELEMENT)?;
    let (start, end, unit) = range.unwrap_or((0, -1, Unit::Byte));
    let span = span(start, end, unit.len(string)).map(|span| unit.bits(span));
    reply.count(span.map_or(0, |span| words::count_within(string, &span) as usize));
    Ok(())
}

fn bitpos(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let wanted = match parse_integer(call.argument(2))? {
        0 => false,
        1 => true,
        _ => return Err(CommandError::text("ERR The bit argument must be 1 or 0.").into()),
    };
    let given = call.arguments.len() - 3;
    if given > 3 {
        return Err(CommandError::SYNTAX.into());
    }
    let start = if given > 0 { parse_integer(call.argument(3))? } else { 0 };
    // Redis checks the unit before the end.
    let unit = Unit::take(&mut call.cursor(5))?;
    let end = if given > 1 { parse_integer(call.argument(4))? } else { -1 };
    let Some(string) = keys.string(call.argument(1))? else {
        reply.integer(if wanted { -1 } else { 0 });
        return Ok(());
    };
    call.announce(string.len() / BYTES_PER_ELEMENT)?;
    let Some(span) = span_within(start, end, unit.len(string)).map(|span| unit.bits(span)) else {
        reply.integer(-1);
        return Ok(());
    };
    match words::find_within(string, wanted, &span) {
        Some(place) => reply.count(place),
        // Without an end, the string counts as followed by zeros.
        None if !wanted && given < 2 => reply.count(span.end() + 1),
        None => reply.integer(-1),
    }
    Ok(())
}
