//! Replies of commands as Lua values.
//!
//! In RESP2, integers become numbers, bulk strings strings, nulls `false`, arrays tables, statuses and errors tables with `ok`
//! and `err`. What only RESP3 has becomes a table with one field that names its type.

use mlua::{Lua, Table, Value};

/// Reads a reply, which is whole, from the front of `bytes`. O(n).
pub(super) struct ReplyValues<'l, 'b> {
    lua: &'l Lua,
    bytes: &'b [u8],
}

impl<'l, 'b> ReplyValues<'l, 'b> {
    pub(super) fn new(lua: &'l Lua, bytes: &'b [u8]) -> Self {
        Self { lua, bytes }
    }

    /// The bytes up to the next line end.
    fn line(&mut self) -> &'b [u8] {
        let end = memchr::memchr(b'\r', self.bytes).unwrap_or(self.bytes.len());
        let (line, rest) = self.bytes.split_at(end);
        self.bytes = rest.get(2..).unwrap_or_default();
        line
    }

    fn count(&mut self) -> Option<usize> {
        let line = self.line();
        std::str::from_utf8(line).ok()?.parse().ok()
    }

    /// The bytes of a bulk string, `None` for a null.
    fn bulk(&mut self) -> Option<&'b [u8]> {
        let len = self.count()?.min(self.bytes.len());
        let (bulk, rest) = self.bytes.split_at(len);
        self.bytes = rest.get(2..).unwrap_or_default();
        Some(bulk)
    }

    fn tagged(&self, tag: &str, value: impl mlua::IntoLua) -> mlua::Result<Value> {
        let table = self.lua.create_table_with_capacity(0, 1)?;
        table.raw_set(tag, value)?;
        Ok(Value::Table(table))
    }

    /// The next value.
    pub(super) fn value(&mut self) -> mlua::Result<Value> {
        let Some((kind, rest)) = self.bytes.split_first() else { return Ok(Value::Nil) };
        self.bytes = rest;
        match kind {
            b':' => {
                let line = self.line();
                let number = std::str::from_utf8(line).ok().and_then(|text| text.parse::<i64>().ok());
                // Lua has only doubles.
                Ok(Value::Number(number.unwrap_or_default() as f64))
            }
            b'$' => match self.bulk() {
                Some(bulk) => self.lua.create_string(bulk).map(Value::String),
                None => Ok(Value::Boolean(false)),
            },
            b'+' => {
                let text = self.lua.create_string(self.line())?;
                self.tagged("ok", text)
            }
            b'-' => {
                let text = self.lua.create_string(self.line())?;
                let table = self.lua.create_table_with_capacity(0, 2)?;
                table.raw_set("err", text)?;
                table.raw_set("ignore_error_stats_update", true)?;
                Ok(Value::Table(table))
            }
            b'*' | b'>' => match self.count() {
                Some(count) => self.array(count).map(Value::Table),
                None => Ok(Value::Boolean(false)),
            },
            b'_' => {
                self.line();
                Ok(Value::Nil)
            }
            b'#' => Ok(Value::Boolean(self.line() == b"t")),
            b',' => {
                let text = self.line();
                let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
                self.tagged("double", number.unwrap_or_default())
            }
            b'(' => {
                let digits = self.lua.create_string(self.line())?;
                self.tagged("big_number", digits)
            }
            b'=' => {
                let text = self.bulk().unwrap_or_default();
                let (format, text) = text.split_at(text.len().min(4));
                let table = self.lua.create_table_with_capacity(0, 2)?;
                table
                    .raw_set("format", self.lua.create_string(&format[..format.len().saturating_sub(1)])?)?;
                table.raw_set("string", self.lua.create_string(text)?)?;
                self.tagged("verbatim_string", table)
            }
            b'%' => {
                let count = self.count().unwrap_or_default();
                let map = self.lua.create_table_with_capacity(0, count)?;
                for _ in 0..count {
                    let key = self.value()?;
                    map.raw_set(key, self.value()?)?;
                }
                self.tagged("map", map)
            }
            b'~' => {
                let count = self.count().unwrap_or_default();
                let set = self.lua.create_table_with_capacity(0, count)?;
                for _ in 0..count {
                    set.raw_set(self.value()?, true)?;
                }
                self.tagged("set", set)
            }
            _ => Ok(Value::Nil),
        }
    }

    fn array(&mut self, count: usize) -> mlua::Result<Table> {
        let table = self.lua.create_table_with_capacity(count, 0)?;
        for index in 1..=count {
            table.raw_seti(index, self.value()?)?;
        }
        Ok(table)
    }
}
