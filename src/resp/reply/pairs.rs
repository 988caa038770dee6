//! Runs of (member, score) pairs, the replies of ranges: the longest replies that are sent often.
//!
//! A pair of a short member and a score of at most eight digits is written in a few copies of whole words; each copy
//! overwrites the surplus bytes of the one before. The digits of a run are computed before anything is copied, so that no
//! copy waits for them. Other pairs are written one by one.

use super::room::{Room, SHORT_BYTES};
use super::writer::Reply;
use crate::resp::Protocol;
use crate::text::decimal::{EIGHT_DIGITS, eight_digits_each, without_leading_zeros};
use crate::text::name_run::{NameRun, RUN_MAX, Tails};

/// The longest prefix that is copied in whole words.
const PREFIX_BYTES: usize = 23;

/// Room for the bytes before a member's tail: the header of the pair (RESP3), the header of the member, its prefix.
const OPENING_BYTES: usize = b"*2\r\n$56\r\n".len() + PREFIX_BYTES;

/// Room for the bytes after a member.
const SCORE_BYTES: usize = b"\r\n$8\r\n12345678\r\n".len();

/// Room for a pair, and for surplus bytes that its copies write beyond the end.
const PAIR_BYTES: usize = OPENING_BYTES + SHORT_BYTES + SCORE_BYTES + 8;

/// From this number on, doubles have no fractions.
const TWO_TO_52: f64 = 4_503_599_627_370_496.0;

impl Reply<'_> {
    /// Some pairs of a [`Reply::scored_list`]: the members and as many scores.
    pub fn scored_run<S: Copy + Into<f64>>(&mut self, members: &NameRun<'_>, scores: &[S]) {
        assert_eq!(members.count(), scores.len());
        let prefix = members.prefix();
        let mut wholes = [0; RUN_MAX];
        if prefix.len() <= PREFIX_BYTES && read_short_scores(scores, &mut wholes) {
            let digits = eight_digits_each(&wholes);
            match members.tails() {
                Tails::Words(words, lens) => {
                    let tails = words.iter().zip(lens.iter().map(|&len| usize::from(len)));
                    return write_short(self, prefix, tails.zip(&digits), 8, |room, word, len| {
                        room.push_word(*word, len);
                    });
                }
                Tails::Text(tails) => {
                    let longest = tails.iter().fold(0, |longest, tail| tail.len().max(longest));
                    let tails = tails.iter().map(|tail| (tail, tail.len()));
                    if longest <= SHORT_BYTES {
                        return write_short(self, prefix, tails.zip(&digits), longest, |room, tail, _| {
                            room.push_bytes(tail);
                        });
                    }
                }
            }
        }
        let mut scores = scores.iter();
        members.for_each_tail(|tail| {
            let score = scores.next().expect("as many scores as members");
            self.scored_joined([prefix, tail], (*score).into());
        });
    }
}

/// Whether all scores are whole, not negative, and have at most eight digits; if so, `wholes` gets their values.
fn read_short_scores<S: Copy + Into<f64>>(scores: &[S], wholes: &mut [u32; RUN_MAX]) -> bool {
    let mut are_short = true;
    for (whole, &score) in wholes.iter_mut().zip(scores) {
        // If the score is whole, the low bits of the sum are the score.
        let score: f64 = score.into();
        let sum = score + TWO_TO_52;
        *whole = sum.to_bits() as u32;
        are_short &= (sum - TWO_TO_52 == score) & (0.0..f64::from(EIGHT_DIGITS)).contains(&score);
    }
    are_short
}

