//! What goes wrong in a library function, as the script sees it.

/// Why a library function ends in an error. Messages are bytes: they may quote what the script passed.
#[derive(Debug)]
pub(super) enum LuaProblem {
    /// An argument, counted from 1 (from 0 where the libraries of Redis do), and what is wrong with it.
    Argument(usize, Vec<u8>),
    /// An error at the place in the script that called the function.
    Placed(Vec<u8>),
    /// An error without a place.
    Unplaced(&'static str),
    /// The interpreter itself: its memory is exhausted, mostly.
    Interpreter(mlua::Error),
}

impl LuaProblem {
    /// An argument of the wrong type: `number expected, got table`.
    pub(super) fn wrong_type(position: usize, expected: &str, value: Option<&mlua::Value>) -> Self {
        LuaProblem::Argument(position, format!("{expected} expected, got {}", type_name(value)).into_bytes())
    }

    /// What a library would build is longer than the interpreter's memory.
    pub(super) fn no_memory() -> Self {
        LuaProblem::Interpreter(mlua::Error::MemoryError("not enough memory".to_owned()))
    }
}

impl From<mlua::Error> for LuaProblem {
    fn from(error: mlua::Error) -> Self {
        LuaProblem::Interpreter(error)
    }
}

/// The type of `value` in Lua's words; `no value` if there is none.
pub(super) fn type_name(value: Option<&mlua::Value>) -> &'static str {
    match value {
        None => "no value",
        Some(mlua::Value::LightUserData(_) | mlua::Value::Error(_)) => "userdata",
        Some(mlua::Value::Integer(_)) => "number",
        Some(value) => value.type_name(),
    }
}
