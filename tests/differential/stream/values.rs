//! Random commands on sets and strings.

use super::draw::{SETS, STRINGS, key, lifetime_s, maybe, member, moment_s, score};
use crate::support::chance::Chance;

pub(super) fn set_command(chance: &mut Chance) -> Vec<String> {
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

pub(super) fn string_command(chance: &mut Chance) -> Vec<String> {
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
