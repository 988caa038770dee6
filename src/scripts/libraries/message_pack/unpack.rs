//! MessagePack to Lua values.
//!
//! The input is not trusted: a count reserves no memory, and open containers are on a list, not on the processor's stack.
//! How deep they may be nested is what Lua 5.1's stack has room for: an array takes two places, a map one for its key and
//! two for its value.

use mlua::{Lua, MultiValue, Table, Value};

use crate::limits;
use crate::scripts::libraries::arguments::LuaArguments;
use crate::scripts::libraries::problem::LuaProblem;

/// `unpack(string)`: all values.
pub(super) fn unpack(arguments: &LuaArguments) -> Result<MultiValue, LuaProblem> {
    values(arguments, Amount { limit: 0, offset: 0 })
}

/// `unpack_one(string [, offset])`: the next offset, and the value at `offset`.
pub(super) fn unpack_one(arguments: &LuaArguments) -> Result<MultiValue, LuaProblem> {
    let offset = if arguments.is_absent(2) { 0 } else { arguments.integer(2)? };
    // One value and no offset are not "all values", which they would be with a limit of 0.
    values(arguments, Amount { limit: 1, offset })
}

/// `unpack_limit(string, limit [, offset])`: the next offset, and `limit` values from `offset` on.
pub(super) fn unpack_limit(arguments: &LuaArguments) -> Result<MultiValue, LuaProblem> {
    let limit = arguments.integer(2)?;
    let offset = if arguments.is_absent(3) { 0 } else { arguments.integer(3)? };
    values(arguments, Amount { limit, offset })
}

/// How many values, from where. No limit and no offset stand for all of them, and then there is no offset in the results.
#[derive(Clone, Copy)]
struct Amount {
    limit: i64,
    offset: i64,
}

fn values(arguments: &LuaArguments, amount: Amount) -> Result<MultiValue, LuaProblem> {
    let Amount { limit, offset } = amount;
    let input = arguments.string(1)?;
    let input = input.as_bytes();
    let (Ok(most), Ok(start)) = (usize::try_from(limit), usize::try_from(offset)) else {
        // The library prints the low 32 bits, and the length in place of the limit.
        let (offset, len) = (offset as i32, input.len() as i32);
        let text = format!("Invalid request to unpack with offset of {offset} and limit of {len}.");
        return Err(LuaProblem::Placed(text.into_bytes()));
    };
    let Some(rest) = input.get(start..) else {
        let (offset, len) = (offset as i32, input.len());
        let text = format!("Start offset {offset} greater than input length {len}.");
        return Err(LuaProblem::Placed(text.into_bytes()));
    };
    let all = most == 0 && start == 0;
    let mut values = Vec::new();
    let mut reader = PackedReader { lua: arguments.lua, rest };
    while !reader.rest.is_empty() && (all || values.len() < most) {
        // The input has a place, too.
        let value = reader.value(1 + values.len())?;
        values.push(value);
    }
    if all {
        return Ok(MultiValue::from_vec(values));
    }
    if values.len() + 2 > limits::SCRIPT_LIBRARY_SLOTS {
        return Err(stack_overflow("in function mp_unpack_full"));
    }
    let next = if reader.rest.is_empty() { -1.0 } else { (input.len() - reader.rest.len()) as f64 };
    let mut results = MultiValue::from_vec(values);
    results.push_front(Value::Number(next));
    Ok(results)
}

fn stack_overflow(what: &str) -> LuaProblem {
    LuaProblem::Placed(format!("stack overflow ({what})").into_bytes())
}

/// Reads values from the beginning of `rest`.
struct PackedReader<'a> {
    lua: &'a Lua,
    rest: &'a [u8],
}

/// An array or map that has not ended.
struct OpenContainer {
    table: Table,
    /// How many elements, or pairs, are still to come.
    left: u64,
    filling: Filling,
}

/// What the next value of a container is.
enum Filling {
    Element { index: u64 },
    Key,
    ValueOf(Value),
}

/// What a tag begins.
enum Packed {
    Whole(Value),
    Array(u64),
    Map(u64),
}

impl OpenContainer {
    /// How many places of Lua's stack it takes, as Redis counts.
    fn slots(&self) -> usize {
        match self.filling {
            Filling::Key => 1,
            Filling::Element { .. } | Filling::ValueOf(_) => 2,
        }
    }

    fn take(&mut self, value: Value) -> Result<(), LuaProblem> {
        match std::mem::replace(&mut self.filling, Filling::Key) {
            Filling::Element { index } => {
                self.table.raw_set(index, value)?;
                self.filling = Filling::Element { index: index + 1 };
                self.left -= 1;
            }
            Filling::Key => {
                self.filling = Filling::ValueOf(value);
            }
            Filling::ValueOf(key) => {
                match key {
                    Value::Nil => return Err(LuaProblem::Unplaced("table index is nil")),
                    Value::Number(number) if number.is_nan() => {
                        return Err(LuaProblem::Unplaced("table index is NaN"));
                    }
                    _ => {}
                }
                self.table.raw_set(key, value)?;
                self.left -= 1;
            }
        }
        Ok(())
    }
}

