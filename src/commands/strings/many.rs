//! Commands on several strings: MGET, MSET, MSETNX.

use super::BASE;
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::resp::reply::Reply;
use crate::store::{Reader, Value, Writer};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "mget",
        syntax: "key [key ...]",
        summary: "Returns several strings",
        complexity: "O(1) for each key",
        arity: -2,
        flags: &[Flag::Readonly, Flag::Fast],
        tips: &["request_policy:multi_shard"],
        keys: Keys::Range { first: 1, last: -1, access: &[KeyFlag::Ro, KeyFlag::Access] },
        run: Handler::Read(mget),
        ..BASE
    },
    CommandSpec {
        name: "mset",
        syntax: "key value [key value ...]",
        summary: "Sets several strings at once",
        since: "1.0.1",
        complexity: "O(1) for each key",
        arity: -3,
        flags: &[Flag::Write, Flag::Denyoom],
        tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
        keys: Keys::Paired { access: &[KeyFlag::Ow, KeyFlag::Update] },
        run: Handler::Write(mset),
        ..BASE
    },
    CommandSpec {
        name: "msetnx",
        syntax: "key value [key value ...]",
        summary: "Sets several strings, or none if one of the keys exists",
        since: "1.0.1",
        complexity: "O(1) for each key",
        arity: -3,
        flags: &[Flag::Write, Flag::Denyoom],
        keys: Keys::Paired { access: &[KeyFlag::Ow, KeyFlag::Insert] },
        run: Handler::Write(msetnx),
        ..BASE
    },
];

/// A key of another type counts as missing.
fn mget(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.array(call.arguments.len() - 1);
    keys.each_value(call.cursor(1), |value| match value {
        Some(Value::String(value)) => reply.bulk(value),
        _ => reply.null(),
    });
    Ok(())
}

fn mset(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    check_pairs(call, "mset")?;
    set_all(keys, call);
    reply.ok();
    Ok(())
}

fn msetnx(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    check_pairs(call, "msetnx")?;
    let are_new = call.cursor(1).step_by(2).all(|key| keys.reader().kind(key).is_none());
    if are_new {
        set_all(keys, call);
    }
    reply.integer(i64::from(are_new));
    Ok(())
}

fn check_pairs(call: &Call<'_>, name: &str) -> Outcome {
    if call.arguments.len() % 2 == 1 { Ok(()) } else { Err(CommandError::arity(name).into()) }
}

fn set_all(keys: &mut Writer<'_, '_>, call: &Call<'_>) {
    let mut cursor = call.cursor(1);
    while let (Some(key), Some(value)) = (cursor.next(), cursor.next()) {
        keys.set_string(key, value, None);
    }
}
