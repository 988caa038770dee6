//! Requests that differ only in some digits: the bytes are built once, then copied, and the digits are overwritten.
//!
//! The text of a request has words and placeholders in angle brackets:
//!
//! - `<board>`: the key of the board. `<key>`, `<counter>`, `<text>`, `<hash>`, `<set>`: a random key of a family, of as many
//!   keys as the board has members. `<friends>`, `<bitmap>`, `<visitors>`, `<list>`, `<queue>`, `<backlog>`: one of a
//!   thousand, which hold more.
//! - `<member>`: a random member of the board. `<score>`, `<offset>`, `<seconds>`: a random number of five digits.
//! - `<stream>`: the key of a stream, `<read-stream>`: of one that has as many entries as there are members.
//! - `<places>`: the key of the places. `<longitude>`, `<latitude>`: a random position in one square degree.
//! - `<seen>`: one of a thousand sets, for members `<event>`, of which each is new. `<small-board>`: one of a thousand boards.
//! - `<script:NAME>`, `<digest:NAME>`, `<function:NAME>`, `<library>`: see [`super::scripts`].
//! - `<next-member>`, `<next-key>` and so on: not random but in sequence, each once. `<next-script:NAME>` and `<next-library>`
//!   make a loader of one request.
//! - `<score,next-member>*100`: a hundred such pairs.

use super::scripts;
use crate::machine::chance::Chance;
use crate::net::client::request;
use crate::text::decimal::{EIGHT_DIGITS, eight_digits};

/// Scores have five digits without leading zeros.
const SCORES: std::ops::Range<u64> = 10_000..100_000;

/// How many keys a family of large values has (or as many as there are members, if there are fewer).
const LARGE: u64 = 1000;

/// Digits of a number in a member or a key.
const NUMBER_DIGITS: usize = 12;

/// The prefix of the keys, and the number of members and keys.
#[derive(Clone, Debug)]
pub(super) struct Populations {
    /// The prefix of all keys.
    pub(super) prefix: String,
    /// Number of members of the board, and of keys of each family.
    pub(super) members: u64,
}

impl Populations {
    /// The board's key.
    pub(super) fn board(&self) -> String {
        format!("{}lb", self.prefix)
    }

    /// The number of keys of a family of large values.
    pub(super) fn large(&self) -> u64 {
        LARGE.min(self.members)
    }

    /// The keys of a family of large values.
    pub(super) fn large_keys(&self, family: &str) -> impl Iterator<Item = String> {
        (0..self.large()).map(move |number| format!("{}{family}:{number:0>NUMBER_DIGITS$}", self.prefix))
    }
}

/// A request that can be written many times.
#[derive(Debug)]
pub(super) struct Template {
    bytes: Vec<u8>,
    places: Vec<Placeholder>,
    /// How many items one request loads, and how many items there are.
    loads: Option<(u64, u64)>,
}

/// Digits that differ from request to request.
#[derive(Debug)]
struct Placeholder {
    at: usize,
    digits: usize,
    number: DigitSource,
}

#[derive(Clone, Copy, Debug)]
enum DigitSource {
    Score,
    Below(u64),
    /// The `nth` item of a loading request, of `below` items in all.
    Next {
        nth: u64,
        below: u64,
    },
}

impl Template {
    /// Parses `text`, which comes from the table of workloads.
    ///
    /// # Panics
    /// If a placeholder is unknown.
    pub(super) fn new(text: &str, populations: &Populations) -> Self {
        let mut words: Vec<(Vec<u8>, Option<DigitSource>)> = Vec::new();
        let mut loads: Option<(u64, u64)> = None;
        for word in text.split(' ') {
            let Some((names, times)) = word.strip_prefix('<').and_then(|word| word.split_once('>')) else {
                words.push((word.into(), None));
                continue;
            };
            let times = times.strip_prefix('*').map_or(1, |times| times.parse().expect("a number of times"));
            for name in (0..times).flat_map(|_| names.split(',')) {
                let (stem, number) = place(name, populations);
                let number = match (number, name.starts_with("next-")) {
                    (Some(DigitSource::Below(below)), true) => {
                        let (nth, _) = loads.unwrap_or_default();
                        loads = Some((nth + 1, below));
                        Some(DigitSource::Next { nth, below })
                    }
                    (None, true) => {
                        loads = Some((1, 1));
                        None
                    }
                    (number, _) => number,
                };
                words.push((stem.into_bytes(), number));
            }
        }
        let words_only: Vec<&[u8]> = words.iter().map(|(word, _)| word.as_slice()).collect();
        let bytes = request(&words_only);
        // A placeholder is the last digits of its word. Its position follows from the length of the words behind it.
        let mut places = Vec::new();
        for (index, (_, number)) in words.iter().enumerate() {
            if let Some(number) = *number {
                let behind: usize = words_only[index + 1..].iter().map(|word| bulk_bytes(word)).sum();
                let digits = if matches!(number, DigitSource::Score) { 5 } else { NUMBER_DIGITS };
                places.push(Placeholder { at: bytes.len() - behind - 2 - digits, digits, number });
            }
        }
        Self { bytes, places, loads }
    }

    /// How many requests load everything; `None` if this is not the request of a loader.
    pub(super) fn load_requests(&self) -> Option<u64> {
        self.loads.map(|(each, all)| all.div_ceil(each))
    }

    /// Appends request number `index` to `out`. It allocates only if `out` must grow.
    pub(super) fn write(&self, index: u64, chance: &mut Chance, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        for place in &self.places {
            let number = match place.number {
                DigitSource::Score => SCORES.start + chance.below(SCORES.end - SCORES.start),
                DigitSource::Below(below) => chance.below(below),
                DigitSource::Next { nth, below } => {
                    (index * self.loads.map_or(1, |(each, _)| each) + nth) % below
                }
            };
            let at = start + place.at;
            write_digits(number, &mut out[at..at + place.digits]);
        }
    }
}

