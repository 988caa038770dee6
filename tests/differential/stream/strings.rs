//! Random commands on strings, on their bits and on HyperLogLogs.

use super::draw::{BITMAPS, SKETCHES, STRINGS, key, lifetime_s, maybe, member, moment_s, score};
use crate::support::chance::Chance;

/// An index into a string, in its range or near it.
fn place(chance: &mut Chance) -> String {
    match chance.below(20) {
        0 => i64::MAX.to_string(),
        1 => i64::MIN.to_string(),
        _ => (chance.below(40) as i64 - 20).to_string(),
    }
}

/// The offset of a bit, in the range of a short string or beyond it.
fn bit(chance: &mut Chance) -> String {
    let most = if chance.percent(5) { 20_000 } else { 100 };
    chance.below(most).to_string()
}

pub(super) fn string_command(chance: &mut Chance) -> Vec<String> {
    let string = key(chance, &STRINGS);
    let value = |chance: &mut Chance| if chance.percent(60) { score(chance) } else { member(chance) };
    let mut words = match chance.below(30) {
        0..6 => {
            let mut words = vec!["SET".to_owned(), string, value(chance)];
            maybe(chance, 20, &mut words, &["NX", "XX"]);
            maybe(chance, 20, &mut words, &["GET"]);
            lifetime(chance, "KEEPTTL", &mut words);
            words
        }
        6..8 => vec!["GET".to_owned(), string],
        8..10 => vec![chance.pick(&["INCR", "DECR"]).to_owned(), string],
        10..12 => {
            let by = if chance.percent(15) { i64::MAX } else { chance.below(1_000) as i64 - 500 };
            vec![chance.pick(&["INCRBY", "DECRBY"]).to_owned(), string, by.to_string()]
        }
        12..14 => vec!["INCRBYFLOAT".to_owned(), string, score(chance)],
        14 => {
            let mut words = vec!["GETEX".to_owned(), string];
            lifetime(chance, "PERSIST", &mut words);
            words
        }
        15 => vec![chance.pick(&["GETDEL", "STRLEN"]).to_owned(), string],
        16 => vec![chance.pick(&["GETSET", "SETNX"]).to_owned(), string, value(chance)],
        17 => vec!["SETEX".to_owned(), string, lifetime_s(chance).to_string(), value(chance)],
        18 => vec!["PSETEX".to_owned(), string, (1_000 * lifetime_s(chance)).to_string(), value(chance)],
        19..22 => {
            let mut words = vec![chance.pick(&["MSET", "MSETNX"]).to_owned()];
            for _ in 0..1 + chance.below(3) {
                words.extend([key(chance, &["c0", "c1", "t0", "c2"]), value(chance)]);
            }
            words
        }
        22 => {
            let mut words = vec!["MGET".to_owned()];
            words.extend((0..1 + chance.below(4)).map(|_| key(chance, &["c0", "c1", "t0", "nothing"])));
            words
        }
        23 => vec!["APPEND".to_owned(), string, value(chance)],
        24..26 => {
            vec![chance.pick(&["GETRANGE", "SUBSTR"]).to_owned(), string, place(chance), place(chance)]
        }
        26 => vec!["SETRANGE".to_owned(), string, chance.below(60).to_string(), value(chance)],
        _ => {
            let mut words = vec!["LCS".to_owned(), string, key(chance, &["c0", "c1", "t0"])];
            maybe(chance, 30, &mut words, &["LEN", "IDX", "idx"]);
            if chance.percent(40) {
                words.extend(["MINMATCHLEN".to_owned(), (chance.below(5) as i64 - 1).to_string()]);
            }
            maybe(chance, 40, &mut words, &["WITHMATCHLEN", "IDX"]);
            words
        }
    };
    if chance.percent(2) {
        words.push(value(chance));
    }
    words
}

