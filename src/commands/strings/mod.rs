//! Strings, for counters and markers beside the rankings.

use super::call::error::{CommandError, Outcome};
use super::call::{Call, Cursor, parse_integer};
use super::keys::expiry::{Moment, Unit};
use super::spec::{CommandSpec, Flag, Group, Handler, KeyFlag, Keys, Lookahead};
use crate::config::EventClasses;
use crate::resp::integer;
use crate::resp::reply::Reply;
use crate::store::{ByteString, Reader, Writer};

const BASE: CommandSpec = CommandSpec { group: Group::String, ..CommandSpec::BASE };

const READ_AND_UPDATE: Keys =
    Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Update] };

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "get",
        syntax: "key",
        summary: "Returns a string",
        arity: 2,
        flags: &[Flag::Readonly, Flag::Fast],
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro, KeyFlag::Access] },
        lookahead: Some(Lookahead::Key),
        run: Handler::Read(get),
        ..BASE
    },
    CommandSpec {
        name: "set",
        syntax: "key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | \
                 PXAT unix-time-milliseconds | KEEPTTL]",
        summary: "Sets a string",
        arity: -3,
        flags: &[Flag::Write, Flag::Denyoom],
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Update] },
        lookahead: Some(Lookahead::Key),
        access_of_request: Some(access_of_set),
        run: Handler::Write(set),
        keys_note: Some("RW and ACCESS due to the optional `GET` argument"),
        ..BASE
    },
    CommandSpec {
        name: "strlen",
        syntax: "key",
        summary: "Returns the length of a string in bytes",
        since: "2.2.0",
        arity: 2,
        flags: &[Flag::Readonly, Flag::Fast],
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro] },
        lookahead: Some(Lookahead::Key),
        run: Handler::Read(strlen),
        ..BASE
    },
    CommandSpec {
        name: "incr",
        syntax: "key",
        summary: "Adds one to the integer that a string spells",
        arity: 2,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
        keys: READ_AND_UPDATE,
        lookahead: Some(Lookahead::Key),
        run: Handler::Write(incr),
        ..BASE
    },
    CommandSpec {
        name: "incrby",
        syntax: "key increment",
        summary: "Adds to the integer that a string spells",
        arity: 3,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
        keys: READ_AND_UPDATE,
        lookahead: Some(Lookahead::Key),
        run: Handler::Write(incrby),
        ..BASE
    },
];

fn get(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    match keys.get::<ByteString>(call.argument(1))? {
        Some(value) => reply.bulk(value),
        None => reply.null(),
    }
    Ok(())
}

fn strlen(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.count(keys.get::<ByteString>(call.argument(1))?.map_or(0, |value| value.len()));
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

/// When a key that SET writes will expire.
#[derive(Clone, Copy, Debug)]
enum Expiry<'a> {
    Never,
    Keep,
    At(Moment, Unit, &'a [u8]),
}

/// SET, as of Redis 8.2.
fn set(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, value) = (call.argument(1), call.argument(2));
    let (mut only_new, mut only_present, mut returns_old) = (false, false, false);
    let mut expiry = None;
    let mut cursor = call.cursor(3);
    while cursor.remaining() > 0 {
        if !only_present && cursor.take_word("nx") {
            only_new = true;
        } else if !only_new && cursor.take_word("xx") {
            only_present = true;
        } else if cursor.take_word("get") {
            returns_old = true;
        } else if !matches!(expiry, Some(Expiry::At(..))) && cursor.take_word("keepttl") {
            expiry = Some(Expiry::Keep);
        } else {
            let (moment, unit) = take_expiry_word(&mut cursor).ok_or(CommandError::SYNTAX)?;
            // As Redis: the same word may be repeated, a second one may not be given.
            if !matches!(expiry, None | Some(Expiry::At(..)))
                || matches!(expiry, Some(Expiry::At(other, per, _)) if (other, per) != (moment, unit))
            {
                return Err(CommandError::SYNTAX.into());
            }
            expiry = Some(Expiry::At(moment, unit, cursor.required()?));
        }
    }
    let expire_at_ms = match expiry.unwrap_or(Expiry::Never) {
        Expiry::Never => None,
        Expiry::Keep => keys.reader().expiry(key).flatten(),
        Expiry::At(moment, unit, text) => {
            let number = parse_integer(text)?;
            let at_ms = unit.to_unix_ms(moment, number, keys.reader().now_ms()).filter(|_| number > 0);
            Some(at_ms.ok_or(CommandError::text("ERR invalid expire time in 'set' command"))?.cast_unsigned())
        }
    };
    if returns_old {
        match keys.reader().get::<ByteString>(key)? {
            Some(old) => reply.bulk(old),
            None => reply.null(),
        }
    }
    let is_conditional = only_new || only_present;
    let allowed = !is_conditional || keys.reader().kind(key).is_some() == only_present;
    if allowed {
        keys.set_string(key, value, expire_at_ms);
        if matches!(expiry, Some(Expiry::At(..))) {
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

/// Takes the word that says what SET's time means, if it comes next.
fn take_expiry_word(cursor: &mut Cursor<'_>) -> Option<(Moment, Unit)> {
    let words = [
        ("ex", Moment::FromNow, Unit::Seconds),
        ("px", Moment::FromNow, Unit::Milliseconds),
        ("exat", Moment::UnixTime, Unit::Seconds),
        ("pxat", Moment::UnixTime, Unit::Milliseconds),
    ];
    words.into_iter().find(|(word, ..)| cursor.take_word(word)).map(|(_, moment, unit)| (moment, unit))
}

fn incr(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    increment(keys, call.argument(1), 1, reply)
}

fn incrby(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    increment(keys, call.argument(1), parse_integer(call.argument(2))?, reply)
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
