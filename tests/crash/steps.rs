//! What a writer sends: random requests on its own keys, which are of every type.

use std::borrow::Cow;
use std::time::SystemTime;

use super::model::{Model, Moment, Request, Value};
use crate::support::chance::Chance;

/// How many keys of each type a writer has.
const KEYS: usize = 3;

/// How many different elements hashes, sets and boards have.
const ELEMENTS: usize = 60;

/// Lists are cut to this length now and then.
const LIST_ELEMENTS: usize = 300;

/// Bytes of the strings of which parts are written.
const LONG_BYTES: usize = 30_000;

/// A time to live that no test sees the end of.
const FAR_MS: usize = 1_000_000_000;

/// A time to live that ends in this round or the next.
const SOON_MS: usize = 3_000;

pub(super) fn now() -> Moment {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
    since.as_millis() as Moment
}

/// The databases of a writer: the one that it has selected, and the one with which it exchanges keys.
pub(super) fn databases(writer: usize) -> [usize; 2] {
    [2 * writer, 2 * writer + 1]
}

/// The requests of one step: one, or a few that are one transaction.
pub(super) fn next(writer: usize, model: &Model, chance: &mut Chance) -> Vec<Request> {
    let count = if chance.percent(10) { 2 + chance.below(3) } else { 1 };
    let mut model = Cow::Borrowed(model);
    let mut requests = Vec::new();
    for _ in 0..count {
        let line = line(writer, &model, chance);
        let request: Request = line.split(' ').map(str::to_owned).collect();
        if count > 1 {
            model.to_mut().apply(&request);
        }
        requests.push(request);
    }
    requests
}

fn line(writer: usize, model: &Model, chance: &mut Chance) -> String {
    let kinds = ["text", "counter", "long", "brief", "hash", "fleeting", "list", "list", "set", "board"];
    let kind = *chance.pick(&kinds.each_ref());
    let (key, other) = (key(kind, writer, chance), key(kind, writer, chance));
    let [database, aside] = databases(writer);
    if chance.below(150) == 0 {
        return format!("SWAPDB {database} {aside}");
    }
    // Keys that end soon are only set: what another command does to them depends on the moment at which it runs.
    if kind == "brief" {
        return format!("SET {key} {} PXAT {}", word(chance), now() as usize + chance.below(SOON_MS));
    }
    if kind == "fleeting" {
        let moment = now() as usize + chance.below(SOON_MS);
        return format!("HSETEX {key} PXAT {moment} FIELDS 1 {} {}", element(chance), word(chance));
    }
    match chance.below(100) {
        0..2 => return format!("DEL {key}"),
        2..5 => return format!("PEXPIREAT {key} {}", far(chance)),
        5..7 => return format!("PERSIST {key}"),
        // RENAME of a missing key is an error.
        7..10 if model.keys.contains_key(&key) => return format!("RENAME {key} {other}"),
        10..11 if model.keys.contains_key(&key) => return format!("RENAMENX {key} {other}"),
        11..13 if key != other => return format!("COPY {key} {other} REPLACE"),
        13..16 => return format!("MOVE {key} {aside}"),
        _ => {}
    }
    match kind {
        "text" => text(&key, writer, chance),
        "counter" => format!("INCRBY {key} {}", chance.below(1_000) as i64 - 500),
        "long" if chance.percent(50) => {
            format!("SETBIT {key} {} {}", chance.below(8 * LONG_BYTES), chance.below(2))
        }
        "long" => format!("SETRANGE {key} {} {}", chance.below(LONG_BYTES), word(chance)),
        "hash" => hash(&key, chance),
        "list" => list(&key, writer, model, chance),
        "set" if chance.percent(60) => format!("SADD {key} {} {}", element(chance), chance.below(ELEMENTS)),
        "set" => format!("SREM {key} {} {}", element(chance), chance.below(ELEMENTS)),
        _ => board(&key, chance),
    }
}

fn text(key: &str, writer: usize, chance: &mut Chance) -> String {
    match chance.below(8) {
        0 => format!("SET {key} {}", word(chance)),
        1 => format!("SET {key} {} PXAT {}", word(chance), far(chance)),
        2 => format!("SET {key} {} KEEPTTL", word(chance)),
        3 => format!("MSET {key} {} {} {}", word(chance), self::key("text", writer, chance), word(chance)),
        4 => format!("GETDEL {key}"),
        _ => format!("APPEND {key} {}", word(chance)),
    }
}

fn hash(key: &str, chance: &mut Chance) -> String {
    // Fields that are counted and fields that hold words are not the same.
    let counted = format!("c{}", chance.below(ELEMENTS));
    let field = if chance.percent(50) { element(chance) } else { counted.clone() };
    match chance.below(10) {
        0..3 => format!("HSET {key} {} {} {counted} {}", element(chance), word(chance), chance.below(1_000)),
        3..6 => format!("HINCRBY {key} {counted} {}", chance.below(1_000)),
        6 => format!("HDEL {key} {field} {}", element(chance)),
        7..9 => format!("HPEXPIREAT {key} {} FIELDS 1 {field}", far(chance)),
        _ => format!("HPERSIST {key} FIELDS 1 {field}"),
    }
}

fn list(key: &str, writer: usize, model: &Model, chance: &mut Chance) -> String {
    let length = match model.keys.get(key).map(|key| &key.value) {
        Some(Value::List(list)) => list.len(),
        _ => 0,
    };
    let (end, other_end) = (chance.pick(&["LEFT", "RIGHT"]), chance.pick(&["LEFT", "RIGHT"]));
    match chance.below(12) {
        0..2 => format!("LPUSH {key} {} {}", word(chance), word(chance)),
        2..4 => format!("RPUSH {key}{}", format!(" {}", word(chance)).repeat(1 + chance.below(20))),
        4 => format!("LPOP {key} {}", 1 + chance.below(3)),
        5 => format!("RPOP {key} {}", 1 + chance.below(3)),
        6 => format!("LTRIM {key} {} {}", chance.below(3), LIST_ELEMENTS),
        7 => format!("LREM {key} {} {}", 1 + chance.below(3), word(chance)),
        8 if length > 0 => format!("LSET {key} {} {}", chance.below(length), word(chance)),
        9 => format!("LINSERT {key} {} {} {}", chance.pick(&["BEFORE", "AFTER"]), word(chance), word(chance)),
        _ => format!("LMOVE {key} {} {end} {other_end}", self::key("list", writer, chance)),
    }
}

fn board(key: &str, chance: &mut Chance) -> String {
    let (score, member) = (chance.below(1_000_000), element(chance));
    match chance.below(10) {
        0..5 => format!("ZADD {key} {score} {member}"),
        5..7 => format!("ZINCRBY {key} {score} {member}"),
        7..9 => format!("ZREM {key} {member}"),
        _ => format!("ZPOPMIN {key}"),
    }
}

fn key(kind: &str, writer: usize, chance: &mut Chance) -> String {
    format!("{kind}:{writer}:{}", chance.below(KEYS))
}

fn element(chance: &mut Chance) -> String {
    format!("m{}", chance.below(ELEMENTS))
}

/// A word of up to eighty bytes. Few are different, so that LREM and LINSERT find them.
fn word(chance: &mut Chance) -> String {
    let length = chance.below(80);
    format!("{length:-<length$}")
}

fn far(chance: &mut Chance) -> usize {
    now() as usize + FAR_MS + chance.below(FAR_MS)
}
