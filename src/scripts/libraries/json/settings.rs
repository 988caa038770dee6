//! The settings of `cjson` and the functions that change them. Each returns what holds then.

use std::cell::Cell;
use std::rc::Rc;

use mlua::{Lua, MultiValue, Table, Value};

use crate::scripts::libraries::arguments::LuaArguments;
use crate::scripts::libraries::problem::LuaProblem;
use crate::scripts::libraries::registrar::LibraryRegistrar;

/// What becomes of a number that JSON does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvalidNumbers {
    Refused,
    Written,
    Null,
}

/// How JSON is read and written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JsonSettings {
    /// A sparse array is written as an object, not refused.
    pub(super) converts_sparse: bool,
    /// An array is sparse if its highest index is above this many times its elements; 0 stands for never.
    pub(super) sparse_ratio: i32,
    /// An array up to this index is never sparse.
    pub(super) sparse_safe: i32,
    pub(super) encode_max_depth: i32,
    pub(super) decode_max_depth: i32,
    /// Significant digits of a number.
    pub(super) precision: i32,
    pub(super) invalid_encoded: InvalidNumbers,
    pub(super) decodes_invalid: bool,
    /// Without an effect here: scripts read and write it.
    keeps_buffer: bool,
}

impl Default for JsonSettings {
    fn default() -> Self {
        Self {
            converts_sparse: false,
            sparse_ratio: 2,
            sparse_safe: 10,
            encode_max_depth: 1000,
            decode_max_depth: 1000,
            precision: 14,
            invalid_encoded: InvalidNumbers::Refused,
            decodes_invalid: true,
            keeps_buffer: true,
        }
    }
}

/// Adds the functions for `settings`.
pub(super) fn add_functions(
    lua: &Lua,
    registrar: &LibraryRegistrar,
    library: &Table,
    settings: &Rc<Cell<JsonSettings>>,
) -> mlua::Result<()> {
    let integer = |name, bounds, field: fn(&mut JsonSettings) -> &mut i32| {
        add(lua, registrar, library, settings, name, 1, move |arguments, settings| {
            Ok(vec![set_integer(arguments, 1, bounds, field(settings))?])
        })
    };
    integer("encode_max_depth", (1, i32::MAX), |settings| &mut settings.encode_max_depth)?;
    integer("decode_max_depth", (1, i32::MAX), |settings| &mut settings.decode_max_depth)?;
    integer("encode_number_precision", (1, 14), |settings| &mut settings.precision)?;
    let switch = |name, field: fn(&mut JsonSettings) -> &mut bool| {
        add(lua, registrar, library, settings, name, 1, move |arguments, settings| {
            let setting = field(settings);
            if let Some(chosen) = choice(arguments, &["off", "on"])? {
                *setting = chosen == 1;
            }
            Ok(vec![Value::Boolean(*setting)])
        })
    };
    switch("encode_keep_buffer", |settings| &mut settings.keeps_buffer)?;
    switch("decode_invalid_numbers", |settings| &mut settings.decodes_invalid)?;
    add(lua, registrar, library, settings, "encode_sparse_array", 3, |arguments, settings| {
        if let Some(chosen) = choice(arguments, &["off", "on"])? {
            settings.converts_sparse = chosen == 1;
        }
        let ratio = set_integer(arguments, 2, (0, i32::MAX), &mut settings.sparse_ratio)?;
        let safe = set_integer(arguments, 3, (0, i32::MAX), &mut settings.sparse_safe)?;
        Ok(vec![Value::Boolean(settings.converts_sparse), ratio, safe])
    })?;
    add(lua, registrar, library, settings, "encode_invalid_numbers", 1, |arguments, settings| {
        const CHOICES: [InvalidNumbers; 3] =
            [InvalidNumbers::Refused, InvalidNumbers::Written, InvalidNumbers::Null];
        if let Some(chosen) = choice(arguments, &["off", "on", "null"])? {
            settings.invalid_encoded = CHOICES[chosen];
        }
        Ok(vec![match settings.invalid_encoded {
            InvalidNumbers::Refused => Value::Boolean(false),
            InvalidNumbers::Written => Value::Boolean(true),
            InvalidNumbers::Null => Value::String(arguments.lua.create_string("null")?),
        }])
    })
}

/// Adds a function of at most `most` arguments. What it has set before an error stays set.
fn add<F>(
    lua: &Lua,
    registrar: &LibraryRegistrar,
    library: &Table,
    settings: &Rc<Cell<JsonSettings>>,
    name: &'static str,
    most: usize,
    set: F,
) -> mlua::Result<()>
where
    F: Fn(&LuaArguments, &mut JsonSettings) -> Result<Vec<Value>, LuaProblem> + 'static,
{
    let settings = Rc::clone(settings);
    registrar.add(lua, library, name, move |arguments| {
        if arguments.len() > most {
            return Err(LuaProblem::Argument(most + 1, b"found too many arguments".to_vec()));
        }
        let mut changed = settings.get();
        let values = set(arguments, &mut changed);
        settings.set(changed);
        Ok(MultiValue::from_vec(values?))
    })
}

/// Sets an integer, if the argument is there. The error about its bounds names the first argument, as that of lua-cjson.
fn set_integer(
    arguments: &LuaArguments,
    position: usize,
    (least, most): (i32, i32),
    setting: &mut i32,
) -> Result<Value, LuaProblem> {
    if !arguments.is_absent(position) {
        let value = arguments.integer(position)? as i32;
        if !(least..=most).contains(&value) {
            let text = format!("expected integer between {least} and {most}");
            return Err(LuaProblem::Argument(1, text.into_bytes()));
        }
        *setting = value;
    }
    Ok(Value::Number(f64::from(*setting)))
}

/// Which of `words` the first argument is, if it is there; a boolean is one of the first two.
fn choice(arguments: &LuaArguments, words: &[&str]) -> Result<Option<usize>, LuaProblem> {
    match arguments.get(1) {
        None | Some(Value::Nil) => Ok(None),
        Some(Value::Boolean(on)) => Ok(Some(usize::from(*on))),
        Some(_) => {
            let word = arguments.string(1)?;
            let chosen = words.iter().position(|known| word.as_bytes() == known.as_bytes());
            chosen.map(Some).ok_or_else(|| {
                LuaProblem::Argument(1, [b"invalid option '", &*word.as_bytes(), b"'"].concat())
            })
        }
    }
}
