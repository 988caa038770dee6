//! Small values packed into one string: listpack (Redis 7 on), ziplist (before), zipmap (before 2.6), intset.
//!
//! Elements are read one at a time, so that a value takes no more memory than its longest element. Nothing in the
//! bytes is trusted: a contradiction is an error.

use super::error::{Error, Problem};
use super::source::RdbSource;
use super::string_reader::StringReader;
use std::io::Read;

/// An element: a byte string, or an integer stored as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PackedElement<'a> {
    Bytes(&'a [u8]),
    Integer(i64),
}

impl PackedElement<'_> {
    /// Replaces the contents of `out` with the element, as a client would see it.
    pub(super) fn copy_to(self, out: &mut Vec<u8>) {
        out.clear();
        match self {
            Self::Bytes(bytes) => out.extend_from_slice(bytes),
            Self::Integer(integer) => {
                out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
            }
        }
    }
}

/// How elements are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// Width of an integer, number of integers, integers.
    Intset,
    /// Total length, offset of the last element, number of elements, elements, 0xFF. An element is the length of the one
    /// before, its encoding, its bytes.
    Ziplist,
    /// Total length, number of elements, elements, 0xFF. An element is its encoding, its bytes, and the length of both
    /// once more, for walking backwards.
    Listpack,
    /// Number of fields, fields and values in turn, 0xFF. A field is its length and its bytes. A value is its length, the
    /// number of unused bytes behind it, and its bytes.
    Zipmap,
}

/// A packed value that is being read.
pub(super) struct Packed<'s, R> {
    text: StringReader<'s, R>,
    packing: Packing,
    /// Bytes of each integer in an intset.
    width: usize,
    /// The number of elements that the value announces.
    announced: u64,
    /// The number of elements read.
    found: u64,
    /// The current element, if it is a string.
    bytes: Vec<u8>,
}

/// A count of elements that does not fit into 16 bits is written as their maximum.
const UNCOUNTED: u64 = u16::MAX as u64;

/// From here on it does not fit the byte that a zipmap has for it.
const ZIPMAP_UNCOUNTED: u64 = 254;

impl<'s, R: Read> Packed<'s, R> {
    /// Begins the value that `source` is at.
    pub(super) fn begin(source: &'s mut RdbSource<R>, packing: Packing) -> Result<Self, Error> {
        let mut text = StringReader::begin(source)?;
        let len = text.left();
        if packing == Packing::Zipmap {
            let fields = u64::from(text.byte()?);
            let announced = if fields < ZIPMAP_UNCOUNTED { 2 * fields } else { UNCOUNTED };
            return Ok(Self { text, packing, width: 0, announced, found: 0, bytes: Vec::new() });
        }
        let first = u32::from_le_bytes(text.bytes()?);
        let (mut width, announced) = (
            0,
            match packing {
                Packing::Intset => u64::from(u32::from_le_bytes(text.bytes()?)),
                Packing::Ziplist => {
                    let _last: [u8; 4] = text.bytes()?;
                    u64::from(u16::from_le_bytes(text.bytes()?))
                }
                Packing::Listpack | Packing::Zipmap => u64::from(u16::from_le_bytes(text.bytes()?)),
            },
        );
        if packing == Packing::Intset {
            width = first as usize;
            if !matches!(width, 2 | 4 | 8) || text.left() != announced * u64::from(first) {
                return text.malformed();
            }
        } else if u64::from(first) != len {
            return text.malformed();
        }
        Ok(Self { text, packing, width, announced, found: 0, bytes: Vec::new() })
    }

    /// Elements read so far.
    pub(super) fn found(&self) -> u64 {
        self.found
    }

    /// The error for `problem` at this offset.
    pub(super) fn error(&self, problem: Problem) -> Error {
        self.text.error(problem)
    }

    /// The error for a malformed value at this offset.
    pub(super) fn malformed<T>(&self) -> Result<T, Error> {
        self.text.malformed()
    }

