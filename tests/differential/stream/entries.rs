//! Random commands on streams, their groups and what is pending, and how their replies are compared.
//!
//! Ids are given, or follow a last id in the far future: so they depend on no clock. Entries count as idle for years or not
//! at all.

use super::draw::{JUNK, STREAMS, key, maybe, member, score};
use crate::differential::Request;
use crate::support::chance::Chance;
use crate::support::reply::Reply;

const GROUPS: [&str; 3] = ["g", "h", "gone"];
const CONSUMERS: [&str; 3] = ["ann", "bob", "cid"];

/// Behind every id that the clock gives.
const FAR_MS: u64 = 33_000_000_000_000;

/// Times of deliveries are the present, or this moment of 1970.
const LONG_AGO_MS: &str = "5000";

/// Longer than a test, in milliseconds, and shorter than what is long ago.
const IDLE_MS: &str = "1000000000";

const ENDS: [&str; 8] = [
    "18446744073709551615-18446744073709551615",
    "18446744073709551615-18446744073709551614",
    "18446744073709551615-0",
    "18446744073709551615",
    "0-18446744073709551615",
    "0-1",
    "0-0",
    "0",
];

/// An id. Most are among those that streams have.
fn id(chance: &mut Chance) -> String {
    match chance.below(40) {
        0 => chance.pick(&ENDS).to_owned(),
        1 => chance.below(60).to_string(),
        2 => format!("{FAR_MS}-{}", chance.below(20)),
        _ => format!("{}-{}", chance.below(60), chance.below(4)),
    }
}

/// The id of a new entry.
fn new_id(chance: &mut Chance) -> String {
    match chance.below(60) {
        0..3 => chance.pick(&ENDS).to_owned(),
        3..20 => format!("{}-*", chance.below(80)),
        20..24 => format!("{FAR_MS}-*"),
        _ => format!("{}-{}", chance.below(80), chance.below(4)),
    }
}

fn ids(chance: &mut Chance, words: &mut Vec<String>) {
    words.extend((0..1 + chance.below(5)).map(|_| id(chance)));
}

/// An end of a range.
fn end(chance: &mut Chance, whole: &str) -> String {
    match chance.below(5) {
        0..2 => whole.to_owned(),
        2 => format!("({}", id(chance)),
        _ => id(chance),
    }
}

fn count(chance: &mut Chance, percent: usize, words: &mut Vec<String>) {
    if chance.percent(percent) {
        words.extend(["COUNT".to_owned(), (chance.below(9) as i64 - 1).to_string()]);
    }
}

fn references(chance: &mut Chance, words: &mut Vec<String>) {
    maybe(chance, 60, words, &["KEEPREF", "DELREF", "ACKED", "acked", "DELREF"]);
}

fn trimming(chance: &mut Chance, words: &mut Vec<String>) {
    let strategy = chance.pick(&["MAXLEN", "MAXLEN", "MINID", "minid"]).to_owned();
    let is_len = strategy == "MAXLEN";
    words.push(strategy);
    maybe(chance, 60, words, &["~", "=", "~"]);
    words.push(if is_len { (chance.below(30) as i64).to_string() } else { id(chance) });
    if chance.percent(20) {
        words.extend(["LIMIT".to_owned(), (chance.below(40) as i64 - 1).to_string()]);
    }
    if chance.percent(30) {
        references(chance, words);
    }
}

fn fields(chance: &mut Chance, words: &mut Vec<String>) {
    // Most entries have the names of the one before them.
    let names: &[&str] = if chance.percent(70) { &["user", "steps"] } else { &["user", "steps", "at"] };
    if chance.percent(80) {
        words.extend(names.iter().flat_map(|name| [(*name).to_owned(), score(chance)]));
    } else {
        words.extend((0..1 + chance.below(3)).flat_map(|_| [member(chance), member(chance)]));
    }
}

fn idle(chance: &mut Chance) -> String {
    if chance.percent(5) { chance.pick(&JUNK).to_owned() } else { chance.pick(&["0", IDLE_MS]).to_owned() }
}

/// The number of ids, and the ids.
fn counted_ids(chance: &mut Chance, words: &mut Vec<String>) {
    let mut list = Vec::new();
    ids(chance, &mut list);
    let stated = if chance.percent(5) { chance.below(6) } else { list.len() };
    words.extend(["IDS".to_owned(), stated.to_string()]);
    words.extend(list);
}

