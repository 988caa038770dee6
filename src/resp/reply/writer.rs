//! The writer of replies. A command writes its reply directly into the output buffer of the connection, in the protocol of
//! the connection. The elements of a very large reply are left to a [`ReplySource`].

use super::room::{ROOM_BYTES, Room, SHORT_BYTES};
use crate::resp::Protocol;
use crate::text::name_run::NameRun;
use std::fmt::Debug;

/// The rest of a reply that is too large for memory. It is written piece by piece, each piece when the one before it has
/// been sent.
pub trait ReplySource: Debug + Send + Sync {
    /// Writes the next elements, some kilobytes at a time unless one element is larger. Returns whether more follow.
    fn write_more(&mut self, reply: &mut Reply<'_>) -> bool;

    /// The memory of the source, in bytes.
    fn memory_bytes(&self) -> usize;
}

/// Fewer elements than this are always written at once: a source would take as much memory.
const FEWEST_STREAMED: usize = 128;

/// Where a command leaves the source of a large reply.
#[derive(Debug)]
pub struct Rest {
    source: Option<Box<dyn ReplySource>>,
    at_once: usize,
}

impl Rest {
    /// For replies of which the first `at_once` elements, in all, are written at once.
    #[must_use]
    pub fn beyond(at_once: usize) -> Self {
        Self { source: None, at_once }
    }

    /// How many further elements are written at once.
    #[must_use]
    pub fn at_once(&self) -> usize {
        self.at_once
    }

    /// Takes the source that was left.
    pub fn take(&mut self) -> Option<Box<dyn ReplySource>> {
        self.source.take()
    }
}

/// Writes the reply to one request.
#[derive(Debug)]
pub struct Reply<'a> {
    pub(super) out: &'a mut Vec<u8>,
    protocol: Protocol,
    /// Where a source may be left.
    rest: Option<&'a mut Rest>,
}

impl<'a> Reply<'a> {
    /// A writer that appends to `out`.
    pub fn new(out: &'a mut Vec<u8>, protocol: Protocol) -> Self {
        Self { out, protocol, rest: None }
    }

    /// A writer that appends to `out`, and leaves the source of a large reply in `rest`.
    pub fn streamed(out: &'a mut Vec<u8>, protocol: Protocol, rest: &'a mut Rest) -> Self {
        Self { out, protocol, rest: Some(rest) }
    }

    /// Whether the next `elements` should be left to a source ([`Reply::leave`]) and not written at once.
    pub fn streams(&mut self, elements: usize) -> bool {
        let Some(rest) = &mut self.rest else { return false };
        match rest.at_once.checked_sub(elements) {
            Some(left) => {
                rest.at_once = left;
                false
            }
            None => elements >= FEWEST_STREAMED,
        }
    }

    /// Ends the reply with the elements of `source`. Call it only if [`Reply::streams`] returned true.
    pub fn leave(&mut self, source: impl ReplySource + 'static) {
        if let Some(rest) = &mut self.rest {
            rest.source = Some(Box::new(source));
        }
    }

    /// Ends the reply with the `elements` of `source`, which are written at once or later.
    pub fn stream(&mut self, elements: usize, mut source: impl ReplySource + 'static) {
        if self.streams(elements) {
            self.leave(source);
        } else {
            while source.write_more(self) {}
        }
    }

    /// The protocol of the reply.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Changes the protocol: HELLO replies in the one that it selects.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// The simple string `+OK`.
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

    /// An integer reply.
    pub fn integer(&mut self, value: i64) {
        self.header(b':', value);
    }

    /// A number of things, as an integer.
    pub fn count(&mut self, value: usize) {
        self.integer(i64::try_from(value).unwrap_or(i64::MAX));
    }

    /// A bulk string of any bytes.
    pub fn bulk(&mut self, bytes: &[u8]) {
        if bytes.len() <= SHORT_BYTES {
            self.put(|room| room.push_bulk(bytes));
        } else {
            self.bulk_joined([bytes, &[]]);
        }
    }

    /// An integer spelled as a bulk string.
    pub fn bulk_integer(&mut self, value: i64) {
        self.bulk(itoa::Buffer::new().format(value).as_bytes());
    }

