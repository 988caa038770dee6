//! Random commands on one sorted set.

use super::draw::{BOARDS, LEX, bound, index, key, lex_bound, limit, maybe, member, score, words};
use crate::support::chance::Chance;

pub(super) fn ranking_command(chance: &mut Chance) -> Vec<String> {
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

pub(super) fn lex_command(chance: &mut Chance) -> Vec<String> {
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
