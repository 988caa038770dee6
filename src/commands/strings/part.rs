//! Commands on a part of a string: STRLEN, APPEND, GETRANGE, SUBSTR, SETRANGE.

use super::BASE;
use super::patch::{Patch, patch_string};
use crate::commands::call::error::{CommandError, Outcome, Stop};
use crate::commands::call::{Call, parse_integer};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys, Lookahead};
use crate::resp::reply::Reply;
use crate::resp::request::Arguments;
use crate::store::{ByteString, Missing, Reader, Value, Writer};
use std::ops::RangeInclusive;

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "strlen",
        syntax: "key",
        summary: "Returns the length of a string in bytes",
        since: "2.2.0",
        arity: 2,
        flags: &[Flag::Readonly, Flag::Fast],
        keys: Keys::first(&[KeyFlag::Ro]),
        lookahead: Some(Lookahead::KEY),
        run: Handler::Read(strlen),
        ..BASE
    },
    CommandSpec {
        name: "append",
        syntax: "key value",
        summary: "Appends to a string",
        since: "2.0.0",
        complexity: "O(1) on average",
        arity: 3,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Insert]),
        lookahead: Some(Lookahead::Part(&[load_end])),
        run: Handler::Write(append),
        ..BASE
    },
    CommandSpec {
        name: "getrange",
        syntax: "key start end",
        summary: "Returns a part of a string",
        since: "2.4.0",
        complexity: "O(N) with N bytes returned",
        arity: 4,
        flags: &[Flag::Readonly],
        keys: Keys::first(&[KeyFlag::Ro, KeyFlag::Access]),
        lookahead: Some(Lookahead::KEY),
        run: Handler::Read(getrange),
        ..BASE
    },
    CommandSpec {
        name: "substr",
        syntax: "key start end",
        summary: "Returns a part of a string, as GETRANGE does",
        complexity: "O(N) with N bytes returned",
        arity: 4,
        flags: &[Flag::Readonly],
        keys: Keys::first(&[KeyFlag::Ro, KeyFlag::Access]),
        lookahead: Some(Lookahead::KEY),
        run: Handler::Read(getrange),
        ..BASE
    },
    CommandSpec {
        name: "setrange",
        syntax: "key offset value",
        summary: "Overwrites a part of a string, and extends the string if necessary",
        since: "2.2.0",
        complexity: "O(N) with N bytes written or filled with zeros",
        arity: 4,
        flags: &[Flag::Write, Flag::Denyoom],
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Update]),
        lookahead: Some(Lookahead::KEY),
        run: Handler::Write(setrange),
        ..BASE
    },
];

/// Loads ahead the last byte.
fn load_end(value: &Value, _: Arguments<'_>) {
    if let Value::String(string) = value {
        string.prefetch_byte(usize::MAX);
    }
}

fn strlen(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.count(keys.string(call.argument(1))?.map_or(0, <[u8]>::len));
    Ok(())
}

fn append(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, bytes) = (call.argument(1), call.argument(2));
    let length = keys.edit::<ByteString, _>(key, Missing::Create, "append", |string| {
        let offset = string.len();
        check_length(call, offset, bytes)?;
        string.patch(offset, bytes);
        Ok::<_, Stop>(offset + bytes.len())
    })?;
    reply.count(length.transpose()?.unwrap_or(0));
    Ok(())
}

fn setrange(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, bytes) = (call.argument(1), call.argument(3));
    let offset = usize::try_from(parse_integer(call.argument(2))?)
        .map_err(|_| CommandError::text("ERR offset is out of range"))?;
    let length = keys.reader().string(key)?.map_or(0, <[u8]>::len);
    if bytes.is_empty() {
        reply.count(length);
        return Ok(());
    }
    check_length(call, offset, bytes)?;
    patch_string(keys, key, "setrange", &[Patch { offset, bytes }])?;
    reply.count(length.max(offset + bytes.len()));
    Ok(())
}

/// Refuses to write `bytes` at `offset` if the string would be longer than an argument can be.
fn check_length(call: &Call<'_>, offset: usize, bytes: &[u8]) -> Outcome {
    if offset.saturating_add(bytes.len()) > call.config.proto_max_bulk_len_bytes {
        return Err(CommandError::text("ERR string exceeds maximum allowed size (proto-max-bulk-len)").into());
    }
    Ok(())
}

fn getrange(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (start, end) = (parse_integer(call.argument(2))?, parse_integer(call.argument(3))?);
    let value = keys.string(call.argument(1))?.unwrap_or_default();
    reply.bulk(span(start, end, value.len()).map_or(&[], |span| &value[span]));
    Ok(())
}

/// The indices from `start` to `end` in a sequence of `len`. Negative ones count from the end. `None` for an empty range.
pub(in crate::commands) fn span(start: i64, end: i64, len: usize) -> Option<RangeInclusive<usize>> {
    // Both could be before the first index and would then become 0, a range of one.
    let is_backwards = start < 0 && end < 0 && start > end;
    if is_backwards { None } else { span_within(start, end, len) }
}

/// Like [`span`], but an index before the first becomes 0 also if `start` is after `end`.
pub(in crate::commands) fn span_within(start: i64, end: i64, len: usize) -> Option<RangeInclusive<usize>> {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let from_start = |place: i64| if place < 0 { (place + len).max(0) } else { place };
    let (start, end) = (from_start(start), from_start(end).min(len - 1));
    (start <= end).then_some(start as usize..=end as usize)
}
