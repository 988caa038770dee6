//! Random transactions and blocking commands.

use super::draw::{LISTS, key, maybe, source, sources, words};
use crate::support::chance::Chance;

/// Commands that begin and that end a transaction are equally frequent, so about half of a stream is in transactions.
pub(super) fn transaction_command(chance: &mut Chance) -> Vec<String> {
    match chance.below(12) {
        0..4 => words("MULTI"),
        4..8 => words("EXEC"),
        8 => words("DISCARD"),
        9 => words("UNWATCH"),
        _ => {
            let mut words = words("WATCH");
            words.extend((0..1 + chance.below(2)).map(|_| source(chance)));
            words
        }
    }
}

/// Blocking commands, with short timeouts so that they do not delay a stream.
pub(super) fn waiting_command(chance: &mut Chance) -> Vec<String> {
    let timeout = chance.pick(&["0.001", "1e-3", "0.0001", ".002"]).to_owned();
    match chance.below(6) {
        3 => {
            let mut words = vec![chance.pick(&["BLPOP", "BRPOP"]).to_owned()];
            words.extend((0..1 + chance.below(3)).map(|_| key(chance, &LISTS)));
            words.push(timeout);
            words
        }
        4 => {
            let mut words = vec!["BLMPOP".to_owned(), timeout, "1".to_owned(), key(chance, &LISTS)];
            maybe(chance, 95, &mut words, &["LEFT", "RIGHT", "right"]);
            if chance.percent(40) {
                words.extend(["COUNT".to_owned(), chance.below(5).to_string()]);
            }
            words
        }
        5 => {
            let mut words = vec!["BLMOVE".to_owned(), key(chance, &LISTS), key(chance, &LISTS)];
            words.extend((0..2).map(|_| chance.pick(&["LEFT", "RIGHT", "left"]).to_owned()));
            words.push(timeout);
            words
        }
        0 => {
            let mut words = vec!["BZMPOP".to_owned(), timeout];
            sources(chance, &mut words);
            maybe(chance, 95, &mut words, &["MIN", "MAX", "max"]);
            if chance.percent(40) {
                words.extend(["COUNT".to_owned(), chance.below(5).to_string()]);
            }
            words
        }
        _ => {
            let mut words = vec![chance.pick(&["BZPOPMIN", "BZPOPMAX"]).to_owned()];
            words.extend((0..1 + chance.below(3)).map(|_| source(chance)));
            words.push(timeout);
            words
        }
    }
}
