//! The bytes of a file: buffered, counted, summed up, and read as the numbers and strings that RDB is made of.

use super::error::{Error, Problem};
use super::{CHECKSUM, length, lzf};
use crate::limits;
use crc::{Digest, Table};
use std::io::{self, Read};

/// Bytes asked for at a time.
const BUFFER_BYTES: usize = 256 * 1024;

/// A reader of RDB's vocabulary.
pub(super) struct Source<R> {
    read: R,
    buffer: Vec<u8>,
    /// What is taken of `buffer`, and how much of that is in `digest`.
    taken: usize,
    summed: usize,
    digest: Digest<'static, u64, Table<16>>,
    /// Bytes taken before `buffer`.
    before: u64,
}

/// A length, or the sign that a string in a special form follows.
enum Length {
    Plain(u64),
    Special(u8),
}

impl<R: Read> Source<R> {
    pub(super) fn new(read: R) -> Self {
        Self { read, buffer: Vec::new(), taken: 0, summed: 0, digest: CHECKSUM.digest(), before: 0 }
    }

    /// Bytes taken so far.
    pub(super) fn offset(&self) -> u64 {
        self.before + self.taken as u64
    }

    /// The error that `problem` is here.
    pub(super) fn error(&self, problem: Problem) -> Error {
        Error { offset: self.offset(), problem }
    }

    pub(super) fn malformed<T>(&self, what: &'static str) -> Result<T, Error> {
        Err(self.error(Problem::Malformed(what)))
    }

    /// The checksum of everything taken so far.
    pub(super) fn checksum(&mut self) -> u64 {
        self.sum();
        self.digest.clone().finalize()
    }

    /// What has not been taken.
    pub(super) fn into_rest(mut self) -> io::Chain<io::Cursor<Vec<u8>>, R> {
        self.buffer.drain(..self.taken);
        io::Cursor::new(self.buffer).chain(self.read)
    }

    fn sum(&mut self) {
        self.digest.update(&self.buffer[self.summed..self.taken]);
        self.summed = self.taken;
    }

    /// Reads on; returns whether anything came.
    fn fill(&mut self) -> Result<bool, Error> {
        self.sum();
        self.buffer.drain(..self.taken);
        self.before += self.taken as u64;
        (self.taken, self.summed) = (0, 0);
        let more = (&mut self.read).take(BUFFER_BYTES as u64).read_to_end(&mut self.buffer);
        more.map(|bytes| bytes > 0).map_err(|error| self.error(Problem::Io(error)))
    }

    /// The next `len` bytes, which must be few: they are gathered in the buffer.
    fn take(&mut self, len: usize) -> Result<&[u8], Error> {
        debug_assert!(len <= BUFFER_BYTES);
        while self.buffer.len() - self.taken < len {
            if !self.fill()? {
                return Err(self.error(Problem::Truncated));
            }
        }
        self.taken += len;
        Ok(&self.buffer[self.taken - len..self.taken])
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.take(N).map(|bytes| bytes.try_into().expect("so many were taken"))
    }

    pub(super) fn byte(&mut self) -> Result<u8, Error> {
        self.bytes::<1>().map(|[byte]| byte)
    }

    /// Calls `visit` with the next `len` bytes, piece by piece.
    fn pieces(&mut self, len: u64, mut visit: impl FnMut(&[u8])) -> Result<(), Error> {
        let mut left = len;
        while left > 0 {
            if self.taken == self.buffer.len() && !self.fill()? {
                return Err(self.error(Problem::Truncated));
            }
            let here = left.min((self.buffer.len() - self.taken) as u64) as usize;
            visit(&self.buffer[self.taken..self.taken + here]);
            self.taken += here;
            left -= here as u64;
        }
        Ok(())
    }

    fn gather(&mut self, len: u64, out: &mut Vec<u8>) -> Result<(), Error> {
        if len > limits::MOST_BULK_BYTES as u64 {
            return self.malformed("a string longer than any that can be taken");
        }
        self.pieces(len, |piece| out.extend_from_slice(piece))
    }

    /// Passes over `len` bytes.
    pub(super) fn skip(&mut self, len: u64) -> Result<(), Error> {
        self.pieces(len, |_| {})
    }

    fn any_length(&mut self) -> Result<Length, Error> {
        let first = self.byte()?;
        let low = first & 0x3f;
        Ok(match first >> 6 {
            length::SIX_BITS => Length::Plain(u64::from(low)),
            length::FOURTEEN_BITS => Length::Plain(u64::from(low) << 8 | u64::from(self.byte()?)),
            length::BYTES if first == length::FOUR_BYTES => {
                Length::Plain(u64::from(u32::from_be_bytes(self.bytes()?)))
            }
            length::BYTES if first == length::EIGHT_BYTES => Length::Plain(u64::from_be_bytes(self.bytes()?)),
            length::SPECIAL => Length::Special(low),
            _ => return self.malformed("a length of no known form"),
        })
    }

    /// A number in the form of a length.
    pub(super) fn length(&mut self) -> Result<u64, Error> {
        match self.any_length()? {
            Length::Plain(length) => Ok(length),
            Length::Special(_) => self.malformed("a string where a number belongs"),
        }
    }

    /// A string, in place of what `out` holds. However long it says it is, memory grows only as its bytes come.
    pub(super) fn string(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.clear();
        let integer = match self.any_length()? {
            Length::Plain(len) => return self.gather(len, out),
            Length::Special(length::INTEGER_8) => i32::from(i8::from_le_bytes(self.bytes()?)),
            Length::Special(length::INTEGER_16) => i32::from(i16::from_le_bytes(self.bytes()?)),
            Length::Special(length::INTEGER_32) => i32::from_le_bytes(self.bytes()?),
            Length::Special(length::COMPRESSED) => {
                let (compressed_len, len) = (self.length()?, self.length()?);
                let mut compressed = Vec::new();
                self.gather(compressed_len, &mut compressed)?;
                let len = usize::try_from(len).unwrap_or(usize::MAX).min(limits::MOST_BULK_BYTES + 1);
                return match lzf::decompress(&compressed, len, out) {
                    Some(()) => Ok(()),
                    None => self.malformed("a compressed string that does not decompress"),
                };
            }
            Length::Special(_) => return self.malformed("a string of no known form"),
        };
        out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
        Ok(())
    }

    /// Passes over a string.
    pub(super) fn skip_string(&mut self) -> Result<(), Error> {
        let len = match self.any_length()? {
            Length::Plain(len) => len,
            Length::Special(length::INTEGER_8) => 1,
            Length::Special(length::INTEGER_16) => 2,
            Length::Special(length::INTEGER_32) => 4,
            Length::Special(length::COMPRESSED) => {
                let compressed_len = self.length()?;
                self.length()?;
                compressed_len
            }
            Length::Special(_) => return self.malformed("a string of no known form"),
        };
        self.skip(len)
    }

    pub(super) fn u64_le(&mut self) -> Result<u64, Error> {
        self.bytes().map(u64::from_le_bytes)
    }
}
