//! A string that is read piece by piece, for packed values. Of a compressed string, only as much is in memory as a
//! copy can reach back.

use super::error::{Error, Problem};
use super::lzf;
use super::lzf::{Unpacker, WINDOW_BYTES};
use super::source::RdbSource;
use super::strings::StringHead;
use std::io::Read;

/// A string that is being read.
pub(super) struct StringReader<'s, R> {
    source: &'s mut RdbSource<R>,
    form: Storage,
    /// A buffer for a few bytes, kept between calls.
    few: Vec<u8>,
}

enum Storage {
    /// Plain bytes, of which this many are left.
    Plain(u64),
    Compressed {
        unpacker: Unpacker,
        /// The last bytes that were unpacked, and how many of them have been read.
        recent: Vec<u8>,
        read: usize,
    },
}

impl<'s, R: Read> StringReader<'s, R> {
    /// Begins the string that `source` is at.
    pub(super) fn begin(source: &'s mut RdbSource<R>) -> Result<Self, Error> {
        let form = match source.begin_string()? {
            StringHead::Plain(len) => Storage::Plain(len),
            StringHead::Compressed(unpacker) => Storage::Compressed { unpacker, recent: Vec::new(), read: 0 },
            StringHead::Integer(_) => return source.malformed("an integer where a packed value belongs"),
        };
        Ok(Self { source, form, few: Vec::new() })
    }

    /// Bytes that have not been read.
    pub(super) fn left(&self) -> u64 {
        match &self.form {
            Storage::Plain(left) => *left,
            Storage::Compressed { unpacker, recent, read } => unpacker.left() + (recent.len() - read) as u64,
        }
    }

    /// The error for `problem` at this offset.
    pub(super) fn error(&self, problem: Problem) -> Error {
        self.source.error(problem)
    }

    /// The error for a malformed packed value at this offset.
    pub(super) fn malformed<T>(&self) -> Result<T, Error> {
        self.source.malformed("a packed value that contradicts itself")
    }

    /// Appends the next `len` bytes to `out`.
    pub(super) fn read(&mut self, len: usize, out: &mut Vec<u8>) -> Result<(), Error> {
        if len as u64 > self.left() {
            return self.malformed();
        }
        match &mut self.form {
            Storage::Plain(left) => {
                *left -= len as u64;
                self.source.copy(len as u64, out)
            }
            Storage::Compressed { unpacker, recent, read } => {
                let mut wanted = len;
                loop {
                    let here = wanted.min(recent.len() - *read);
                    out.extend_from_slice(&recent[*read..*read + here]);
                    *read += here;
                    wanted -= here;
                    if wanted == 0 {
                        return Ok(());
                    }
                    // All of `recent` has been read.
                    if recent.len() > 4 * WINDOW_BYTES {
                        recent.drain(..recent.len() - WINDOW_BYTES);
                        *read = WINDOW_BYTES;
                    }
                    unpacker.step(self.source, recent, 0)?;
                }
            }
        }
    }

    /// Reads the next `N` bytes.
    pub(super) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        if let Storage::Plain(left) = &mut self.form
            && let Some(rest) = left.checked_sub(N as u64)
        {
            *left = rest;
            return self.source.bytes();
        }
        let mut bytes = std::mem::take(&mut self.few);
        bytes.clear();
        let read = self.read(N, &mut bytes);
        let taken = read.map(|()| bytes.as_slice().try_into().expect("so many were read"));
        self.few = bytes;
        taken
    }

    pub(super) fn byte(&mut self) -> Result<u8, Error> {
        self.bytes::<1>().map(|[byte]| byte)
    }

    /// Checks that nothing is left, of the compressed bytes either.
    pub(super) fn end(&self) -> Result<(), Error> {
        match &self.form {
            _ if self.left() > 0 => self.malformed(),
            Storage::Compressed { unpacker, .. } if !unpacker.is_done() => lzf::damaged(self.source),
            _ => Ok(()),
        }
    }
}
