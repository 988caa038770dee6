//! Keys of any type.

pub(super) mod dump;
pub(super) mod expiry;
pub(super) mod object;
pub(super) mod relocation;

use super::call::Call;
use super::call::error::{CommandError, Outcome};
use super::call::name_list::NameList;
use super::call::scanning::{ScanOptions, begin_page, parse_cursor};
use super::spec::{AllKeys, CommandSpec, Flag, Group, Handler, KeyFlag, Keys, Manner};
use crate::limits;
use crate::machine::chance::Chance;
use crate::resp::reply::Reply;
use crate::store::{DatabaseIndex, Kind, Reader, Shards, Writer};
use crate::text::glob::{Case, matches};

const BASE: CommandSpec = CommandSpec::BASE;

const MULTI_SHARD: &[&str] = &["request_policy:multi_shard", "response_policy:agg_sum"];

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "del",
        syntax: "key [key ...]",
        summary: "Removes keys",
        complexity: "O(1) for each key; large values are freed by another thread",
        arity: -2,
        flags: &[Flag::Write],
        tips: MULTI_SHARD,
        keys: Keys::Range { first: 1, last: -1, access: &[KeyFlag::Rm, KeyFlag::Delete] },
        run: Handler::Write(del),
        manners: &[Manner::RemovesKeys],
        ..BASE
    },
    CommandSpec {
        name: "unlink",
        syntax: "key [key ...]",
        summary: "Removes keys, as DEL does",
        since: "4.0.0",
        complexity: "O(1) for each key; large values are freed by another thread",
        arity: -2,
        flags: &[Flag::Write, Flag::Fast],
        tips: MULTI_SHARD,
        keys: Keys::Range { first: 1, last: -1, access: &[KeyFlag::Rm, KeyFlag::Delete] },
        run: Handler::Write(del),
        manners: &[Manner::RemovesKeys],
        ..BASE
    },
    CommandSpec {
        name: "exists",
        syntax: "key [key ...]",
        summary: "Counts which of the keys exist",
        complexity: "O(1) for each key",
        arity: -2,
        flags: &[Flag::Readonly, Flag::Fast],
        tips: MULTI_SHARD,
        keys: Keys::Range { first: 1, last: -1, access: &[KeyFlag::Ro] },
        run: Handler::Read(exists),
        ..BASE
    },
    CommandSpec {
        name: "touch",
        syntax: "key [key ...]",
        summary: "Counts which of the keys exist, as an access to each",
        since: "3.2.1",
        complexity: "O(1) for each key",
        arity: -2,
        flags: &[Flag::Readonly, Flag::Fast],
        tips: MULTI_SHARD,
        keys: Keys::Range { first: 1, last: -1, access: &[KeyFlag::Ro] },
        manners: &[Manner::AlwaysTouches],
        run: Handler::Read(touch),
        ..BASE
    },
    CommandSpec {
        name: "randomkey",
        syntax: "",
        summary: "Returns a key of the database, drawn at random",
        complexity: "O(1) on average, O(N) if most keys have expired",
        arity: 1,
        flags: &[Flag::Readonly],
        tips: &["request_policy:all_shards", "response_policy:special", "nondeterministic_output"],
        run: Handler::OwnLocks(random_key),
        ..BASE
    },
    CommandSpec {
        name: "type",
        syntax: "key",
        summary: "Returns the type of a key's value",
        arity: 2,
        flags: &[Flag::Readonly, Flag::Fast],
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro] },
        run: Handler::Read(type_of),
        ..BASE
    },
    CommandSpec {
        name: "scan",
        syntax: "cursor [MATCH pattern] [COUNT count] [TYPE type]",
        summary: "Walks the keys of the database in steps",
        since: "2.8.0",
        complexity: "O(1) for each call, O(N) for a whole walk",
        arity: -2,
        flags: &[Flag::Readonly],
        tips: &["nondeterministic_output", "request_policy:special", "response_policy:special"],
        run: Handler::OwnLocks(scan),
        ..BASE
    },
    CommandSpec {
        name: "keys",
        syntax: "pattern",
        summary: "Returns the keys of the database that match a pattern",
        complexity: "O(N) for the whole database; other commands run meanwhile",
        arity: 2,
        flags: &[Flag::Readonly],
        categories: &["@dangerous"],
        tips: &["request_policy:all_shards", "nondeterministic_output_order"],
        run: Handler::OwnLocks(keys),
        ..BASE
    },
    CommandSpec {
        name: "dbsize",
        group: Group::Server,
        categories: &["@keyspace"],
        syntax: "",
        summary: "Returns the number of keys in the database",
        arity: 1,
        flags: &[Flag::Readonly, Flag::Fast],
        tips: &["request_policy:all_shards", "response_policy:agg_sum"],
        run: Handler::OwnLocks(dbsize),
        ..BASE
    },
    CommandSpec {
        name: "flushdb",
        group: Group::Server,
        syntax: "[ASYNC | SYNC]",
        summary: "Removes all keys of the database",
        complexity: "O(1); another thread frees the memory",
        arity: -1,
        flags: &[Flag::Write],
        categories: &["@keyspace", "@dangerous"],
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        run: Handler::OwnLocks(flushdb),
        ..BASE
    },
    CommandSpec {
        name: "flushall",
        group: Group::Server,
        syntax: "[ASYNC | SYNC]",
        summary: "Removes all keys of all databases",
        complexity: "O(1); another thread frees the memory",
        arity: -1,
        flags: &[Flag::Write],
        categories: &["@keyspace", "@dangerous"],
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        run: Handler::OwnLocks(flushall),
        ..BASE
    },
];

