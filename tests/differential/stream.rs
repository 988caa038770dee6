//! Random command streams: every command that Redis has too, well-formed and broken, on keys of every type.
//!
//! What is left out is what two right servers may answer differently: order by hash, what is drawn by chance, clocks to the millisecond, ranges by
//! member over mixed scores, a negative LIMIT offset (in Redis it depends on the encoding), how long an expired key that
//! nobody asks for is still counted.

use super::Request;
use crate::support::chance::Chance;

/// Keys by what they usually hold. A few commands in a hundred pick from all of them.
const BOARDS: [&str; 4] = ["b0", "b1", "b2", "big"];
const SETS: [&str; 2] = ["s0", "s1"];
const LISTS: [&str; 3] = ["l0", "l1", "l2"];
const STRINGS: [&str; 2] = ["c0", "c1"];
/// Holds members of equal score only, so that ranges by member are defined.
const LEX: &str = "lex";

const SCORES: [&str; 22] = [
    "0",
    "-0",
    "0.1",
    "1.1",
    "-1.5",
    "2.5",
    "1e-7",
    "3.0",
    "1e20",
    "1e21",
    "123456789012345678",
    "9007199254740993",
    "4611686018427387904",
    "inf",
    "-inf",
    "+inf",
    "0x10",
    "5e-324",
    "1e308",
    "1e17",
    "0.30000000000000004",
    "1e3",
];
const JUNK: [&str; 16] = [
    "x",
    "",
    "nan",
    "-1",
    "99999999999999999999",
    "(",
    "[",
    "1.5",
    "0",
    " 1",
    "-9223372036854775808",
    "9223372036854775807",
    "NX",
    "LIMIT",
    "WITHSCORES",
    "(1",
];

pub(super) fn generate(chance: &mut Chance, length: usize) -> Vec<Request> {
    let mut stream = Vec::with_capacity(length);
    if chance.percent(60) {
        let mut fill = vec!["ZADD".to_owned(), "big".to_owned()];
        for number in 0..130 + chance.below(300) {
            fill.extend([chance.below(50).to_string(), format!("m{number}")]);
        }
        stream.push(fill.into_iter().map(String::into_bytes).collect());
    }
    while stream.len() < length {
        let mut words = command(chance);
        // A walk with its COUNT broken off would show the hash table's own steps; COMMAND alone is each server's list.
        let breakable =
            !matches!(words[0].as_str(), "SCAN" | "ZSCAN" | "COMMAND") && !words.contains(&LEX.to_owned());
        if breakable && chance.percent(8) {
            break_somewhere(chance, &mut words);
        }
        if chance.percent(10) {
            words[0] = words[0].to_lowercase();
        }
        if !negative_offset(&words) && !ends_soon(&words) && !is_cut_place(&words) {
            stream.push(words.iter().map(|word| member_bytes(word)).collect());
        }
    }
    stream
}

/// Members that need more than letters are written by a name.
fn member_bytes(word: &str) -> Vec<u8> {
    match word {
        "<bytes>" => b"\x00\xff\r\n".to_vec(),
        "<long>" => vec![b'l'; 300],
        other => other.as_bytes().to_vec(),
    }
}

fn negative_offset(words: &[String]) -> bool {
    let limit = words.iter().position(|word| word.eq_ignore_ascii_case("LIMIT"));
    limit.and_then(|at| words.get(at + 1)).is_some_and(|offset| offset.starts_with('-'))
}

/// A place of which Redis's LSET takes the lower 32 bits, and sets what stands there.
fn is_cut_place(words: &[String]) -> bool {
    let place = words.get(2).and_then(|place| place.parse::<i64>().ok());
    words[0].eq_ignore_ascii_case("LSET") && place.is_some_and(|place| i32::try_from(place).is_err())
}

