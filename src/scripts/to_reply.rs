//! Lua values as replies.
//!
//! Strings become bulk strings, numbers integers, `true` the integer 1, `false` and nil the null, tables arrays up to the first
//! nil. A table with `err`, `ok`, `double`, `map`, `set`, `big_number` or `verbatim_string` becomes that.

use crate::limits;
use crate::resp::Protocol;
use crate::resp::reply::Reply;
use mlua::{Table, Value};
use std::cell::Cell;

/// Why a value is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoReply {
    /// Its tables are nested too deeply.
    Deep,
    /// It has too many bytes.
    Long,
    /// The interpreter has failed.
    Broken,
}

impl NoReply {
    pub(super) fn text(self) -> String {
        match self {
            Self::Deep => "ERR reached lua stack limit".into(),
            Self::Long => "ERR the reply of a script is too long".into(),
            Self::Broken => "ERR the interpreter has failed".into(),
        }
    }
}

impl From<mlua::Error> for NoReply {
    fn from(_: mlua::Error) -> Self {
        Self::Broken
    }
}

/// Writes `value` as a reply. `protocol` is that of the script's own conversions (`redis.setresp`). What is too large or too
/// deep becomes an error. O(its elements).
pub fn write_reply(value: &Value, protocol: Protocol, reply: &mut Reply<'_>) {
    let start = reply.out().len();
    if let Err(why) = (Writing { protocol, start, elements: Cell::new(limits::SCRIPT_REPLY_ELEMENTS) })
        .value(value, 0, reply)
    {
        reply.out().truncate(start);
        reply.error(&why.text());
    }
}

struct Writing {
    protocol: Protocol,
    start: usize,
    /// Elements that may still be written.
    elements: Cell<usize>,
}

impl Writing {
    fn value(&self, value: &Value, depth: usize, reply: &mut Reply<'_>) -> Result<(), NoReply> {
        match value {
            Value::String(text) => reply.bulk(&text.as_bytes()),
            Value::Integer(number) => reply.integer(*number),
            // As a cast of C: towards zero. What does not fit becomes the lowest number.
            Value::Number(number) => reply.integer(truncated(*number)),
            Value::Boolean(flag)
                if self.protocol == Protocol::Resp3 && reply.protocol() == Protocol::Resp3 =>
            {
                reply.out().extend_from_slice(if *flag { b"#t\r\n" } else { b"#f\r\n" });
            }
            Value::Boolean(flag) if self.protocol == Protocol::Resp3 => reply.integer(i64::from(*flag)),
            Value::Boolean(true) => reply.integer(1),
            Value::Table(table) => self.table(table, depth, reply)?,
            _ => reply.null(),
        }
        let Some(elements) = self.elements.get().checked_sub(1) else { return Err(NoReply::Long) };
        self.elements.set(elements);
        let is_long = reply.out().len() - self.start > limits::SCRIPT_REPLY_BYTES;
        if is_long { Err(NoReply::Long) } else { Ok(()) }
    }

    fn table(&self, table: &Table, depth: usize, reply: &mut Reply<'_>) -> Result<(), NoReply> {
        if depth >= limits::SCRIPT_REPLY_DEPTH {
            return Err(NoReply::Deep);
        }
        match self.tag(table)? {
            Some(Tag::Error(text)) => line(b'-', &text, reply),
            Some(Tag::Status(text)) => line(b'+', &text, reply),
            Some(Tag::Double(number)) => reply.double(number),
            Some(Tag::Map(map)) => {
                let pairs: Vec<(Value, Value)> = map.pairs().collect::<mlua::Result<_>>()?;
                reply.map(pairs.len());
                for (key, value) in &pairs {
                    self.value(key, depth + 1, reply)?;
                    self.value(value, depth + 1, reply)?;
                }
            }
            Some(Tag::Set(set)) => {
                let members: Vec<(Value, Value)> = set.pairs().collect::<mlua::Result<_>>()?;
                reply.set(members.len());
                members.iter().try_for_each(|(member, _)| self.value(member, depth + 1, reply))?;
            }
            Some(Tag::BigNumber(digits)) => match reply.protocol() {
                Protocol::Resp2 => reply.bulk(&digits),
                Protocol::Resp3 => line(b'(', &digits, reply),
            },
            Some(Tag::Verbatim { format, text }) => match reply.protocol() {
                Protocol::Resp2 => reply.bulk(&text),
                Protocol::Resp3 => {
                    let out = reply.out();
                    out.extend_from_slice(format!("={}\r\n", text.len() + 4).as_bytes());
                    // A format has three bytes.
                    out.extend(format.iter().copied().chain(std::iter::repeat(b' ')).take(3));
                    out.push(b':');
                    out.extend_from_slice(&text);
                    out.extend_from_slice(b"\r\n");
                }
            },
            None => {
                let mut elements = Vec::new();
                for index in 1.. {
                    match table.raw_get(index)? {
                        Value::Nil => break,
                        element => elements.push(element),
                    }
                }
                reply.array(elements.len());
                elements.iter().try_for_each(|element| self.value(element, depth + 1, reply))?;
            }
        }
        Ok(())
    }

    /// What a table stands for, if it is not an array.
    fn tag(&self, table: &Table) -> mlua::Result<Option<Tag>> {
        if let Value::String(text) = table.raw_get("err")? {
            return Ok(Some(Tag::Error(text.as_bytes().to_vec())));
        }
        if let Value::String(text) = table.raw_get("ok")? {
            return Ok(Some(Tag::Status(text.as_bytes().to_vec())));
        }
        match table.raw_get("double")? {
            Value::Number(number) => return Ok(Some(Tag::Double(number))),
            Value::Integer(number) => return Ok(Some(Tag::Double(number as f64))),
            _ => {}
        }
        if let Value::Table(map) = table.raw_get("map")? {
            return Ok(Some(Tag::Map(map)));
        }
        if let Value::Table(set) = table.raw_get("set")? {
            return Ok(Some(Tag::Set(set)));
        }
        if let Value::String(digits) = table.raw_get("big_number")? {
            return Ok(Some(Tag::BigNumber(digits.as_bytes().to_vec())));
        }
        if let Value::Table(verbatim) = table.raw_get("verbatim_string")?
            && let (Value::String(format), Value::String(text)) =
                (verbatim.raw_get("format")?, verbatim.raw_get("string")?)
        {
            let (format, text) = (format.as_bytes().to_vec(), text.as_bytes().to_vec());
            return Ok(Some(Tag::Verbatim { format, text }));
        }
        Ok(None)
    }
}

enum Tag {
    Error(Vec<u8>),
    Status(Vec<u8>),
    Double(f64),
    Map(Table),
    Set(Table),
    BigNumber(Vec<u8>),
    Verbatim { format: Vec<u8>, text: Vec<u8> },
}

/// A number as an integer, towards zero.
fn truncated(number: f64) -> i64 {
    let fits = number > -9.3e18 && number < 9_223_372_036_854_775_808.0;
    if fits { number as i64 } else { i64::MIN }
}

/// A line of a reply. Line ends in it become spaces.
fn line(kind: u8, text: &[u8], reply: &mut Reply<'_>) {
    let out = reply.out();
    out.push(kind);
    out.extend(text.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }));
    out.extend_from_slice(b"\r\n");
}