/// Writes pairs with a short prefix, tails of at most `tail_max` bytes, and scores as eight digits.
fn write_short<'a, T>(
    reply: &mut Reply<'_>,
    prefix: &[u8],
    pairs: impl ExactSizeIterator<Item = ((T, usize), &'a [u8; 8])>,
    tail_max: usize,
    push_tail: impl Fn(&mut Room<'_, PAIR_BYTES>, T, usize),
) {
    let protocol = reply.protocol();
    let start = reply.out.len();
    let pair_max = OPENING_BYTES - PREFIX_BYTES + prefix.len() + tail_max + SCORE_BYTES;
    reply.out.resize(start + pairs.len() * pair_max + PAIR_BYTES, 0);
    let places = &mut reply.out[start..];
    let mut written = 0;
    let (mut opening, mut opening_len, mut opened_tail) = ([0; OPENING_BYTES], 0, usize::MAX);
    for ((tail, tail_len), score) in pairs {
        // Members of the same length have the same header and prefix.
        if tail_len != opened_tail {
            (opening, opening_len) = self::opening(protocol, prefix, tail_len);
            opened_tail = tail_len;
        }
        let place = places[written..].first_chunk_mut().expect("room for every pair has been made");
        let mut room = Room { place, len: 0 };
        room.push_word(opening, opening_len);
        push_tail(&mut room, tail, tail_len);
        let (digits, digits_len) = without_leading_zeros(*score);
        match protocol {
            Protocol::Resp2 => {
                room.push_word([b'\r', b'\n', b'$', b'0' + digits_len as u8, b'\r', b'\n', 0, 0], 6);
            }
            Protocol::Resp3 => room.push_word(*b"\r\n,\0", 3),
        }
        room.push_word(digits, digits_len);
        room.push(*b"\r\n");
        written += room.len;
    }
    reply.out.truncate(start + written);
}

/// The bytes before the tail of a member, and their number.
fn opening(protocol: Protocol, prefix: &[u8], tail_len: usize) -> ([u8; OPENING_BYTES], usize) {
    let mut bytes = [0; OPENING_BYTES];
    let mut room = Room { place: &mut bytes, len: 0 };
    if protocol == Protocol::Resp3 {
        room.push(*b"*2\r\n");
    }
    room.push_length(prefix.len() + tail_len);
    room.push_bytes(prefix);
    let len = room.len;
    (bytes, len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::decimal::eight_digits;

    fn written(protocol: Protocol, write: impl FnOnce(&mut Reply<'_>)) -> String {
        let mut out = Vec::new();
        write(&mut Reply::new(&mut out, protocol));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_run_is_written_as_its_members_one_by_one() {
        let tails: Vec<String> = (0..40).map(|len| "t".repeat(len)).collect();
        let tails: Vec<&[u8]> = tails.iter().map(String::as_bytes).collect();
        let words = std::array::from_fn(|i| eight_digits(98_765 * i as u32));
        let lens: [u8; RUN_MAX] = std::array::from_fn(|i| i as u8 % 9);
        let prefix = [b'p'; 40];
        let mut runs = Vec::new();
        for prefix in [0, 1, 5, 22, 23, 24, 40].map(|len| &prefix[..len]) {
            let text = (0..tails.len()).flat_map(|start| [1, 2, RUN_MAX].map(|len| (start, len)));
            let text = text.filter_map(|(start, len)| tails.get(start..start + len));
            runs.extend(text.map(|tails| NameRun::new(prefix, Tails::Text(tails))));
            let digits = [&lens[..], &lens[..3], &lens[15..]];
            runs.extend(digits.map(|lens| NameRun::new(prefix, Tails::Words(&words, lens))));
        }
        let mut scores: Vec<f64> = (0..8).map(|power| 10f64.powi(power)).flat_map(|p| [p - 1.0, p]).collect();
        scores.extend([99_999_999.0, 0.0]);
        let few_digits = scores.len();
        scores.extend([-0.0, -1.0, 0.5, 1e8, 2f64.powi(32), 2f64.powi(32) + 5.0, 1e300]);
        scores.extend([f64::INFINITY, f64::NEG_INFINITY]);
        for (names, start) in runs.iter().flat_map(|names| (0..few_digits).map(move |start| (names, start))) {
            let mut members = Vec::new();
            names.for_each(&mut Vec::new(), |name| members.push(name.to_vec()));
            for scores in [&scores[..few_digits], &scores] {
                let scores: Vec<f64> =
                    scores.iter().cycle().skip(start).copied().take(members.len()).collect();
                for protocol in [Protocol::Resp2, Protocol::Resp3] {
                    let run = written(protocol, |reply| {
                        reply.scored_run(names, &scores);
                        reply.bulk_run(names);
                    });
                    let singly = written(protocol, |reply| {
                        members.iter().zip(&scores).for_each(|(member, score)| reply.scored(member, *score));
                        members.iter().for_each(|member| reply.bulk(member));
                    });
                    assert_eq!(run, singly);
                }
            }
        }
    }
}
