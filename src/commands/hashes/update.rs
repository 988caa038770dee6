//! Commands that change a hash: HSET, HDEL, HINCRBY and their relatives.

use super::{BASE, wrong_number};
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, parse_integer};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::resp::long_double::LongDouble;
use crate::resp::reply::Reply;
use crate::store::{FieldExpiry, Fields, Missing, Writer};

const CHANGE: CommandSpec = CommandSpec {
    since: "2.0.0",
    flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
    keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Update] },
    ..BASE
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "hset",
        syntax: "key field value [field value ...]",
        summary: "Sets fields of a hash",
        complexity: "O(1) for each field",
        arity: -4,
        run: Handler::Write(|keys, call, reply| {
            let created = set(keys, call, "hset")?;
            reply.count(created);
            Ok(())
        }),
        ..CHANGE
    },
    CommandSpec {
        name: "hmset",
        syntax: "key field value [field value ...]",
        summary: "Sets fields of a hash, as HSET does",
        complexity: "O(1) for each field",
        arity: -4,
        run: Handler::Write(|keys, call, reply| {
            set(keys, call, "hmset")?;
            reply.ok();
            Ok(())
        }),
        ..CHANGE
    },
    CommandSpec {
        name: "hsetnx",
        syntax: "key field value",
        summary: "Sets a field of a hash unless it exists",
        arity: 4,
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Insert] },
        run: Handler::Write(hsetnx),
        ..CHANGE
    },
    CommandSpec {
        name: "hdel",
        syntax: "key field [field ...]",
        summary: "Removes fields from a hash",
        complexity: "O(1) for each field",
        arity: -3,
        flags: &[Flag::Write, Flag::Fast],
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Delete] },
        run: Handler::Write(hdel),
        ..CHANGE
    },
    CommandSpec {
        name: "hincrby",
        syntax: "key field increment",
        summary: "Adds to the integer in a field",
        arity: 4,
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Update] },
        run: Handler::Write(hincrby),
        ..CHANGE
    },
    CommandSpec {
        name: "hincrbyfloat",
        syntax: "key field increment",
        summary: "Adds to the number in a field",
        since: "2.6.0",
        arity: 4,
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Update] },
        run: Handler::Write(hincrbyfloat),
        ..CHANGE
    },
];

/// Returns how many fields are new.
fn set(keys: &mut Writer<'_, '_>, call: &Call<'_>, name: &str) -> Result<usize, CommandError> {
    let mut words = call.cursor(2);
    if words.remaining() % 2 == 1 {
        return Err(wrong_number(name));
    }
    let expired_by_ms = keys.reader().expired_by_ms();
    let created = keys.edit::<Fields, _>(call.argument(1), Missing::Create, "hset", |fields| {
        let mut created = 0;
        while let (Some(field), Some(value)) = (words.next(), words.next()) {
            created += usize::from(fields.set(field, value, FieldExpiry::Never, expired_by_ms));
        }
        created
    })?;
    Ok(created.unwrap_or(0))
}

fn hsetnx(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (field, value) = (call.argument(2), call.argument(3));
    let expired_by_ms = keys.reader().expired_by_ms();
    let is_new = keys.edit::<Fields, _>(call.argument(1), Missing::Create, "hset", |fields| {
        let is_new = !fields.at(expired_by_ms).contains(field);
        if is_new {
            fields.set(field, value, FieldExpiry::Never, expired_by_ms);
        }
        is_new
    })?;
    reply.integer(i64::from(is_new.unwrap_or(false)));
    Ok(())
}

fn hdel(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    // As in Redis, a field that has expired counts until it is removed.
    let removed = keys.edit::<Fields, _>(call.argument(1), Missing::Skip, "hdel", |fields| {
        call.cursor(2).filter(|field| fields.remove(field)).count()
    })?;
    reply.count(removed.unwrap_or(0));
    Ok(())
}

fn hincrby(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (field, amount) = (call.argument(2), parse_integer(call.argument(3))?);
    let expired_by_ms = keys.reader().expired_by_ms();
    let value = keys.edit::<Fields, _>(call.argument(1), Missing::Create, "hincrby", |fields| {
        let current = fields.at(expired_by_ms).get(field).map_or(Some(0), |value| value.integer());
        let current = current.ok_or(CommandError::text("ERR hash value is not an integer"))?;
        let overflow = CommandError::text("ERR increment or decrement would overflow");
        let value = current.checked_add(amount).ok_or(overflow)?;
        let mut digits = itoa::Buffer::new();
        fields.set(field, digits.format(value).as_bytes(), FieldExpiry::Kept, expired_by_ms);
        Ok::<_, CommandError>(value)
    })?;
    reply.integer(value.transpose()?.unwrap_or(0));
    Ok(())
}

fn hincrbyfloat(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let field = call.argument(2);
    let amount = LongDouble::parse(call.argument(3)).ok_or(CommandError::NOT_A_FLOAT)?;
    // As in Redis, an infinite sum is an error.
    let zero = LongDouble::parse(b"0").expect("a number");
    let amount = amount.plus(zero).ok_or(CommandError::text("ERR value is NaN or Infinity"))?;
    let expired_by_ms = keys.reader().expired_by_ms();
    let value = keys.edit::<Fields, _>(call.argument(1), Missing::Create, "hincrbyfloat", |fields| {
        let mut digits = itoa::Buffer::new();
        let current = fields.at(expired_by_ms).get(field);
        let current = current.map_or(Some(zero), |value| LongDouble::parse(value.bytes(&mut digits)));
        let current = current.ok_or(CommandError::text("ERR hash value is not a float"))?;
        let infinite = CommandError::text("ERR increment would produce NaN or Infinity");
        let value = current.plus(amount).ok_or(infinite)?.to_string();
        fields.set(field, value.as_bytes(), FieldExpiry::Kept, expired_by_ms);
        Ok::<_, CommandError>(value)
    })?;
    reply.bulk(value.transpose()?.unwrap_or_default().as_bytes());
    Ok(())
}
