//! The file of a full sync: how its end is known, and a reader that ends there.

use crate::text::integer;
use std::io::{self, Read};

/// The length of the mark at the end of a file whose length is not known beforehand.
const MARK_BYTES: usize = 40;

/// How the end of the file is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// It has so many bytes.
    Length(u64),
    /// These bytes follow it.
    Mark([u8; MARK_BYTES]),
}

/// Why a line does not announce a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoPayload {
    /// The master cannot send one, in these words.
    Refused(String),
    /// It is not what a master sends.
    Nonsense(String),
}

impl Framing {
    /// Reads the line in front of the file. `None` for an empty line, which says only that the master lives.
    ///
    /// # Errors
    /// If there will be no file.
    pub fn read(line: &[u8]) -> Result<Option<Self>, NoPayload> {
        if line.is_empty() {
            return Ok(None);
        }
        if let Some(why) = line.strip_prefix(b"-") {
            return Err(NoPayload::Refused(String::from_utf8_lossy(why).into_owned()));
        }
        let framing = match line.strip_prefix(b"$EOF:") {
            Some(mark) => <[u8; MARK_BYTES]>::try_from(mark).ok().map(Self::Mark),
            None => {
                let length = line.strip_prefix(b"$").and_then(integer::parse);
                length.and_then(|length| u64::try_from(length).ok()).map(Self::Length)
            }
        };
        framing
            .map(Some)
            .ok_or_else(|| NoPayload::Nonsense(line[..line.len().min(128)].escape_ascii().to_string()))
    }

    /// The length of the file in bytes, if it is known.
    #[must_use]
    pub fn length(self) -> Option<u64> {
        match self {
            Self::Length(length) => Some(length),
            Self::Mark(_) => None,
        }
    }
}

/// Reads a file of a full sync up to its end, which is the end of this reader.
#[derive(Debug)]
pub struct PayloadReader<R> {
    read: R,
    framing: Framing,
    /// Bytes that have come. With a mark the last ones may belong to it.
    buffer: Vec<u8>,
    /// How many of `buffer` have been given out.
    given: usize,
    /// How many of `buffer` belong to the file, as far as that is known.
    known: usize,
    /// Whether the mark has come, or the whole length.
    is_complete: bool,
    /// Bytes of the file that are still to come, with [`Framing::Length`].
    left: u64,
}

/// Bytes that are read at a time.
const PIECE_BYTES: usize = 64 * 1024;

impl<R: Read> PayloadReader<R> {
    /// Reads a file that begins with `head` and goes on in `read`.
    pub fn new(read: R, framing: Framing, head: Vec<u8>) -> Self {
        let mut reader = Self {
            read,
            framing,
            buffer: head,
            given: 0,
            known: 0,
            is_complete: false,
            left: framing.length().unwrap_or(0),
        };
        reader.look(0);
        reader
    }

    /// Whether the file has come to its end.
    pub fn is_complete(&self) -> bool {
        self.is_complete && self.given == self.known
    }

    /// The bytes behind the file that have come with it.
    #[must_use]
    pub fn into_rest(mut self) -> Vec<u8> {
        let behind = match self.framing {
            Framing::Length(_) => self.known,
            Framing::Mark(_) => self.known + MARK_BYTES,
        };
        self.buffer.drain(..behind.min(self.buffer.len()));
        self.buffer
    }

    /// Finds out how much of the buffer belongs to the file. Bytes before `from` have been looked at.
    fn look(&mut self, from: usize) {
        match self.framing {
            Framing::Length(_) => {
                let here = self.left.min((self.buffer.len() - self.known) as u64);
                self.known += here as usize;
                self.left -= here;
                self.is_complete = self.left == 0;
            }
            Framing::Mark(mark) => {
                // The mark may have begun in the bytes before.
                let from = from.saturating_sub(MARK_BYTES - 1);
                let found = memchr::memmem::find(&self.buffer[from..], &mark);
                self.is_complete = found.is_some();
                self.known = match found {
                    Some(at) => from + at,
                    None => self.buffer.len().saturating_sub(MARK_BYTES - 1),
                };
            }
        }
    }
}

