//! HGETEX, HSETEX and HGETDEL: they read or set fields, and change their expiry or remove them, in one command.

use super::options::{NOT_A_NUMBER_OF_FIELDS, fields, moment, take_moment_word};
use super::{BASE, write, wrong_number};
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, text};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::resp::integer;
use crate::resp::reply::Reply;
use crate::store::{FieldExpiry, Fields, Missing, Writer};

const CHANGE: CommandSpec = CommandSpec {
    since: "8.0.0",
    complexity: "O(1) for each field",
    arity: -5,
    flags: &[Flag::Write, Flag::Fast],
    ..BASE
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "hgetex",
        syntax: "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] \
                 FIELDS numfields field [field ...]",
        summary: "Returns the values of fields, and sets or removes their expiry",
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Update] },
        keys_note: Some("RW and UPDATE because it changes the TTL"),
        run: Handler::Write(hgetex),
        ..CHANGE
    },
    CommandSpec {
        name: "hsetex",
        syntax: "key [FNX | FXX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | \
                 PXAT unix-time-milliseconds | KEEPTTL] FIELDS numfields field value [field value ...]",
        summary: "Sets fields and their expiry",
        arity: -6,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Update] },
        run: Handler::Write(hsetex),
        ..CHANGE
    },
    CommandSpec {
        name: "hgetdel",
        syntax: "key FIELDS numfields field [field ...]",
        summary: "Returns the values of fields and removes the fields",
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Delete] },
        run: Handler::Write(hgetdel),
        ..CHANGE
    },
];

fn hgetdel(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    keys.reader().get::<Fields>(call.argument(1))?;
    let names = fields(call, 2, NOT_A_NUMBER_OF_FIELDS)?;
    read_and(keys, call, names, reply, After::Remove)
}

fn hgetex(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let reader = keys.reader();
    reader.get::<Fields>(call.argument(1))?;
    let mut options = call.cursor(2);
    let mut after = After::Leave;
    let mut position = 2;
    if options.take_word("persist") {
        after = After::Expire(None);
        position = 3;
    } else if let Some(meaning) = take_moment_word(&mut options)
        && let Some(number) = options.next()
    {
        let at_ms = moment(number, meaning, reader.now_ms(), "hgetex")?;
        after =
            if reader.is_past(at_ms) { After::Remove } else { After::Expire(Some(at_ms.cast_unsigned())) };
        position = 4;
    }
    if call.cursor(position).remaining() < 2 {
        return Err(wrong_number("hgetex").into());
    }
    let names = fields(call, position, NOT_A_NUMBER_OF_FIELDS)?;
    read_and(keys, call, names, reply, after)
}

/// What a command does with a field that it has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Leave,
    Remove,
    Expire(Option<u64>),
}

fn read_and<'c>(
    keys: &mut Writer<'_, '_>,
    call: &Call<'c>,
    names: impl Iterator<Item = &'c [u8]> + Clone,
    reply: &mut Reply<'_>,
    after: After,
) -> Outcome {
    let expired_by_ms = keys.reader().expired_by_ms();
    let event = match after {
        After::Remove => "hdel",
        After::Expire(None) => "hpersist",
        After::Expire(Some(_)) | After::Leave => "hexpire",
    };
    let count = names.clone().count();
    call.announce(count)?;
    reply.array(count);
    let edited = keys.edit::<Fields, _>(call.argument(1), Missing::Skip, event, |fields| {
        for field in names.clone() {
            let living = fields.at(expired_by_ms);
            write(living.get(field), reply);
            let Some(before) = living.expiry(field) else { continue };
            match after {
                After::Leave => {}
                After::Remove => drop(fields.remove(field)),
                After::Expire(None) if before.is_none() => {}
                After::Expire(at_ms) => fields.expire(field, at_ms),
            }
        }
    })?;
    if edited.is_none() {
        names.for_each(|_| reply.null());
    }
    Ok(())
}

/// The options of HSETEX.
struct Options {
    /// Whether all fields must be there, or none may be.
    must_be_there: Option<bool>,
    /// `None`: they never expire.
    expiry: Option<FieldExpiry>,
    /// Where the fields begin.
    first: usize,
}

fn hsetex(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let reader = keys.reader();
    let (key, expired_by_ms) = (call.argument(1), reader.expired_by_ms());
    let options = options(call, reader.now_ms())?;
    let stored = reader.get::<Fields>(key)?;
    let mut words = call.cursor(options.first);
    let count = words.remaining() / 2;
    call.announce(count)?;
    if let Some(must_be_there) = options.must_be_there {
        let is_there = |field| stored.is_some_and(|fields| fields.at(expired_by_ms).contains(field));
        if call.cursor(options.first).step_by(2).any(|field| is_there(field) != must_be_there) {
            reply.integer(0);
            return Ok(());
        }
    }
    let expiry = options.expiry.unwrap_or(FieldExpiry::Never);
    let is_past = matches!(expiry, FieldExpiry::At(at_ms) if reader.is_past(at_ms.cast_signed()));
    keys.edit::<Fields, _>(key, Missing::Create, "hset", |fields| {
        if is_past {
            fields.is_also("hdel");
        } else if matches!(expiry, FieldExpiry::At(_)) {
            fields.is_also("hexpire");
        }
        while let (Some(field), Some(value)) = (words.next(), words.next()) {
            if is_past {
                fields.set(field, value, FieldExpiry::Never, expired_by_ms);
                fields.remove(field);
            } else {
                fields.set(field, value, expiry, expired_by_ms);
            }
        }
    })?;
    reply.integer(1);
    Ok(())
}

fn options(call: &Call<'_>, now_ms: u64) -> Result<Options, CommandError> {
    let mut cursor = call.cursor(2);
    let (mut must_be_there, mut expiry) = (None, None);
    loop {
        let is_fnx = cursor.take_word("fnx");
        if is_fnx || cursor.take_word("fxx") {
            if must_be_there.replace(!is_fnx).is_some() {
                return Err(CommandError::text("ERR Only one of FXX or FNX arguments can be specified"));
            }
            continue;
        }
        let meaning = take_moment_word(&mut cursor);
        if meaning.is_some() || cursor.take_word("keepttl") {
            if expiry.is_some() {
                return Err(CommandError::text(
                    "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
                ));
            }
            expiry = Some(match meaning {
                None => FieldExpiry::Kept,
                Some(meaning) => {
                    let number = cursor.next().ok_or_else(|| wrong_number("hsetex"))?;
                    FieldExpiry::At(moment(number, meaning, now_ms, "hsetex")?.cast_unsigned())
                }
            });
            continue;
        }
        if !cursor.take_word("fields") {
            let word = cursor.next().ok_or_else(|| wrong_number("hsetex"))?;
            // As in C, a text ends at a NUL.
            let word = word.split(|byte| *byte == 0).next().unwrap_or_default();
            return Err(CommandError::new(format!("ERR unknown argument: {}", text(word))));
        }
        // A number, a field and a value at least.
        if cursor.remaining() < 3 {
            return Err(wrong_number("hsetex"));
        }
        // Redis counts in 32 bits here.
        let count = cursor.next().and_then(integer::parse).and_then(|count| i32::try_from(count).ok());
        let count = count.filter(|&count| count > 0);
        let count = count.ok_or(CommandError::text("ERR invalid number of fields"))?;
        if 2 * u64::from(count.unsigned_abs()) != cursor.remaining() as u64 {
            return Err(wrong_number("hsetex"));
        }
        return Ok(Options { must_be_there, expiry, first: call.arguments.len() - cursor.remaining() });
    }
}
