//! Lua values to MessagePack. Tables within tables end as nil at a fixed depth, so that a table within itself ends, too.

use mlua::{MultiValue, Table, Value};

use crate::limits;
use crate::scripts::libraries::arguments::{LuaArguments, truncated};
use crate::scripts::libraries::problem::LuaProblem;

/// `pack(values…)`: the values, one after the other, as one string.
pub(super) fn pack(arguments: &LuaArguments) -> Result<MultiValue, LuaProblem> {
    if arguments.len() == 0 {
        return Err(LuaProblem::Argument(0, b"MessagePack pack needs input.".to_vec()));
    }
    if 2 * arguments.len() > limits::SCRIPT_LIBRARY_SLOTS {
        return Err(LuaProblem::Argument(0, b"Too many arguments for MessagePack pack.".to_vec()));
    }
    let mut packer = Packer { arguments, out: Vec::new() };
    for position in 1..=arguments.len() {
        packer.value(arguments.get(position).unwrap_or(&Value::Nil), 0)?;
    }
    let packed = arguments.lua.create_string(packer.out)?;
    Ok(MultiValue::from_vec(vec![Value::String(packed)]))
}

struct Packer<'a> {
    arguments: &'a LuaArguments<'a>,
    out: Vec<u8>,
}

impl Packer<'_> {
    /// Appends a value, which is `depth` tables deep. O(its elements).
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), LuaProblem> {
        self.arguments.step()?;
        let out = &mut self.out;
        if out.len() > limits::SCRIPT_STRING_BYTES {
            return Err(LuaProblem::no_memory());
        }
        match value {
            Value::Boolean(true) => out.push(0xc3),
            Value::Boolean(false) => out.push(0xc2),
            Value::Integer(number) => write_integer(out, *number),
            Value::Number(number) => write_number(out, *number),
            Value::String(string) => return write_string(out, &string.as_bytes()),
            Value::Table(table) if depth < limits::MESSAGE_PACK_DEPTH => return self.table(table, depth),
            _ => out.push(0xc0),
        }
        Ok(())
    }

    /// A table whose keys are exactly 1 to n is an array, any other a map.
    fn table(&mut self, table: &Table, depth: usize) -> Result<(), LuaProblem> {
        let (mut pairs, mut highest, mut is_array) = (0usize, 0.0, true);
        for pair in table.pairs::<Value, Value>() {
            pairs += 1;
            match pair?.0 {
                Value::Integer(key) if is_array && key > 0 => highest = f64::max(highest, key as f64),
                _ => is_array = false,
            }
        }
        if is_array && highest == pairs as f64 {
            write_count(&mut self.out, pairs, (0x90, 16), (0xdc, 0xdd));
            for index in 1..=pairs {
                self.value(&table.raw_get(index)?, depth + 1)?;
            }
        } else {
            write_count(&mut self.out, pairs, (0x80, 16), (0xde, 0xdf));
            for pair in table.pairs::<Value, Value>() {
                let (key, value) = pair?;
                self.value(&key, depth + 1)?;
                self.value(&value, depth + 1)?;
            }
        }
        Ok(())
    }
}

fn write_number(out: &mut Vec<u8>, number: f64) {
    let whole = truncated(number);
    if number.is_finite() && whole as f64 == number {
        return write_integer(out, whole);
    }
    let short = number as f32;
    if f64::from(short) == number {
        out.push(0xca);
        out.extend_from_slice(&short.to_be_bytes());
    } else {
        out.push(0xcb);
        out.extend_from_slice(&number.to_be_bytes());
    }
}

fn write_integer(out: &mut Vec<u8>, number: i64) {
    match number {
        -32..=0x7f => out.push(number as u8),
        0x80..=0xff => out.extend_from_slice(&[0xcc, number as u8]),
        0x100..=0xffff => write_tagged(out, 0xcd, &(number as u16).to_be_bytes()),
        0x1_0000..=0xffff_ffff => write_tagged(out, 0xce, &(number as u32).to_be_bytes()),
        0x1_0000_0000.. => write_tagged(out, 0xcf, &number.to_be_bytes()),
        -0x80..-32 => out.extend_from_slice(&[0xd0, number as u8]),
        -0x8000..-0x80 => write_tagged(out, 0xd1, &(number as i16).to_be_bytes()),
        -0x8000_0000..-0x8000 => write_tagged(out, 0xd2, &(number as i32).to_be_bytes()),
        ..-0x8000_0000 => write_tagged(out, 0xd3, &number.to_be_bytes()),
    }
}

fn write_tagged(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    out.extend_from_slice(bytes);
}

/// Writes a count: in the tag itself if it is below `short`, else behind a tag of its own for 16 or 32 bits.
fn write_count(out: &mut Vec<u8>, count: usize, (tag, short): (u8, usize), (tag16, tag32): (u8, u8)) {
    if count < short {
        out.push(tag | count as u8);
    } else if let Ok(count) = u16::try_from(count) {
        write_tagged(out, tag16, &count.to_be_bytes());
    } else {
        write_tagged(out, tag32, &(count as u32).to_be_bytes());
    }
}

fn write_string(out: &mut Vec<u8>, string: &[u8]) -> Result<(), LuaProblem> {
    if out.len() + string.len() > limits::SCRIPT_STRING_BYTES {
        return Err(LuaProblem::no_memory());
    }
    if (32..=255).contains(&string.len()) {
        out.extend_from_slice(&[0xd9, string.len() as u8]);
    } else {
        write_count(out, string.len(), (0xa0, 32), (0xda, 0xdb));
    }
    out.extend_from_slice(string);
    Ok(())
}
