//! Small values packed into one string: listpack (Redis 7 on), ziplist (before), intset.
//!
//! Nothing in the bytes is trusted: each function returns `None` where they do not hold together.

use std::borrow::Cow;

/// An element: a byte string, or an integer stored as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element<'a> {
    Bytes(&'a [u8]),
    Integer(i64),
}

impl<'a> Element<'a> {
    /// The element as the string that a client would see.
    pub(super) fn bytes(self) -> Cow<'a, [u8]> {
        match self {
            Self::Bytes(bytes) => Cow::Borrowed(bytes),
            Self::Integer(integer) => Cow::Owned(itoa::Buffer::new().format(integer).as_bytes().to_vec()),
        }
    }
}

/// Takes `len` bytes off the front of `rest`.
fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    Some(taken)
}

fn take_byte(rest: &mut &[u8]) -> Option<u8> {
    take(rest, 1).map(|taken| taken[0])
}

/// Takes a signed little-endian integer of `N` bytes.
fn take_integer<const N: usize>(rest: &mut &[u8]) -> Option<i64> {
    let taken = take(rest, N)?;
    let mut bytes = if taken[N - 1] & 0x80 == 0 { [0; 8] } else { [0xff; 8] };
    bytes[..N].copy_from_slice(taken);
    Some(i64::from_le_bytes(bytes))
}

fn take_u32(rest: &mut &[u8]) -> Option<usize> {
    take(rest, 4).map(|taken| u32::from_le_bytes(taken.try_into().expect("four bytes")) as usize)
}

/// Calls `visit` for every integer of an intset.
pub(super) fn visit_intset(bytes: &[u8], mut visit: impl FnMut(i64)) -> Option<()> {
    let mut rest = bytes;
    let width = take_u32(&mut rest)?;
    let count = take_u32(&mut rest)?;
    if !matches!(width, 2 | 4 | 8) || rest.len() != count.checked_mul(width)? {
        return None;
    }
    while !rest.is_empty() {
        visit(match width {
            2 => take_integer::<2>(&mut rest)?,
            4 => take_integer::<4>(&mut rest)?,
            _ => take_integer::<8>(&mut rest)?,
        });
    }
    Some(())
}

/// The elements of a listpack: total length, number of elements, elements, 0xFF. An element is its encoding, its bytes,
/// and the length of both once more, for walking backwards.
pub(super) fn listpack(bytes: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut rest = bytes;
    let total = take_u32(&mut rest)?;
    let count = take_count(&mut rest)?;
    let body = rest.strip_suffix(&[0xff])?;
    let mut elements = Vec::new();
    rest = body;
    while !rest.is_empty() {
        let before = rest.len();
        elements.push(take_listpack_element(&mut rest)?);
        let backwards = match before - rest.len() {
            0..128 => 1,
            128..16_384 => 2,
            16_384..2_097_152 => 3,
            2_097_152..268_435_456 => 4,
            _ => 5,
        };
        take(&mut rest, backwards)?;
    }
    (total == bytes.len() && fits(count, elements.len())).then_some(elements)
}

fn take_listpack_element<'a>(rest: &mut &'a [u8]) -> Option<Element<'a>> {
    let first = take_byte(rest)?;
    Some(match first {
        0x00..=0x7f => Element::Integer(i64::from(first)),
        0x80..=0xbf => Element::Bytes(take(rest, usize::from(first & 0x3f))?),
        0xc0..=0xdf => {
            let bits = i64::from(first & 0x1f) << 8 | i64::from(take_byte(rest)?);
            Element::Integer(if bits < 1 << 12 { bits } else { bits - (1 << 13) })
        }
        0xe0..=0xef => {
            let len = usize::from(first & 0x0f) << 8 | usize::from(take_byte(rest)?);
            Element::Bytes(take(rest, len)?)
        }
        0xf0 => {
            let len = take_u32(rest)?;
            Element::Bytes(take(rest, len)?)
        }
        0xf1 => Element::Integer(take_integer::<2>(rest)?),
        0xf2 => Element::Integer(take_integer::<3>(rest)?),
        0xf3 => Element::Integer(take_integer::<4>(rest)?),
        0xf4 => Element::Integer(take_integer::<8>(rest)?),
        _ => return None,
    })
}

/// The elements of a ziplist: total length, offset of the last element, number of elements, elements, 0xFF. An element
/// is the length of the one before, its encoding, its bytes.
pub(super) fn ziplist(bytes: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut rest = bytes;
    let total = take_u32(&mut rest)?;
    let _last = take_u32(&mut rest)?;
    let count = take_count(&mut rest)?;
    let body = rest.strip_suffix(&[0xff])?;
    let mut elements = Vec::new();
    rest = body;
    while !rest.is_empty() {
        if take_byte(&mut rest)? == 0xfe {
            take(&mut rest, 4)?;
        }
        elements.push(take_ziplist_element(&mut rest)?);
    }
    (total == bytes.len() && fits(count, elements.len())).then_some(elements)
}

