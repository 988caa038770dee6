//! Random commands on sets and strings.

use super::draw::{SETS, key, member};
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
