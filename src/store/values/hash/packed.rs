//! The fields of a small hash in one allocation.
//!
//! Two bytes hold the number of fields. The fields follow in the order of their insertion, each as two words: its name
//! and its value. The first byte of a word gives its form:
//!
//! | first byte | the word |
//! |---|---|
//! | below 0x80 | an integer: this byte |
//! | 0x80 to 0xc0 | a string; its length is the first byte less 0x80 |
//! | 0xc1 to 0xc8 | a little-endian integer; its length is the first byte less 0xc0 |
//!
//! A text that is an integer as Redis prints it is stored as an integer, in the shortest form that holds it. So each text
//! has exactly one encoding, and a search compares encodings.

use crate::machine::heap::allocation_bytes;
use crate::ranking::prefetch;
use crate::text::integer;
use std::ops::Range;

/// The most fields that are kept packed, as in Redis (`hash-max-listpack-entries`).
pub(super) const MOST_FIELDS: usize = 512;

/// The longest field or value that is kept packed, in bytes, as in Redis (`hash-max-listpack-value`).
const LONGEST_WORD_BYTES: usize = 64;

/// The bytes in front of the first field: the number of fields.
const HEAD_BYTES: usize = 2;

const BYTES: u8 = 0x80;
const INTEGER: u8 = 0xc0;

/// The name or the value of a field, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// Its bytes.
    Bytes(&'a [u8]),
    /// The integer that it spells.
    Integer(i64),
}

impl<'a> Text<'a> {
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

/// The encoding of a word.
#[derive(Clone, Copy, Debug)]
pub(super) struct PackedWord {
    bytes: [u8; 1 + LONGEST_WORD_BYTES],
    len: u8,
}

impl PackedWord {
    /// The encoding of `text`; `None` if it is too long to be packed.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; 1 + LONGEST_WORD_BYTES];
        let len = match integer::parse(text) {
            Some(integer @ 0..0x80) => {
                bytes[0] = integer as u8;
                1
            }
            Some(integer) => {
                let width = integer_bytes(integer);
                bytes[0] = INTEGER + width as u8;
                bytes[1..=width].copy_from_slice(&integer.to_le_bytes()[..width]);
                1 + width
            }
            None if text.len() > LONGEST_WORD_BYTES => return None,
            None => {
                bytes[0] = BYTES + text.len() as u8;
                bytes[1..=text.len()].copy_from_slice(text);
                1 + text.len()
            }
        };
        Some(Self { bytes, len: len as u8 })
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// The fewest bytes whose two's complement holds `integer`.
fn integer_bytes(integer: i64) -> usize {
    let magnitude = if integer < 0 { !integer } else { integer };
    (65 - magnitude.leading_zeros() as usize).div_ceil(8)
}

/// Fields and values, packed.
#[derive(Clone, Debug, Default)]
pub(super) struct PackedFields(Box<[u8]>);

/// The offsets of a field, of its value, and of what follows.
#[derive(Clone, Debug)]
struct Found {
    field: usize,
    value: usize,
    end: usize,
}

impl PackedFields {
    /// The number of fields. O(1).
    pub(super) fn len(&self) -> usize {
        self.0.first_chunk().map_or(0, |count| usize::from(u16::from_le_bytes(*count)))
    }

    /// The value of `field`. O(n).
    pub(super) fn get(&self, field: &PackedWord) -> Option<Text<'_>> {
        self.find(field).map(|found| split(&self.0[found.value..]).0)
    }

    /// Sets `field` and returns whether it was new. Returns `None` and changes nothing if there would be too many fields.
    pub(super) fn set(&mut self, field: &PackedWord, value: &PackedWord) -> Option<bool> {
        if let Some(Found { value: start, end, .. }) = self.find(field) {
            self.replace(start..end, [value.bytes(), &[]]);
            return Some(false);
        }
        if self.len() == MOST_FIELDS {
            return None;
        }
        if self.0.is_empty() {
            self.0 = Box::new([0; HEAD_BYTES]);
        }
        self.replace(self.0.len()..self.0.len(), [field.bytes(), value.bytes()]);
        self.set_len(self.len() + 1);
        Some(true)
    }