fn read(chance: &mut Chance, group: &str, consumer: &str) -> Vec<String> {
    let for_group = chance.percent(70);
    let mut words = if for_group {
        ["XREADGROUP", "GROUP", group, consumer].map(str::to_owned).to_vec()
    } else {
        vec!["XREAD".to_owned()]
    };
    count(chance, 60, &mut words);
    if chance.percent(5) {
        words.extend(["BLOCK", "1"].map(str::to_owned));
    }
    maybe(chance, if for_group { 15 } else { 0 }, &mut words, &["NOACK", "noack"]);
    words.push("STREAMS".to_owned());
    let streams = 1 + chance.below(3);
    words.extend((0..streams).map(|_| key(chance, &STREAMS)));
    words.extend((0..streams).map(|_| match (chance.below(10), for_group) {
        (0..7, true) => ">".to_owned(),
        (0..2, false) => "+".to_owned(),
        (2, false) => "$".to_owned(),
        _ => id(chance),
    }));
    words
}

fn of_group(chance: &mut Chance, stream: &str, group: &str, consumer: &str) -> Vec<String> {
    let words = |name: &str| name.split(' ').chain([stream, group]).map(str::to_owned).collect::<Vec<_>>();
    match chance.below(30) {
        0..4 => {
            let mut words = words("XGROUP CREATE");
            words.push(if chance.percent(30) { "$".to_owned() } else { id(chance) });
            maybe(chance, 50, &mut words, &["MKSTREAM", "mkstream"]);
            if chance.percent(20) {
                words.extend(["ENTRIESREAD".to_owned(), (chance.below(30) as i64 - 2).to_string()]);
            }
            words
        }
        4..6 => {
            let mut words = words("XGROUP SETID");
            words.push(if chance.percent(30) { "$".to_owned() } else { id(chance) });
            if chance.percent(40) {
                words.extend(["ENTRIESREAD".to_owned(), (chance.below(30) as i64 - 2).to_string()]);
            }
            words
        }
        6 if chance.percent(30) => words("XGROUP DESTROY"),
        6..8 => [words("XGROUP CREATECONSUMER"), vec![consumer.to_owned()]].concat(),
        8 => [words("XGROUP DELCONSUMER"), vec![consumer.to_owned()]].concat(),
        9..13 => {
            let mut words = words("XACK");
            ids(chance, &mut words);
            words
        }
        13..15 => {
            let mut words = words("XACKDEL");
            references(chance, &mut words);
            counted_ids(chance, &mut words);
            words
        }
        15 => words("XPENDING"),
        16..19 => {
            let mut words = words("XPENDING");
            if chance.percent(40) {
                words.extend(["IDLE".to_owned(), idle(chance)]);
            }
            words.extend([end(chance, "-"), end(chance, "+"), (chance.below(12) as i64 - 1).to_string()]);
            if chance.percent(40) {
                words.push(consumer.to_owned());
            }
            words
        }
        19..24 => {
            let mut words = words("XCLAIM");
            words.extend([consumer.to_owned(), idle(chance)]);
            ids(chance, &mut words);
            if chance.percent(40) {
                words.extend(["TIME", LONG_AGO_MS].map(str::to_owned));
            }
            if chance.percent(20) {
                words.extend(["RETRYCOUNT".to_owned(), (chance.below(9) as i64 - 1).to_string()]);
            }
            maybe(chance, 30, &mut words, &["FORCE", "force"]);
            maybe(chance, 30, &mut words, &["JUSTID"]);
            if chance.percent(10) {
                words.extend(["LASTID".to_owned(), id(chance)]);
            }
            words
        }
        24..27 => {
            let mut words = words("XAUTOCLAIM");
            words.extend([consumer.to_owned(), idle(chance), end(chance, "-")]);
            count(chance, 50, &mut words);
            maybe(chance, 30, &mut words, &["JUSTID"]);
            words
        }
        27 => words("XINFO CONSUMERS"),
        _ => ["XINFO", "GROUPS", stream].map(str::to_owned).to_vec(),
    }
}

pub(super) fn stream_command(chance: &mut Chance) -> Vec<String> {
    let stream = key(chance, &STREAMS);
    let (group, consumer) = (chance.pick(&GROUPS).to_owned(), chance.pick(&CONSUMERS).to_owned());
    match chance.below(60) {
        0..18 => {
            let mut words = vec!["XADD".to_owned(), stream];
            maybe(chance, 8, &mut words, &["NOMKSTREAM", "nomkstream"]);
            if chance.percent(25) {
                trimming(chance, &mut words);
            }
            words.push(new_id(chance));
            fields(chance, &mut words);
            words
        }
        18 => {
            let mut words = vec!["XTRIM".to_owned(), stream];
            trimming(chance, &mut words);
            words
        }
        19..21 => {
            let mut words = vec!["XDEL".to_owned(), stream];
            ids(chance, &mut words);
            words
        }
        21..23 => {
            let mut words = vec!["XDELEX".to_owned(), stream];
            references(chance, &mut words);
            counted_ids(chance, &mut words);
            words
        }
        23 => vec!["XLEN".to_owned(), stream],
        24..26 => {
            let mut words = vec!["XRANGE".to_owned(), stream, end(chance, "-"), end(chance, "+")];
            count(chance, 40, &mut words);
            words
        }
        26 => {
            let mut words = vec!["XREVRANGE".to_owned(), stream, end(chance, "+"), end(chance, "-")];
            count(chance, 40, &mut words);
            words
        }
        27 => {
            let mut words = vec!["XSETID".to_owned(), stream, id(chance)];
            if chance.percent(40) {
                words.extend(["ENTRIESADDED".to_owned(), (chance.below(60) as i64 - 1).to_string()]);
            }
            if chance.percent(30) {
                words.extend(["MAXDELETEDID".to_owned(), id(chance)]);
            }
            words
        }
        28 => vec!["XINFO".to_owned(), "STREAM".to_owned(), stream],
        29 => {
            let mut words = vec!["XINFO".to_owned(), "STREAM".to_owned(), stream, "FULL".to_owned()];
            count(chance, 60, &mut words);
            words
        }
        30 if chance.percent(30) => vec!["DEL".to_owned(), stream],
        30..42 => read(chance, &group, &consumer),
        _ => of_group(chance, &stream, &group, &consumer),
    }
}