fn del(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.count(call.cursor(1).filter(|key| keys.remove(key)).count());
    Ok(())
}

/// A key named twice counts twice, as in Redis.
fn exists(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.count(call.cursor(1).filter(|key| keys.kind(key).is_some()).count());
    Ok(())
}

fn touch(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.count(call.cursor(1).filter(|key| keys.value(key).is_some()).count());
    Ok(())
}

fn type_of(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.simple(keys.kind(call.argument(1)).map_or("none", Kind::name));
    Ok(())
}

fn scan(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let cursor = parse_cursor(call.argument(1))?;
    let mut kind: Option<&[u8]> = None;
    let ScanOptions { pattern, count } = ScanOptions::parse(call.cursor(2), |options| {
        let is_kind = options.remaining() > 1 && options.take_word("type");
        if is_kind {
            kind = options.next();
        }
        is_kind
    })?;
    let mut found = NameList::default();
    let cursors = keys.host.store.cursors();
    let next = keys.shards.scan(keys.session.database, cursors.place(cursor), count, |key, key_kind| {
        let fits = pattern.is_none_or(|pattern| matches(pattern, key, Case::Sensitive))
            && kind.is_none_or(|kind| kind.eq_ignore_ascii_case(key_kind.name().as_bytes()));
        if fits {
            found.push(key);
        }
    });
    begin_page(cursors.cursor(next), found.len(), reply);
    reply.stream(found.len(), found);
    Ok(())
}

/// Not a snapshot: keys that are added or removed meanwhile may be in it or not.
fn keys(all: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (shards, database) = (&all.shards, all.session.database);
    call.announce(shards.size(database).keys)?;
    let pattern = call.argument(1);
    let mut found = NameList::default();
    let mut cursor = 0;
    loop {
        cursor = shards.scan(database, cursor, limits::MEMBERS_PER_LOCK, |key, _| {
            if pattern == b"*" || matches(pattern, key, Case::Sensitive) {
                found.push(key);
            }
        });
        if cursor == 0 {
            break;
        }
    }
    reply.array(found.len());
    reply.stream(found.len(), found);
    Ok(())
}

fn random_key(keys: &mut AllKeys<'_, '_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    match keys.shards.random_key(keys.session.database, &mut Chance::drawn()) {
        Some(key) => reply.bulk(&key),
        None => reply.null(),
    }
    Ok(())
}

fn dbsize(keys: &mut AllKeys<'_, '_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.count(keys.shards.size(keys.session.database).keys);
    Ok(())
}

fn flushdb(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let database = keys.session.database;
    flush(keys, Some(database), call, reply)
}

fn flushall(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    flush(keys, None, call, reply)
}

fn flush(
    keys: &mut AllKeys<'_, '_>,
    database: Option<DatabaseIndex>,
    call: &Call<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    // Memory is always freed by another thread, so ASYNC and SYNC make no difference to that.
    let mut options = call.cursor(1);
    let is_async = options.take_word("async");
    if !is_async && !options.take_word("sync") && options.remaining() > 0 || options.remaining() > 0 {
        return Err(CommandError::SYNTAX.into());
    }
    keys.shards.flush(database)?;
    keys.host.friend_rankings.clear();
    if database.is_none() && !keys.host.config().save.is_empty() {
        match keys.shards {
            Shards::Free(..) => keys.host.process.save_flushed(),
            Shards::Held(_) => keys.session.owes_save = true,
        }
    }
    if !is_async && matches!(keys.shards, Shards::Free(..)) {
        // As in Redis, a client that tracks gets the invalidation of its own flush before the reply. If its mailbox has been
        // closed, so will its connection.
        let rests_on = keys.session.client.mailbox.take_into(reply.out()).unwrap_or_default();
        keys.shards.rest_on(rests_on);
    }
    reply.ok();
    Ok(())
}