    /// A text for people: a verbatim string in RESP3, a bulk string in RESP2.
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
        let protocol = self.protocol;
        self.put(|room| room.push_double(value, protocol));
    }

    /// A number of which these are all the digits, at most 32: a bulk string in RESP2, a double in RESP3.
    pub fn digits(&mut self, digits: &[u8]) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(digits),
            Protocol::Resp3 => self.put(|room| {
                room.push(*b",");
                room.push_bytes(digits);
                room.push(*b"\r\n");
            }),
        }
    }

    /// The null reply.
    pub fn null(&mut self) {
        self.out.extend_from_slice(match self.protocol {
            Protocol::Resp2 => b"$-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// The null reply of a command that otherwise returns an array.
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

    /// The start of a push of `len` replies, which is not the reply to a request: an array in RESP2.
    pub fn push(&mut self, len: usize) {
        match self.protocol {
            Protocol::Resp2 => self.array(len),
            Protocol::Resp3 => self.header(b'>', len as i64),
        }
    }

    /// The output buffer, for elements of an array that are written separately.
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
        self.scored_joined([member, &[]], score);
    }

    /// The start of one pair of a [`Reply::scored_list`], of which the caller writes the member and the score.
    pub fn pair(&mut self) {
        if self.protocol == Protocol::Resp3 {
            self.array(2);
        }
    }

    /// Bulk strings of some names.
    pub fn bulk_run(&mut self, names: &NameRun<'_>) {
        names.for_each_tail(|tail| self.bulk_joined([names.prefix(), tail]));
    }

    /// One pair of a [`Reply::scored_list`] whose member is in two parts.
    pub(super) fn scored_joined(&mut self, member: [&[u8]; 2], score: f64) {
        self.pair();
        self.bulk_joined(member);
        self.double(score);
    }

    /// A bulk string that is in two parts.
    pub fn bulk_joined(&mut self, [front, back]: [&[u8]; 2]) {
        let len = front.len() + back.len();
        if len <= SHORT_BYTES {
            self.put(|room| {
                room.push_length(len);
                room.push_bytes(front);
                room.push_bytes(back);
                room.push(*b"\r\n");
            });
        } else {
            self.out.reserve(len + 16);
            self.header(b'$', len as i64);
            [front, back, b"\r\n"].iter().for_each(|part| self.out.extend_from_slice(part));
        }
    }

    /// Appends what `write` puts into the room it is given.
    #[inline]
    fn put(&mut self, write: impl FnOnce(&mut Room<'_, ROOM_BYTES>)) {
        let start = self.out.len();
        self.out.extend_from_slice(&[0; ROOM_BYTES]);
        let place = self.out.last_chunk_mut().expect("as many bytes have just been added");
        let mut room = Room { place, len: 0 };
        write(&mut room);
        let len = room.len;
        self.out.truncate(start + len);
    }

    fn header(&mut self, kind: u8, value: i64) {
        self.put(|room| room.push_header(kind, value));
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
        for value in [0, 9, 10, -1, -10, i64::MIN, i64::MAX, 1_000_000, 99_999_999, 100_000_000] {
            assert_eq!(written(Protocol::Resp2, |reply| reply.integer(value)), format!(":{value}\r\n"));
            let text = (value as f64).to_string();
            let expected = format!("${}\r\n{text}\r\n", text.len());
            if value.unsigned_abs() < 1 << 53 {
                assert_eq!(written(Protocol::Resp2, |reply| reply.double(value as f64)), expected);
            }
        }
        for len in [0, 1, 9, 10, 15, 16, 17, 31, 32, 33, 99, 100, 1000] {
            let text = "x".repeat(len);
            let pair = written(Protocol::Resp3, |reply| reply.scored(text.as_bytes(), -12.0));
            assert_eq!(pair, format!("*2\r\n${len}\r\n{text}\r\n,-12\r\n"));
            let pair = written(Protocol::Resp2, |reply| reply.scored(text.as_bytes(), -0.5));
            assert_eq!(pair, format!("${len}\r\n{text}\r\n$4\r\n-0.5\r\n"));
        }
    }
}
