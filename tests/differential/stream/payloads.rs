//! Random DUMP and RESTORE. A payload is a word that names the server it is from, the key, and its damage; the bytes are
//! fetched from that server when the word is sent, so both servers restore the same ones.

use super::draw::{
    BITMAPS, BOARDS, HASHES, JUNK, LISTS, PLACES, SETS, STREAMS, STRINGS, lifetime_s, maybe, member,
    moment_s, score,
};
use super::sorting::NUMBERS;
use crate::differential::Request;
use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::reply::Reply;

/// Where payloads are restored. The form of a restored set is not Redis's where other bounds than the defaults are set, so
/// none gets to a key of which the encoding is asked.
const RESTORED: [&str; 3] = ["r0", "r1", "r2"];

const MARK: &[u8] = b"<payload ";

fn source(chance: &mut Chance) -> String {
    let all = [
        &BOARDS[..],
        &PLACES,
        &SETS,
        &LISTS,
        &STRINGS,
        &BITMAPS,
        &HASHES,
        &HASHES,
        &STREAMS,
        &NUMBERS,
        &RESTORED,
    ];
    chance.pick(&[&all.concat()[..], &["d", "nothing"]].concat()).to_owned()
}

fn payload(chance: &mut Chance) -> String {
    let damage = match chance.below(24) {
        0 => "cut",
        1 => "flipped",
        2 => "longer",
        _ => "whole",
    };
    let server = chance.pick(&["rankd", "Redis"]);
    format!("<payload {server} {} {damage} {}>", source(chance), chance.below(5_000))
}

pub(super) fn payload_command(chance: &mut Chance) -> Vec<String> {
    let restored = chance.pick(&RESTORED).to_owned();
    let mut words = Vec::new();
    match chance.below(20) {
        0 => words.extend(["DUMP".to_owned(), source(chance)]),
        1 => words.extend(["TTL".to_owned(), restored]),
        2 => words.extend(["TYPE".to_owned(), restored]),
        // What was restored goes on as a value of its type.
        3 => words.extend(["ZADD".to_owned(), restored, score(chance), member(chance)]),
        4 => words.extend(["HSET".to_owned(), restored, member(chance), score(chance)]),
        5 => words.extend(["HPTTL", &restored, "FIELDS", "1", &member(chance)].map(str::to_owned)),
        6 => words.extend(["SADD".to_owned(), restored, member(chance), score(chance)]),
        7 => words.extend(["LPUSH".to_owned(), restored, member(chance)]),
        8 => words.extend(["APPEND".to_owned(), restored, member(chance)]),
        9 => words.extend(["DEL".to_owned(), restored]),
        _ => {
            let (time_ms, is_absolute) = match chance.below(10) {
                0..5 => (0, chance.percent(20)),
                5..7 => (1_000 * lifetime_s(chance), false),
                7..9 => (1_000 * moment_s(chance), true),
                _ => (1, true),
            };
            words.extend(["RESTORE".to_owned(), restored, time_ms.to_string(), payload(chance)]);
            if is_absolute {
                maybe(chance, 100, &mut words, &["ABSTTL", "absttl"]);
            }
            maybe(chance, 70, &mut words, &["REPLACE", "REPLACE", "replace"]);
            for (name, percent) in [("IDLETIME", 12), ("FREQ", 12)] {
                if chance.percent(percent) {
                    let value =
                        if chance.percent(20) { chance.pick(&JUNK).to_owned() } else { "7".to_owned() };
                    words.extend([name.to_owned(), value]);
                }
            }
        }
    }
    words
}

/// Whether a restored key would expire while the stream runs.
pub(super) fn is_brief(words: &[String]) -> bool {
    let time_ms = words.get(2).and_then(|time| time.parse::<i64>().ok());
    let is_absolute = words.iter().skip(3).any(|word| word.eq_ignore_ascii_case("ABSTTL"));
    !is_absolute && time_ms.is_some_and(|time_ms| (1..10_000_000).contains(&time_ms))
}

/// The requests with the bytes of their payloads, as `clients` of rankd and of Redis give them now. A key that is not there
/// has no bytes.
pub(in crate::differential) fn with_bytes(requests: &[Request], clients: &mut [Client; 2]) -> Vec<Request> {
    let mut bytes_of = |word: &Vec<u8>| {
        let Some(name) = word.strip_prefix(MARK) else { return word.clone() };
        let name = String::from_utf8(name.to_vec()).expect("the name of a payload");
        let parts: Vec<&str> = name.trim_end_matches('>').split(' ').collect();
        let [server, key, damage, at] = parts[..] else { panic!("{name} names no payload") };
        let client = &mut clients[usize::from(server == "Redis")];
        let Reply::Bulk(mut bytes) = client.call(&["DUMP", key]) else { return Vec::new() };
        let at = at.parse::<usize>().expect("a place") % bytes.len();
        match damage {
            "cut" => bytes.truncate(at),
            "flipped" => bytes[at] ^= 1 << (at % 8),
            "longer" => bytes.push(at as u8),
            _ => {}
        }
        bytes
    };
    requests.iter().map(|request| request.iter().map(&mut bytes_of).collect()).collect()
}
