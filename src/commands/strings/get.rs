//! Commands that read a whole string: GET, and GETEX, GETDEL and GETSET, which also change it.

use super::BASE;
use super::lifetime::{Lifetime, to_unix_ms};
use crate::commands::call::Call;
use crate::commands::call::error::Outcome;
use crate::commands::keys::expiry::Moment;
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys, Lookahead};
use crate::resp::reply::Reply;
use crate::store::{Reader, Writer};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "get",
        syntax: "key",
        summary: "Returns a string",
        arity: 2,
        flags: &[Flag::Readonly, Flag::Fast],
        keys: Keys::first(&[KeyFlag::Ro, KeyFlag::Access]),
        lookahead: Some(Lookahead::KEY),
        run: Handler::Read(get),
        ..BASE
    },
    CommandSpec {
        name: "getex",
        syntax: "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]",
        summary: "Returns a string and sets or ends its lifetime",
        since: "6.2.0",
        arity: -2,
        flags: &[Flag::Write, Flag::Fast],
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Update]),
        lookahead: Some(Lookahead::KEY),
        run: Handler::Write(getex),
        keys_note: Some("RW and UPDATE because it changes the TTL"),
        ..BASE
    },
    CommandSpec {
        name: "getdel",
        syntax: "key",
        summary: "Returns a string and removes it",
        since: "6.2.0",
        arity: 2,
        flags: &[Flag::Write, Flag::Fast],
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Delete]),
        lookahead: Some(Lookahead::KEY),
        run: Handler::Write(getdel),
        ..BASE
    },
    CommandSpec {
        name: "getset",
        syntax: "key value",
        summary: "Sets a string and returns the one before",
        arity: 3,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Update]),
        lookahead: Some(Lookahead::KEY),
        run: Handler::Write(getset),
        ..BASE
    },
];

fn get(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    write_string(keys, call, reply)?;
    Ok(())
}

/// Replies with the string at the command's key, or with null if the key is missing. Returns whether the key exists.
pub(super) fn write_string(
    keys: Reader<'_>,
    call: &Call<'_>,
    reply: &mut Reply<'_>,
) -> Result<bool, crate::store::WrongType> {
    let value = keys.string(call.argument(1))?;
    match value {
        Some(value) => reply.bulk(value),
        None => reply.null(),
    }
    Ok(value.is_some())
}

fn getex(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = call.argument(1);
    let mut lifetime = None;
    let mut cursor = call.cursor(2);
    while cursor.remaining() > 0 {
        lifetime = Some(Lifetime::take("persist", lifetime, &mut cursor)?);
    }
    let reader = keys.source_reader();
    if !write_string(reader, call, reply)? {
        return Ok(());
    }
    match lifetime {
        Some(Lifetime::Word) if reader.expiry(key).flatten().is_some() => {
            keys.set_expiry(key, None);
        }
        None | Some(Lifetime::Word) => {}
        Some(Lifetime::Until(moment, unit, text)) => {
            let at_ms = to_unix_ms((moment, unit, text), reader.now_ms(), "getex")?;
            if moment == Moment::UnixTime && reader.is_past(at_ms.cast_signed()) {
                keys.remove(key);
            } else {
                keys.set_expiry(key, Some(at_ms));
            }
        }
    }
    Ok(())
}

fn getdel(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    if write_string(keys.source_reader(), call, reply)? {
        keys.remove(call.argument(1));
    }
    Ok(())
}

fn getset(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    write_string(keys.source_reader(), call, reply)?;
    keys.set_string(call.argument(1), call.argument(2), None);
    Ok(())
}
