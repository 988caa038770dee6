//! The strings of an RDB file: plain, compressed, or integers that are written as such.

use super::error::Error;
use super::length;
use super::lzf;
use super::lzf::Unpacker;
use super::source::{LengthPrefix, RdbSource};
use crate::limits;
use std::io::Read;

/// The longest string that [`RdbSource::short_string`] keeps, in bytes.
const SHORT_STRING_BYTES: u64 = 256;

/// A string whose head has been read.
pub(super) enum StringHead {
    /// The whole string: it was an integer.
    Integer(i32),
    /// This many bytes follow.
    Plain(u64),
    Compressed(Unpacker),
}

impl StringHead {
    /// Bytes of the string that are still to be read.
    fn len(&self) -> u64 {
        match self {
            Self::Integer(_) => 0,
            Self::Plain(len) => *len,
            Self::Compressed(unpacker) => unpacker.left(),
        }
    }

    /// Bytes of the file that are still to be read.
    fn input(&self) -> u64 {
        match self {
            Self::Integer(_) => 0,
            Self::Plain(len) => *len,
            Self::Compressed(unpacker) => unpacker.input(),
        }
    }
}

impl<R: Read> RdbSource<R> {
    /// Reads the head of a string.
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
            LengthPrefix::Special(_) => return self.malformed("a string in an unknown form"),
        })
    }

    /// Replaces the contents of `out` with a string. Memory grows only with the bytes that come, whatever length is
    /// announced.
    pub(super) fn string(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let begun = self.begin_string()?;
        if begun.len() > limits::MOST_BULK_BYTES as u64 {
            return self.malformed("a string that is longer than the limit");
        }
        self.rest_of_string(begun, out)
    }

    /// As [`RdbSource::string`], but keeps nothing of a string that is longer than `SHORT_STRING_BYTES`.
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

    /// Skips a string.
    pub(super) fn skip_string(&mut self) -> Result<(), Error> {
        let begun = self.begin_string()?;
        self.skip(begun.input())
    }
}
