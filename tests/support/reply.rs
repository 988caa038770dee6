//! A reply as a tree, for both protocols. It is written from the specification, independently of rankd's writer.
//! `notation.rs` converts it to text.

use std::io::{self, BufRead, Read};

/// One reply, RESP2 or RESP3.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reply {
    Simple(Vec<u8>),
    Error(Vec<u8>),
    /// `!`
    BulkError(Vec<u8>),
    Integer(i64),
    Bulk(Vec<u8>),
    /// `$-1`
    NullBulk,
    Array(Vec<Reply>),
    /// `*-1`
    NullArray,
    /// `_`
    Null,
    /// `,`: kept as its text, which the tests compare too.
    Double(Vec<u8>),
    Boolean(bool),
    Verbatim(Vec<u8>),
    BigNumber(Vec<u8>),
    Map(Vec<Reply>),
    Set(Vec<Reply>),
    Push(Vec<Reply>),
}

/// Reads exactly one reply and appends its bytes to `raw`.
pub(crate) fn read_reply(from: &mut impl BufRead, raw: &mut Vec<u8>) -> io::Result<Reply> {
    let start = raw.len();
    from.take(1 << 20).read_until(b'\n', raw)?;
    let line = &raw[start..];
    if line.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let Some(line) = line.strip_suffix(b"\r\n") else {
        return Err(malformed("a line without its end", line));
    };
    let (&kind, text) = line.split_first().ok_or_else(|| malformed("an empty line", line))?;
    let text = text.to_vec();
    let number = || -> io::Result<i64> {
        let text = std::str::from_utf8(&text).map_err(|_| malformed("not a number", &text))?;
        text.parse().map_err(|_| malformed("not a number", text.as_bytes()))
    };
    let count = || usize::try_from(number()?).map_err(|_| malformed("a negative length", &text));
    Ok(match kind {
        b'+' => Reply::Simple(text),
        b'-' => Reply::Error(text),
        b':' => Reply::Integer(number()?),
        b',' => Reply::Double(text),
        b'(' => Reply::BigNumber(text),
        b'_' => Reply::Null,
        b'#' => Reply::Boolean(text == b"t"),
        b'$' if text == b"-1" => Reply::NullBulk,
        b'*' if text == b"-1" => Reply::NullArray,
        b'$' => Reply::Bulk(read_body(from, raw, count()?)?),
        b'=' => Reply::Verbatim(read_body(from, raw, count()?)?),
        b'!' => Reply::BulkError(read_body(from, raw, count()?)?),
        b'*' => Reply::Array(read_many(from, raw, count()?)?),
        b'~' => Reply::Set(read_many(from, raw, count()?)?),
        b'>' => Reply::Push(read_many(from, raw, count()?)?),
        b'%' => Reply::Map(read_many(from, raw, count()? * 2)?),
        _ => return Err(malformed("an unknown type", &raw[start..])),
    })
}

fn read_body(from: &mut impl BufRead, raw: &mut Vec<u8>, length: usize) -> io::Result<Vec<u8>> {
    let start = raw.len();
    raw.resize(start + length + 2, 0);
    from.read_exact(&mut raw[start..])?;
    let body =
        raw[start..].strip_suffix(b"\r\n").ok_or_else(|| malformed("no end after a bulk", &raw[start..]))?;
    Ok(body.to_vec())
}

fn read_many(from: &mut impl BufRead, raw: &mut Vec<u8>, count: usize) -> io::Result<Vec<Reply>> {
    (0..count).map(|_| read_reply(from, raw)).collect()
}

fn malformed(what: &str, bytes: &[u8]) -> io::Error {
    let shown = super::escape::escape(&bytes[..bytes.len().min(200)]);
    io::Error::new(io::ErrorKind::InvalidData, format!("reply holds {what}: {shown}"))
}

impl Reply {
    /// The replies inside, empty for a leaf.
    pub(crate) fn items(&self) -> &[Reply] {
        match self {
            Reply::Array(items) | Reply::Map(items) | Reply::Set(items) | Reply::Push(items) => items,
            _ => &[],
        }
    }

    /// The bytes of a string-like reply.
    ///
    /// # Panics
    /// When the reply is something else.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Reply::Bulk(bytes) | Reply::Simple(bytes) | Reply::Double(bytes) | Reply::Verbatim(bytes) => {
                bytes
            }
            other => panic!("not a string: {other:?}"),
        }
    }

    /// Like [`Reply::bytes`], as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// # Panics
    /// When the reply is not an integer.
    pub(crate) fn integer(&self) -> i64 {
        match self {
            Reply::Integer(number) => *number,
            other => panic!("not an integer: {other:?}"),
        }
    }

    pub(crate) fn is_nil(&self) -> bool {
        matches!(self, Reply::Null | Reply::NullBulk | Reply::NullArray)
    }

    pub(crate) fn is_error(&self) -> bool {
        matches!(self, Reply::Error(_) | Reply::BulkError(_))
    }

    /// A score, from a bulk or a double.
    ///
    /// # Panics
    /// When the reply is not a number.
    pub(crate) fn score(&self) -> f64 {
        let text = self.text();
        text.parse().unwrap_or_else(|_| panic!("not a score: {text}"))
    }

    /// The same reply with every array, map and set sorted: for replies whose order is a hash table's.
    pub(crate) fn unordered(&self) -> Reply {
        let sorted = |items: &[Reply]| {
            let mut items: Vec<Reply> = items.iter().map(Reply::unordered).collect();
            items.sort();
            items
        };
        match self {
            Reply::Array(items) => Reply::Array(sorted(items)),
            Reply::Set(items) => Reply::Set(sorted(items)),
            Reply::Push(items) => Reply::Push(sorted(items)),
            Reply::Map(items) => {
                let mut pairs: Vec<&[Reply]> = items.chunks(2).collect();
                pairs.sort();
                Reply::Map(pairs.concat())
            }
            leaf => leaf.clone(),
        }
    }

    /// The bytes on the wire. A value has one spelling in RESP, so equal bytes are equal values and the other way round.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.append_bytes(&mut bytes);
        bytes
    }

    fn append_bytes(&self, bytes: &mut Vec<u8>) {
        let line = |kind: u8, text: &[u8]| [&[kind], text, b"\r\n"].concat();
        let body = |kind: u8, text: &[u8]| {
            let length = text.len().to_string();
            [&line(kind, length.as_bytes()), text, b"\r\n"].concat()
        };
        bytes.extend(match self {
            Reply::Simple(text) => line(b'+', text),
            Reply::Error(text) => line(b'-', text),
            Reply::Integer(number) => line(b':', number.to_string().as_bytes()),
            Reply::Double(text) => line(b',', text),
            Reply::BigNumber(text) => line(b'(', text),
            Reply::Boolean(yes) => line(b'#', if *yes { b"t" } else { b"f" }),
            Reply::Null => line(b'_', b""),
            Reply::NullBulk => line(b'$', b"-1"),
            Reply::NullArray => line(b'*', b"-1"),
            Reply::Bulk(text) => body(b'$', text),
            Reply::Verbatim(text) => body(b'=', text),
            Reply::BulkError(text) => body(b'!', text),
            Reply::Array(items) => line(b'*', items.len().to_string().as_bytes()),
            Reply::Set(items) => line(b'~', items.len().to_string().as_bytes()),
            Reply::Push(items) => line(b'>', items.len().to_string().as_bytes()),
            Reply::Map(items) => line(b'%', (items.len() / 2).to_string().as_bytes()),
        });
        for item in self.items() {
            item.append_bytes(bytes);
        }
    }
}