fn take_ziplist_element<'a>(rest: &mut &'a [u8]) -> Option<Element<'a>> {
    let first = take_byte(rest)?;
    Some(match first {
        0x00..=0x3f => Element::Bytes(take(rest, usize::from(first))?),
        0x40..=0x7f => {
            let len = usize::from(first & 0x3f) << 8 | usize::from(take_byte(rest)?);
            Element::Bytes(take(rest, len)?)
        }
        0x80 => {
            let len = take(rest, 4)?;
            Element::Bytes(take(rest, u32::from_be_bytes(len.try_into().expect("four bytes")) as usize)?)
        }
        0xc0 => Element::Integer(take_integer::<2>(rest)?),
        0xd0 => Element::Integer(take_integer::<4>(rest)?),
        0xe0 => Element::Integer(take_integer::<8>(rest)?),
        0xf0 => Element::Integer(take_integer::<3>(rest)?),
        0xfe => Element::Integer(take_integer::<1>(rest)?),
        0xf1..=0xfd => Element::Integer(i64::from(first) - 0xf1),
        _ => return None,
    })
}

fn take_count(rest: &mut &[u8]) -> Option<usize> {
    take(rest, 2).map(|taken| usize::from(u16::from_le_bytes(taken.try_into().expect("two bytes"))))
}

/// A count that does not fit its 16 bits stands there as their maximum.
fn fits(announced: usize, found: usize) -> bool {
    announced == found || announced == usize::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ziplist_of(elements: &[u8], count: u16) -> Vec<u8> {
        let mut bytes = (11 + elements.len() as u32).to_le_bytes().to_vec();
        bytes.extend(0u32.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend(elements);
        bytes.push(0xff);
        bytes
    }

    fn listpack_of(elements: &[u8], count: u16) -> Vec<u8> {
        let mut bytes = (7 + elements.len() as u32).to_le_bytes().to_vec();
        bytes.extend(count.to_le_bytes());
        bytes.extend(elements);
        bytes.push(0xff);
        bytes
    }

    /// Every prefix and every changed byte is refused or read; none panics.
    fn survives(bytes: &[u8], read: impl Fn(&[u8])) {
        (0..bytes.len()).for_each(|len| read(&bytes[..len]));
        for at in 0..bytes.len() {
            for value in 0..=255 {
                let mut changed = bytes.to_vec();
                changed[at] = value;
                read(&changed);
            }
        }
    }

    #[test]
    fn every_ziplist_encoding() {
        let mut elements = vec![0, 3, b'a', b'b', b'c'];
        elements.extend([5, 0x40, 0x40]);
        elements.extend([b'x'; 64]);
        elements.extend([67, 0x80, 0, 0, 0, 2, b'h', b'i']);
        elements.extend([8, 0xc0, 0xff, 0x7f]);
        elements.extend([4, 0xd0, 0, 0, 0, 0x80]);
        elements.extend([6, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x80]);
        elements.extend([10, 0xf0, 0xff, 0xff, 0xff]);
        elements.extend([5, 0xfe, 0x80]);
        elements.extend([3, 0xf1]);
        elements.extend([0xfe, 2, 0, 0, 0, 0xfd]);
        let bytes = ziplist_of(&elements, 10);
        let expected = [
            Element::Bytes(b"abc"),
            Element::Bytes(&[b'x'; 64]),
            Element::Bytes(b"hi"),
            Element::Integer(32_767),
            Element::Integer(i64::from(i32::MIN)),
            Element::Integer(i64::MIN),
            Element::Integer(-1),
            Element::Integer(-128),
            Element::Integer(0),
            Element::Integer(12),
        ];
        assert_eq!(ziplist(&bytes).unwrap(), expected);
        survives(&bytes, |bytes| drop(ziplist(bytes)));
        assert!(ziplist(&ziplist_of(&elements, u16::MAX)).is_some());
        assert!(ziplist(&ziplist_of(&elements, 11)).is_none());
    }

    #[test]
    fn every_listpack_encoding() {
        let mut elements = vec![0x7f, 1, 0x83, b'a', b'b', b'c', 4];
        elements.extend([0xc0 | 0x0f, 0xff, 2]);
        elements.extend([0xc0 | 0x10, 0, 2]);
        elements.extend([0xe0, 130]);
        elements.extend([b'y'; 130]);
        elements.extend([1, 132]);
        elements.extend([0xf0, 2, 0, 0, 0, b'h', b'i', 7]);
        elements.extend([0xf1, 0, 0x80, 3]);
        elements.extend([0xf2, 0xff, 0xff, 0x7f, 4]);
        elements.extend([0xf3, 0, 0, 0, 0x80, 5]);
        elements.extend([0xf4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 9]);
        let bytes = listpack_of(&elements, 10);
        let expected = [
            Element::Integer(127),
            Element::Bytes(b"abc"),
            Element::Integer(4095),
            Element::Integer(-4096),
            Element::Bytes(&[b'y'; 130]),
            Element::Bytes(b"hi"),
            Element::Integer(-32_768),
            Element::Integer(8_388_607),
            Element::Integer(i64::from(i32::MIN)),
            Element::Integer(i64::MAX),
        ];
        assert_eq!(listpack(&bytes).unwrap(), expected);
        survives(&bytes, |bytes| drop(listpack(bytes)));
    }

    #[test]
    fn intsets_of_each_width() {
        let read = |bytes: &[u8]| {
            let mut integers = Vec::new();
            visit_intset(bytes, |integer| integers.push(integer)).map(|()| integers)
        };
        assert_eq!(read(&[2, 0, 0, 0, 2, 0, 0, 0, 0xff, 0xff, 1, 0]), Some(vec![-1, 1]));
        assert_eq!(read(&[4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x80]), Some(vec![i64::from(i32::MIN)]));
        assert_eq!(read(&[8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80]), Some(vec![i64::MIN]));
        assert_eq!(read(&[3, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3]), None);
        assert_eq!(read(&[2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 2]), None);
        survives(&[4, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4], |bytes| drop(read(bytes)));
    }
}
