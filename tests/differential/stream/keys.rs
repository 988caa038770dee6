//! Random commands on keys of any type, and on their lifetimes.

use super::draw::{key, lifetime_s, maybe, moment_s, words};
use crate::support::chance::Chance;

pub(super) fn lifetime_command(chance: &mut Chance) -> Vec<String> {
    let key = key(chance, &["b0", "b1", "s0", "c0", "c1", "f0", "x0"]);
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
        5 => vec!["TTL".to_owned(), key],
        6 => vec![chance.pick(&["EXPIRETIME", "PEXPIRETIME"]).to_owned(), key],
        7 => vec!["PTTL".to_owned(), key],
        _ => vec!["PERSIST".to_owned(), key],
    }
}

pub(super) fn key_command(chance: &mut Chance) -> Vec<String> {
    let one = key(
        chance,
        &["b0", "b1", "b2", "d", "s0", "s1", "c0", "c1", "t0", "h0", "h1", "f0", "f1", "x0", "x1"],
    );
    let other = key(chance, &["b0", "b2", "s1", "c1", "nothing"]);
    // A sketch stays where it is: what other commands damage, Redis keeps half of.
    let source = if one.starts_with('h') { "f2".to_owned() } else { one.clone() };
    match chance.below(35) {
        34 => vec!["SWAPDB".to_owned(), database(chance), database(chance)],
        24..26 => vec!["RENAME".to_owned(), source, moved(chance)],
        26 => vec!["RENAMENX".to_owned(), source, moved(chance)],
        27..30 => {
            let mut words = vec!["COPY".to_owned(), source, moved(chance)];
            if chance.percent(40) {
                words.extend(["DB".to_owned(), chance.pick(&["0", "1", "1", "2", "99"]).to_owned()]);
            }
            maybe(chance, 60, &mut words, &["REPLACE", "replace"]);
            words
        }
        30..32 => vec!["MOVE".to_owned(), source, chance.pick(&["0", "1", "1", "2", "99"]).to_owned()],
        32..34 => vec!["TOUCH".to_owned(), one.clone(), other, one],
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

fn database(chance: &mut Chance) -> String {
    chance.pick(&["0", "0", "0", "1", "1", "2", "99", "x"]).to_owned()
}

/// Where a value of any type goes. Not where values of equal scores or damaged sketches are asked for.
fn moved(chance: &mut Chance) -> String {
    key(chance, &["b0", "b2", "d", "s1", "c1", "t1", "f1", "f2", "l0", "l2", "x0", "x2", "nothing"])
}