    /// The next element; `None` once the value is complete.
    pub(super) fn next_element(&mut self) -> Result<Option<PackedElement<'_>>, Error> {
        let is_last = if self.packing == Packing::Intset {
            self.text.left() == 0
        } else {
            // Only the end mark is left, or a byte in its place.
            self.text.left() <= 1
        };
        if is_last {
            self.end()?;
            return Ok(None);
        }
        self.found += 1;
        let integer = match self.packing {
            Packing::Intset => Some(match self.width {
                2 => integer(self.text.bytes::<2>()?),
                4 => integer(self.text.bytes::<4>()?),
                _ => integer(self.text.bytes::<8>()?),
            }),
            Packing::Ziplist => self.ziplist_element()?,
            Packing::Listpack => self.listpack_element()?,
            Packing::Zipmap => self.zipmap_element()?,
        };
        Ok(Some(integer.map_or(PackedElement::Bytes(&self.bytes), PackedElement::Integer)))
    }

    fn end(&mut self) -> Result<(), Error> {
        let is_marked = self.packing == Packing::Intset || self.text.byte()? == 0xff;
        let is_uncounted = self.packing != Packing::Intset && self.announced == UNCOUNTED;
        if !is_marked || !(is_uncounted || self.announced == self.found) {
            return self.malformed();
        }
        self.text.end()
    }

    /// Reads a string of `len` bytes.
    fn string(&mut self, len: usize) -> Result<Option<i64>, Error> {
        self.bytes.clear();
        self.text.read(len, &mut self.bytes).map(|()| None)
    }

    /// Reads an element of a listpack: an integer, or a string into `bytes`.
    fn listpack_element(&mut self) -> Result<Option<i64>, Error> {
        let before = self.text.left();
        let first = self.text.byte()?;
        let integer = match first {
            0x00..=0x7f => Some(i64::from(first)),
            0x80..=0xbf => self.string(usize::from(first & 0x3f))?,
            0xc0..=0xdf => {
                let bits = i64::from(first & 0x1f) << 8 | i64::from(self.text.byte()?);
                Some(if bits < 1 << 12 { bits } else { bits - (1 << 13) })
            }
            0xe0..=0xef => {
                let len = usize::from(first & 0x0f) << 8 | usize::from(self.text.byte()?);
                self.string(len)?
            }
            0xf0 => {
                let len = u32::from_le_bytes(self.text.bytes()?);
                self.string(len as usize)?
            }
            0xf1 => Some(integer(self.text.bytes::<2>()?)),
            0xf2 => Some(integer(self.text.bytes::<3>()?)),
            0xf3 => Some(integer(self.text.bytes::<4>()?)),
            0xf4 => Some(integer(self.text.bytes::<8>()?)),
            _ => return self.malformed(),
        };
        // As in Redis, the highest length of each width but the first takes one byte more.
        let backwards = match before - self.text.left() {
            0..128 => 1,
            128..16_383 => 2,
            16_383..2_097_151 => 3,
            2_097_151..268_435_455 => 4,
            _ => 5,
        };
        for _ in 0..backwards {
            self.text.byte()?;
        }
        Ok(integer)
    }

    /// Reads an element of a zipmap into `bytes`.
    fn zipmap_element(&mut self) -> Result<Option<i64>, Error> {
        let len = match self.text.byte()? {
            len @ 0..254 => u32::from(len),
            254 => u32::from_le_bytes(self.text.bytes()?),
            255 => return self.malformed(),
        };
        let is_value = self.found.is_multiple_of(2);
        let free = if is_value { self.text.byte()? } else { 0 };
        self.string(len as usize)?;
        for _ in 0..free {
            self.text.byte()?;
        }
        Ok(None)
    }

    /// Reads an element of a ziplist: an integer, or a string into `bytes`.
    fn ziplist_element(&mut self) -> Result<Option<i64>, Error> {
        if self.text.byte()? == 0xfe {
            let _before: [u8; 4] = self.text.bytes()?;
        }
        let first = self.text.byte()?;
        Ok(match first {
            0x00..=0x3f => self.string(usize::from(first))?,
            0x40..=0x7f => {
                let len = usize::from(first & 0x3f) << 8 | usize::from(self.text.byte()?);
                self.string(len)?
            }
            0x80 => {
                let len = u32::from_be_bytes(self.text.bytes()?);
                self.string(len as usize)?
            }
            0xc0 => Some(integer(self.text.bytes::<2>()?)),
            0xd0 => Some(integer(self.text.bytes::<4>()?)),
            0xe0 => Some(integer(self.text.bytes::<8>()?)),
            0xf0 => Some(integer(self.text.bytes::<3>()?)),
            0xfe => Some(integer(self.text.bytes::<1>()?)),
            0xf1..=0xfd => Some(i64::from(first) - 0xf1),
            _ => return self.malformed(),
        })
    }
}