impl<R: Read> Read for PayloadReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.known && !self.is_complete {
            self.buffer.drain(..self.given);
            (self.given, self.known) = (0, 0);
            let before = self.buffer.len();
            self.buffer.resize(before + PIECE_BYTES, 0);
            let read = self.read.read(&mut self.buffer[before..]);
            self.buffer.truncate(before + *read.as_ref().unwrap_or(&0));
            if read? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the master closed the connection"));
            }
            self.look(before);
        }
        let here = out.len().min(self.known - self.given);
        out[..here].copy_from_slice(&self.buffer[self.given..self.given + here]);
        self.given += here;
        Ok(here)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its parts, one each time.
    struct Parts<'p>(Vec<&'p [u8]>);

    impl Read for Parts<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let part = self.0.remove(0);
            out[..part.len()].copy_from_slice(part);
            Ok(part.len())
        }
    }

    fn read(framing: Framing, parts: Vec<&[u8]>) -> io::Result<(Vec<u8>, Vec<u8>)> {
        let mut parts = parts;
        let head = parts.remove(0).to_vec();
        parts.retain(|part| !part.is_empty());
        let mut reader = PayloadReader::new(Parts(parts), framing, head);
        let mut file = Vec::new();
        reader.read_to_end(&mut file)?;
        assert!(reader.is_complete());
        let mut rest = Parts(Vec::new());
        std::mem::swap(&mut rest.0, &mut reader.read.0);
        let behind = [reader.into_rest(), rest.0.concat()].concat();
        Ok((file, behind))
    }

    #[test]
    fn the_line_before_a_file_says_how_it_ends() {
        assert_eq!(Framing::read(b"$1234"), Ok(Some(Framing::Length(1234))));
        assert_eq!(Framing::read(b""), Ok(None));
        let mark = [b'a'; 40];
        assert_eq!(Framing::read(&[&b"$EOF:"[..], &mark].concat()), Ok(Some(Framing::Mark(mark))));
        assert_eq!(Framing::read(b"-ERR no child"), Err(NoPayload::Refused("ERR no child".into())));
        for line in [&b"$-1"[..], b"$", b"$EOF:short", b"+OK", b"$99999999999999999999", b"*3", b"\xff\xfe"] {
            assert!(matches!(Framing::read(line), Err(NoPayload::Nonsense(_))), "{}", line.escape_ascii());
        }
    }

    #[test]
    fn a_file_is_whole_wherever_it_is_cut() {
        let mark: [u8; 40] = std::array::from_fn(|index| b'a' + (index % 7) as u8);
        // The file holds a part of the mark.
        let file = [&b"REDIS0011"[..], &mark[..39], b"x", &mark[..20]].concat();
        let behind = b"*1\r\n$4\r\nPING\r\n";
        let framed = [(Framing::Length(file.len() as u64), Vec::new()), (Framing::Mark(mark), mark.to_vec())];
        for (framing, end) in framed {
            let sent = [&file[..], &end, behind].concat();
            for first in 0..=sent.len() {
                for second in [first, (first + 1).min(sent.len()), (first + 41).min(sent.len()), sent.len()] {
                    let parts = vec![&sent[..first], &sent[first..second], &sent[second..]];
                    let (read, rest) = read(framing, parts).unwrap();
                    assert_eq!(
                        (read, &rest[..]),
                        (file.clone(), &behind[..]),
                        "{framing:?} {first} {second}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_file_that_ends_too_early_is_an_error() {
        let mark = [b'm'; 40];
        let sent = [b"REDIS0011", &mark[..39]].concat();
        for framing in [Framing::Length(1000), Framing::Mark(mark)] {
            let error = read(framing, vec![b"", &sent]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }
}
