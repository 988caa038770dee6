//! Counters: strings that are numbers. INCR, DECR, INCRBY, DECRBY, INCRBYFLOAT.

use super::BASE;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, parse_integer};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys, Lookahead};
use crate::resp::integer;
use crate::resp::long_double::LongDouble;
use crate::resp::reply::Reply;
use crate::store::Writer;

const COUNTER: CommandSpec = CommandSpec {
    arity: 3,
    flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
    keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Update]),
    lookahead: Some(Lookahead::KEY),
    ..BASE
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "incr",
        syntax: "key",
        summary: "Adds one to the integer in a string",
        arity: 2,
        run: Handler::Write(incr),
        ..COUNTER
    },
    CommandSpec {
        name: "decr",
        syntax: "key",
        summary: "Takes one from the integer in a string",
        arity: 2,
        run: Handler::Write(decr),
        ..COUNTER
    },
    CommandSpec {
        name: "incrby",
        syntax: "key increment",
        summary: "Adds to the integer in a string",
        run: Handler::Write(incrby),
        ..COUNTER
    },
    CommandSpec {
        name: "decrby",
        syntax: "key decrement",
        summary: "Takes from the integer in a string",
        run: Handler::Write(decrby),
        ..COUNTER
    },
    CommandSpec {
        name: "incrbyfloat",
        syntax: "key increment",
        summary: "Adds to the number in a string",
        since: "2.6.0",
        run: Handler::Write(incrbyfloat),
        ..COUNTER
    },
];

fn incr(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    increment(keys, call.argument(1), 1, reply)
}

fn decr(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    increment(keys, call.argument(1), -1, reply)
}

fn incrby(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    increment(keys, call.argument(1), parse_integer(call.argument(2))?, reply)
}

fn decrby(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let overflow = CommandError::text("ERR decrement would overflow");
    let amount = parse_integer(call.argument(2))?.checked_neg().ok_or(overflow)?;
    increment(keys, call.argument(1), amount, reply)
}

fn increment(keys: &mut Writer<'_, '_>, key: &[u8], amount: i64, reply: &mut Reply<'_>) -> Outcome {
    let (mut value, mut digits) = (amount, itoa::Buffer::new());
    keys.edit_string(key, "incrby", |current| {
        let current = current.map_or(Some(0), integer::parse).ok_or(CommandError::NOT_AN_INTEGER)?;
        let overflow = CommandError::text("ERR increment or decrement would overflow");
        value = current.checked_add(amount).ok_or(overflow)?;
        Ok::<_, CommandError>(digits.format(value))
    })?;
    reply.integer(value);
    Ok(())
}

/// Adds in long doubles of 80 bits and stores the sum in decimal, as Redis does.
fn incrbyfloat(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let parse = |text: &[u8]| LongDouble::parse(text).ok_or(CommandError::NOT_A_FLOAT);
    let mut text = String::new();
    keys.edit_string(call.argument(1), "incrbyfloat", |current| {
        let current = parse(current.unwrap_or(b"0"))?;
        let no_number = CommandError::text("ERR increment would produce NaN or Infinity");
        text = current.plus(parse(call.argument(2))?).ok_or(no_number)?.to_string();
        Ok::<_, CommandError>(&text)
    })?;
    reply.bulk(text.as_bytes());
    Ok(())
}