/// A lifetime that would end while the stream runs: two clocks would decide what the reply is.
fn ends_soon(words: &[String]) -> bool {
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<i64>().ok());
    match words[0].to_ascii_uppercase().as_str() {
        // A broken one might wait for ever.
        "BZPOPMIN" | "BZPOPMAX" | "BLPOP" | "BRPOP" | "BLMOVE" | "BRPOPLPUSH" => {
            number(words.len() - 1).is_some()
        }
        "BZMPOP" | "BLMPOP" => number(1).is_some(),
        "EXPIRE" => number(2).is_some_and(|value| (1..10_000).contains(&value)),
        "PEXPIRE" => number(2).is_some_and(|value| (1..10_000_000).contains(&value)),
        "SET" => words.iter().enumerate().any(|(at, word)| {
            let least = match word.to_ascii_uppercase().as_str() {
                "EX" => 10_000,
                "PX" => 10_000_000,
                "EXAT" => 33_000_000_000,
                "PXAT" => 33_000_000_000_000,
                _ => return false,
            };
            number(at + 1).is_some_and(|value| (1..least).contains(&value))
        }),
        _ => false,
    }
}

fn break_somewhere(chance: &mut Chance, words: &mut Vec<String>) {
    let at = chance.below(words.len());
    match chance.below(6) {
        0 if words.len() > 1 => {
            words.remove(at.max(1));
        }
        1 => words.insert(at + 1, chance.pick(&JUNK).to_owned()),
        2 if words.len() > 2 => {
            let other = 1 + chance.below(words.len() - 1);
            words.swap(at.max(1), other);
        }
        3 => words.truncate(1 + at),
        4 => words.push(words[at].clone()),
        _ if words.len() > 1 => words[at.max(1)] = chance.pick(&JUNK).to_owned(),
        _ => words.push(chance.pick(&JUNK).to_owned()),
    }
}

fn key(chance: &mut Chance, usual: &[&str]) -> String {
    let all = [&BOARDS[..], &SETS, &LISTS, &STRINGS, &["nothing"]].concat();
    if chance.percent(4) { chance.pick(&all).to_owned() } else { chance.pick(usual).to_owned() }
}

fn member(chance: &mut Chance) -> String {
    match chance.below(30) {
        0 => String::new(),
        1 => "<bytes>".to_owned(),
        2 => "<long>".to_owned(),
        3 => "12".to_owned(),
        4 => "-5".to_owned(),
        _ => format!("m{}", chance.below(40)),
    }
}

fn score(chance: &mut Chance) -> String {
    match chance.below(10) {
        0..6 => (chance.below(12) as i64 - 3).to_string(),
        6 => format!("{}.{}", chance.below(1000), chance.below(1000)),
        7 => f64::from_bits(chance.next()).to_string().replace("NaN", "7"),
        _ => chance.pick(&SCORES).to_owned(),
    }
}

/// An end of a range of scores.
fn bound(chance: &mut Chance) -> String {
    let exclusive = if chance.percent(30) { "(" } else { "" };
    match chance.below(4) {
        0 => format!("{exclusive}-inf"),
        1 => format!("{exclusive}+inf"),
        _ => format!("{exclusive}{}", score(chance)),
    }
}

fn lex_bound(chance: &mut Chance) -> String {
    match chance.below(6) {
        0 => "-".to_owned(),
        1 => "+".to_owned(),
        2 => format!("({}", member(chance).replace('<', "x")),
        _ => format!("[{}", member(chance).replace('<', "x")),
    }
}

fn index(chance: &mut Chance) -> String {
    match chance.below(12) {
        0 => "99999999999".to_owned(),
        1 => "-99999999999".to_owned(),
        2 => (chance.below(400) as i64 - 200).to_string(),
        _ => (chance.below(24) as i64 - 12).to_string(),
    }
}

/// A lifetime, in seconds, long enough not to end in a test, and seldom the same twice.
fn lifetime_s(chance: &mut Chance) -> u64 {
    20_000 + 10 * chance.below(1_000_000) as u64
}

/// A moment far away, in unix seconds.
fn moment_s(chance: &mut Chance) -> u64 {
    33_000_000_000 + lifetime_s(chance)
}