    /// Removes `field`; returns whether it was there. O(n).
    pub(super) fn remove(&mut self, field: &PackedWord) -> bool {
        let Some(Found { field, end, .. }) = self.find(field) else { return false };
        self.replace(field..end, [&[], &[]]);
        self.set_len(self.len() - 1);
        true
    }

    /// Every field with its value, in the order of insertion.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Text<'_>, Text<'_>)> {
        let mut rest = self.0.get(HEAD_BYTES..).unwrap_or_default();
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let (field, tail) = split(rest);
            let (value, tail) = split(tail);
            rest = tail;
            Some((field, value))
        })
    }

    /// The size of its allocation, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        allocation_bytes(self.0.len())
    }

    /// Starts to load the first cache line of its bytes.
    pub(super) fn prefetch(&self) {
        prefetch::line(self.0.as_ptr());
    }

    fn set_len(&mut self, len: usize) {
        self.0[..HEAD_BYTES].copy_from_slice(&(len as u16).to_le_bytes());
    }

    fn find(&self, wanted: &PackedWord) -> Option<Found> {
        let bytes = &*self.0;
        let mut field = HEAD_BYTES;
        while field < bytes.len() {
            let value = field + word_bytes(bytes[field]);
            let end = value + word_bytes(bytes[value]);
            if bytes[field..value] == *wanted.bytes() {
                return Some(Found { field, value, end });
            }
            field = end;
        }
        None
    }

    /// Replaces the bytes in `range` by `parts`.
    fn replace(&mut self, range: Range<usize>, parts: [&[u8]; 2]) {
        let len = parts[0].len() + parts[1].len();
        if len == range.len() {
            let (first, second) = self.0[range].split_at_mut(parts[0].len());
            first.copy_from_slice(parts[0]);
            second.copy_from_slice(parts[1]);
            return;
        }
        let mut bytes = std::mem::take(&mut self.0).into_vec();
        bytes.reserve_exact(len.saturating_sub(range.len()));
        bytes.splice(range, parts[0].iter().chain(parts[1]).copied());
        self.0 = bytes.into();
    }
}

/// The length in bytes of a word that begins with `first`.
fn word_bytes(first: u8) -> usize {
    match first {
        0..BYTES => 1,
        BYTES..=INTEGER => 1 + usize::from(first - BYTES),
        _ => 1 + usize::from(first - INTEGER),
    }
}

/// The word at the beginning of `bytes`, and the bytes behind it.
fn split(bytes: &[u8]) -> (Text<'_>, &[u8]) {
    let (word, rest) = bytes.split_at(word_bytes(bytes[0]));
    let text = match word[0] {
        first @ 0..BYTES => Text::Integer(i64::from(first)),
        BYTES..=INTEGER => Text::Bytes(&word[1..]),
        _ => {
            let mut eight = [if word[word.len() - 1] & 0x80 == 0 { 0 } else { 0xff }; 8];
            eight[..word.len() - 1].copy_from_slice(&word[1..]);
            Text::Integer(i64::from_le_bytes(eight))
        }
    };
    (text, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_read_back_from_its_shortest_encoding() {
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
            let word = PackedWord::of(text.as_bytes()).unwrap();
            assert_eq!(word.bytes().len(), bytes, "{integer}");
            assert_eq!(split(word.bytes()), (Text::Integer(integer), &[][..]));
            assert_eq!(split(word.bytes()).0.len(), text.len());
        }
        for text in ["", "-0", "007", "+1", "1.5", "9223372036854775808", &"x".repeat(64)] {
            let word = PackedWord::of(text.as_bytes()).unwrap();
            assert_eq!(split(word.bytes()), (Text::Bytes(text.as_bytes()), &[][..]));
            assert_eq!(word.bytes().len(), 1 + text.len());
        }
        assert!(PackedWord::of(&[b'x'; 65]).is_none());
    }

    /// 2 bytes of count, 4 names with a length byte each, and 4 integers in 1 or 3 bytes.
    #[test]
    fn a_hash_of_four_counters_is_packed_in_37_bytes() {
        let mut packed = PackedFields::default();
        for (field, value) in [("views", "1042"), ("likes", "17"), ("shares", "3"), ("replies", "200")] {
            packed
                .set(&PackedWord::of(field.as_bytes()).unwrap(), &PackedWord::of(value.as_bytes()).unwrap());
        }
        assert_eq!((packed.0.len(), packed.heap_bytes()), (37, 48));
    }
}