/// The word of a placeholder with zeros as its digits, and the source of the digits.
fn place(name: &str, populations: &Populations) -> (String, Option<DigitSource>) {
    let Populations { prefix, members } = populations;
    let family = |prefix: &str, family: &str, below: u64| {
        (format!("{prefix}{family}:{:0>NUMBER_DIGITS$}", ""), Some(DigitSource::Below(below)))
    };
    let name = name.trim_start_matches("next-");
    if let Some((what, script)) = name.split_once(':') {
        let text = scripts::text(script).unwrap_or_else(|| panic!("unknown script: {script}"));
        let word = match what {
            "script" => text.to_owned(),
            "digest" => scripts::digest(text),
            "function" => scripts::function(script),
            unknown => panic!("unknown placeholder: {unknown}"),
        };
        return (word, None);
    }
    match name {
        "library" => (scripts::library(), None),
        "event" => family("", "event", 10u64.pow(NUMBER_DIGITS as u32)),
        "board" => (populations.board(), None),
        "score" | "offset" | "seconds" => (SCORES.start.to_string(), Some(DigitSource::Score)),
        keys @ ("places" | "stream" | "read-stream") => (format!("{prefix}{keys}"), None),
        "longitude" => degrees(13),
        "latitude" => degrees(52),
        "member" => family("", "user", *members),
        keys
        @ ("friends" | "bitmap" | "visitors" | "list" | "queue" | "backlog" | "seen" | "small-board") => {
            family(prefix, keys, populations.large())
        }
        keys @ ("key" | "counter" | "text" | "hash" | "set") => family(prefix, keys, *members),
        unknown => panic!("unknown placeholder: {unknown}"),
    }
}

/// The degrees from `whole` up to the next, with random digits behind the point.
fn degrees(whole: u64) -> (String, Option<DigitSource>) {
    let fractions = 10u64.pow(NUMBER_DIGITS as u32);
    (format!("{whole}.{:0>NUMBER_DIGITS$}", ""), Some(DigitSource::Below(fractions)))
}

/// Fills `place` with the last digits of `number`, with leading zeros if it has fewer.
fn write_digits(mut number: u64, place: &mut [u8]) {
    for eight in place.rchunks_mut(8) {
        let digits = eight_digits((number % u64::from(EIGHT_DIGITS)) as u32);
        eight.copy_from_slice(&digits[digits.len() - eight.len()..]);
        number /= u64::from(EIGHT_DIGITS);
    }
}

/// The length of `word` as a bulk string, in bytes.
fn bulk_bytes(word: &[u8]) -> usize {
    request(&[word]).len() - b"*1\r\n".len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn populations() -> Populations {
        Populations { prefix: "p:".to_owned(), members: 250 }
    }

    /// The words of the request that `text` makes.
    fn words(text: &str, index: u64, chance: &mut Chance) -> Vec<String> {
        let mut out = Vec::new();
        Template::new(text, &populations()).write(index, chance, &mut out);
        let text = String::from_utf8(out).unwrap();
        let mut lines = text.split("\r\n");
        let count: usize = lines.next().unwrap().strip_prefix('*').unwrap().parse().unwrap();
        let words: Vec<String> = (0..count)
            .map(|_| {
                let len: usize = lines.next().unwrap().strip_prefix('$').unwrap().parse().unwrap();
                let word = lines.next().unwrap();
                assert_eq!(word.len(), len);
                word.to_owned()
            })
            .collect();
        assert_eq!((lines.next(), lines.next()), (Some(""), None));
        words
    }

    #[test]
    fn places_get_numbers_in_their_bounds() {
        let mut chance = Chance::seeded(7);
        for _ in 0..1000 {
            let words = words("ZADD <board> <score> <member> end", 0, &mut chance);
            assert_eq!((words[0].as_str(), words[1].as_str(), words[4].as_str()), ("ZADD", "p:lb", "end"));
            assert!(SCORES.contains(&words[2].parse().unwrap()), "{words:?}");
            let number = words[3].strip_prefix("user:").unwrap();
            assert!(number.len() == NUMBER_DIGITS && number.parse::<u64>().unwrap() < 250, "{words:?}");
        }
        assert_eq!(words("SET <key> x", 0, &mut chance)[1].len(), "p:key:000000000000".len());
    }

    #[test]
    fn digits_are_right_to_the_last_place() {
        let mut place = [b'x'; NUMBER_DIGITS];
        for (number, text) in [(0, b"000000000000"), (987_654_321_012, b"987654321012")] {
            write_digits(number, &mut place);
            assert_eq!(&place, text);
        }
        write_digits(12_345, &mut place[..5]);
        assert_eq!(&place, b"123454321012");
    }

    #[test]
    fn loaders_name_everything_once() {
        let text = "ZADD <board> <score,next-member>*100";
        let mut chance = Chance::seeded(7);
        let requests = Template::new(text, &populations()).load_requests().unwrap();
        assert_eq!(requests, 3);
        let mut members: Vec<String> = (0..requests)
            .flat_map(|index| words(text, index, &mut chance).into_iter().skip(3).step_by(2))
            .collect();
        assert_eq!((members.len(), members[249].as_str()), (300, "user:000000000249"));
        members.sort();
        members.dedup();
        assert_eq!(members.len(), 250);
        assert_eq!(Template::new("PING", &populations()).load_requests(), None);
    }
}
