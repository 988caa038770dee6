//! Random commands on sets.

use super::draw::{JUNK, SETS, key, maybe, member, words};
use crate::support::chance::Chance;

/// A set of which members are removed by chance. It holds other numbers on each server then, and what is told of it is only
/// how many they are.
pub(in crate::differential) const DRAWN: &str = "drawn";

/// The bounds of both servers, low enough for a stream to go past them. A union takes the same form in whatever order its
/// members come only if there may be at least as many numbers as words.
pub(in crate::differential) const BOUNDS: [&str; 8] = [
    "CONFIG",
    "SET",
    "set-max-intset-entries",
    "16",
    "set-max-listpack-entries",
    "12",
    "set-max-listpack-value",
    "20",
];

fn element(chance: &mut Chance) -> String {
    match chance.below(20) {
        0..8 => (chance.below(40) as i64 - 10).to_string(),
        8 => chance.pick(&["32768", "-32769", "2147483648", "9223372036854775807", "007", "+1"]).to_owned(),
        9 => {
            chance.pick(&["twenty letters long.", "twenty-one letters...", "12345678901234567890"]).to_owned()
        }
        _ => member(chance),
    }
}

fn elements(chance: &mut Chance, most: usize, words: &mut Vec<String>) {
    words.extend((0..1 + chance.below(most)).map(|_| element(chance)));
}

fn sources(chance: &mut Chance, words: &mut Vec<String>) {
    words.extend((0..1 + chance.below(4)).map(|_| key(chance, &["s0", "s1", "s2", "nothing"])));
}

fn destination(chance: &mut Chance) -> String {
    key(chance, &["s0", "s1", "s2", "d"])
}

pub(super) fn set_command(chance: &mut Chance) -> Vec<String> {
    let set = key(chance, &SETS);
    match chance.below(36) {
        0..8 => {
            let mut words = vec!["SADD".to_owned(), set];
            let most = if chance.percent(10) { 30 } else { 4 };
            elements(chance, most, &mut words);
            words
        }
        8..11 => {
            let mut words = vec!["SREM".to_owned(), set];
            elements(chance, 6, &mut words);
            words
        }
        11 => vec!["SMEMBERS".to_owned(), set],
        12 => vec!["SISMEMBER".to_owned(), set, element(chance)],
        13 => vec!["SCARD".to_owned(), set],
        14 => {
            let mut words = vec!["SMISMEMBER".to_owned(), set];
            elements(chance, 4, &mut words);
            words
        }
        15..17 => vec!["SMOVE".to_owned(), set, key(chance, &SETS), element(chance)],
        17..20 => {
            let mut words = vec![chance.pick(&["SINTER", "SUNION", "SDIFF"]).to_owned()];
            sources(chance, &mut words);
            words
        }
        20..25 => {
            let name = chance.pick(&["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"]).to_owned();
            let mut words = vec![name, destination(chance)];
            sources(chance, &mut words);
            words
        }
        25..27 => {
            let count = 1 + chance.below(3);
            let stated = if chance.percent(5) { chance.below(6) } else { count };
            let mut words = vec!["SINTERCARD".to_owned(), stated.to_string()];
            words.extend((0..count).map(|_| key(chance, &SETS)));
            if chance.percent(50) {
                words.extend(["LIMIT".to_owned(), (chance.below(12) as i64 - 1).to_string()]);
            }
            words
        }
        27..30 => {
            vec!["OBJECT".to_owned(), "ENCODING".to_owned(), chance.pick(&["s0", "s1", "s2", "d"]).to_owned()]
        }
        30 => {
            let mut words = words("SSCAN");
            words.extend([set, "0".to_owned(), "COUNT".to_owned(), "100000".to_owned()]);
            if chance.percent(40) {
                words.extend(["MATCH".to_owned(), chance.pick(&["m1*", "*", "?", "[^m]*", ""]).to_owned()]);
            }
            words
        }
        31 => {
            // Only how many there are can be compared, unless all are drawn.
            let mut words = vec!["SRANDMEMBER".to_owned(), set];
            maybe(chance, 80, &mut words, &["100000", "-3", "2", "0"]);
            words
        }
        32 => {
            let mut words = vec!["SPOP".to_owned(), set];
            words.push(
                if chance.percent(70) { "100000" } else { chance.pick(&["0", "-1", "x", "1.5"]) }.to_owned(),
            );
            if chance.percent(10) {
                words.push(chance.pick(&JUNK).to_owned());
            }
            words
        }
        _ => drawn_command(chance),
    }
}

/// A command on [`DRAWN`]. What it adds is new.
fn drawn_command(chance: &mut Chance) -> Vec<String> {
    let set = DRAWN.to_owned();
    match chance.below(8) {
        0..3 => {
            let mut words = vec!["SADD".to_owned(), set];
            let count = 1 + chance.below(12);
            words.extend((0..count).map(|_| (chance.next() >> 1).to_string()));
            words
        }
        3..6 => {
            let mut words = vec!["SPOP".to_owned(), set];
            maybe(chance, 60, &mut words, &["1", "2", "5", "100"]);
            words
        }
        6 => vec!["SRANDMEMBER".to_owned(), set, chance.pick(&["1", "5", "-5", "100"]).to_owned()],
        _ => {
            vec![chance.pick(&["SCARD", "SMEMBERS", "DEL"]).to_owned(), set]
        }
    }
}
