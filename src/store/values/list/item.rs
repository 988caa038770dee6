//! The encoding of an element in a chunk: a head that gives the kind, the content, and then the length of both, so that a
//! chunk can be read from either end. An element that is spelled like an integer is stored as one.
//!
//! | head | element |
//! |---|---|
//! | `0iii iiii` | an integer from 0 to 127 |
//! | `10ll llll` | a string of up to 63 bytes |
//! | `1100 llll`, a byte | a string of up to 4,095 bytes |
//! | `1101 0000`, four bytes | a string of any length |
//! | `111i iiii`, a byte | an integer of 13 bits |
//! | `1101 0010`, `0011`, `0100`, `1000` and as many bytes as the last four bits say | an integer |
//!
//! The length at the end has seven bits in each byte, the lowest bits in the last byte. The top bit is set in all of these
//! bytes but the first.

use crate::text::short;

/// The length of the longest decimal integer of 64 bits.
const DIGITS: usize = 20;

const STRING_12: u8 = 0xc0;
const STRING_32: u8 = 0xd0;
/// The lower four bits hold the number of bytes.
const INTEGER: u8 = 0xd0;
const INTEGER_13: u8 = 0xe0;

/// An element of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::values) enum Item<'a> {
    Bytes(&'a [u8]),
    /// A string that is this integer in decimal.
    Integer(i64),
}

impl<'a> Item<'a> {
    /// The element whose bytes are `bytes`.
    #[inline]
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        match bytes {
            [b'-' | b'0'..=b'9', ..] if bytes.len() <= DIGITS => {
                spelled_integer(bytes).map_or(Self::Bytes(bytes), Self::Integer)
            }
            _ => Self::Bytes(bytes),
        }
    }

    /// Calls `see` with its bytes.
    pub(super) fn spell<R>(self, see: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Self::Bytes(bytes) => see(bytes),
            Self::Integer(integer) => see(itoa::Buffer::new().format(integer).as_bytes()),
        }
    }

    /// The length of its head and content in bytes.
    fn front_len(self) -> usize {
        match self {
            Self::Bytes(bytes) => match bytes.len() {
                0..64 => 1 + bytes.len(),
                64..4096 => 2 + bytes.len(),
                _ => 5 + bytes.len(),
            },
            Self::Integer(0..128) => 1,
            Self::Integer(-4096..4096) => 2,
            Self::Integer(integer) => 1 + width(integer),
        }
    }

    /// The length of its encoding in bytes.
    pub(in crate::store::values) fn encoded_len(self) -> usize {
        let front = self.front_len();
        front + back_len(front)
    }

    /// Encodes it into `out`, whose length is [`Self::encoded_len`].
    #[inline]
    pub(super) fn encode(self, out: &mut [u8]) {
        match (self, out) {
            (Self::Bytes(bytes), [head, content @ .., back]) if content.len() < 64 => {
                // Most elements are such strings.
                *head = 0x80 | bytes.len() as u8;
                short::copy(bytes, content);
                *back = 1 + bytes.len() as u8;
            }
            (_, out) => self.encode_any(out),
        }
    }

    /// As [`Self::encode`], for all but short strings.
    #[inline(never)]
    fn encode_any(self, out: &mut [u8]) {
        let front = self.front_len();
        let (head, rest) = out.split_first_mut().expect("no element takes no byte");
        match self {
            Self::Bytes(bytes) => {
                let len = bytes.len();
                let skipped = match len {
                    ..4096 => {
                        *head = STRING_12 | (len >> 8) as u8;
                        rest[0] = len as u8;
                        1
                    }
                    _ => {
                        *head = STRING_32;
                        rest[..4].copy_from_slice(&(len as u32).to_le_bytes());
                        4
                    }
                };
                rest[skipped..skipped + len].copy_from_slice(bytes);
            }
            Self::Integer(integer @ 0..128) => *head = integer as u8,
            Self::Integer(integer @ -4096..4096) => {
                *head = INTEGER_13 | (integer >> 8 & 0x1f) as u8;
                rest[0] = integer as u8;
            }
            Self::Integer(integer) => {
                let width = width(integer);
                *head = INTEGER | width as u8;
                rest[..width].copy_from_slice(&integer.to_le_bytes()[..width]);
            }
        }
        if let [back] = &mut out[front..] {
            *back = front as u8;
            return;
        }
        let mut left = front;
        for (place, byte) in out[front..].iter_mut().rev().enumerate() {
            let is_first = place + 1 == back_len(front);
            *byte = (left & 0x7f) as u8 | if is_first { 0 } else { 0x80 };
            left >>= 7;
        }
    }

    /// The element at the beginning of `bytes`, and the length of its encoding.
    pub(super) fn first(bytes: &'a [u8]) -> (Self, usize) {
        let (head, rest) = (bytes[0], &bytes[1..]);
        let item = match head {
            0..0x80 => Self::Integer(i64::from(head)),
            0x80..0xc0 => Self::Bytes(&rest[..usize::from(head & 0x3f)]),
            STRING_12..STRING_32 => {
                let len = usize::from(head & 0x0f) << 8 | usize::from(rest[0]);
                Self::Bytes(&rest[1..1 + len])
            }
            STRING_32 => {
                let len = u32::from_le_bytes(rest[..4].try_into().expect("four bytes")) as usize;
                Self::Bytes(&rest[4..4 + len])
            }
            INTEGER_13.. => {
                let bits = i64::from(head & 0x1f) << 8 | i64::from(rest[0]);
                Self::Integer(if bits < 1 << 12 { bits } else { bits - (1 << 13) })
            }
            _ => {
                let width = usize::from(head & 0x0f);
                let mut integer = if rest[width - 1] & 0x80 == 0 { [0; 8] } else { [0xff; 8] };
                integer[..width].copy_from_slice(&rest[..width]);
                Self::Integer(i64::from_le_bytes(integer))
            }
        };
        (item, item.encoded_len())
    }

    /// The element at the end of `bytes`, and the length of its encoding.
    pub(super) fn last(bytes: &'a [u8]) -> (Self, usize) {
        let len = Self::last_len(bytes);
        (Self::first(&bytes[bytes.len() - len..]).0, len)
    }

    /// The length of the encoding of the element at the end of `bytes`.
    #[inline]
    pub(super) fn last_len(bytes: &[u8]) -> usize {
        let (mut front, mut back) = (0, 0);
        for &byte in bytes.iter().rev() {
            front |= usize::from(byte & 0x7f) << (7 * back);
            back += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        front + back
    }
}

