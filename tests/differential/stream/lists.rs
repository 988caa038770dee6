//! Random commands on lists.

use super::draw::{LISTS, index, key, member};
use crate::support::chance::Chance;

pub(super) fn list_command(chance: &mut Chance) -> Vec<String> {
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
