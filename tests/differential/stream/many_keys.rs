//! Random commands on several sorted sets, random draws, and scans.

use super::draw::{BOARDS, bound, index, key, limit, maybe, score, sources, words};
use crate::support::chance::Chance;

/// Commands on several keys, random draws, and scans.
pub(super) fn many_keys_command(chance: &mut Chance) -> Vec<String> {
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
            // The reply is random: only the number of elements can be compared, unless all are drawn.
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
