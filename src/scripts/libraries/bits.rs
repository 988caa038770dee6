//! `bit`: operations on 32 bits, as LuaBitOp has them. A number stands for the 32 bits of its rounded value, and a result is
//! a signed number.

use mlua::{Lua, MultiValue, Table, Value};

use super::arguments::LuaArguments;
use super::problem::LuaProblem;
use super::registrar::LibraryRegistrar;

/// The library as a table.
pub(super) fn library(lua: &Lua, registrar: &LibraryRegistrar) -> mlua::Result<Table> {
    let bit = lua.create_table()?;
    let one = |name: &'static str, operation: fn(i32) -> i32| {
        registrar.add(lua, &bit, name, move |arguments| Ok(number(operation(bits(arguments, 1)?))))
    };
    one("tobit", |bits| bits)?;
    one("bnot", |bits| !bits)?;
    one("bswap", i32::swap_bytes)?;
    let fold = |name: &'static str, operation: fn(i32, i32) -> i32| {
        registrar.add(lua, &bit, name, move |arguments| {
            let mut result = bits(arguments, 1)?;
            // Of several wrong arguments LuaBitOp names the last one.
            for position in (2..=arguments.len()).rev() {
                result = operation(result, bits(arguments, position)?);
            }
            Ok(number(result))
        })
    };
    fold("band", |left, right| left & right)?;
    fold("bor", |left, right| left | right)?;
    fold("bxor", |left, right| left ^ right)?;
    let shift = |name: &'static str, operation: fn(i32, u32) -> i32| {
        registrar.add(lua, &bit, name, move |arguments| {
            let value = bits(arguments, 1)?;
            Ok(number(operation(value, bits(arguments, 2)? as u32 & 31)))
        })
    };
    shift("lshift", |bits, by| bits << by)?;
    shift("rshift", |bits, by| (bits as u32 >> by) as i32)?;
    shift("arshift", |bits, by| bits >> by)?;
    shift("rol", i32::rotate_left)?;
    shift("ror", i32::rotate_right)?;
    registrar.add(lua, &bit, "tohex", hexadecimal)?;
    Ok(bit)
}

fn number(bits: i32) -> MultiValue {
    MultiValue::from_vec(vec![Value::Number(f64::from(bits))])
}

/// The low 32 bits of an argument, rounded to an integer. Adding this number leaves them in the low bits of the double.
fn bits(arguments: &LuaArguments, position: usize) -> Result<i32, LuaProblem> {
    const TO_LOW_BITS: f64 = 6_755_399_441_055_744.0;
    Ok((arguments.number(position)? + TO_LOW_BITS).to_bits() as u32 as i32)
}

/// `tohex(number [, digits])`: a negative count stands for capital letters.
fn hexadecimal(arguments: &LuaArguments) -> Result<MultiValue, LuaProblem> {
    let value = bits(arguments, 1)? as u32;
    let digits = if arguments.len() < 2 { 8 } else { bits(arguments, 2)? };
    let text = if digits < 0 { format!("{value:08X}") } else { format!("{value:08x}") };
    let shown = digits.unsigned_abs().min(8) as usize;
    let text = arguments.lua.create_string(&text[8 - shown..])?;
    Ok(MultiValue::from_vec(vec![Value::String(text)]))
}
