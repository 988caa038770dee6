//! The one writer of replies. A command writes its reply straight into the connection's output buffer, in the
//! protocol that the connection speaks.

use super::Protocol;
use super::double::{self, Text};
use crate::decimal::{count_digits, write_digits};

/// Strings up to this long are put together with their headers on the stack.
const SHORT_BYTES: usize = 64;

/// Bytes of one reply, or of a (member, score) pair, on their way to the output buffer: copied there in one piece,
/// because many small copies cost more than what they copy.
struct Piece {
    bytes: [u8; 2 * SHORT_BYTES + 32],
    len: usize,
}

impl Piece {
    fn new() -> Self {
        Self { bytes: [0; 2 * SHORT_BYTES + 32], len: 0 }
    }

    fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    fn push_line_end(&mut self) {
        self.bytes[self.len..self.len + 2].copy_from_slice(b"\r\n");
        self.len += 2;
    }

    /// At most [`SHORT_BYTES`].
    fn push_bytes(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn push_decimal(&mut self, value: i64) {
        if value < 0 {
            self.push(b'-');
        }
        let value = value.unsigned_abs();
        // Lengths and ranks mostly have one digit or two.
        if value < 10 {
            return self.push(b'0' + value as u8);
        }
        let end = self.len + count_digits(value);
        write_digits(value, &mut self.bytes[self.len..end]);
        self.len = end;
    }

    fn push_header(&mut self, kind: u8, value: i64) {
        self.push(kind);
        self.push_decimal(value);
        self.push_line_end();
    }

    /// A bulk string of at most [`SHORT_BYTES`].
    fn push_bulk(&mut self, bytes: &[u8]) {
        self.push_header(b'$', bytes.len() as i64);
        self.push_bytes(bytes);
        self.push_line_end();
    }

    fn push_double(&mut self, value: f64, protocol: Protocol) {
        match (double::whole(value), protocol) {
            (Some(whole), Protocol::Resp3) => self.push_header(b',', whole),
            (Some(whole), Protocol::Resp2) => {
                let sign = usize::from(whole < 0);
                let digits = count_digits(whole.unsigned_abs());
                self.push_header(b'$', (sign + digits) as i64);
                self.push_decimal(whole);
                self.push_line_end();
            }
            (None, Protocol::Resp2) => self.push_bulk(Text::of(value).as_bytes()),
            (None, Protocol::Resp3) => {
                self.push(b',');
                self.push_bytes(Text::of(value).as_bytes());
                self.push_line_end();
            }
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Writes the reply to one request.
#[derive(Debug)]
pub struct Reply<'a> {
    out: &'a mut Vec<u8>,
    protocol: Protocol,
}

impl<'a> Reply<'a> {
    /// A writer that appends to `out`.
    pub fn new(out: &'a mut Vec<u8>, protocol: Protocol) -> Self {
        Self { out, protocol }
    }

    /// The protocol that is written.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Replies to what follows in another protocol: HELLO answers in the one it chooses.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// `+OK`.
    pub fn ok(&mut self) {
        self.out.extend_from_slice(b"+OK\r\n");
    }

    /// A simple string; `text` must hold no line end.
    pub fn simple(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    /// An error; `text` starts with its code and must hold no line end.
    pub fn error(&mut self, text: &str) {
        self.line(b'-', text.as_bytes());
    }

    /// An integer.
    pub fn integer(&mut self, value: i64) {
        self.header(b':', value);
    }

    /// A number of things, as an integer.
    pub fn count(&mut self, value: usize) {
        self.integer(i64::try_from(value).unwrap_or(i64::MAX));
    }

    /// A bulk string.
    pub fn bulk(&mut self, bytes: &[u8]) {
        if bytes.len() <= SHORT_BYTES {
            let mut piece = Piece::new();
            piece.push_bulk(bytes);
            self.out.extend_from_slice(piece.as_bytes());
        } else {
            self.out.reserve(bytes.len() + 16);
            self.header(b'$', bytes.len() as i64);
            self.out.extend_from_slice(bytes);
            self.out.extend_from_slice(b"\r\n");
        }
    }

    /// An integer spelled as a bulk string.
    pub fn bulk_integer(&mut self, value: i64) {
        self.bulk(itoa::Buffer::new().format(value).as_bytes());
    }

    /// A text for people: a verbatim string in RESP3.
    pub fn verbatim(&mut self, text: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text.as_bytes()),
            Protocol::Resp3 => {
                self.header(b'=', text.len() as i64 + 4);
                self.out.extend_from_slice(b"txt:");
                self.out.extend_from_slice(text.as_bytes());
                self.out.extend_from_slice(b"\r\n");
            }
        }
    }

    /// A double: a bulk string in RESP2.
    pub fn double(&mut self, value: f64) {
        let mut piece = Piece::new();
        piece.push_double(value, self.protocol);
        self.out.extend_from_slice(piece.as_bytes());
    }

    /// No value.
    pub fn null(&mut self) {
        self.out.extend_from_slice(match self.protocol {
            Protocol::Resp2 => b"$-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// No value where an array was expected.
    pub fn null_array(&mut self) {
        self.out.extend_from_slice(match self.protocol {
            Protocol::Resp2 => b"*-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// The start of an array of `len` replies, which the caller writes next.
    pub fn array(&mut self, len: usize) {
        self.header(b'*', len as i64);
    }

    /// The start of a map of `len` pairs: a flat array in RESP2.
    pub fn map(&mut self, len: usize) {
        match self.protocol {
            Protocol::Resp2 => self.array(len * 2),
            Protocol::Resp3 => self.header(b'%', len as i64),
        }
    }

    /// The start of a set of `len` replies: an array in RESP2.
    pub fn set(&mut self, len: usize) {
        match self.protocol {
            Protocol::Resp2 => self.array(len),
            Protocol::Resp3 => self.header(b'~', len as i64),
        }
    }

    /// The start of a message of `len` replies that is no answer to a request: an array in RESP2.
    pub fn push(&mut self, len: usize) {
        match self.protocol {
            Protocol::Resp2 => self.array(len),
            Protocol::Resp3 => self.header(b'>', len as i64),
        }
    }

    /// Where the reply is written, for replies within an array that are written on their own.
    pub fn out(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// The start of `len` (member, score) pairs: flat in RESP2, nested in RESP3. Each is then written by
    /// [`Reply::scored`].
    pub fn scored_list(&mut self, len: usize) {
        match self.protocol {
            Protocol::Resp2 => self.array(len * 2),
            Protocol::Resp3 => self.array(len),
        }
    }

    /// One pair of a [`Reply::scored_list`].
    pub fn scored(&mut self, member: &[u8], score: f64) {
        let mut piece = Piece::new();
        if self.protocol == Protocol::Resp3 {
            piece.push_header(b'*', 2);
        }
        if member.len() <= SHORT_BYTES {
            piece.push_bulk(member);
        } else {
            self.out.extend_from_slice(piece.as_bytes());
            piece = Piece::new();
            self.bulk(member);
        }
        piece.push_double(score, self.protocol);
        self.out.extend_from_slice(piece.as_bytes());
    }

    fn header(&mut self, kind: u8, value: i64) {
        let mut piece = Piece::new();
        piece.push_header(kind, value);
        self.out.extend_from_slice(piece.as_bytes());
    }

    fn line(&mut self, kind: u8, text: &[u8]) {
        self.out.reserve(text.len() + 3);
        self.out.push(kind);
        self.out.extend_from_slice(text);
        self.out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(protocol: Protocol, write: impl FnOnce(&mut Reply<'_>)) -> String {
        let mut out = Vec::new();
        write(&mut Reply::new(&mut out, protocol));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_type_in_both_protocols() {
        let all = |reply: &mut Reply<'_>| {
            reply.null();
            reply.null_array();
            reply.map(1);
            reply.bulk(b"");
            reply.double(2.5);
            reply.set(0);
            reply.verbatim("hi");
            reply.scored_list(1);
            reply.scored(b"m", 1.0);
        };
        let resp2 =
            "$-1\r\n*-1\r\n*2\r\n$0\r\n\r\n$3\r\n2.5\r\n*0\r\n$2\r\nhi\r\n*2\r\n$1\r\nm\r\n$1\r\n1\r\n";
        let resp3 = "_\r\n_\r\n%1\r\n$0\r\n\r\n,2.5\r\n~0\r\n=6\r\ntxt:hi\r\n*1\r\n*2\r\n$1\r\nm\r\n,1\r\n";
        assert_eq!(written(Protocol::Resp2, all), resp2);
        assert_eq!(written(Protocol::Resp3, all), resp3);
    }

    #[test]
    fn integers_and_long_strings_are_whole() {
        for value in [0, 9, 10, -1, i64::MIN, i64::MAX, 1_000_000] {
            assert_eq!(written(Protocol::Resp2, |reply| reply.integer(value)), format!(":{value}\r\n"));
        }
        for len in [0, 1, 63, 64, 65, 1000] {
            let text = "x".repeat(len);
            let pair = written(Protocol::Resp3, |reply| reply.scored(text.as_bytes(), -12.0));
            assert_eq!(pair, format!("*2\r\n${len}\r\n{text}\r\n,-12\r\n"));
            let pair = written(Protocol::Resp2, |reply| reply.scored(text.as_bytes(), -0.5));
            assert_eq!(pair, format!("${len}\r\n{text}\r\n$4\r\n-0.5\r\n"));
        }
    }
}
