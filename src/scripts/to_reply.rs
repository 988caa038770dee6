//! Lua values as replies.
//!
//! Strings become bulk strings, numbers integers, `true` the integer 1, `false` and nil the null, tables arrays up to the first
//! nil. A table with `err`, `ok`, `double`, `map`, `set`, `big_number` or `verbatim_string` becomes that.

use super::stack::{Stack, ValueType};
use crate::limits;
use crate::resp::Protocol;
use crate::resp::reply::Reply;
use std::ffi::c_int;

/// Why a value is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NoReply {
    /// Its tables are nested too deeply.
    Deep,
    /// It has too many bytes.
    Long,
}

impl NoReply {
    fn text(self) -> &'static str {
        match self {
            Self::Deep => "ERR reached lua stack limit",
            Self::Long => "ERR the reply of a script is too long",
        }
    }
}

/// Takes the last value and writes it as a reply. `protocol` is that of the script's own conversions (`redis.setresp`). What is too
/// large or too deep becomes an error. O(its elements).
pub(super) fn write_reply(stack: &mut Stack<'_>, protocol: Protocol, reply: &mut Reply<'_>) {
    let start = reply.out().len();
    let mut writing = Writing { stack, protocol, start, elements: limits::SCRIPT_REPLY_ELEMENTS };
    if let Err(why) = writing.value(0, reply) {
        reply.out().truncate(start);
        reply.error(why.text());
    }
}

struct Writing<'s, 'l> {
    stack: &'s mut Stack<'l>,
    protocol: Protocol,
    start: usize,
    /// Elements that may still be written.
    elements: usize,
}

impl Writing<'_, '_> {
    /// Takes the last value and writes it.
    fn value(&mut self, depth: usize, reply: &mut Reply<'_>) -> Result<(), NoReply> {
        match self.stack.type_at(-1) {
            ValueType::String => reply.bulk(self.stack.bytes_at(-1).unwrap_or_default()),
            // As a cast of C: towards zero. What does not fit becomes the lowest number.
            ValueType::Number => reply.integer(truncated(self.stack.number_at(-1).unwrap_or_default())),
            ValueType::Boolean => self.boolean(reply),
            ValueType::Table => self.table(depth, reply)?,
            ValueType::Nil | ValueType::Other => reply.null(),
        }
        self.stack.pop(1);
        self.elements = self.elements.checked_sub(1).ok_or(NoReply::Long)?;
        let is_long = reply.out().len() - self.start > limits::SCRIPT_REPLY_BYTES;
        if is_long { Err(NoReply::Long) } else { Ok(()) }
    }

    fn boolean(&self, reply: &mut Reply<'_>) {
        let flag = self.stack.is_true_at(-1);
        match (self.protocol, reply.protocol()) {
            (Protocol::Resp3, Protocol::Resp3) => {
                reply.out().extend_from_slice(if flag { b"#t\r\n" } else { b"#f\r\n" });
            }
            (Protocol::Resp3, Protocol::Resp2) => reply.integer(i64::from(flag)),
            (Protocol::Resp2, _) if flag => reply.integer(1),
            (Protocol::Resp2, _) => reply.null(),
        }
    }

    /// Writes the last value, which is a table and stays where it is.
    fn table(&mut self, depth: usize, reply: &mut Reply<'_>) -> Result<(), NoReply> {
        if depth >= limits::SCRIPT_REPLY_DEPTH {
            return Err(NoReply::Deep);
        }
        // A field and two of its own, or a key, a copy of it, and a value.
        self.stack.reserve(4);
        let table = self.stack.len();
        let is_done = self.tagged(table, depth, reply)?;
        if !is_done {
            self.stack.truncate(table);
            self.array(table, depth, reply)?;
        }
        self.stack.truncate(table);
        Ok(())
    }

