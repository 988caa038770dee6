//! Words: short byte strings, packed one behind the other. Small hashes and all sets are made of them.
//!
//! The first byte of a word gives its form:
//!
//! | first byte | the word |
//! |---|---|
//! | below 0x80 | an integer: this byte |
//! | 0x80 to 0xc0 | a string; its length is the first byte less 0x80 |
//! | 0xc1 to 0xc8 | a little-endian integer; its length is the first byte less 0xc0 |
//! | 0xc9 | a string; four little-endian bytes in front of it are its length |
//!
//! A text that is an integer as Redis prints it is stored as an integer, in the shortest form that holds it. So each text
//! has exactly one encoding, and a search compares encodings.

use crate::text::integer;
use std::ops::Range;

const BYTES: u8 = 0x80;
const INTEGER: u8 = 0xc0;
const LONG: u8 = 0xc9;

/// Longest byte string whose length is in the first byte.
const SHORT_BYTES: usize = (INTEGER - BYTES) as usize;

/// The first byte and a length.
const LONG_HEAD_BYTES: usize = 5;

/// A byte string, as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Text<'a> {
    /// Its bytes.
    Bytes(&'a [u8]),
    /// The integer that it spells.
    Integer(i64),
}

impl<'a> Text<'a> {
    /// `bytes`, as the integer that they spell if they do.
    #[must_use]
    pub fn of(bytes: &'a [u8]) -> Self {
        integer::parse(bytes).map_or(Self::Bytes(bytes), Self::Integer)
    }

    /// Its bytes. The digits of an integer are written into `digits`.
    #[must_use]
    pub fn bytes<'b>(self, digits: &'b mut itoa::Buffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Integer(integer) => digits.format(integer).as_bytes(),
        }
    }

    /// The number of its bytes.
    #[must_use]
    pub fn len(self) -> usize {
        self.bytes(&mut itoa::Buffer::new()).len()
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The integer that it spells as Redis prints it.
    #[must_use]
    pub fn integer(self) -> Option<i64> {
        match self {
            Self::Bytes(bytes) => integer::parse(bytes),
            Self::Integer(integer) => Some(integer),
        }
    }
}

/// A word's encoding: some bytes of its own, and those of a byte string.
#[derive(Clone, Copy, Debug)]
pub(super) struct PackedWord<'a> {
    head: [u8; 9],
    head_len: u8,
    tail: &'a [u8],
}

impl<'a> PackedWord<'a> {
    /// The encoding of `text`, which must be an integer if it spells one.
    pub(super) fn of(text: Text<'a>) -> Self {
        let mut head = [0; 9];
        let (head_len, tail): (usize, &[u8]) = match text {
            Text::Integer(integer @ 0..0x80) => {
                head[0] = integer as u8;
                (1, &[])
            }
            Text::Integer(integer) => {
                let width = integer_bytes(integer);
                head[0] = INTEGER + width as u8;
                head[1..].copy_from_slice(&integer.to_le_bytes());
                (1 + width, &[])
            }
            Text::Bytes(bytes) if bytes.len() <= SHORT_BYTES => {
                head[0] = BYTES + bytes.len() as u8;
                (1, bytes)
            }
            Text::Bytes(bytes) => {
                head[0] = LONG;
                // A member or field comes from a request, where it is far below 4 GiB (limits::MOST_BULK_BYTES).
                head[1..LONG_HEAD_BYTES].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
                (LONG_HEAD_BYTES, bytes)
            }
        };
        Self { head, head_len: head_len as u8, tail }
    }

    /// The bytes that it takes.
    pub(super) fn len(&self) -> usize {
        usize::from(self.head_len) + self.tail.len()
    }

    /// Whether it is the word at the front of `bytes`.
    pub(super) fn is_front_of(&self, bytes: &[u8]) -> bool {
        let Some((head, tail)) =
            bytes.get(..self.len()).and_then(|word| word.split_at_checked(self.head().len()))
        else {
            return false;
        };
        // Most words differ in the first byte. The head was made just now: to compare it all, which loads more than it
        // is long, would wait until it is in the cache.
        head[0] == self.head[0] && (head.len() == 1 || head == self.head()) && tail == self.tail
    }