/// The integer whose decimal form is exactly `bytes`.
#[inline(never)]
fn spelled_integer(bytes: &[u8]) -> Option<i64> {
    match bytes.strip_prefix(b"-").unwrap_or(bytes) {
        [b'1'..=b'9', ..] => std::str::from_utf8(bytes).ok()?.parse().ok(),
        _ => (bytes == b"0").then_some(0),
    }
}

/// The bytes that an integer is stored in: the smallest of the possible widths.
fn width(integer: i64) -> usize {
    match integer {
        -0x8000..0x8000 => 2,
        -0x80_0000..0x80_0000 => 3,
        -0x8000_0000..0x8000_0000 => 4,
        _ => 8,
    }
}

/// The number of bytes of the length at the end, where head and content have `front` bytes.
fn back_len(front: usize) -> usize {
    (front | 1).ilog2() as usize / 7 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_is_read_back_from_both_ends() {
        let mut spellings: Vec<Vec<u8>> = vec![b"01".to_vec(), b"-0".to_vec(), b"+1".to_vec()];
        for bits in 0..64 {
            for near in -2..=2 {
                for sign in [1, -1] {
                    spellings.push((sign * ((1i128 << bits) + near)).to_string().into_bytes());
                }
            }
        }
        for len in [0, 1, 62, 63, 64, 65, 125, 126, 127, 4094, 4095, 4096, 16_380, 16_384, 70_000] {
            spellings.push(vec![b'x'; len]);
        }
        let mut all = Vec::new();
        for spelling in &spellings {
            let item = Item::of(spelling);
            let start = all.len();
            all.resize(start + item.encoded_len(), 0xaa);
            item.encode(&mut all[start..]);
        }
        let (mut from_front, mut from_back) = (&all[..], &all[..]);
        for spelling in &spellings {
            let (item, len) = Item::first(from_front);
            item.spell(|bytes| assert_eq!(bytes, *spelling));
            from_front = &from_front[len..];
        }
        for spelling in spellings.iter().rev() {
            let (item, len) = Item::last(from_back);
            item.spell(|bytes| assert_eq!(bytes, *spelling));
            from_back = &from_back[..from_back.len() - len];
        }
        assert!(from_front.is_empty() && from_back.is_empty());
    }
}
