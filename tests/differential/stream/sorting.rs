//! Random SORT and SORT_RO. Their orders are compared by [`same_order`].
//!
//! Where Redis leaves an order to its sorting function or to the order of hashes, a command has no LIMIT and no STORE: the
//! part that they take would be undefined too.

use super::draw::{BOARDS, HASHES, LISTS, SETS, STRINGS, key, maybe, score};
use crate::differential::Request;
use crate::support::chance::Chance;
use crate::support::reply::Reply;

/// A list, a set and a sorted set of numbers, which no other commands touch.
pub(super) const NUMBERS: [&str; 3] = ["n0", "n1", "n2"];
const LIST: &[u8] = b"n0";
const SORTED_SET: &[u8] = b"n2";

/// Goes before each SORT. Redis 8.2.3 takes a number for out of range if `errno` still says so from an earlier command,
/// XDEL of the id 99999999999999999999-0 for one; the cursor that is no number clears `errno`.
pub(super) const WITHOUT_RANGE_ERROR: [&[u8]; 2] = [b"SCAN", b"no cursor"];

pub(super) fn sorts(words: &[String]) -> bool {
    ["SORT", "SORT_RO"].iter().any(|name| words[0].eq_ignore_ascii_case(name))
}

fn number(chance: &mut Chance) -> String {
    match chance.below(12) {
        0 => chance.pick(&["1.0", "01", "+1", "1e1", "-0", "0", "inf", "-inf", ".5", "1e-400"]).to_owned(),
        1 => score(chance),
        _ => (chance.below(40) as i64 - 10).to_string(),
    }
}

/// An element for which a weight may exist. The empty one has none: under ALPHA it is equal to one that begins with NUL.
fn weighed(chance: &mut Chance) -> String {
    if chance.percent(50) { number(chance) } else { format!("m{}", chance.below(40)) }
}

/// Fills what is sorted, and what it is sorted by.
fn filling(chance: &mut Chance) -> Vec<String> {
    let [list, set, ranking] = NUMBERS.map(str::to_owned);
    let count = 1 + chance.below(8);
    let mut words = match chance.below(8) {
        0 => vec!["RPUSH".to_owned(), list],
        1 => vec!["SADD".to_owned(), set],
        2 => {
            let mut words = vec!["ZADD".to_owned(), ranking];
            words.extend((0..count).flat_map(|_| [score(chance), number(chance)]));
            return words;
        }
        3 => {
            let name = chance.pick(&["LTRIM n0 2 20", "SREM n1 3 4 5 6 7", "ZREMRANGEBYRANK n2 0 3"]);
            return super::draw::words(name);
        }
        4 => {
            let field = chance.pick(&["f", "f", "g", ""]).to_owned();
            return vec!["HSET".to_owned(), format!("h_{}", weighed(chance)), field, number(chance)];
        }
        5 => {
            let name = chance.pick(&["DEL", "RPUSH"]);
            let mut words = vec![name.to_owned(), format!("w_{}", weighed(chance))];
            if name == "RPUSH" {
                words.push("1".to_owned());
            }
            return words;
        }
        _ => {
            let mut words = vec!["MSET".to_owned()];
            for _ in 0..count {
                let value = if chance.percent(95) { number(chance) } else { weighed(chance) };
                words.extend([format!("w_{}", weighed(chance)), value]);
            }
            return words;
        }
    };
    words.extend((0..count).map(|_| number(chance)));
    words
}

fn pattern(chance: &mut Chance) -> String {
    chance
        .pick(&["w_*", "w_*", "w_*", "h_*->f", "h_*->f", "h_*->g", "h_*->", "h_*", "w_*->f", "*"])
        .to_owned()
}

fn sorted_key(chance: &mut Chance) -> String {
    match chance.below(20) {
        0..11 => chance.pick(&NUMBERS).to_owned(),
        11..14 => chance.pick(&LISTS).to_owned(),
        14..16 => chance.pick(&SETS).to_owned(),
        16..18 => chance.pick(&BOARDS).to_owned(),
        18 => chance.pick(&["nothing", HASHES[0], STRINGS[0]]).to_owned(),
        _ => key(chance, &LISTS),
    }
}

fn bound(chance: &mut Chance) -> String {
    match chance.below(12) {
        0 => "-1".to_owned(),
        1 => chance
            .pick(&["9223372036854775807", "-9223372036854775808", "x", "9223372036854775808"])
            .to_owned(),
        _ => chance.below(12).to_string(),
    }
}