fn maybe(chance: &mut Chance, percent: usize, words: &mut Vec<String>, options: &[&str]) {
    if chance.percent(percent) {
        words.push(chance.pick(options).to_owned());
    }
}

fn limit(chance: &mut Chance, percent: usize, words: &mut Vec<String>) {
    if chance.percent(percent) {
        let count = chance.below(12) as i64 - 2;
        words.extend(["LIMIT".to_owned(), chance.below(8).to_string(), count.to_string()]);
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// One well-formed command.
fn command(chance: &mut Chance) -> Vec<String> {
    match chance.below(126) {
        108.. => list_command(chance),
        100..105 => transaction_command(chance),
        105..108 => waiting_command(chance),
        0..46 => ranking_command(chance),
        46..58 => many_keys_command(chance),
        58..64 => lex_command(chance),
        64..76 => set_command(chance),
        76..86 => string_command(chance),
        86..94 => lifetime_command(chance),
        _ => key_command(chance),
    }
}

/// What begins a transaction comes as often as what ends one, so that about half of a stream is in one.
fn transaction_command(chance: &mut Chance) -> Vec<String> {
    match chance.below(12) {
        0..4 => words("MULTI"),
        4..8 => words("EXEC"),
        8 => words("DISCARD"),
        9 => words("UNWATCH"),
        _ => {
            let mut words = words("WATCH");
            words.extend((0..1 + chance.below(2)).map(|_| source(chance)));
            words
        }
    }
}

/// Blocking commands, with times so short that a stream is not held up.
fn waiting_command(chance: &mut Chance) -> Vec<String> {
    let timeout = chance.pick(&["0.001", "1e-3", "0.0001", ".002"]).to_owned();
    match chance.below(6) {
        3 => {
            let mut words = vec![chance.pick(&["BLPOP", "BRPOP"]).to_owned()];
            words.extend((0..1 + chance.below(3)).map(|_| key(chance, &LISTS)));
            words.push(timeout);
            words
        }
        4 => {
            let mut words = vec!["BLMPOP".to_owned(), timeout, "1".to_owned(), key(chance, &LISTS)];
            maybe(chance, 95, &mut words, &["LEFT", "RIGHT", "right"]);
            if chance.percent(40) {
                words.extend(["COUNT".to_owned(), chance.below(5).to_string()]);
            }
            words
        }
        5 => {
            let mut words = vec!["BLMOVE".to_owned(), key(chance, &LISTS), key(chance, &LISTS)];
            words.extend((0..2).map(|_| chance.pick(&["LEFT", "RIGHT", "left"]).to_owned()));
            words.push(timeout);
            words
        }
        0 => {
            let mut words = vec!["BZMPOP".to_owned(), timeout];
            sources(chance, &mut words);
            maybe(chance, 95, &mut words, &["MIN", "MAX", "max"]);
            if chance.percent(40) {
                words.extend(["COUNT".to_owned(), chance.below(5).to_string()]);
            }
            words
        }
        _ => {
            let mut words = vec![chance.pick(&["BZPOPMIN", "BZPOPMAX"]).to_owned()];
            words.extend((0..1 + chance.below(3)).map(|_| source(chance)));
            words.push(timeout);
            words
        }
    }
}

fn list_command(chance: &mut Chance) -> Vec<String> {
    let list = key(chance, &LISTS);
    let element = member(chance);
    let end = |chance: &mut Chance| chance.pick(&["LEFT", "RIGHT", "left", "Right"]).to_owned();
    match chance.below(30) {
        0..9 => {
            let name = chance.pick(&["LPUSH", "RPUSH", "LPUSH", "RPUSH", "LPUSHX", "RPUSHX"]).to_owned();
            let mut words = vec![name, list];
            words.extend((0..1 + chance.below(6)).map(|_| member(chance)));
            words
        }
        9..12 => {
            let mut words = vec![chance.pick(&["LPOP", "RPOP"]).to_owned(), list];
            if chance.percent(60) {
                words.push((chance.below(6) as i64 - 1).to_string());
            }
            words
        }
        12 => vec!["LLEN".to_owned(), list],
        13..16 => vec!["LRANGE".to_owned(), list, index(chance), index(chance)],
        16 => vec!["LINDEX".to_owned(), list, index(chance)],
        17..19 => vec!["LSET".to_owned(), list, index(chance), element],
        19..21 => {
            let side = chance.pick(&["BEFORE", "AFTER", "after"]).to_owned();
            vec!["LINSERT".to_owned(), list, side, element, member(chance)]
        }
        21..23 => vec!["LREM".to_owned(), list, (chance.below(7) as i64 - 3).to_string(), element],
        23 if chance.percent(30) => vec!["LTRIM".to_owned(), list, index(chance), index(chance)],
        23..26 => {
            let mut words = vec!["LPOS".to_owned(), list, element];
            for (option, percent) in [("RANK", 40), ("COUNT", 40), ("MAXLEN", 30)] {
                if chance.percent(percent) {
                    words.extend([option.to_owned(), (chance.below(6) as i64 - 2).to_string()]);
                }
            }
            words
        }
        26..28 => {
            let to = key(chance, &LISTS);
            let (from_end, to_end) = (end(chance), end(chance));
            vec!["LMOVE".to_owned(), list, to, from_end, to_end]
        }
        28 => vec!["RPOPLPUSH".to_owned(), list, key(chance, &LISTS)],
        _ => {
            let mut words = vec!["LMPOP".to_owned(), "2".to_owned(), list, key(chance, &LISTS), end(chance)];
            if chance.percent(50) {
                words.extend(["COUNT".to_owned(), chance.below(5).to_string()]);
            }
            words
        }
    }
}

fn ranking_command(chance: &mut Chance) -> Vec<String> {
    let board = key(chance, &BOARDS);
    let member_of = member(chance);
    match chance.below(40) {
        0..12 => {
            let mut words = vec!["ZADD".to_owned(), board];
            maybe(chance, 15, &mut words, &["NX", "XX", "nx"]);
            maybe(chance, 15, &mut words, &["GT", "LT", "gt"]);
            maybe(chance, 20, &mut words, &["CH", "ch"]);
            maybe(chance, 12, &mut words, &["INCR"]);
            let pairs = if words.contains(&"INCR".to_owned()) { 1 } else { 1 + chance.below(4) };
            for _ in 0..pairs {
                words.extend([score(chance), member(chance)]);
            }
            words
        }
        12..15 => vec!["ZINCRBY".to_owned(), board, score(chance), member_of],
        15..17 => {
            let mut words = vec!["ZREM".to_owned(), board];
            words.extend((0..1 + chance.below(3)).map(|_| member(chance)));
            words
        }
        17 => vec!["ZCARD".to_owned(), board],
        18 => vec!["ZSCORE".to_owned(), board, member_of],
        19 => {
            let mut words = vec!["ZMSCORE".to_owned(), board];
            words.extend((0..1 + chance.below(5)).map(|_| member(chance)));
            words
        }
        20..23 => {
            let mut words = vec![chance.pick(&["ZRANK", "ZREVRANK"]).to_owned(), board, member_of];
            maybe(chance, 40, &mut words, &["WITHSCORE"]);
            words
        }
        23 => vec!["ZCOUNT".to_owned(), board, bound(chance), bound(chance)],
        24..28 => {
            let mut words = vec!["ZRANGE".to_owned(), board, index(chance), index(chance)];
            maybe(chance, 30, &mut words, &["REV"]);
            maybe(chance, 50, &mut words, &["WITHSCORES", "withscores"]);
            words
        }
        28..31 => {
            let mut words =
                vec!["ZRANGE".to_owned(), board, bound(chance), bound(chance), "BYSCORE".to_owned()];
            maybe(chance, 40, &mut words, &["REV"]);
            limit(chance, 40, &mut words);
            maybe(chance, 50, &mut words, &["WITHSCORES"]);
            words
        }
        31 => {
            let mut words = vec!["ZREVRANGE".to_owned(), board, index(chance), index(chance)];
            maybe(chance, 50, &mut words, &["WITHSCORES"]);
            words
        }
        32..34 => {
            let name = chance.pick(&["ZRANGEBYSCORE", "ZREVRANGEBYSCORE"]).to_owned();
            let mut words = vec![name, board, bound(chance), bound(chance)];
            limit(chance, 40, &mut words);
            maybe(chance, 50, &mut words, &["WITHSCORES"]);
            words
        }
        34 => {
            let start = index(chance);
            let end = if chance.percent(80) { start.clone() } else { index(chance) };
            vec!["ZREMRANGEBYRANK".to_owned(), board, start, end]
        }
        35 => {
            let low = score(chance);
            let high = if chance.percent(70) { low.clone() } else { bound(chance) };
            vec!["ZREMRANGEBYSCORE".to_owned(), board, low, high]
        }
        36..38 => {
            let mut words = vec![chance.pick(&["ZPOPMIN", "ZPOPMAX"]).to_owned(), board];
            if chance.percent(60) {
                words.push((chance.below(6) as i64 - 1).to_string());
            }
            words
        }
        38 => vec!["ZSCORE".to_owned(), board, member_of],
        _ => words("COMMAND GETKEYS ZADD b0 1 a 2 b"),
    }
}

/// A key of any kind that a union takes, sometimes of one that it does not.
fn source(chance: &mut Chance) -> String {
    match chance.below(40) {
        0 => chance.pick(&STRINGS).to_owned(),
        1..5 => "nothing".to_owned(),
        5..14 => chance.pick(&SETS).to_owned(),
        14 => LEX.to_owned(),
        _ => chance.pick(&BOARDS).to_owned(),
    }
}

/// How many keys, and the keys.
fn sources(chance: &mut Chance, words: &mut Vec<String>) -> usize {
    let count = 1 + chance.below(4);
    let stated = if chance.percent(4) { chance.below(6) } else { count };
    words.push(stated.to_string());
    words.extend((0..count).map(|_| source(chance)));
    count
}

fn weights_and_aggregate(chance: &mut Chance, count: usize, words: &mut Vec<String>) {
    let mut options = [0, 1];
    if chance.percent(50) {
        options.reverse();
    }
    for option in options {
        if option == 0 && chance.percent(40) {
            words.push(chance.pick(&["WEIGHTS", "weights"]).to_owned());
            words.extend((0..count).map(|_| score(chance)));
        }
        if option == 1 && chance.percent(50) {
            words.push(chance.pick(&["AGGREGATE", "aggregate"]).to_owned());
            words.push(chance.pick(&["SUM", "MIN", "MAX", "sum", "min", "max", "avg"]).to_owned());
        }
    }
}

/// Commands on several keys, and those whose replies are drawn or walked.
fn many_keys_command(chance: &mut Chance) -> Vec<String> {
    let destination = key(chance, &["b0", "b1", "b2", "big", "d"]);
    let board = key(chance, &BOARDS);
    match chance.below(24) {
        0..6 => {
            let mut words = vec![chance.pick(&["ZUNION", "ZINTER"]).to_owned()];
            let count = sources(chance, &mut words);
            if chance.percent(50) {
                words.push("WITHSCORES".to_owned());
            }
            weights_and_aggregate(chance, count, &mut words);
            maybe(chance, 30, &mut words, &["WITHSCORES", "withscores"]);
            words
        }
        6..10 => {
            let mut words = vec![chance.pick(&["ZUNIONSTORE", "ZINTERSTORE"]).to_owned(), destination];
            let count = sources(chance, &mut words);
            weights_and_aggregate(chance, count, &mut words);
            maybe(chance, 4, &mut words, &["WITHSCORES", "LIMIT"]);
            words
        }
        10..12 => {
            let mut words = vec!["ZDIFF".to_owned()];
            sources(chance, &mut words);
            maybe(chance, 50, &mut words, &["WITHSCORES", "WEIGHTS", "withscores"]);
            words
        }
        12 => {
            let mut words = vec!["ZDIFFSTORE".to_owned(), destination];
            sources(chance, &mut words);
            maybe(chance, 4, &mut words, &["WITHSCORES", "WEIGHTS"]);
            words
        }
        13..15 => {
            let mut words = vec!["ZINTERCARD".to_owned()];
            sources(chance, &mut words);
            if chance.percent(50) {
                words.extend(["LIMIT".to_owned(), (chance.below(60) as i64 - 1).to_string()]);
            }
            words
        }
        15..18 => {
            let mut words = vec!["ZRANGESTORE".to_owned(), destination, board];
            if chance.percent(40) {
                words.extend([index(chance), index(chance)]);
                maybe(chance, 30, &mut words, &["REV"]);
            } else {
                words.extend([bound(chance), bound(chance), "BYSCORE".to_owned()]);
                maybe(chance, 40, &mut words, &["REV"]);
                limit(chance, 40, &mut words);
            }
            maybe(chance, 4, &mut words, &["WITHSCORES", "BYLEX", "REV"]);
            words
        }
        18..20 => {
            let mut words = vec!["ZMPOP".to_owned()];
            sources(chance, &mut words);
            maybe(chance, 96, &mut words, &["MIN", "MAX", "min"]);
            if chance.percent(50) {
                words.extend(["COUNT".to_owned(), (chance.below(8) as i64 - 1).to_string()]);
            }
            words
        }
        20..22 => {
            let mut words = vec!["ZSCAN".to_owned(), board, "0".to_owned()];
            words.extend(["COUNT".to_owned(), "100000".to_owned()]);
            if chance.percent(40) {
                words.extend(["MATCH".to_owned(), chance.pick(&["m1*", "*", "m?", "[^m]*", ""]).to_owned()]);
            }
            words
        }
        22 => {
            // Drawn by chance: only how many there are can be compared, unless all are drawn.
            let mut words = vec!["ZRANDMEMBER".to_owned(), board];
            if chance.percent(80) {
                words.push(if chance.percent(50) { "100000" } else { "-3" }.to_owned());
                maybe(chance, 50, &mut words, &["WITHSCORES", "withscores"]);
            }
            words
        }
        _ => {
            let mut words = words("COMMAND GETKEYS ZUNIONSTORE d");
            sources(chance, &mut words);
            words
        }
    }
}

fn lex_command(chance: &mut Chance) -> Vec<String> {
    let lex = LEX.to_owned();
    match chance.below(10) {
        0..4 => vec!["ZADD".to_owned(), lex, "0".to_owned(), member(chance)],
        4 => vec!["ZREM".to_owned(), lex, member(chance)],
        5 => vec!["ZLEXCOUNT".to_owned(), lex, lex_bound(chance), lex_bound(chance)],
        6 => {
            let start = lex_bound(chance);
            vec!["ZREMRANGEBYLEX".to_owned(), lex, start.clone(), start]
        }
        7 => {
            let name = chance.pick(&["ZRANGEBYLEX", "ZREVRANGEBYLEX"]).to_owned();
            let mut words = vec![name, lex, lex_bound(chance), lex_bound(chance)];
            limit(chance, 40, &mut words);
            words
        }
        8 => {
            let mut words = vec!["ZRANGESTORE".to_owned(), "d".to_owned(), lex];
            words.extend([lex_bound(chance), lex_bound(chance), "BYLEX".to_owned()]);
            maybe(chance, 40, &mut words, &["REV"]);
            limit(chance, 40, &mut words);
            words
        }
        _ => {
            let mut words =
                vec!["ZRANGE".to_owned(), lex, lex_bound(chance), lex_bound(chance), "BYLEX".to_owned()];
            maybe(chance, 40, &mut words, &["REV"]);
            limit(chance, 40, &mut words);
            words
        }
    }
}

fn set_command(chance: &mut Chance) -> Vec<String> {
    let set = key(chance, &SETS);
    match chance.below(10) {
        0..4 => {
            let mut words = vec!["SADD".to_owned(), set];
            words.extend((0..1 + chance.below(4)).map(|_| member(chance)));
            words
        }
        4..6 => {
            let mut words = vec!["SREM".to_owned(), set];
            words.extend((0..1 + chance.below(4)).map(|_| member(chance)));
            words
        }
        6 => vec!["SMEMBERS".to_owned(), set],
        7 => vec!["SISMEMBER".to_owned(), set, member(chance)],
        _ => vec!["SCARD".to_owned(), set],
    }
}

fn string_command(chance: &mut Chance) -> Vec<String> {
    let string = key(chance, &STRINGS);
    match chance.below(10) {
        0..4 => {
            let mut words = vec!["SET".to_owned(), string];
            words.push(if chance.percent(60) { score(chance) } else { member(chance) });
            maybe(chance, 20, &mut words, &["NX", "XX"]);
            maybe(chance, 20, &mut words, &["GET"]);
            match chance.below(12) {
                0 => words.extend(["EX".to_owned(), lifetime_s(chance).to_string()]),
                1 => words.extend(["PX".to_owned(), (1_000 * lifetime_s(chance)).to_string()]),
                2 => words.extend(["EXAT".to_owned(), moment_s(chance).to_string()]),
                3 => words.extend(["PXAT".to_owned(), (1_000 * moment_s(chance)).to_string()]),
                4 => words.push("KEEPTTL".to_owned()),
                _ => {}
            }
            words
        }
        4..6 => vec!["GET".to_owned(), string],
        6..8 => vec!["INCR".to_owned(), string],
        _ => {
            let by = if chance.percent(15) { i64::MAX } else { chance.below(1_000) as i64 - 500 };
            vec!["INCRBY".to_owned(), string, by.to_string()]
        }
    }
}

fn lifetime_command(chance: &mut Chance) -> Vec<String> {
    let key = key(chance, &["b0", "b1", "s0", "c0", "c1"]);
    match chance.below(10) {
        0..5 => {
            let (name, value) = match chance.below(4) {
                0 => ("EXPIRE", lifetime_s(chance)),
                1 => ("PEXPIRE", 1_000 * lifetime_s(chance)),
                2 => ("PEXPIREAT", 1_000 * moment_s(chance)),
                _ => ("EXPIREAT", moment_s(chance)),
            };
            let value = if chance.percent(4) { "0".to_owned() } else { value.to_string() };
            let mut words = vec![name.to_owned(), key, value];
            maybe(chance, 40, &mut words, &["NX", "XX", "GT", "LT", "gt"]);
            maybe(chance, 10, &mut words, &["XX", "GT", "LT"]);
            words
        }
        5..7 => vec!["TTL".to_owned(), key],
        7 => vec!["PTTL".to_owned(), key],
        _ => vec!["PERSIST".to_owned(), key],
    }
}

fn key_command(chance: &mut Chance) -> Vec<String> {
    let one = key(chance, &["b0", "b1", "b2", "d", "s0", "s1", "c0", "c1"]);
    let other = key(chance, &["b0", "b2", "s1", "c1", "nothing"]);
    match chance.below(24) {
        0..3 => vec!["DEL".to_owned(), one, other],
        3 => vec!["UNLINK".to_owned(), one],
        4..8 => vec!["EXISTS".to_owned(), one.clone(), other, one],
        8..12 => vec!["TYPE".to_owned(), one],
        12..14 => vec!["DBSIZE".to_owned()],
        14..16 => words("SCAN 0 COUNT 100000"),
        16 => words("SCAN 0 COUNT 100000 TYPE zset"),
        17 => words("SCAN 0 MATCH ?1 COUNT 100000"),
        18 => words(if chance.percent(50) { "SELECT 1" } else { "SELECT 0" }),
        19 => words("SELECT 0"),
        20 => words("PING a"),
        21 => words("ECHO <bytes>"),
        22 if chance.percent(15) => vec![chance.pick(&["FLUSHDB", "FLUSHALL"]).to_owned()],
        _ => words("ZADD b0 1 m1 1 m2 1 m3"),
    }
}
