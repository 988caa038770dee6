//! `struct.pack`.

use mlua::{MultiValue, Value};

use super::format::{StructFormat, StructItem, StructOption, misaligned, unknown_option};
use crate::limits;
use crate::scripts::libraries::arguments::{LuaArguments, truncated_unsigned};
use crate::scripts::libraries::problem::LuaProblem;

/// `pack(format, values…)`: the values as one string.
pub(super) fn pack(arguments: &LuaArguments) -> Result<MultiValue, LuaProblem> {
    let format = arguments.string(1)?;
    let format = format.as_bytes();
    let mut format = StructFormat::new(&format);
    let mut packed = Vec::new();
    let mut values = PackedValues { arguments, position: 1 };
    while let Some(option) = format.next()? {
        packed.resize(packed.len() + option.padding(packed.len()), 0);
        match option.item {
            StructItem::Integer { .. } => write_integer(&mut packed, values.number()?, &option),
            StructItem::Float => {
                let number = values.number()? as f32;
                packed.extend(if option.big_endian { number.to_be_bytes() } else { number.to_le_bytes() });
            }
            StructItem::Double => {
                let number = values.number()?;
                packed.extend(if option.big_endian { number.to_be_bytes() } else { number.to_le_bytes() });
            }
            StructItem::Padding => packed.push(0),
            StructItem::Control => {}
            StructItem::Chars | StructItem::Terminated => values.write_string(&mut packed, &option)?,
            StructItem::Misaligned(alignment) => return Err(misaligned(alignment)),
            StructItem::Unknown(letter) => return Err(unknown_option(letter)),
        }
        if packed.len() > limits::SCRIPT_STRING_BYTES {
            return Err(LuaProblem::no_memory());
        }
    }
    let packed = arguments.lua.create_string(packed)?;
    Ok(MultiValue::from_vec(vec![Value::String(packed)]))
}

/// The values of a call, in their order.
struct PackedValues<'a> {
    arguments: &'a LuaArguments<'a>,
    /// The position of the last argument that was taken.
    position: usize,
}

impl PackedValues<'_> {
    /// What is wrong with an argument. The library of Redis sees a nil where the arguments end.
    fn complaint(&self, problem: LuaProblem, expected: &str) -> LuaProblem {
        match self.arguments.get(self.position) {
            None => LuaProblem::wrong_type(self.position, expected, Some(&Value::Nil)),
            Some(_) => problem,
        }
    }

    fn number(&mut self) -> Result<f64, LuaProblem> {
        self.position += 1;
        self.arguments.number(self.position).map_err(|problem| self.complaint(problem, "number"))
    }

    fn write_string(&mut self, packed: &mut Vec<u8>, option: &StructOption) -> Result<(), LuaProblem> {
        self.position += 1;
        let string = self.arguments.string(self.position);
        let string = string.map_err(|problem| self.complaint(problem, "string"))?;
        let string = string.as_bytes();
        let size = if option.size == 0 { string.len() } else { option.size };
        // The library counts the argument before it looks at the length.
        let string = string
            .get(..size)
            .ok_or_else(|| LuaProblem::Argument(self.position + 1, b"string too short".to_vec()))?;
        if packed.len() + string.len() > limits::SCRIPT_STRING_BYTES {
            return Err(LuaProblem::no_memory());
        }
        packed.extend_from_slice(string);
        if option.item == StructItem::Terminated {
            packed.push(0);
        }
        Ok(())
    }
}

/// The 64 bits of a number in `option.size` bytes; further bytes are zero, also for negative numbers.
fn write_integer(packed: &mut Vec<u8>, number: f64, option: &StructOption) {
    let bits = truncated_unsigned(number);
    let byte = |index: usize| if index < 8 { (bits >> (8 * index)) as u8 } else { 0 };
    if option.big_endian {
        packed.extend((0..option.size).rev().map(byte));
    } else {
        packed.extend((0..option.size).map(byte));
    }
}
