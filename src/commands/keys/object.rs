//! OBJECT: how Redis would store a value, for tools that ask.
//!
//! rankd does not use Redis's encodings. OBJECT ENCODING answers what Redis would for the same value, from the value and
//! Redis's bounds for its compact encodings.

use crate::commands::admin::help;
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{CommandSpec, Flag, Group, Handler, KeyFlag, Keys};
use crate::config::Config;
use crate::ranking::Order;
use crate::resp::integer;
use crate::resp::reply::Reply;
use crate::store::{Board, Fields, List, Members, Reader, SetForm, Use, Value};

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
    keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro] },
    ..BASE
};

const OBJECT: &[CommandSpec] = &[
    CommandSpec {
        name: "encoding",
        summary: "Returns the form in which Redis would keep a value",
        complexity: "O(1); O(N) with N members of a small set or sorted set",
        run: Handler::Read(encoding),
        ..ABOUT_KEY
    },
    CommandSpec {
        name: "freq",
        summary: "Returns how often a key is used, as a logarithmic count",
        since: "4.0.0",
        run: Handler::Read(freq),
        ..ABOUT_KEY
    },
    CommandSpec {
        name: "idletime",
        summary: "Returns the seconds since a key was used",
        run: Handler::Read(idletime),
        ..ABOUT_KEY
    },
    CommandSpec {
        name: "refcount",
        summary: "Returns the number of references to a value, which is one",
        run: Handler::Read(refcount),
        ..ABOUT_KEY
    },
    CommandSpec {
        group: Group::Generic,
        since: "6.2.0",
        run: Handler::Admin(|_, _, reply| help::help("object", reply)),
        ..help::HELP
    },
];

/// Most bytes of a key and its string that Redis stores together in one cache line. A time to live takes [`EXPIRY_BYTES`] of
/// them.
const EMBEDDED_BYTES: usize = 41;

const EXPIRY_BYTES: usize = 8;

/// Longest decimal integer: a sign and nineteen digits.
const INTEGER_BYTES: usize = 20;

fn encoding(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    match encoding_name(keys, call.argument(1), call.config) {
        Some(name) => reply.bulk(name.as_bytes()),
        None => reply.null(),
    }
    Ok(())
}

/// The form in which Redis would keep the value at `key`; `None` if there is no such key.
pub(in crate::commands) fn encoding_name(
    keys: Reader<'_>,
    key: &[u8],
    config: &Config,
) -> Option<&'static str> {
    Some(match keys.peek(key)? {
        Value::String(bytes) if is_integer(bytes) => "int",
        Value::String(bytes) => {
            let expires = keys.expiry(key).flatten().is_some();
            let taken = key.len() + bytes.len() + if expires { EXPIRY_BYTES } else { 0 };
            if taken <= EMBEDDED_BYTES { "embstr" } else { "raw" }
        }
        Value::List(list) => encoding_of_list(list, config),
        Value::Set(members) => encoding_of_set(members),
        Value::SortedSet(board) => encoding_of_board(board, config),
        Value::Hash(fields) => encoding_of_hash(fields, config),
        Value::Stream(_) => "stream",
    })
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

fn encoding_of_set(members: &Members) -> &'static str {
    match members.form() {
        SetForm::Integers => "intset",
        SetForm::Packed => "listpack",
        SetForm::Hashed => "hashtable",
    }
}

fn encoding_of_board(board: &Board, config: &Config) -> &'static str {
    let bytes = bound(config, "zset-max-listpack-value");
    let fits = board.len() <= bound(config, "zset-max-listpack-entries") && has_short_members(board, bytes);
    if fits { "listpack" } else { "skiplist" }
}

/// In Redis a hash that was once too large for the compact encoding does not go back to it. With Redis's own bounds that
/// can be told, because a hash here is packed within the same bounds. And once a field of a small hash has expired or will, Redis keeps room for that.
fn encoding_of_hash(fields: &Fields, config: &Config) -> &'static str {
    let (entries, bytes) =
        (bound(config, "hash-max-listpack-entries"), bound(config, "hash-max-listpack-value"));
    let outgrew = fields.is_hashed() && entries <= Fields::PACKED;
    let fits = fields.len() <= entries
        && fields.iter().all(|(field, value)| field.len() <= bytes && value.len() <= bytes);
    match fits && !outgrew {
        true if fields.has_dated() => "listpackex",
        true => "listpack",
        false => "hashtable",
    }
}

fn is_integer(bytes: &[u8]) -> bool {
    bytes.len() <= INTEGER_BYTES && integer::parse(bytes).is_some()
}

fn has_short_members(board: &Board, bytes: usize) -> bool {
    let mut are_short = true;
    board.visit(0..board.len(), Order::Ascending, |member, _| are_short &= member.len() <= bytes);
    are_short
}

/// The value of a directive about Redis's encodings. It has no other effect than this answer.
fn bound(config: &Config, directive: &str) -> usize {
    config.ignored_value(directive).and_then(|bound| bound.parse().ok()).unwrap_or(usize::MAX)
}

fn freq(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    match keys.last_use(call.argument(1)) {
        None => reply.null(),
        Some(Use::Frequency(uses)) => reply.integer(uses.into()),
        Some(Use::Idle { .. }) => {
            let why = "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
                       switching between policies at runtime LRU and LFU data will take some time to adjust.";
            return Err(CommandError::text(why).into());
        }
    }
    Ok(())
}

fn idletime(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    match keys.last_use(call.argument(1)) {
        None => reply.null(),
        Some(Use::Idle { ms }) => reply.count((ms / 1000) as usize),
        Some(Use::Frequency(_)) => {
            let why = "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching \
                       between policies at runtime LRU and LFU data will take some time to adjust.";
            return Err(CommandError::text(why).into());
        }
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
