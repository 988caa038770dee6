//! OBJECT: what Redis tells of how it keeps a value, answered as Redis would of the same value.
//!
//! Nothing here is kept in Redis's encodings. What OBJECT ENCODING says follows from the value and from Redis's bounds
//! for its compact forms, so that tools which judge by it see what they would see there.

use crate::commands::admin::introspection;
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{CommandSpec, Flag, Group, Keys, Run};
use crate::config::Config;
use crate::ranking::Order;
use crate::resp::integer;
use crate::resp::reply::Reply;
use crate::store::{Board, List, Members, Reader, Value};

const BASE: CommandSpec = CommandSpec { since: "2.2.3", ..CommandSpec::BASE };

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "object",
    summary: "Commands about how a value is kept",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: OBJECT,
    ..BASE
}];

const ABOUT_KEY: CommandSpec = CommandSpec {
    syntax: "key",
    arity: 3,
    flags: &[Flag::Readonly],
    tips: &["nondeterministic_output"],
    keys: Keys::Range { first: 1, last: 0, access: &["RO"] },
    ..BASE
};

const OBJECT: &[CommandSpec] = &[
    CommandSpec {
        name: "encoding",
        summary: "Returns the form in which Redis would keep a value",
        complexity: "O(1); O(N) with N members of a small set or sorted set",
        run: Run::Read(encoding),
        ..ABOUT_KEY
    },
    CommandSpec {
        name: "freq",
        summary: "Returns how often a key is asked for; no count is kept",
        since: "4.0.0",
        run: Run::Read(freq),
        ..ABOUT_KEY
    },
    CommandSpec {
        name: "idletime",
        summary: "Returns the seconds since a key was asked for; no time is kept",
        run: Run::Read(idletime),
        ..ABOUT_KEY
    },
    CommandSpec {
        name: "refcount",
        summary: "Returns the number of references to a value, which is one",
        run: Run::Read(refcount),
        ..ABOUT_KEY
    },
    CommandSpec {
        group: Group::Generic,
        since: "6.2.0",
        run: Run::Admin(|_, _, reply| introspection::help("object", reply)),
        ..introspection::HELP
    },
];

/// How long a key and its string may be together, in bytes, for Redis to keep both in one cache line with what it notes
/// of them. A time to live takes [`EXPIRY_BYTES`] of it.
const EMBEDDED_BYTES: usize = 41;

const EXPIRY_BYTES: usize = 8;

/// Longest decimal integer: a sign and nineteen digits.
const INTEGER_BYTES: usize = 20;

fn encoding(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = call.argument(1);
    let encoding = match keys.peek(key) {
        None => {
            reply.null();
            return Ok(());
        }
        Some(Value::String(bytes)) if is_integer(bytes) => "int",
        Some(Value::String(bytes)) => {
            let expires = keys.expiry(key).flatten().is_some();
            let taken = key.len() + bytes.len() + if expires { EXPIRY_BYTES } else { 0 };
            if taken <= EMBEDDED_BYTES { "embstr" } else { "raw" }
        }
        Some(Value::List(list)) => encoding_of_list(list, call.config),
        Some(Value::Set(members)) => encoding_of_set(members, call.config),
        Some(Value::SortedSet(ranking)) => encoding_of_ranking(ranking, call.config),
    };
    reply.bulk(encoding.as_bytes());
    Ok(())
}

fn encoding_of_list(list: &List, config: &Config) -> &'static str {
    // Negative: the size of a listpack; else the number of elements.
    const SIZES_BYTES: [usize; 5] = [4096, 8192, 16_384, 32_768, 65_536];
    const LONGEST_BYTES: usize = 8192;
    const LISTPACK_HEAD_BYTES: usize = 7;
    let bound = config.ignored_value("list-max-listpack-size").and_then(|bound| bound.parse().ok());
    let bound: i64 = bound.unwrap_or(-2);
    let bytes = LISTPACK_HEAD_BYTES + list.packed_bytes();
    let fits = match usize::try_from(bound) {
        Ok(elements) => list.len() <= elements.max(1) && bytes <= LONGEST_BYTES,
        Err(_) => bytes <= SIZES_BYTES[(bound.unsigned_abs() as usize).min(SIZES_BYTES.len()) - 1],
    };
    if fits { "listpack" } else { "quicklist" }
}

fn encoding_of_set(members: &Members, config: &Config) -> &'static str {
    let integers = bound(config, "set-max-intset-entries");
    let (entries, bytes) =
        (bound(config, "set-max-listpack-entries"), bound(config, "set-max-listpack-value"));
    if members.len() > integers.max(entries) {
        return "hashtable";
    }
    // From integers alone, Redis goes on to a hash table.
    if members.iter().all(is_integer) {
        return if members.len() <= integers { "intset" } else { "hashtable" };
    }
    // A set that was too large for Redis's compact form once does not go back to it. With Redis's own bounds that shows,
    // for they are those of the form here.
    let outgrew = members.is_hashed() && entries <= Members::PACKED;
    let fits = members.len() <= entries && members.iter().all(|member| member.len() <= bytes);
    if fits && !outgrew { "listpack" } else { "hashtable" }
}

fn encoding_of_ranking(ranking: &Board, config: &Config) -> &'static str {
    let bytes = bound(config, "zset-max-listpack-value");
    let fits =
        ranking.len() <= bound(config, "zset-max-listpack-entries") && has_short_members(ranking, bytes);
    if fits { "listpack" } else { "skiplist" }
}

fn is_integer(bytes: &[u8]) -> bool {
    bytes.len() <= INTEGER_BYTES && integer::parse(bytes).is_some()
}

fn has_short_members(ranking: &Board, bytes: usize) -> bool {
    let mut are_short = true;
    ranking.visit(0..ranking.len(), Order::Ascending, |member, _| are_short &= member.len() <= bytes);
    are_short
}

/// What a directive about Redis's forms says; it changes nothing but this answer.
fn bound(config: &Config, directive: &str) -> usize {
    config.ignored_value(directive).and_then(|bound| bound.parse().ok()).unwrap_or(usize::MAX)
}

fn counts_uses(config: &Config) -> bool {
    config.ignored_value("maxmemory-policy").is_some_and(|policy| policy.ends_with("lfu"))
}

/// A key that is not asked for often enough for the count to show: none is kept.
fn freq(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    if keys.peek(call.argument(1)).is_none() {
        reply.null();
    } else if counts_uses(call.config) {
        reply.integer(0);
    } else {
        return Err(CommandError::text(
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
             switching between policies at runtime LRU and LFU data will take some time to adjust.",
        ));
    }
    Ok(())
}

/// A key that was asked for just now: no time is kept, and nobody is to think of a key as unused.
fn idletime(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    if keys.peek(call.argument(1)).is_none() {
        reply.null();
    } else if counts_uses(call.config) {
        return Err(CommandError::text(
            "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between \
             policies at runtime LRU and LFU data will take some time to adjust.",
        ));
    } else {
        reply.integer(0);
    }
    Ok(())
}

fn refcount(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    match keys.peek(call.argument(1)) {
        None => reply.null(),
        Some(_) => reply.integer(1),
    }
    Ok(())
}
