//! Commands that bring a value to another key or database: RENAME, RENAMENX, COPY, MOVE.

use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, parse_integer};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys, Manner};
use crate::resp::reply::Reply;
use crate::store::{DatabaseIndex, Writer};

const BASE: CommandSpec =
    CommandSpec { complexity: "O(1) in memory; O(N) for the record of N elements", ..CommandSpec::BASE };

const SOURCE: &[KeyFlag] = &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Delete];

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "rename",
        syntax: "key newkey",
        summary: "Gives the value of a key another name, in place of what has that name",
        arity: 3,
        flags: &[Flag::Write],
        keys: Keys::Pair { first: SOURCE, second: &[KeyFlag::Ow, KeyFlag::Update] },
        run: Handler::Write(rename),
        ..BASE
    },
    CommandSpec {
        name: "renamenx",
        syntax: "key newkey",
        summary: "Gives the value of a key another name, unless a key has that name",
        arity: 3,
        flags: &[Flag::Write, Flag::Fast],
        keys: Keys::Pair { first: SOURCE, second: &[KeyFlag::Ow, KeyFlag::Insert] },
        run: Handler::Write(rename_new),
        ..BASE
    },
    CommandSpec {
        name: "copy",
        syntax: "source destination [DB destination-db] [REPLACE]",
        summary: "Makes a key hold what another one holds",
        since: "6.2.0",
        complexity: "O(N) with N elements",
        arity: -3,
        flags: &[Flag::Write, Flag::Denyoom],
        keys: Keys::Pair { first: &[KeyFlag::Ro, KeyFlag::Access], second: &[KeyFlag::Ow, KeyFlag::Update] },
        run: Handler::Write(copy),
        manners: &[Manner::WritesToOtherDatabase],
        ..BASE
    },
    CommandSpec {
        name: "move",
        syntax: "key db",
        summary: "Brings a key to another database, unless that has it",
        arity: 3,
        flags: &[Flag::Write, Flag::Fast],
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Update] },
        run: Handler::Write(move_key),
        manners: &[Manner::WritesToOtherDatabase],
        ..BASE
    },
];

const SAME: CommandError = CommandError::text("ERR source and destination objects are the same");

fn rename(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (from, to) = (call.argument(1), call.argument(2));
    check_source(keys, from)?;
    if from != to {
        announce(keys, from, call)?;
        keys.rename(from, to);
    }
    reply.ok();
    Ok(())
}

fn rename_new(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (from, to) = (call.argument(1), call.argument(2));
    check_source(keys, from)?;
    let is_free = keys.reader().kind(to).is_none();
    if is_free {
        announce(keys, from, call)?;
        keys.rename(from, to);
    }
    reply.integer(i64::from(is_free));
    Ok(())
}

fn check_source(keys: &Writer<'_, '_>, key: &[u8]) -> Outcome {
    match keys.reader().kind(key) {
        Some(_) => Ok(()),
        None => Err(CommandError::text("ERR no such key").into()),
    }
}

/// Announces that the record of the command has all elements of the value at `key`.
fn announce(keys: &Writer<'_, '_>, key: &[u8], call: &Call<'_>) -> Outcome {
    keys.reader().value(key).map_or(Ok(()), |value| call.announce(value.elements()))
}

fn copy(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (from, to) = (call.argument(1), call.argument(2));
    let (mut database, mut replaces) = (keys.database(), false);
    let mut options = call.cursor(3);
    while options.remaining() > 0 {
        if options.take_word("replace") {
            replaces = true;
        } else if options.remaining() > 1 && options.take_word("db") {
            database = parse_database(keys, options.required()?)?;
        } else {
            return Err(CommandError::SYNTAX.into());
        }
    }
    if database == keys.database() && from == to {
        return Err(SAME.into());
    }
    announce(keys, from, call)?;
    // The source is looked up as by a command that reads.
    let is_done = keys.source_reader().kind(from).is_some()
        && (replaces || keys.of_database(database).reader().kind(to).is_none());
    if is_done {
        keys.copy(from, database, to);
    }
    reply.integer(i64::from(is_done));
    Ok(())
}

fn move_key(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = call.argument(1);
    let database = parse_database(keys, call.argument(2))?;
    if database == keys.database() {
        return Err(SAME.into());
    }
    let is_done =
        keys.reader().kind(key).is_some() && keys.of_database(database).reader().kind(key).is_none();
    if is_done {
        announce(keys, key, call)?;
        keys.move_to(key, database);
    }
    reply.integer(i64::from(is_done));
    Ok(())
}

/// Reads the number of a database, with the errors of Redis.
fn parse_database(keys: &Writer<'_, '_>, text: &[u8]) -> Result<DatabaseIndex, CommandError> {
    let number = i32::try_from(parse_integer(text)?).map_err(|_| {
        CommandError::text("ERR value is out of range, value must between -2147483648 and 2147483647")
    })?;
    let database = DatabaseIndex::try_from(number).ok().filter(|&database| database < keys.databases());
    database.ok_or(CommandError::text("ERR DB index is out of range"))
}