    /// The last byte of its encoding.
    fn last(&self) -> u8 {
        self.tail.last().or(self.head().last()).copied().expect("no word takes no byte")
    }

    fn head(&self) -> &[u8] {
        &self.head[..usize::from(self.head_len)]
    }

    /// Appends it to `out`.
    pub(super) fn append_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.head());
        out.extend_from_slice(self.tail);
    }
}

/// The fewest bytes whose two's complement holds `integer`.
pub(super) fn integer_bytes(integer: i64) -> usize {
    let magnitude = if integer < 0 { !integer } else { integer };
    (65 - magnitude.leading_zeros() as usize).div_ceil(8)
}

/// How many bytes the word at the front of `bytes` takes.
pub(super) fn word_bytes(bytes: &[u8]) -> usize {
    match bytes[0] {
        0..BYTES => 1,
        first @ BYTES..=INTEGER => 1 + usize::from(first - BYTES),
        LONG => LONG_HEAD_BYTES + long_bytes(bytes),
        first => 1 + usize::from(first - INTEGER),
    }
}

fn long_bytes(bytes: &[u8]) -> usize {
    let len = bytes[1..].first_chunk().expect("a long word has its length behind its first byte");
    u32::from_le_bytes(*len) as usize
}

/// The word at the front of `bytes`, and what follows it.
pub(super) fn split(bytes: &[u8]) -> (Text<'_>, &[u8]) {
    let (word, rest) = bytes.split_at(word_bytes(bytes));
    let text = match word[0] {
        first @ 0..BYTES => Text::Integer(i64::from(first)),
        BYTES..=INTEGER => Text::Bytes(&word[1..]),
        LONG => Text::Bytes(&word[LONG_HEAD_BYTES..]),
        _ => Text::Integer(integer_of(&word[1..])),
    };
    (text, rest)
}

/// The integer of these bytes, 1 to 8 in little endian.
pub(super) fn integer_of(bytes: &[u8]) -> i64 {
    let sign = if bytes[bytes.len() - 1] & 0x80 == 0 { 0 } else { 0xff };
    let mut eight = [sign; 8];
    eight[..bytes.len()].copy_from_slice(bytes);
    i64::from_le_bytes(eight)
}

/// The words that `bytes` are, in order.
pub(super) fn iter(bytes: &[u8]) -> impl Iterator<Item = Text<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (word, tail) = split(rest);
        rest = tail;
        Some(word)
    })
}

/// Where `wanted` is among the words that begin at `start`, and how many words are in front of it; where it is not, only how
/// many there are. O(n).
pub(super) fn find(bytes: &[u8], start: usize, wanted: &PackedWord<'_>) -> (Option<Range<usize>>, usize) {
    // Names in a row often have the same length and a few characters in common. Few have the same last eight bytes.
    match wanted.tail.last_chunk::<8>() {
        Some(last) => find_ending(bytes, start, wanted, *last),
        None => find_ending(bytes, start, wanted, [wanted.last()]),
    }
}

/// As [`find`]. `last` are the last bytes of `wanted`.
fn find_ending<const N: usize>(
    bytes: &[u8],
    start: usize,
    wanted: &PackedWord<'_>,
    last: [u8; N],
) -> (Option<Range<usize>>, usize) {
    let (mut at, mut passed) = (start, 0);
    let (first, len) = (wanted.head[0], wanted.len());
    // This is most of the time of a search.
    while let Some(byte) = bytes.get(at) {
        if *byte == first {
            let may_be_it = bytes.get(at + len - N..at + len).is_some_and(|end| *end == last);
            if may_be_it && wanted.is_front_of(&bytes[at..]) {
                return (Some(at..at + len), passed);
            }
        }
        // The first byte gives the length, so the next word can be looked at before this byte has been read.
        at += if *byte == first && first != LONG { len } else { word_bytes(&bytes[at..]) };
        passed += 1;
    }
    (None, passed)
}

