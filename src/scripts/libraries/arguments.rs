//! The arguments of a library function, taken as Lua 5.1's own library takes them: numbers from strings, strings from
//! numbers, and its words for what is wrong.

use std::cell::Cell;

use mlua::{Function, Lua, LuaString, MultiValue, Value};

use super::problem::LuaProblem;
use crate::limits;
use crate::text::c_number::{self, GeneralText};

/// Significant digits of a number that becomes a string, as in Lua 5.1.
const DIGITS: usize = 14;

/// The arguments of one call. Positions count from 1.
pub(super) struct LuaArguments<'a> {
    pub(super) lua: &'a Lua,
    pause: &'a Function,
    steps: Cell<usize>,
    values: MultiValue,
}

impl<'a> LuaArguments<'a> {
    /// `pause` is a function of the script's interpreter that does nothing.
    pub(super) fn new(lua: &'a Lua, pause: &'a Function, values: MultiValue) -> Self {
        Self { lua, pause, steps: Cell::new(0), values }
    }

    /// Counts a step of work that may take long, so that the script can be ended in between.
    pub(super) fn step(&self) -> Result<(), LuaProblem> {
        let steps = self.steps.get() + 1;
        self.steps.set(steps % limits::SCRIPT_LIBRARY_STEPS);
        if steps == limits::SCRIPT_LIBRARY_STEPS {
            self.pause.call::<()>(())?;
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The argument, if it was passed; it may be nil.
    pub(super) fn get(&self, position: usize) -> Option<&Value> {
        self.values.get(position - 1)
    }

    /// Whether the argument was left out, or is nil.
    pub(super) fn is_absent(&self, position: usize) -> bool {
        matches!(self.get(position), None | Some(Value::Nil))
    }

    pub(super) fn number(&self, position: usize) -> Result<f64, LuaProblem> {
        let value = self.get(position);
        value.and_then(number_of).ok_or_else(|| LuaProblem::wrong_type(position, "number", value))
    }

    /// A number cut to an integer, as `luaL_checkinteger` cuts it.
    pub(super) fn integer(&self, position: usize) -> Result<i64, LuaProblem> {
        Ok(truncated(self.number(position)?))
    }

    pub(super) fn string(&self, position: usize) -> Result<LuaString, LuaProblem> {
        match self.get(position) {
            Some(Value::String(string)) => Ok(string.clone()),
            Some(Value::Integer(number)) => Ok(self.printed(*number as f64)?),
            Some(Value::Number(number)) => Ok(self.printed(*number)?),
            other => Err(LuaProblem::wrong_type(position, "string", other)),
        }
    }

    fn printed(&self, number: f64) -> mlua::Result<LuaString> {
        self.lua.create_string(GeneralText::of(number, DIGITS).as_bytes())
    }
}

/// The number that a value is or that its text is.
pub(super) fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Number(number) => Some(*number),
        Value::String(text) => {
            let text = text.as_bytes();
            // C's functions read no further than a zero byte.
            let end = memchr::memchr(0, &text).unwrap_or(text.len());
            c_number::whole_number(&text[..end])
        }
        _ => None,
    }
}

/// The integer that a processor makes of a double: cut towards zero, and the lowest one for what does not fit.
pub(super) fn truncated(number: f64) -> i64 {
    const END: f64 = 9_223_372_036_854_775_808.0;
    if (-END..END).contains(&number) { number as i64 } else { i64::MIN }
}

/// The unsigned integer that a processor makes of a double: as [`truncated`] below half of its range, and 0 for what does not
/// fit above.
pub(super) fn truncated_unsigned(number: f64) -> u64 {
    const HALF: f64 = 9_223_372_036_854_775_808.0;
    if number >= HALF { truncated(number - HALF) as u64 ^ (1 << 63) } else { truncated(number) as u64 }
}