/// A signed little-endian integer of `N` bytes.
fn integer<const N: usize>(taken: [u8; N]) -> i64 {
    let mut bytes = if taken[N - 1] & 0x80 == 0 { [0; 8] } else { [0xff; 8] };
    bytes[..N].copy_from_slice(&taken);
    i64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The elements as a client would see them, each after `i` or `s`; `None` if the value is malformed. Reads the bytes
    /// uncompressed and compressed as literals.
    fn elements(bytes: &[u8], packing: Packing) -> Option<Vec<String>> {
        let head = |len: usize| [&[0x80][..], &(len as u32).to_be_bytes()].concat();
        let plain = [head(bytes.len()), bytes.to_vec()].concat();
        let literals: Vec<u8> =
            bytes.chunks(32).flat_map(|run| [&[run.len() as u8 - 1], run].concat()).collect();
        let compressed = [&[0xc3][..], &head(literals.len()), &head(bytes.len()), &literals].concat();
        let [plain, compressed] = [plain, compressed].map(|string| read(&string, packing));
        assert_eq!(plain, compressed);
        plain
    }

    fn read(string: &[u8], packing: Packing) -> Option<Vec<String>> {
        let mut source = RdbSource::new(string);
        let mut packed = Packed::begin(&mut source, packing).ok()?;
        let mut elements = Vec::new();
        while let Some(element) = packed.next_element().ok()? {
            elements.push(match element {
                PackedElement::Bytes(bytes) => format!("s{}", bytes.escape_ascii()),
                PackedElement::Integer(integer) => format!("i{integer}"),
            });
        }
        assert_eq!(packed.found(), elements.len() as u64);
        assert_eq!(source.offset(), string.len() as u64);
        Some(elements)
    }

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
    fn survives(bytes: &[u8], packing: Packing) {
        (0..bytes.len()).for_each(|len| drop(elements(&bytes[..len], packing)));
        for at in 0..bytes.len() {
            for value in 0..=255 {
                let mut changed = bytes.to_vec();
                changed[at] = value;
                drop(elements(&changed, packing));
            }
        }
    }

    #[test]
    fn every_ziplist_encoding() {
        let mut body = vec![0, 3, b'a', b'b', b'c'];
        body.extend([5, 0x40, 0x40]);
        body.extend([b'x'; 64]);
        body.extend([67, 0x80, 0, 0, 0, 2, b'h', b'i']);
        body.extend([8, 0xc0, 0xff, 0x7f]);
        body.extend([4, 0xd0, 0, 0, 0, 0x80]);
        body.extend([6, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x80]);
        body.extend([10, 0xf0, 0xff, 0xff, 0xff]);
        body.extend([5, 0xfe, 0x80]);
        body.extend([3, 0xf1]);
        body.extend([0xfe, 2, 0, 0, 0, 0xfd]);
        let bytes = ziplist_of(&body, 10);
        let expected = [
            "sabc",
            &format!("s{}", "x".repeat(64)),
            "shi",
            "i32767",
            "i-2147483648",
            "i-9223372036854775808",
            "i-1",
            "i-128",
            "i0",
            "i12",
        ];
        assert_eq!(elements(&bytes, Packing::Ziplist).unwrap(), expected);
        survives(&bytes, Packing::Ziplist);
        assert!(elements(&ziplist_of(&body, u16::MAX), Packing::Ziplist).is_some());
        assert!(elements(&ziplist_of(&body, 11), Packing::Ziplist).is_none());
    }

    #[test]
    fn every_listpack_encoding() {
        let mut body = vec![0x7f, 1, 0x83, b'a', b'b', b'c', 4];
        body.extend([0xc0 | 0x0f, 0xff, 2]);
        body.extend([0xc0 | 0x10, 0, 2]);
        body.extend([0xe0, 130]);
        body.extend([b'y'; 130]);
        body.extend([1, 132]);
        body.extend([0xf0, 2, 0, 0, 0, b'h', b'i', 7]);
        body.extend([0xf1, 0, 0x80, 3]);
        body.extend([0xf2, 0xff, 0xff, 0x7f, 4]);
        body.extend([0xf3, 0, 0, 0, 0x80, 5]);
        body.extend([0xf4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 9]);
        let bytes = listpack_of(&body, 10);
        let expected = [
            "i127",
            "sabc",
            "i4095",
            "i-4096",
            &format!("s{}", "y".repeat(130)),
            "shi",
            "i-32768",
            "i8388607",
            "i-2147483648",
            "i9223372036854775807",
        ];
        assert_eq!(elements(&bytes, Packing::Listpack).unwrap(), expected);
        survives(&bytes, Packing::Listpack);
    }

    /// An element whose length is the highest of a width has one byte more behind it than its length needs.
    #[test]
    fn elements_at_the_ends_of_the_widths_of_their_lengths() {
        for (len, behind) in [(16_382, 2), (16_383, 3), (16_384, 3), (2_097_150, 3), (2_097_151, 4)] {
            let text = vec![b'x'; len - 5];
            let head = [&[0xf0][..], &(text.len() as u32).to_le_bytes()].concat();
            let mut back: Vec<u8> =
                (0..behind).map(|place| (len >> (7 * place) & 0x7f) as u8 | 0x80).collect();
            back[behind - 1] &= 0x7f;
            back.reverse();
            let body = [&head[..], &text, &back, &[5, 1]].concat();
            let read = elements(&listpack_of(&body, 2), Packing::Listpack).unwrap();
            assert_eq!((read[0].len(), &*read[1]), (text.len() + 1, "i5"), "{len}");
        }
    }

    #[test]
    fn intsets_of_each_width() {
        let read = |bytes: &[u8]| elements(bytes, Packing::Intset).map(|elements| elements.join(" "));
        assert_eq!(read(&[2, 0, 0, 0, 2, 0, 0, 0, 0xff, 0xff, 1, 0]), Some("i-1 i1".into()));
        assert_eq!(read(&[4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x80]), Some("i-2147483648".into()));
        assert_eq!(
            read(&[8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80]),
            Some("i-9223372036854775808".into())
        );
        assert_eq!(read(&[3, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3]), None);
        assert_eq!(read(&[2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 2]), None);
        survives(&[4, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4], Packing::Intset);
    }
}