pub(super) fn sort_command(chance: &mut Chance) -> Vec<String> {
    if chance.percent(30) {
        return filling(chance);
    }
    let key = sorted_key(chance);
    let is_alpha = chance.percent(40);
    let by = match chance.below(10) {
        0..4 => None,
        4..6 => Some(chance.pick(&["nosort", "", "w_", "#"]).to_owned()),
        _ => Some(pattern(chance)),
    };
    let stores = chance.percent(25);
    let is_left_open = match &by {
        None => false,
        Some(by) if by.contains('*') => is_alpha,
        Some(_) => !stores && ![LIST, SORTED_SET].contains(&key.as_bytes()),
    };
    let mut options: Vec<Vec<String>> = Vec::new();
    if is_alpha {
        options.push(vec![chance.pick(&["ALPHA", "alpha"]).to_owned()]);
    }
    if let Some(by) = by {
        options.push(vec![chance.pick(&["BY", "by"]).to_owned(), by]);
    }
    for _ in 0..chance.below(6).saturating_sub(2) {
        let mut got = if chance.percent(40) { "#".to_owned() } else { pattern(chance) };
        // The key of the empty name may exist: under ALPHA its element may be on either side of one that begins with NUL.
        if is_alpha && got == "*" {
            got = "#".to_owned();
        }
        options.push(vec![chance.pick(&["GET", "get"]).to_owned(), got]);
    }
    if chance.percent(40) {
        options.push(vec![chance.pick(&["DESC", "desc", "ASC"]).to_owned()]);
    }
    if !is_left_open && chance.percent(40) {
        options.push(vec!["LIMIT".to_owned(), bound(chance), bound(chance)]);
    }
    if !is_left_open && stores {
        options.push(vec!["STORE".to_owned(), chance.pick(&["l2", "d", "d", "c1", "s1"]).to_owned()]);
    }
    // The options in any order; of several GETs the order counts.
    let turn = chance.below(options.len().max(1));
    options.rotate_left(turn);
    let mut words = vec![chance.pick(&["SORT", "SORT", "SORT_RO"]).to_owned(), key];
    words.extend(options.into_iter().flatten());
    if chance.percent(4) {
        maybe(chance, 100, &mut words, &["LIMIT", "STORE", "BY", "GET", "x", "NX", "WITHSCORES"]);
    }
    if chance.percent(3) {
        drop(words.splice(0..0, ["COMMAND".to_owned(), "GETKEYS".to_owned()]));
    }
    words
}

/// Whether the replies to a SORT are equal, up to the order that Redis leaves open: of equal texts, and of the members of a
/// set that is not sorted.
pub(in crate::differential) fn same_order(request: &Request, ours: &Reply, theirs: &Reply) -> bool {
    let options = request.get(2..).unwrap_or_default();
    let place = |word: &[u8]| options.iter().position(|option| option.eq_ignore_ascii_case(word));
    let is_alpha = place(b"ALPHA").is_some();
    let is_of = |keys: &[&[u8]]| keys.contains(&request[1].as_slice());
    let is_defined = match place(b"BY").and_then(|at| options.get(at + 1)) {
        // Without STORE, texts are equal if they are up to a NUL.
        None => return up_to_nul(ours, is_alpha) == up_to_nul(theirs, is_alpha),
        Some(pattern) if pattern.contains(&b'*') => !is_alpha || is_of(&[LIST]),
        Some(_) => is_of(&[LIST, SORTED_SET]),
    };
    let columns = options.iter().filter(|option| option.eq_ignore_ascii_case(b"GET")).count().max(1);
    let rows = |reply: &Reply| match reply {
        Reply::Array(items) => {
            Reply::Array(items.chunks(columns).map(|row| Reply::Array(row.to_vec())).collect()).unordered()
        }
        other => other.clone(),
    };
    if is_defined { ours == theirs } else { rows(ours) == rows(theirs) }
}

fn up_to_nul(reply: &Reply, is_alpha: bool) -> Reply {
    match reply {
        Reply::Bulk(text) if is_alpha => {
            Reply::Bulk(text.split(|byte| *byte == 0).next().unwrap_or_default().to_vec())
        }
        Reply::Array(items) => Reply::Array(items.iter().map(|item| up_to_nul(item, is_alpha)).collect()),
        other => other.clone(),
    }
}
