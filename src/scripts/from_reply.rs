//! Replies of commands as Lua values.
//!
//! In RESP2, integers become numbers, bulk strings strings, nulls `false`, arrays tables, statuses and errors tables with `ok`
//! and `err`. What only RESP3 has becomes a table with one field that names its type.

use super::stack::{Stack, ValueType};
use crate::text::integer;
use std::ffi::CStr;

/// Pushes the value of a reply, which is whole. O(n).
pub(super) fn push_reply(stack: &mut Stack<'_>, reply: &[u8]) {
    ReplyValues { bytes: reply }.push(stack);
}

/// Reads a reply from its front.
struct ReplyValues<'b> {
    bytes: &'b [u8],
}

impl<'b> ReplyValues<'b> {
    /// The bytes up to the next line end.
    fn line(&mut self) -> &'b [u8] {
        let end = self.bytes.iter().position(|byte| *byte == b'\r').unwrap_or(self.bytes.len());
        let (line, rest) = self.bytes.split_at(end);
        self.bytes = rest.get(2..).unwrap_or_default();
        line
    }

    fn count(&mut self) -> Option<usize> {
        integer::parse(self.line()).and_then(|count| usize::try_from(count).ok())
    }

    /// The bytes of a bulk string, `None` for a null.
    fn bulk(&mut self) -> Option<&'b [u8]> {
        let len = self.count()?.min(self.bytes.len());
        let (bulk, rest) = self.bytes.split_at(len);
        self.bytes = rest.get(2..).unwrap_or_default();
        Some(bulk)
    }

    /// Pushes the next value.
    fn push(&mut self, stack: &mut Stack<'_>) {
        // A table, a key and a value.
        stack.reserve(3);
        let Some((kind, rest)) = self.bytes.split_first() else { return stack.push_nil() };
        self.bytes = rest;
        match kind {
            // Lua has only doubles.
            b':' => stack.push_number(integer::parse(self.line()).unwrap_or_default() as f64),
            b'$' => match self.bulk() {
                Some(bulk) => stack.push_bytes(bulk),
                None => stack.push_boolean(false),
            },
            b'+' => push_tagged(stack, c"ok", self.line()),
            b'-' => {
                push_tagged(stack, c"err", self.line());
                stack.push_boolean(true);
                stack.set_field(c"ignore_error_stats_update");
            }
            b'*' | b'>' => match self.count() {
                Some(count) => self.push_array(count, stack),
                None => stack.push_boolean(false),
            },
            b'_' => {
                self.line();
                stack.push_nil();
            }
            b'#' => stack.push_boolean(self.line() == b"t"),
            b',' => {
                let number = std::str::from_utf8(self.line()).ok().and_then(|text| text.parse::<f64>().ok());
                stack.push_table(0, 1);
                stack.push_number(number.unwrap_or_default());
                stack.set_field(c"double");
            }
            b'(' => push_tagged(stack, c"big_number", self.line()),
            b'=' => {
                let text = self.bulk().unwrap_or_default();
                let (format, text) = text.split_at(text.len().min(4));
                stack.push_table(0, 1);
                push_tagged(stack, c"format", &format[..format.len().saturating_sub(1)]);
                stack.push_bytes(text);
                stack.set_field(c"string");
                stack.set_field(c"verbatim_string");
            }
            b'%' => {
                let count = self.count().unwrap_or_default();
                stack.push_table(0, 1);
                stack.push_table(0, count);
                for _ in 0..count {
                    self.push(stack);
                    self.push(stack);
                    set_pair(stack, 2);
                }
                stack.set_field(c"map");
            }
            b'~' => {
                let count = self.count().unwrap_or_default();
                stack.push_table(0, 1);
                stack.push_table(0, count);
                for _ in 0..count {
                    self.push(stack);
                    stack.push_boolean(true);
                    set_pair(stack, 2);
                }
                stack.set_field(c"set");
            }
            _ => stack.push_nil(),
        }
    }

    fn push_array(&mut self, count: usize, stack: &mut Stack<'_>) {
        stack.push_table(count, 0);
        for index in 1..=count {
            self.push(stack);
            stack.set_element(index);
        }
    }
}

/// Pushes a table with one field.
fn push_tagged(stack: &mut Stack<'_>, tag: &CStr, text: &[u8]) {
    stack.push_table(0, 1);
    stack.push_bytes(text);
    stack.set_field(tag);
}

/// Puts the last two values into the table in front of them. A nil is no key: no reply of a command has one.
fn set_pair(stack: &mut Stack<'_>, values: i32) {
    match stack.type_at(-values) {
        ValueType::Nil => stack.pop(values),
        _ => stack.set_pair(),
    }
}
