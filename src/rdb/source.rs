//! The bytes of a file: buffered, counted, added to the checksum, and read as the numbers of RDB.

use super::error::{Error, Problem};
use super::{CHECKSUM, length};
use crc::{Digest, Table};
use std::io::{self, Read};

/// Bytes read at a time.
const BUFFER_BYTES: usize = 256 * 1024;

/// A length, or the sign that a string in a special form follows.
pub(super) enum LengthPrefix {
    Plain(u64),
    /// The number of the form.
    Special(u8),
}

/// Reads the numbers of an RDB file; the file's strings are read in `strings.rs`.
pub(super) struct RdbSource<R> {
    read: R,
    buffer: Vec<u8>,
    /// Bytes of `buffer` that have been taken, and how many of them are in `digest`.
    taken: usize,
    summed: usize,
    digest: Digest<'static, u64, Table<16>>,
    /// Bytes taken before those in `buffer`.
    before: u64,
}

impl<R: Read> RdbSource<R> {
    pub(super) fn new(read: R) -> Self {
        Self { read, buffer: Vec::new(), taken: 0, summed: 0, digest: CHECKSUM.digest(), before: 0 }
    }

    /// Bytes taken so far.
    pub(super) fn offset(&self) -> u64 {
        self.before + self.taken as u64
    }

    /// The error for `problem` at this offset.
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

    /// The bytes that have not been taken.
    pub(super) fn into_rest(mut self) -> io::Chain<io::Cursor<Vec<u8>>, R> {
        self.buffer.drain(..self.taken);
        io::Cursor::new(self.buffer).chain(self.read)
    }

    fn sum(&mut self) {
        self.digest.update(&self.buffer[self.summed..self.taken]);
        self.summed = self.taken;
    }

    /// Reads more bytes into the buffer. Returns whether there were any.
    fn fill(&mut self) -> Result<bool, Error> {
        self.sum();
        self.buffer.drain(..self.taken);
        self.before += self.taken as u64;
        (self.taken, self.summed) = (0, 0);
        let more = (&mut self.read).take(BUFFER_BYTES as u64).read_to_end(&mut self.buffer);
        more.map(|bytes| bytes > 0).map_err(|error| self.error(Problem::Io(error)))
    }

    /// Takes the next `len` bytes, at most `BUFFER_BYTES`.
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

    /// Skips to the last `tail` bytes of the input, at most `BUFFER_BYTES`.
    pub(super) fn skip_to_tail(&mut self, tail: usize) -> Result<(), Error> {
        loop {
            self.taken += (self.buffer.len() - self.taken).saturating_sub(tail);
            if !self.fill()? {
                return Ok(());
            }
        }
    }

    /// Skips `len` bytes.
    pub(super) fn skip(&mut self, len: u64) -> Result<(), Error> {
        self.pieces(len, |_| {})
    }

    pub(super) fn any_length(&mut self) -> Result<LengthPrefix, Error> {
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
            _ => return self.malformed("a length in an unknown form"),
        })
    }

    /// Reads a number that is written as a length.
    pub(super) fn length(&mut self) -> Result<u64, Error> {
        match self.any_length()? {
            LengthPrefix::Plain(length) => Ok(length),
            LengthPrefix::Special(_) => self.malformed("a string where a number belongs"),
        }
    }

    pub(super) fn u64_le(&mut self) -> Result<u64, Error> {
        self.bytes().map(u64::from_le_bytes)
    }
}