/// Whether a read would wait for longer than a moment.
pub(super) fn waits_long(words: &[String]) -> bool {
    let waits = |pair: &[String]| {
        pair[0].eq_ignore_ascii_case("BLOCK") && pair[1].parse::<i64>().is_ok_and(|ms| !(1..=5).contains(&ms))
    };
    words.windows(2).any(waits)
}

/// All of a stream, for a comparison.
pub(in crate::differential) fn whole(key: &[u8]) -> Request {
    [b"XINFO", &b"STREAM"[..], key, b"FULL", b"COUNT", b"0"].map(<[u8]>::to_vec).to_vec()
}

/// A reply to XINFO or XPENDING without the moments of the test, and without the nodes of Redis's tree.
pub(in crate::differential) fn without_moments(request: &Request, reply: &Reply) -> Reply {
    if !request[0].eq_ignore_ascii_case(b"XINFO") {
        return without_idle(reply);
    }
    // A restored stream, at another key, has other blocks than the one that was dumped.
    let has_own_blocks = request.get(2).is_some_and(|key| STREAMS.iter().any(|own| own.as_bytes() == key));
    let hidden: &[&[u8]] = &[b"radix-tree-nodes", b"radix-tree-keys"];
    without_times(reply, &hidden[..if has_own_blocks { 1 } else { 2 }])
}

/// Times that are long ago stay; times of the test are one.
fn moment(time_ms: i64) -> Reply {
    const TEST_MS: i64 = 1_600_000_000_000;
    Reply::Integer(if time_ms > TEST_MS { TEST_MS } else { time_ms })
}

fn without_idle(reply: &Reply) -> Reply {
    let row = |row: &Reply| match row.items() {
        [id, consumer, Reply::Integer(idle_ms), deliveries] => {
            let is_long = Reply::Integer(idle_ms / 1_000_000_000);
            Reply::Array(vec![id.clone(), consumer.clone(), is_long, deliveries.clone()])
        }
        _ => row.clone(),
    };
    match reply {
        Reply::Array(rows) => Reply::Array(rows.iter().map(row).collect()),
        other => other.clone(),
    }
}

/// `hidden` are the fields that are not compared.
fn without_times(reply: &Reply, hidden: &[&[u8]]) -> Reply {
    let mut last: &[u8] = b"";
    let changed = reply.items().iter().map(|item| {
        let name = std::mem::replace(&mut last, if let Reply::Bulk(name) = item { name } else { b"" });
        match (name, item) {
            (name, _) if hidden.contains(&name) => Reply::Null,
            (b"idle", Reply::Integer(_)) => Reply::Integer(0),
            (b"inactive", Reply::Integer(ms)) => Reply::Integer((*ms).clamp(-1, 0)),
            (b"seen-time" | b"active-time", Reply::Integer(ms)) => moment(*ms),
            // What clients have written is compared as it is.
            (b"entries" | b"first-entry" | b"last-entry" | b"name", content) => content.clone(),
            (b"pending", Reply::Array(rows)) => Reply::Array(rows.iter().map(delivered).collect()),
            (_, Reply::Array(_) | Reply::Map(_)) => without_times(item, hidden),
            (_, leaf) => leaf.clone(),
        }
    });
    let changed: Vec<Reply> = changed.collect();
    match reply {
        Reply::Array(_) => Reply::Array(changed),
        Reply::Map(_) => Reply::Map(changed),
        other => other.clone(),
    }
}

/// A pending entry.
fn delivered(row: &Reply) -> Reply {
    match row.items() {
        [front @ .., Reply::Integer(time_ms), deliveries] => {
            Reply::Array([front, &[moment(*time_ms), deliveries.clone()]].concat())
        }
        _ => row.clone(),
    }
}
