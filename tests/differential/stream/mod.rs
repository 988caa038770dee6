//! Random command streams: every command that Redis also has, well-formed and malformed, on keys of every type.
//!
//! The streams leave out everything that two correct servers may answer differently: hash order, random results, clocks to
//! the millisecond, ranges by member with different scores, a negative LIMIT offset (in Redis it depends on the encoding),
//! the order of equal texts, and whether DBSIZE counts an expired key.

mod draw;
pub(super) mod entries;
mod hashes;
mod keys;
mod lists;
mod many_keys;
pub(super) mod payloads;
mod places;
mod scripts;
pub(super) mod sets;
mod sorted_sets;
pub(super) mod sorting;
mod strings;
mod transactions;

use super::Request;
use crate::support::chance::Chance;
use draw::{JUNK, LEX};

pub(super) fn generate(chance: &mut Chance, length: usize) -> Vec<Request> {
    let mut stream = Vec::with_capacity(length);
    if chance.percent(60) {
        let mut fill = vec!["ZADD".to_owned(), "big".to_owned()];
        for number in 0..130 + chance.below(300) {
            fill.extend([chance.below(50).to_string(), format!("m{number}")]);
        }
        stream.push(fill.into_iter().map(String::into_bytes).collect());
    }
    // How soon a block of a stream is full decides what is trimmed.
    let block = chance.pick(&["100", "100", "7", "2", "1", "0"]).to_owned();
    let node = ["CONFIG", "SET", "stream-node-max-entries", &block];
    stream.push(node.map(|word| word.as_bytes().to_vec()).to_vec());
    let library = ["FUNCTION", "LOAD", "REPLACE", scripts::LIBRARY];
    stream.push(library.map(|word| word.as_bytes().to_vec()).to_vec());
    while stream.len() < length {
        let mut words = command(chance);
        // A scan without its COUNT shows the steps of the hash table, and COMMAND alone lists the server's own commands.
        let own_keys = [&[LEX, sets::DRAWN][..], &sorting::NUMBERS].concat();
        let breakable = !matches!(
            words[0].as_str(),
            "SCAN"
                | "ZSCAN"
                | "HSCAN"
                | "SSCAN"
                | "SPOP"
                | "OBJECT"
                | "COMMAND"
                | "SORT"
                | "SORT_RO"
                | "EVAL"
                | "FCALL"
                | "FCALL_RO"
        ) && !own_keys.iter().any(|own| words.iter().any(|word| word == own));
        if breakable && chance.percent(8) {
            break_somewhere(chance, &mut words);
        }
        if chance.percent(10) {
            words[0] = words[0].to_lowercase();
        }
        if !negative_offset(&words) && !ends_soon(&words) && !is_cut_place(&words) {
            if sorting::sorts(&words) {
                stream.push(sorting::WITHOUT_RANGE_ERROR.map(<[u8]>::to_vec).to_vec());
            }
            stream.push(words.iter().map(|word| member_bytes(word)).collect());
        }
    }
    stream
}

/// The bytes of a member. Members with unprintable bytes have a name in the stream.
fn member_bytes(word: &str) -> Vec<u8> {
    match word {
        "<bytes>" => b"\x00\xff\r\n".to_vec(),
        "<long>" => vec![b'l'; 300],
        other => other.as_bytes().to_vec(),
    }
}

fn negative_offset(words: &[String]) -> bool {
    if words.iter().take(3).any(|word| word.to_ascii_uppercase().starts_with("SORT")) {
        return false;
    }
    let limit = words.iter().position(|word| word.eq_ignore_ascii_case("LIMIT"));
    limit.and_then(|at| words.get(at + 1)).is_some_and(|offset| offset.starts_with('-'))
}

/// Whether LSET has an index of which Redis uses only the lower 32 bits.
fn is_cut_place(words: &[String]) -> bool {
    let place = words.get(2).and_then(|place| place.parse::<i64>().ok());
    words[0].eq_ignore_ascii_case("LSET") && place.is_some_and(|place| i32::try_from(place).is_err())
}

/// Whether a lifetime would end while the stream runs: then the replies would depend on two clocks.
fn ends_soon(words: &[String]) -> bool {
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<i64>().ok());
    match words[0].to_ascii_uppercase().as_str() {
        // A malformed blocking command might block for ever.
        "BZPOPMIN" | "BZPOPMAX" | "BLPOP" | "BRPOP" | "BLMOVE" | "BRPOPLPUSH" => {
            number(words.len() - 1).is_some()
        }
        "BZMPOP" | "BLMPOP" => number(1).is_some(),
        "RESTORE" => payloads::is_brief(words),
        "XREAD" | "XREADGROUP" => entries::waits_long(words),
        "EXPIRE" | "HEXPIRE" => number(2).is_some_and(|value| (1..10_000).contains(&value)),
        "SETEX" => number(2).is_some_and(|value| (1..10_000).contains(&value)),
        "PEXPIRE" | "PSETEX" | "HPEXPIRE" => number(2).is_some_and(|value| (1..10_000_000).contains(&value)),
        "SET" | "GETEX" | "HGETEX" | "HSETEX" => words.iter().enumerate().any(|(at, word)| {
            let least = match word.to_ascii_uppercase().as_str() {
                "EX" => 10_000,
                "PX" => 10_000_000,
                "EXAT" => 33_000_000_000,
                "PXAT" => 33_000_000_000_000,
                _ => return false,
            };
            number(at + 1).is_some_and(|value| (1..least).contains(&value))
        }),
        _ => false,
    }
}

fn break_somewhere(chance: &mut Chance, words: &mut Vec<String>) {
    let at = chance.below(words.len());
    match chance.below(6) {
        0 if words.len() > 1 => {
            words.remove(at.max(1));
        }
        1 => words.insert(at + 1, chance.pick(&JUNK).to_owned()),
        2 if words.len() > 2 => {
            let other = 1 + chance.below(words.len() - 1);
            words.swap(at.max(1), other);
        }
        3 => words.truncate(1 + at),
        4 => words.push(words[at].clone()),
        _ if words.len() > 1 => words[at.max(1)] = chance.pick(&JUNK).to_owned(),
        _ => words.push(chance.pick(&JUNK).to_owned()),
    }
}

/// One well-formed command.
fn command(chance: &mut Chance) -> Vec<String> {
    match chance.below(290) {
        280.. => scripts::script_command(chance),
        230..280 => entries::stream_command(chance),
        204..218 => sorting::sort_command(chance),
        218..230 => payloads::payload_command(chance),
        100..105 => transactions::transaction_command(chance),
        105..108 => transactions::waiting_command(chance),
        108..116 => strings::string_command(chance),
        116..124 => strings::bitmap_command(chance),
        124..130 => strings::sketch_command(chance),
        130..150 => hashes::hash_command(chance),
        150..168 => lists::list_command(chance),
        168..184 => places::place_command(chance),
        184..204 => sets::set_command(chance),
        0..46 => sorted_sets::ranking_command(chance),
        46..58 => many_keys::many_keys_command(chance),
        58..64 => sorted_sets::lex_command(chance),
        64..76 => sets::set_command(chance),
        76..86 => strings::string_command(chance),
        86..94 => keys::lifetime_command(chance),
        _ => keys::key_command(chance),
    }
}
