//! Random commands on hashes.

use super::draw::{HASHES, key, lifetime_s, maybe, member, moment_s, score};
use crate::support::chance::Chance;

fn fields(chance: &mut Chance, words: &mut Vec<String>) {
    let count = 1 + chance.below(3);
    words.extend(["FIELDS".to_owned(), count.to_string()]);
    words.extend((0..count).map(|_| member(chance)));
}

fn pairs(chance: &mut Chance, count: usize, words: &mut Vec<String>) {
    for _ in 0..count {
        let value = if chance.percent(60) { score(chance) } else { member(chance) };
        words.extend([member(chance), value]);
    }
}

fn lifetime(chance: &mut Chance, percent: usize, words: &mut Vec<String>) {
    if chance.percent(percent) {
        let (name, number) = match chance.below(5) {
            0 => ("EX", lifetime_s(chance)),
            1 => ("PX", 1_000 * lifetime_s(chance)),
            2 => ("EXAT", moment_s(chance)),
            3 => ("PXAT", 1_000 * moment_s(chance)),
            _ => ("EXAT", 1),
        };
        words.extend([name.to_owned(), number.to_string()]);
    }
}

pub(super) fn hash_command(chance: &mut Chance) -> Vec<String> {
    let hash = key(chance, &HASHES);
    let mut words = match chance.below(40) {
        0..8 => {
            let mut words = vec![chance.pick(&["HSET", "HSET", "HMSET"]).to_owned(), hash];
            let count = 1 + chance.below(4);
            pairs(chance, count, &mut words);
            words
        }
        8 => vec!["HSETNX".to_owned(), hash, member(chance), score(chance)],
        9..12 => {
            let mut words = vec!["HDEL".to_owned(), hash];
            words.extend((0..1 + chance.below(3)).map(|_| member(chance)));
            words
        }
        12 => vec!["HGET".to_owned(), hash, member(chance)],
        13 => {
            let mut words = vec!["HMGET".to_owned(), hash];
            words.extend((0..1 + chance.below(4)).map(|_| member(chance)));
            words
        }
        14..17 => vec![chance.pick(&["HGETALL", "HKEYS", "HVALS", "HLEN"]).to_owned(), hash],
        17 => vec![chance.pick(&["HEXISTS", "HSTRLEN"]).to_owned(), hash, member(chance)],
        18..20 => {
            let by = if chance.percent(15) { i64::MAX } else { chance.below(1_000) as i64 - 500 };
            vec!["HINCRBY".to_owned(), hash, member(chance), by.to_string()]
        }
        20..22 => vec!["HINCRBYFLOAT".to_owned(), hash, member(chance), score(chance)],
        22 => {
            // The reply is random: only the number of elements can be compared, unless all are drawn.
            let mut words = vec!["HRANDFIELD".to_owned(), hash];
            if chance.percent(80) {
                words.push(if chance.percent(50) { "100000" } else { "-3" }.to_owned());
                maybe(chance, 50, &mut words, &["WITHVALUES", "withvalues"]);
            }
            words
        }
        23 => {
            let mut words = ["HSCAN", &hash, "0", "COUNT", "100000"].map(str::to_owned).to_vec();
            maybe(chance, 30, &mut words, &["NOVALUES", "novalues"]);
            if chance.percent(40) {
                words.extend(["MATCH".to_owned(), chance.pick(&["m1*", "*", "m?", "[^m]*", ""]).to_owned()]);
            }
            words
        }
        24..29 => {
            let (name, value) = match chance.below(5) {
                0 => ("HEXPIRE", lifetime_s(chance)),
                1 => ("HPEXPIRE", 1_000 * lifetime_s(chance)),
                2 => ("HPEXPIREAT", 1_000 * moment_s(chance)),
                3 => ("HEXPIREAT", 1),
                _ => ("HEXPIREAT", moment_s(chance)),
            };
            let mut words = vec![name.to_owned(), hash, value.to_string()];
            maybe(chance, 40, &mut words, &["NX", "XX", "GT", "LT", "gt"]);
            fields(chance, &mut words);
            words
        }
        29..32 => {
            let names = ["HTTL", "HPTTL", "HEXPIRETIME", "HPEXPIRETIME"];
            let mut words = vec![chance.pick(&names).to_owned(), hash];
            fields(chance, &mut words);
            words
        }
        32..34 => {
            let mut words = vec![chance.pick(&["HPERSIST", "HGETDEL"]).to_owned(), hash];
            fields(chance, &mut words);
            words
        }
        34..37 => {
            let mut words = vec!["HGETEX".to_owned(), hash];
            lifetime(chance, 60, &mut words);
            maybe(chance, 20, &mut words, &["PERSIST"]);
            fields(chance, &mut words);
            words
        }
        _ => {
            let mut words = vec!["HSETEX".to_owned(), hash];
            maybe(chance, 30, &mut words, &["FNX", "FXX", "fxx"]);
            lifetime(chance, 50, &mut words);
            maybe(chance, 20, &mut words, &["KEEPTTL"]);
            let count = 1 + chance.below(3);
            words.extend(["FIELDS".to_owned(), count.to_string()]);
            pairs(chance, count, &mut words);
            words
        }
    };
    // Sometimes many fields at once, more than Redis keeps in its compact form.
    if words[0] == "HSET" && chance.percent(2) {
        words.extend((0..600).flat_map(|number| [format!("n{number}"), number.to_string()]));
    }
    words
}