impl PackedReader<'_> {
    /// One value with all that is in it. `slots` places of the stack are taken. O(its bytes).
    fn value(&mut self, slots: usize) -> Result<Value, LuaProblem> {
        let mut slots = slots;
        let mut open: Vec<OpenContainer> = Vec::new();
        loop {
            if slots + 1 > limits::SCRIPT_LIBRARY_SLOTS && !self.rest.is_empty() {
                let what = "too many return values at once; use unpack_one or unpack_limit instead.";
                return Err(stack_overflow(what));
            }
            let container = match self.packed()? {
                Packed::Array(_) if slots + 2 > limits::SCRIPT_LIBRARY_SLOTS => {
                    return Err(stack_overflow("in function mp_decode_to_lua_array"));
                }
                Packed::Array(left) => Err((left, Filling::Element { index: 1 })),
                Packed::Map(left) => Err((left, Filling::Key)),
                Packed::Whole(value) => Ok(value),
            };
            let mut value = match container {
                Ok(value) => value,
                Err((0, _)) => Value::Table(self.lua.create_table()?),
                Err((left, filling)) => {
                    let container = OpenContainer { table: self.lua.create_table()?, left, filling };
                    slots += container.slots();
                    open.push(container);
                    continue;
                }
            };
            loop {
                let Some(container) = open.last_mut() else { return Ok(value) };
                slots -= container.slots();
                container.take(value)?;
                if container.left > 0 {
                    slots += container.slots();
                    break;
                }
                let Some(ended) = open.pop() else { break };
                value = Value::Table(ended.table);
            }
        }
    }

    fn take(&mut self, len: usize) -> Result<&[u8], LuaProblem> {
        let taken = self.rest.split_at_checked(len);
        let (taken, rest) = taken.ok_or_else(|| LuaProblem::Placed(b"Missing bytes in input.".to_vec()))?;
        self.rest = rest;
        Ok(taken)
    }

    /// A big-endian number of `len` bytes, at most eight.
    fn unsigned(&mut self, len: usize) -> Result<u64, LuaProblem> {
        Ok(self.take(len)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn string(&mut self, len: u64) -> Result<Packed, LuaProblem> {
        let lua = self.lua;
        let bytes = self.take(usize::try_from(len).unwrap_or(usize::MAX))?;
        Ok(Packed::Whole(Value::String(lua.create_string(bytes)?)))
    }

    fn packed(&mut self) -> Result<Packed, LuaProblem> {
        let tag = self.unsigned(1)? as u8;
        let number = match tag {
            0x00..=0x7f => f64::from(tag),
            0xe0..=0xff => f64::from(tag as i8),
            0xca => f64::from(f32::from_bits(self.unsigned(4)? as u32)),
            0xcb => f64::from_bits(self.unsigned(8)?),
            0xcc => self.unsigned(1)? as f64,
            0xcd => self.unsigned(2)? as f64,
            0xce => self.unsigned(4)? as f64,
            // Lua 5.1 in Redis takes a number of 64 bits as a signed one.
            0xcf | 0xd3 => self.unsigned(8)? as i64 as f64,
            0xd0 => f64::from(self.unsigned(1)? as i8),
            0xd1 => f64::from(self.unsigned(2)? as i16),
            0xd2 => f64::from(self.unsigned(4)? as i32),
            0x80..=0x8f => return Ok(Packed::Map(u64::from(tag & 0x0f))),
            0x90..=0x9f => return Ok(Packed::Array(u64::from(tag & 0x0f))),
            0xa0..=0xbf => return self.string(u64::from(tag & 0x1f)),
            0xd9..=0xdb => {
                let len = self.unsigned(1 << (tag - 0xd9))?;
                return self.string(len);
            }
            0xdc | 0xdd => return Ok(Packed::Array(self.unsigned(2 << (tag - 0xdc))?)),
            0xde | 0xdf => return Ok(Packed::Map(self.unsigned(2 << (tag - 0xde))?)),
            0xc0 => return Ok(Packed::Whole(Value::Nil)),
            0xc2 => return Ok(Packed::Whole(Value::Boolean(false))),
            0xc3 => return Ok(Packed::Whole(Value::Boolean(true))),
            _ => return Err(LuaProblem::Placed(b"Bad data format in input.".to_vec())),
        };
        Ok(Packed::Whole(Value::Number(number)))
    }
}
