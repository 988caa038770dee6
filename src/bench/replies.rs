//! Finds the ends of replies, in RESP2 and RESP3, and recognizes errors. It builds no values, because a load generator
//! must use little processor time.
//!
//! Bytes arrive in arbitrary pieces; only an unfinished header line is kept between them. The state of a reply is the
//! number of missing values, so nesting of any depth needs no stack.

use crate::limits;
use crate::resp::integer;
use memchr::memchr;

/// The bytes are not RESP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MalformedReply;

/// The reader of one connection's replies.
#[derive(Debug, Default)]
pub(super) struct ReplyReader {
    /// Missing values of the reply that is being read; 0 between replies.
    missing: u64,
    /// Missing bytes of a bulk string, with its line end.
    skip: usize,
    /// The beginning of an incomplete header.
    line: Vec<u8>,
    kind: ReplyKind,
    /// Number of error replies so far.
    pub(super) errors: u64,
    /// The text of the first error reply.
    pub(super) first_error: Option<String>,
}

/// The kind of the reply that is being read.
#[derive(Debug, Default, PartialEq, Eq)]
enum ReplyKind {
    #[default]
    Answer,
    Error,
    /// A RESP3 push, which is not the reply to a request.
    Push,
}

impl ReplyReader {
    /// Reads further bytes and returns how many replies ended in them. O(bytes).
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> Result<u64, MalformedReply> {
        let mut ended = 0;
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            if self.skip > 0 {
                return Ok(ended);
            }
            // The last byte of a bulk string can end a reply, and so can the header of a short value.
            if self.missing == 0 && skipped > 0 {
                ended += self.end_reply();
            }
            let Some(end) = memchr(b'\n', bytes) else {
                self.line.extend_from_slice(bytes);
                return if self.line.len() > limits::INLINE_BYTES { Err(MalformedReply) } else { Ok(ended) };
            };
            if self.line.is_empty() {
                self.header(&bytes[..end])?;
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&bytes[..end]);
                self.header(&line)?;
            }
            bytes = &bytes[end + 1..];
            if self.missing == 0 && self.skip == 0 {
                ended += self.end_reply();
            }
        }
    }

    /// Reads a header without its line feed.
    fn header(&mut self, line: &[u8]) -> Result<(), MalformedReply> {
        let [kind, text @ .., b'\r'] = line else { return Err(MalformedReply) };
        // No value is missing only before the first header of a reply.
        let is_first = self.missing == 0;
        self.missing = self.missing.max(1) - 1;
        let len = || integer::parse(text).filter(|len| *len >= -1).ok_or(MalformedReply);
        match kind {
            b'+' | b':' | b',' | b'_' | b'#' | b'(' => {}
            b'-' => self.error(text),
            b'$' | b'=' | b'!' => {
                if *kind == b'!' {
                    self.error(b"an error of several lines");
                }
                let len = len()?;
                self.skip = if len < 0 { 0 } else { usize::try_from(len).map_err(|_| MalformedReply)? + 2 };
            }
            b'*' | b'~' | b'%' | b'|' | b'>' => {
                let len = u64::try_from(len()?.max(0)).map_err(|_| MalformedReply)?;
                // Attributes are pairs before the value that they describe.
                let (each, own) = match kind {
                    b'%' => (2, 0),
                    b'|' => (2, 1),
                    _ => (1, 0),
                };
                if is_first && *kind == b'>' {
                    self.kind = ReplyKind::Push;
                }
                let values = len.checked_mul(each).and_then(|values| values.checked_add(own));
                self.missing =
                    values.and_then(|values| values.checked_add(self.missing)).ok_or(MalformedReply)?;
            }
            _ => return Err(MalformedReply),
        }
        Ok(())
    }

    fn error(&mut self, text: &[u8]) {
        if self.kind == ReplyKind::Answer {
            self.kind = ReplyKind::Error;
        }
        self.first_error.get_or_insert_with(|| String::from_utf8_lossy(text).into_owned());
    }

    /// Prepares for the next reply, and returns how many replies have ended: 1, or 0 for a push.
    fn end_reply(&mut self) -> u64 {
        let kind = std::mem::take(&mut self.kind);
        self.errors += u64::from(kind == ReplyKind::Error);
        u64::from(kind != ReplyKind::Push)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Eleven replies and a push.
    const STREAM: &[u8] =
        b"+OK\r\n:12\r\n$5\r\na\r\nbc\r\n$-1\r\n$0\r\n\r\n*-1\r\n*0\r\n-ERR no\r\n*3\r\n$1\r\nx\r\n\
        *2\r\n:1\r\n$2\r\n\r\n\r\n+y\r\n>2\r\n+message\r\n$1\r\nz\r\n%1\r\n+a\r\n~2\r\n,1.5\r\n_\r\n\
        |1\r\n+ttl\r\n:1\r\n*1\r\n-NOAUTH later\r\n";
    const REPLIES: u64 = 11;

    #[test]
    fn the_end_of_a_reply_is_found_in_any_pieces() {
        for first in 0..STREAM.len() {
            for second in first..STREAM.len() {
                let mut reader = ReplyReader::default();
                let pieces = [&STREAM[..first], &STREAM[first..second], &STREAM[second..]];
                let ended: u64 = pieces.iter().map(|piece| reader.read(piece).unwrap()).sum();
                assert_eq!((ended, reader.errors), (REPLIES, 2), "cut at {first} and {second}");
                assert_eq!(reader.first_error.as_deref(), Some("ERR no"));
                assert!(reader.line.is_empty() && reader.missing == 0 && reader.skip == 0);
            }
        }
        let mut reader = ReplyReader::default();
        let one_by_one: u64 = STREAM.chunks(1).map(|byte| reader.read(byte).unwrap()).sum();
        assert_eq!(one_by_one, REPLIES);
    }

    #[test]
    fn a_reply_counts_once_all_of_it_is_there() {
        let mut reader = ReplyReader::default();
        assert_eq!(reader.read(b"*2\r\n$1\r\na\r\n$3\r\nbcd\r"), Ok(0));
        assert_eq!(reader.read(b"\n$2"), Ok(1));
        assert_eq!(reader.read(b"\r\nxy\r\n"), Ok(1));
    }

    #[test]
    fn bytes_that_are_not_resp_are_refused() {
        let endless = [b'+'; limits::INLINE_BYTES + 1];
        let bad: [&[u8]; 8] = [
            b"HTTP/1.1 400 Bad Request\r\n",
            b"\r\n",
            b"+OK\n",
            b"$x\r\n",
            b"$-2\r\n",
            b"*\r\n",
            b"%9223372036854775807\r\n*9223372036854775807\r\n",
            &endless,
        ];
        for bytes in bad {
            assert_eq!(ReplyReader::default().read(bytes), Err(MalformedReply), "{:?}", bytes.get(..20));
        }
    }
}