    /// Writes what the table at `table` stands for, if it is not an array. What it leaves on the stack is worth nothing.
    fn tagged(&mut self, table: c_int, depth: usize, reply: &mut Reply<'_>) -> Result<bool, NoReply> {
        let stack = &mut *self.stack;
        if stack.push_field(table, c"err") == ValueType::String {
            line(b'-', stack.bytes_at(-1).unwrap_or_default(), reply);
        } else if stack.push_field(table, c"ok") == ValueType::String {
            line(b'+', stack.bytes_at(-1).unwrap_or_default(), reply);
        } else if stack.push_field(table, c"double") == ValueType::Number {
            reply.double(stack.number_at(-1).unwrap_or_default());
        } else {
            return self.tagged_as_table(table, depth, reply);
        }
        Ok(true)
    }

    /// As [`Writing::tagged`], for what only RESP3 has.
    fn tagged_as_table(
        &mut self,
        table: c_int,
        depth: usize,
        reply: &mut Reply<'_>,
    ) -> Result<bool, NoReply> {
        self.stack.truncate(table);
        if self.stack.push_field(table, c"map") == ValueType::Table {
            self.pairs(depth, reply, true)?;
            return Ok(true);
        }
        self.stack.truncate(table);
        if self.stack.push_field(table, c"set") == ValueType::Table {
            self.pairs(depth, reply, false)?;
            return Ok(true);
        }
        self.stack.truncate(table);
        if self.stack.push_field(table, c"big_number") == ValueType::String {
            let digits = one_line(self.stack.bytes_at(-1).unwrap_or_default());
            match reply.protocol() {
                Protocol::Resp2 => reply.bulk(&digits),
                Protocol::Resp3 => line(b'(', &digits, reply),
            }
            return Ok(true);
        }
        self.stack.truncate(table);
        if self.stack.push_field(table, c"verbatim_string") != ValueType::Table {
            return Ok(false);
        }
        let (format, text) = (table + 2, table + 3);
        self.stack.push_field(table + 1, c"format");
        self.stack.push_field(table + 1, c"string");
        match (self.stack.bytes_at(format), self.stack.bytes_at(text)) {
            (Some(format), Some(text)) => verbatim(format, text, reply),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Writes the last value, a table, as a map, or its keys as a set.
    fn pairs(&mut self, depth: usize, reply: &mut Reply<'_>, is_map: bool) -> Result<(), NoReply> {
        let table = self.stack.len();
        let mut count = 0;
        self.stack.push_nil();
        while self.stack.push_next(table) {
            self.stack.pop(1);
            count += 1;
        }
        if is_map {
            reply.map(count);
        } else {
            reply.set(count);
        }
        self.stack.push_nil();
        while self.stack.push_next(table) {
            let value = self.stack.len();
            self.stack.push_copy(value - 1);
            self.value(depth + 1, reply)?;
            if is_map {
                self.value(depth + 1, reply)?;
            } else {
                self.stack.pop(1);
            }
        }
        Ok(())
    }

    /// Writes the elements of the table at `table`, up to the first nil.
    fn array(&mut self, table: c_int, depth: usize, reply: &mut Reply<'_>) -> Result<(), NoReply> {
        let mut count = 0;
        while self.stack.push_element(table, count + 1) != ValueType::Nil {
            self.stack.pop(1);
            count += 1;
        }
        self.stack.pop(1);
        reply.array(count);
        for index in 1..=count {
            self.stack.push_element(table, index);
            self.value(depth + 1, reply)?;
        }
        Ok(())
    }
}

fn verbatim(format: &[u8], text: &[u8], reply: &mut Reply<'_>) {
    match reply.protocol() {
        Protocol::Resp2 => reply.bulk(text),
        Protocol::Resp3 => {
            let out = reply.out();
            out.push(b'=');
            out.extend_from_slice(itoa::Buffer::new().format(text.len() + 4).as_bytes());
            out.extend_from_slice(b"\r\n");
            // A format has three bytes.
            out.extend(format.iter().copied().chain(std::iter::repeat(b' ')).take(3));
            out.push(b':');
            out.extend_from_slice(text);
            out.extend_from_slice(b"\r\n");
        }
    }
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
    out.extend(one_line(text));
    out.extend_from_slice(b"\r\n");
}

/// A text with spaces in place of line ends.
fn one_line(text: &[u8]) -> Vec<u8> {
    text.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }).collect()
}
