//! The bytes of a file: buffered, counted, summed up, and read as the numbers and strings that RDB is made of.

use super::error::{Error, Problem};
use super::lzf;
use super::lzf::Unpacker;
use super::{CHECKSUM, length};
use crate::limits;
use crc::{Digest, Table};
use std::io::{self, Read};

/// Bytes asked for at a time.
const BUFFER_BYTES: usize = 256 * 1024;

/// Longest string that is kept where only short ones are of interest, in bytes.
const SHORT_STRING_BYTES: u64 = 256;

/// A reader of RDB's vocabulary.
pub(super) struct RdbSource<R> {
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
enum LengthPrefix {
    Plain(u64),
    Special(u8),
}

/// A string whose head has been read.
pub(super) enum StringHead {
    /// All of it: it was an integer.
    Integer(i32),
    /// This many bytes follow.
    Plain(u64),
    Compressed(Unpacker),
}

impl StringHead {
    /// Bytes that it stands for, as far as they are still to come.
    fn len(&self) -> u64 {
        match self {
            Self::Integer(_) => 0,
            Self::Plain(len) => *len,
            Self::Compressed(unpacker) => unpacker.left(),
        }
    }

    /// Bytes of the file that are still to come.
    fn input(&self) -> u64 {
        match self {
            Self::Integer(_) => 0,
            Self::Plain(len) => *len,
            Self::Compressed(unpacker) => unpacker.input(),
        }
    }
}

impl<R: Read> RdbSource<R> {
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

    /// Appends the next `len` bytes to `out`, which grows only as they come.
    pub(super) fn copy(&mut self, len: u64, out: &mut Vec<u8>) -> Result<(), Error> {
        self.pieces(len, |piece| out.extend_from_slice(piece))
    }

    /// Passes over all but the last `tail` bytes there are, which must be few.
    pub(super) fn skip_to_tail(&mut self, tail: usize) -> Result<(), Error> {
        loop {
            self.taken += (self.buffer.len() - self.taken).saturating_sub(tail);
            if !self.fill()? {
                return Ok(());
            }
        }
    }

    /// Passes over `len` bytes.
    pub(super) fn skip(&mut self, len: u64) -> Result<(), Error> {
        self.pieces(len, |_| {})
    }

    fn any_length(&mut self) -> Result<LengthPrefix, Error> {
        let first = self.byte()?;
        let low = first & 0x3f;
        Ok(match first >> 6 {
            length::SIX_BITS => LengthPrefix::Plain(u64::from(low)),
            length::FOURTEEN_BITS => LengthPrefix::Plain(u64::from(low) << 8 | u64::from(self.byte()?)),
            length::BYTES if first == length::FOUR_BYTES => {
                LengthPrefix::Plain(u64::from(u32::from_be_bytes(self.bytes()?)))
            }
            length::BYTES if first == length::EIGHT_BYTES => {
                LengthPrefix::Plain(u64::from_be_bytes(self.bytes()?))
            }
            length::SPECIAL => LengthPrefix::Special(low),
            _ => return self.malformed("a length of no known form"),
        })
    }

    /// A number in the form of a length.
    pub(super) fn length(&mut self) -> Result<u64, Error> {
        match self.any_length()? {
            LengthPrefix::Plain(length) => Ok(length),
            LengthPrefix::Special(_) => self.malformed("a string where a number belongs"),
        }
    }

    /// The head of a string.
    pub(super) fn begin_string(&mut self) -> Result<StringHead, Error> {
        Ok(match self.any_length()? {
            LengthPrefix::Plain(len) => StringHead::Plain(len),
            LengthPrefix::Special(length::INTEGER_8) => {
                StringHead::Integer(i32::from(i8::from_le_bytes(self.bytes()?)))
            }
            LengthPrefix::Special(length::INTEGER_16) => {
                StringHead::Integer(i32::from(i16::from_le_bytes(self.bytes()?)))
            }
            LengthPrefix::Special(length::INTEGER_32) => {
                StringHead::Integer(i32::from_le_bytes(self.bytes()?))
            }
            LengthPrefix::Special(length::COMPRESSED) => {
                let (input, output) = (self.length()?, self.length()?);
                let Some(unpacker) = Unpacker::new(input, output) else { return lzf::damaged(self) };
                StringHead::Compressed(unpacker)
            }
            LengthPrefix::Special(_) => return self.malformed("a string of no known form"),
        })
    }

    /// A string, in place of what `out` holds. However long it says it is, memory grows only as its bytes come.
    pub(super) fn string(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let begun = self.begin_string()?;
        if begun.len() > limits::MOST_BULK_BYTES as u64 {
            return self.malformed("a string longer than any that can be taken");
        }
        self.rest_of_string(begun, out)
    }

    /// As [`RdbSource::string`], of a string that matters only if it is short: of a longer one nothing is kept.
    pub(super) fn short_string(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        match self.begin_string()? {
            begun if begun.len() <= SHORT_STRING_BYTES => self.rest_of_string(begun, out),
            begun => {
                out.clear();
                self.skip(begun.input())
            }
        }
    }

    fn rest_of_string(&mut self, begun: StringHead, out: &mut Vec<u8>) -> Result<(), Error> {
        out.clear();
        match begun {
            StringHead::Integer(integer) => {
                out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
                Ok(())
            }
            StringHead::Plain(len) => self.copy(len, out),
            StringHead::Compressed(mut unpacker) => {
                while unpacker.left() > 0 {
                    unpacker.step(self, out, 0)?;
                }
                if unpacker.is_done() { Ok(()) } else { lzf::damaged(self) }
            }
        }
    }

    /// Passes over a string.
    pub(super) fn skip_string(&mut self) -> Result<(), Error> {
        let begun = self.begin_string()?;
        self.skip(begun.input())
    }

    pub(super) fn u64_le(&mut self) -> Result<u64, Error> {
        self.bytes().map(u64::from_le_bytes)
    }
}