/// Puts `words` in place of the bytes in `range`. The box is as long as its contents. O(n).
pub(super) fn replace(bytes: &mut Box<[u8]>, range: Range<usize>, words: &[PackedWord<'_>]) {
    let len = words.iter().map(PackedWord::len).sum();
    make_room(bytes, range.clone(), len);
    let mut at = range.start;
    for word in words {
        for part in [word.head(), word.tail] {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
    }
}

/// Makes `len` bytes of those in `range`; what follows them is moved, what they are is unspecified.
pub(super) fn make_room(bytes: &mut Box<[u8]>, range: Range<usize>, len: usize) {
    if len == range.len() {
        return;
    }
    let mut list = std::mem::take(bytes).into_vec();
    let before = list.len();
    let after = before - range.len() + len;
    if after > before {
        list.reserve_exact(after - before);
        list.resize(after, 0);
    }
    list.copy_within(range.end..before, range.start + len);
    list.truncate(after);
    *bytes = list.into();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(word: PackedWord<'_>) -> Box<[u8]> {
        let mut bytes = Box::default();
        replace(&mut bytes, 0..0, &[word]);
        bytes
    }

    #[test]
    fn words_come_back_in_the_fewest_bytes() {
        let integers = [
            (0, 1),
            (127, 1),
            (128, 3),
            (-1, 2),
            (-128, 2),
            (-129, 3),
            (32_767, 3),
            (32_768, 4),
            (1 << 31, 6),
            (i64::MAX, 9),
            (i64::MIN, 9),
        ];
        for (integer, bytes) in integers {
            let text = integer.to_string();
            let word = PackedWord::of(Text::of(text.as_bytes()));
            let encoded = encoded(word);
            assert_eq!((word.len(), encoded.len()), (bytes, bytes), "{integer}");
            assert_eq!(split(&encoded), (Text::Integer(integer), &[][..]));
            assert!(word.is_front_of(&encoded));
            assert_eq!(split(&encoded).0.len(), text.len());
        }
        let long = "x".repeat(65);
        let texts = ["", "-0", "007", "+1", "1.5", "9223372036854775808", &long[1..], &long, &long.repeat(9)];
        for text in texts {
            let word = PackedWord::of(Text::of(text.as_bytes()));
            let encoded = encoded(word);
            assert_eq!(split(&encoded), (Text::Bytes(text.as_bytes()), &[][..]));
            assert_eq!(encoded.len(), if text.len() > 64 { 5 } else { 1 } + text.len());
            assert!(word.is_front_of(&encoded));
        }
    }

    /// One word may be the beginning of another, and a list may end where a longer word would go on.
    #[test]
    fn a_word_is_found_only_where_it_is_whole() {
        let long = "y".repeat(100);
        let names = ["", "a", "b", "ab", "1", "-1", "300", "12345678901", "abc", &long, &long[..70]];
        for skipped in 0..names.len() {
            let present = names.iter().enumerate().filter(|(index, _)| *index != skipped);
            let words: Vec<_> = present.map(|(_, name)| PackedWord::of(Text::of(name.as_bytes()))).collect();
            let mut bytes = Box::default();
            replace(&mut bytes, 0..0, &words);
            assert_eq!(iter(&bytes).count(), names.len() - 1);
            for (index, name) in names.iter().enumerate() {
                let (found, passed) = find(&bytes, 0, &PackedWord::of(Text::of(name.as_bytes())));
                assert_eq!(found.is_some(), index != skipped, "{name}");
                if let Some(range) = found {
                    assert_eq!(split(&bytes[range]).0, Text::of(name.as_bytes()));
                    assert_eq!(passed, index - usize::from(index > skipped));
                }
            }
        }
    }
}
