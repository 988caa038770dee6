//! Keys, members, scores, bounds and options of a random stream.

use crate::support::chance::Chance;

/// Keys by the type that they usually have. A few per cent of the commands draw from all keys.
pub(super) const BOARDS: [&str; 4] = ["b0", "b1", "b2", "big"];
pub(super) const PLACES: [&str; 2] = ["g0", "g1"];
pub(super) const SETS: [&str; 3] = ["s0", "s1", "s2"];
pub(super) const STRINGS: [&str; 2] = ["c0", "c1"];
pub(super) const BITMAPS: [&str; 2] = ["t0", "t1"];
pub(super) const LISTS: [&str; 3] = ["l0", "l1", "l2"];
pub(super) const HASHES: [&str; 3] = ["f0", "f1", "f2"];
pub(super) const STREAMS: [&str; 4] = ["x0", "x1", "x2", "x3"];
pub(super) const SKETCHES: [&str; 3] = ["h0", "h1", "h2"];

/// Holds members of equal score only, so that ranges by member are defined.
pub(super) const LEX: &str = "lex";

pub(super) const SCORES: [&str; 22] = [
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

pub(super) const JUNK: [&str; 16] = [
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

pub(super) fn key(chance: &mut Chance, usual: &[&str]) -> String {
    // Not a HyperLogLog: if other commands have damaged it, Redis applies half of a failed PFADD, and rankd nothing.
    let all =
        [&BOARDS[..], &PLACES, &SETS, &LISTS, &STRINGS, &BITMAPS, &HASHES, &STREAMS, &["nothing"]].concat();
    if chance.percent(4) { chance.pick(&all).to_owned() } else { chance.pick(usual).to_owned() }
}

pub(super) fn member(chance: &mut Chance) -> String {
    match chance.below(30) {
        0 => String::new(),
        1 => "<bytes>".to_owned(),
        2 => "<long>".to_owned(),
        3 => "12".to_owned(),
        4 => "-5".to_owned(),
        _ => format!("m{}", chance.below(40)),
    }
}

pub(super) fn score(chance: &mut Chance) -> String {
    match chance.below(10) {
        0..6 => (chance.below(12) as i64 - 3).to_string(),
        6 => format!("{}.{}", chance.below(1000), chance.below(1000)),
        7 => f64::from_bits(chance.next()).to_string().replace("NaN", "7"),
        _ => chance.pick(&SCORES).to_owned(),
    }
}

/// An end of a range of scores.
pub(super) fn bound(chance: &mut Chance) -> String {
    let exclusive = if chance.percent(30) { "(" } else { "" };
    match chance.below(4) {
        0 => format!("{exclusive}-inf"),
        1 => format!("{exclusive}+inf"),
        _ => format!("{exclusive}{}", score(chance)),
    }
}

pub(super) fn lex_bound(chance: &mut Chance) -> String {
    match chance.below(6) {
        0 => "-".to_owned(),
        1 => "+".to_owned(),
        2 => format!("({}", member(chance).replace('<', "x")),
        _ => format!("[{}", member(chance).replace('<', "x")),
    }
}

pub(super) fn index(chance: &mut Chance) -> String {
    match chance.below(12) {
        0 => "99999999999".to_owned(),
        1 => "-99999999999".to_owned(),
        2 => (chance.below(400) as i64 - 200).to_string(),
        _ => (chance.below(24) as i64 - 12).to_string(),
    }
}

/// A lifetime in seconds that does not end during a test. Equal ones are rare.
pub(super) fn lifetime_s(chance: &mut Chance) -> u64 {
    20_000 + 10 * chance.below(1_000_000) as u64
}

/// A time in the far future, in unix seconds.
pub(super) fn moment_s(chance: &mut Chance) -> u64 {
    33_000_000_000 + lifetime_s(chance)
}

pub(super) fn maybe(chance: &mut Chance, percent: usize, words: &mut Vec<String>, options: &[&str]) {
    if chance.percent(percent) {
        words.push(chance.pick(options).to_owned());
    }
}

pub(super) fn limit(chance: &mut Chance, percent: usize, words: &mut Vec<String>) {
    if chance.percent(percent) {
        let count = chance.below(12) as i64 - 2;
        words.extend(["LIMIT".to_owned(), chance.below(8).to_string(), count.to_string()]);
    }
}

pub(super) fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// A key of a type that a union accepts, sometimes of another type.
pub(super) fn source(chance: &mut Chance) -> String {
    match chance.below(40) {
        0 => chance.pick(&STRINGS).to_owned(),
        1..5 => "nothing".to_owned(),
        5..14 => chance.pick(&SETS).to_owned(),
        14 => LEX.to_owned(),
        _ => chance.pick(&BOARDS).to_owned(),
    }
}

/// The number of keys, and the keys.
pub(super) fn sources(chance: &mut Chance, words: &mut Vec<String>) -> usize {
    let count = 1 + chance.below(4);
    let stated = if chance.percent(4) { chance.below(6) } else { count };
    words.push(stated.to_string());
    words.extend((0..count).map(|_| source(chance)));
    count
}
