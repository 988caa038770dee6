//! Commands that bring a value to another key or database: RENAME, RENAMENX, COPY, MOVE, and SWAPDB for all keys.

use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, parse_integer};
use crate::commands::spec::{AllKeys, CommandSpec, Flag, Group, Handler, KeyFlag, Keys, Manner};
use crate::resp::reply::Reply;
use crate::store::{DatabaseIndex, Writer};

const BASE: CommandSpec = CommandSpec {
    complexity: "O(1); O(N) for the record of N elements while a checkpoint is written",
    ..CommandSpec::BASE
};

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
    CommandSpec {
        name: "swapdb",
        group: Group::Server,
        syntax: "index1 index2",
        summary: "Exchanges all keys of two databases",
        since: "4.0.0",
        complexity: "O(1), and O(N) for N keys of the two that clients watch or wait for",
        arity: 3,
        flags: &[Flag::Write, Flag::Fast],
        categories: &["@keyspace", "@dangerous"],
        run: Handler::OwnLocks(swap_databases),
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

/// Announces how many elements the record of a command that takes the value off `key` has.
fn announce(keys: &Writer<'_, '_>, key: &[u8], call: &Call<'_>) -> Outcome {
    call.announce(keys.recorded_elements(key))
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
    // The record has all elements.
    keys.reader().value(from).map_or(Ok(()), |value| call.announce(value.elements()))?;
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

fn swap_databases(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let number = |place, error| {
        let number = parse_integer(call.argument(place)).ok().and_then(|number| i32::try_from(number).ok());
        number.ok_or(CommandError::text(error))
    };
    let one = number(1, "ERR invalid first DB index")?;
    let other = number(2, "ERR invalid second DB index")?;
    let databases = keys.host.store.databases();
    let [one, other] = [check_database(one, databases)?, check_database(other, databases)?];
    keys.shards.swap_databases(one, other)?;
    if one != other {
        keys.host.friend_rankings.clear();
    }
    reply.ok();
    Ok(())
}

/// Reads the number of a database, with the errors of Redis.
fn parse_database(keys: &Writer<'_, '_>, text: &[u8]) -> Result<DatabaseIndex, CommandError> {
    let number = i32::try_from(parse_integer(text)?).map_err(|_| {
        CommandError::text("ERR value is out of range, value must between -2147483648 and 2147483647")
    })?;
    check_database(number, keys.databases())
}

fn check_database(number: i32, databases: DatabaseIndex) -> Result<DatabaseIndex, CommandError> {
    let database = DatabaseIndex::try_from(number).ok().filter(|&database| database < databases);
    database.ok_or(CommandError::text("ERR DB index is out of range"))
}
