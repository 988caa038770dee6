//! Requests that differ in a few digits: their bytes are made once and copied, and the digits written over.
//!
//! A text is words with places in angle brackets:
//!
//! - `<board>`: the board's key. `<key>`, `<counter>`, `<set>`, `<friends>`: one of a family of keys, by chance.
//! - `<member>`: a member of the board, by chance. `<score>`: a whole score, by chance.
//! - `<next-member>`, `<next-key>`, `<next-friends>`: not by chance but one after the other, each once.
//! - `<score,next-member>*100`: a hundred such pairs.

use crate::machine::chance::Chance;
use crate::net::client::request;
use crate::text::decimal::{EIGHT_DIGITS, eight_digits};

/// Scores have five digits, none of them a leading zero.
const SCORES: std::ops::Range<u64> = 10_000..100_000;

/// How many users have a friend list, if there are so many members.
const USERS: u64 = 1000;

/// Digits of a number in a member or a key.
const NUMBER_DIGITS: usize = 12;

/// Whose keys, and how many of everything.
#[derive(Clone, Debug)]
pub(super) struct Populations {
    /// What all keys begin with.
    pub(super) prefix: String,
    /// Members of the board, and keys of each family.
    pub(super) members: u64,
}

impl Populations {
    /// The board's key.
    pub(super) fn board(&self) -> String {
        format!("{}lb", self.prefix)
    }
}

/// A request, ready to be written many times.
#[derive(Debug)]
pub(super) struct Template {
    bytes: Vec<u8>,
    places: Vec<Placeholder>,
    /// How many things one request loads, and how many there are to load.
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
    /// The so many-th thing that a request loads, of so many there are.
    Next {
        nth: u64,
        below: u64,
    },
}

impl Template {
    /// Reads `text`, which stands in the table of workloads.
    ///
    /// # Panics
    /// On a place that does not exist.
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
                    (number, _) => number,
                };
                words.push((stem.into_bytes(), number));
            }
        }
        let words_only: Vec<&[u8]> = words.iter().map(|(word, _)| word.as_slice()).collect();
        let bytes = request(&words_only);
        // Each place is the last digits of its word, and the words end where the request is cut off behind them.
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

    /// How many requests load everything, or `None` if this is no loader's request.
    pub(super) fn load_requests(&self) -> Option<u64> {
        self.loads.map(|(each, all)| all.div_ceil(each))
    }

    /// Appends the request number `index` to `out`. No allocation but for the growth of `out`.
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

/// A place's word with zeros for its digits, and what they count.
fn place(name: &str, populations: &Populations) -> (String, Option<DigitSource>) {
    let Populations { prefix, members } = populations;
    let family = |prefix: &str, family: &str, below: u64| {
        (format!("{prefix}{family}:{:0>NUMBER_DIGITS$}", ""), Some(DigitSource::Below(below)))
    };
    match name.trim_start_matches("next-") {
        "board" => (populations.board(), None),
        "score" => (SCORES.start.to_string(), Some(DigitSource::Score)),
        "member" => family("", "user", *members),
        "friends" => family(prefix, "friends", USERS.min(*members)),
        keys @ ("key" | "counter" | "set") => family(prefix, keys, *members),
        unknown => panic!("no such place: {unknown}"),
    }
}

/// Fills `place` with the last digits of `number`, with zeros in front if it has fewer.
fn write_digits(mut number: u64, place: &mut [u8]) {
    for eight in place.rchunks_mut(8) {
        let digits = eight_digits((number % u64::from(EIGHT_DIGITS)) as u32);
        eight.copy_from_slice(&digits[digits.len() - eight.len()..]);
        number /= u64::from(EIGHT_DIGITS);
    }
}

/// How long `word` is as a bulk string, in bytes.
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
