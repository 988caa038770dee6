//! Commands that write a whole string: SET, SETNX, SETEX, PSETEX.

use super::BASE;
use super::get::write_string;
use super::lifetime::{Lifetime, to_unix_ms};
use crate::commands::call::Call;
use crate::commands::call::error::Outcome;
use crate::commands::keys::expiry::{Moment, Unit};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys, Lookahead};
use crate::config::EventClasses;
use crate::resp::reply::Reply;
use crate::store::Writer;

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "set",
        syntax: "key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | \
                 PXAT unix-time-milliseconds | KEEPTTL]",
        summary: "Sets a string",
        arity: -3,
        flags: &[Flag::Write, Flag::Denyoom],
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Update]),
        access_of_request: Some(access_of_set),
        lookahead: Some(Lookahead::KEY),
        run: Handler::Write(set),
        keys_note: Some("RW and ACCESS due to the optional `GET` argument"),
        ..BASE
    },
    CommandSpec {
        name: "setnx",
        syntax: "key value",
        summary: "Sets a string unless the key exists",
        arity: 3,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
        keys: Keys::first(&[KeyFlag::Ow, KeyFlag::Insert]),
        lookahead: Some(Lookahead::KEY),
        run: Handler::Write(setnx),
        ..BASE
    },
    CommandSpec {
        name: "setex",
        syntax: "key seconds value",
        summary: "Sets a string that expires after some seconds",
        since: "2.0.0",
        arity: 4,
        flags: &[Flag::Write, Flag::Denyoom],
        keys: Keys::first(&[KeyFlag::Ow, KeyFlag::Update]),
        lookahead: Some(Lookahead::KEY),
        run: Handler::Write(|keys, call, reply| set_expiring(keys, call, reply, Unit::Seconds, "setex")),
        ..BASE
    },
    CommandSpec {
        name: "psetex",
        syntax: "key milliseconds value",
        summary: "Sets a string that expires after some milliseconds",
        since: "2.6.0",
        arity: 4,
        flags: &[Flag::Write, Flag::Denyoom],
        keys: Keys::first(&[KeyFlag::Ow, KeyFlag::Update]),
        lookahead: Some(Lookahead::KEY),
        run: Handler::Write(|keys, call, reply| {
            set_expiring(keys, call, reply, Unit::Milliseconds, "psetex")
        }),
        ..BASE
    },
];

/// SET, as of Redis 8.2.
fn set(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, value) = (call.argument(1), call.argument(2));
    let (mut only_new, mut only_present, mut returns_old) = (false, false, false);
    let mut lifetime = None;
    let mut cursor = call.cursor(3);
    while cursor.remaining() > 0 {
        if !only_present && cursor.take_word("nx") {
            only_new = true;
        } else if !only_new && cursor.take_word("xx") {
            only_present = true;
        } else if cursor.take_word("get") {
            returns_old = true;
        } else {
            lifetime = Some(Lifetime::take("keepttl", lifetime, &mut cursor)?);
        }
    }
    let expire_at_ms = match lifetime {
        None => None,
        Some(Lifetime::Word) => keys.reader().expiry(key).flatten(),
        Some(Lifetime::Until(moment, unit, text)) => {
            Some(to_unix_ms((moment, unit, text), keys.reader().now_ms(), "set")?)
        }
    };
    if returns_old {
        write_string(keys.source_reader(), call, reply)?;
    }
    let is_conditional = only_new || only_present;
    let allowed = !is_conditional || keys.reader().kind(key).is_some() == only_present;
    if allowed {
        keys.set_string(key, value, expire_at_ms);
        if matches!(lifetime, Some(Lifetime::Until(..))) {
            keys.notify(EventClasses::GENERIC, "expire", key);
        }
    }
    match (returns_old, allowed) {
        (true, _) => {}
        (false, true) => reply.ok(),
        (false, false) => reply.null(),
    }
    Ok(())
}

fn setnx(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let is_new = keys.reader().kind(call.argument(1)).is_none();
    if is_new {
        keys.set_string(call.argument(1), call.argument(2), None);
    }
    reply.integer(i64::from(is_new));
    Ok(())
}

fn set_expiring(
    keys: &mut Writer<'_, '_>,
    call: &Call<'_>,
    reply: &mut Reply<'_>,
    unit: Unit,
    name: &str,
) -> Outcome {
    let (key, value) = (call.argument(1), call.argument(3));
    let at_ms = to_unix_ms((Moment::FromNow, unit, call.argument(2)), keys.reader().now_ms(), name)?;
    keys.set_string(key, value, Some(at_ms));
    keys.notify(EventClasses::GENERIC, "expire", key);
    reply.ok();
    Ok(())
}

/// SET reads the old value only if it returns it.
fn access_of_set(call: &Call<'_>) -> &'static [KeyFlag] {
    let returns_old = call.cursor(3).any(|word| word.eq_ignore_ascii_case(b"get"));
    if returns_old {
        &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Update]
    } else {
        &[KeyFlag::Ow, KeyFlag::Update]
    }
}
