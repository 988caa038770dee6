//! `struct.unpack`.

use mlua::{MultiValue, Value};

use super::format::{StructFormat, StructItem, StructOption, misaligned, unknown_option};
use crate::limits;
use crate::scripts::libraries::arguments::{LuaArguments, number_of, truncated_unsigned};
use crate::scripts::libraries::problem::LuaProblem;

/// `unpack(format, data [, offset])`: the values, then the offset behind the last one. Offsets count from 1.
pub(super) fn unpack(arguments: &LuaArguments) -> Result<MultiValue, LuaProblem> {
    let format = arguments.string(1)?;
    let data = arguments.string(2)?;
    let (format, data) = (format.as_bytes(), data.as_bytes());
    let offset = if arguments.is_absent(3) { 1 } else { arguments.integer(3)? };
    if offset == 0 {
        return Err(LuaProblem::Argument(3, b"offset must be 1 or greater".to_vec()));
    }
    // A negative offset is one beyond all data.
    let mut at = (offset as usize).wrapping_sub(1);
    let mut format = StructFormat::new(&format);
    let mut values: Vec<Value> = Vec::new();
    while let Some(option) = format.next()? {
        let rest = at.checked_add(option.padding(at)).and_then(|padded| {
            at = padded;
            data.get(at..)
        });
        let rest = rest.filter(|rest| option.size <= rest.len()).ok_or_else(too_short)?;
        // The string and the format have a place each, and a result needs two.
        if values.len() + 4 > limits::SCRIPT_LIBRARY_SLOTS {
            return Err(LuaProblem::Placed(b"stack overflow (too many results)".to_vec()));
        }
        let string = |bytes: &[u8]| arguments.lua.create_string(bytes).map(Value::String);
        let mut taken = option.size;
        match option.item {
            StructItem::Integer { signed } => values.push(Value::Number(integer(rest, &option, signed))),
            StructItem::Float => values.push(Value::Number(float(rest, option.big_endian))),
            StructItem::Double => values.push(Value::Number(double(rest, option.big_endian))),
            StructItem::Padding | StructItem::Control => {}
            StructItem::Chars => {
                if option.size == 0 {
                    taken = announced(values.pop().as_ref())?;
                }
                values.push(string(rest.get(..taken).ok_or_else(too_short)?)?);
            }
            StructItem::Terminated => {
                let end = memchr::memchr(0, rest)
                    .ok_or_else(|| LuaProblem::Placed(b"unfinished string in data".to_vec()))?;
                values.push(string(&rest[..end])?);
                taken = end + 1;
            }
            StructItem::Misaligned(alignment) => return Err(misaligned(alignment)),
            StructItem::Unknown(letter) => return Err(unknown_option(letter)),
        }
        at += taken;
    }
    values.push(Value::Number(at as f64 + 1.0));
    Ok(MultiValue::from_vec(values))
}

fn too_short() -> LuaProblem {
    LuaProblem::Argument(2, b"data string too short".to_vec())
}

/// The size of a `c0`, which is the result before it.
fn announced(value: Option<&Value>) -> Result<usize, LuaProblem> {
    let number = value.and_then(number_of);
    let number = number.ok_or_else(|| LuaProblem::Placed(b"format 'c0' needs a previous size".to_vec()))?;
    // A negative size is larger than any string.
    Ok(truncated_unsigned(number) as usize)
}

/// Integers of more than eight bytes keep their low eight. The sign comes from a mask that C shifts by the size modulo 64.
fn integer(data: &[u8], option: &StructOption, signed: bool) -> f64 {
    let bytes = &data[..option.size];
    let bits = if option.big_endian {
        bytes.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte))
    } else {
        bytes.iter().rev().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte))
    };
    if !signed {
        return bits as f64;
    }
    let sign = u64::MAX << ((option.size as u64 * 8).wrapping_sub(1) & 63);
    let extended = if bits & sign == 0 { bits } else { bits | sign };
    extended as i64 as f64
}

fn float(data: &[u8], big_endian: bool) -> f64 {
    let bytes = *data.first_chunk().expect("the size was checked");
    f64::from(if big_endian { f32::from_be_bytes(bytes) } else { f32::from_le_bytes(bytes) })
}

fn double(data: &[u8], big_endian: bool) -> f64 {
    let bytes = *data.first_chunk().expect("the size was checked");
    if big_endian { f64::from_be_bytes(bytes) } else { f64::from_le_bytes(bytes) }
}