/// Adds a lifetime, or `word`, or nothing.
fn lifetime(chance: &mut Chance, word: &str, words: &mut Vec<String>) {
    match chance.below(12) {
        0 => words.extend(["EX".to_owned(), lifetime_s(chance).to_string()]),
        1 => words.extend(["PX".to_owned(), (1_000 * lifetime_s(chance)).to_string()]),
        2 => words.extend(["EXAT".to_owned(), moment_s(chance).to_string()]),
        3 => words.extend(["PXAT".to_owned(), (1_000 * moment_s(chance)).to_string()]),
        4 => words.push(word.to_owned()),
        _ => {}
    }
}

pub(super) fn bitmap_command(chance: &mut Chance) -> Vec<String> {
    let bitmap = key(chance, &BITMAPS);
    match chance.below(16) {
        0..4 => vec!["SETBIT".to_owned(), bitmap, bit(chance), chance.below(2).to_string()],
        4 => vec!["GETBIT".to_owned(), bitmap, bit(chance)],
        5..8 => {
            let mut words = vec!["BITCOUNT".to_owned(), bitmap];
            if chance.percent(80) {
                words.extend([place(chance), place(chance)]);
                maybe(chance, 60, &mut words, &["BIT", "BYTE", "bit"]);
            }
            words
        }
        8..11 => {
            let mut words = vec!["BITPOS".to_owned(), bitmap, chance.below(2).to_string()];
            words.extend((0..chance.below(3)).map(|_| place(chance)));
            if words.len() == 5 {
                maybe(chance, 60, &mut words, &["BIT", "BYTE", "bit"]);
            }
            words
        }
        11..13 => {
            let operations = ["AND", "OR", "XOR", "NOT", "DIFF", "DIFF1", "ANDOR", "ONE", "one"];
            let mut words = vec!["BITOP".to_owned(), chance.pick(&operations).to_owned(), bitmap];
            words.extend((0..1 + chance.below(3)).map(|_| key(chance, &["t0", "t1", "c0", "nothing"])));
            words
        }
        _ => {
            let name = if chance.percent(85) { "BITFIELD" } else { "BITFIELD_RO" };
            let mut words = vec![name.to_owned(), bitmap];
            for _ in 0..chance.below(5) {
                field(chance, &mut words);
            }
            words
        }
    }
}

/// A subcommand of BITFIELD.
fn field(chance: &mut Chance, words: &mut Vec<String>) {
    let most = if chance.percent(3) { 66 } else { 63 };
    let width = format!("{}{}", chance.pick(&["i", "u"]), 1 + chance.below(most));
    let hash = if chance.percent(30) { "#" } else { "" };
    let most = if hash.is_empty() { 100 } else { 8 };
    let offset = format!("{hash}{}", chance.below(most));
    let shift = chance.below(64);
    let value = (chance.next() as i64 >> shift).to_string();
    match chance.below(4) {
        0 => words.extend(["GET".to_owned(), width, offset]),
        1 => words.extend(["SET".to_owned(), width, offset, value]),
        2 => words.extend(["INCRBY".to_owned(), width, offset, value]),
        _ => words.extend(["OVERFLOW".to_owned(), chance.pick(&["WRAP", "SAT", "FAIL", "sat"]).to_owned()]),
    }
}

pub(super) fn sketch_command(chance: &mut Chance) -> Vec<String> {
    let sketch = key(chance, &SKETCHES);
    match chance.below(10) {
        0..5 => {
            let mut words = vec!["PFADD".to_owned(), sketch];
            let elements = if chance.percent(3) { 800 } else { chance.below(6) };
            words.extend((0..elements).map(|_| chance.below(10_000).to_string()));
            words
        }
        5..8 => {
            let mut words = vec!["PFCOUNT".to_owned(), sketch];
            if chance.percent(30) {
                words.push(key(chance, &SKETCHES));
            }
            words
        }
        8 => vec!["GETRANGE".to_owned(), sketch, "0".to_owned(), "100".to_owned()],
        _ => {
            let mut words = vec!["PFMERGE".to_owned(), sketch];
            words.extend((0..chance.below(3)).map(|_| key(chance, &SKETCHES)));
            words
        }
    }
}
