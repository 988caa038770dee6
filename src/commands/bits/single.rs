//! SETBIT and GETBIT.

use super::{BASE, offset};
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys, Lookahead};
use crate::resp::integer;
use crate::resp::reply::Reply;
use crate::resp::request::Arguments;
use crate::store::{ByteString, Missing, Reader, Value, Writer};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "setbit",
        syntax: "key offset value",
        summary: "Sets a bit and returns what it was",
        since: "2.2.0",
        complexity: "O(1), O(N) with N bytes filled with zeros",
        arity: 4,
        flags: &[Flag::Write, Flag::Denyoom],
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Update]),
        lookahead: Some(Lookahead::Part(&[load_bit])),
        run: Handler::Write(setbit),
        ..BASE
    },
    CommandSpec {
        name: "getbit",
        syntax: "key offset",
        summary: "Returns a bit",
        since: "2.2.0",
        arity: 3,
        flags: &[Flag::Readonly, Flag::Fast],
        keys: Keys::first(&[KeyFlag::Ro, KeyFlag::Access]),
        lookahead: Some(Lookahead::Part(&[load_bit])),
        run: Handler::Read(getbit),
        ..BASE
    },
];

/// The index of the byte with this bit, and the mask of the bit in it.
fn place_of(bit: usize) -> (usize, u8) {
    (bit / 8, 0x80 >> (bit % 8))
}

/// Loads ahead the byte of the bit that argument 2 names.
fn load_bit(value: &Value, request: Arguments<'_>) {
    if let (Value::String(string), Some(Some(bit))) = (value, request.get(2).map(integer::parse)) {
        string.prefetch_byte(usize::try_from(bit).unwrap_or(0) / 8);
    }
}

fn setbit(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = call.argument(1);
    let (offset, bit) = place_of(offset::parse(call.argument(2), call)?);
    let is_wanted = match integer::parse(call.argument(3)) {
        Some(0) => false,
        Some(1) => true,
        _ => return Err(CommandError::text("ERR bit is not an integer or out of range").into()),
    };
    let was_set = keys.edit::<ByteString, _>(key, Missing::Create, "setbit", |string| {
        let present = string.get(offset).copied();
        let was_set = present.unwrap_or(0) & bit != 0;
        if present.is_none() || was_set != is_wanted {
            string.patch(offset, &[present.unwrap_or(0) & !bit | if is_wanted { bit } else { 0 }]);
        }
        was_set
    })?;
    reply.integer(i64::from(was_set.unwrap_or(false)));
    Ok(())
}

fn getbit(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (place, bit) = place_of(offset::parse(call.argument(2), call)?);
    let byte = keys.string(call.argument(1))?.and_then(|string| string.get(place));
    reply.integer(i64::from(byte.is_some_and(|byte| byte & bit != 0)));
    Ok(())
}
