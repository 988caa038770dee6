//! Library functions and their errors.
//!
//! An error must reach the script as a string with the place of the call, as in Lua 5.1, and not as a value of another kind.
//! So a native function returns its error, and a few lines of Lua around it raise it.

use mlua::{Function, Lua, MultiValue, Table, Value};

use super::arguments::LuaArguments;
use super::problem::LuaProblem;

/// Returns a function that makes one for scripts of a native one, and one that does nothing. Level 3 is who called that. Lua 5.1 has no name for a function
/// that is called by a native one, pcall perhaps, nor a place.
const RAISING: &str = r#"
local raise, caller = error, debug.info
local function settle(problem, ...)
    if problem == nil then return ... end
    local position, name = ...
    if position == false then raise(problem, 0) end
    if position then
        if caller(3, "s") == "[C]" then name = "?" end
        problem = "bad argument #" .. position .. " to '" .. name .. "' (" .. problem .. ")"
    end
    raise(problem, 3)
end
local function wrap(native)
    return function(...) return settle(native(...)) end
end
return wrap, function() end
"#;

/// Adds functions to the tables of libraries.
pub(super) struct LibraryRegistrar {
    raising: Function,
    /// A function that does nothing. When it is called the interpreter looks whether the script must end.
    pause: Function,
}

impl LibraryRegistrar {
    pub(super) fn new(lua: &Lua) -> mlua::Result<Self> {
        let (raising, pause) = lua.load(RAISING).set_name("=redis").eval()?;
        Ok(Self { raising, pause })
    }

    /// Adds `function` to `library` as `name`. It returns the results of the function in Lua.
    pub(super) fn add<F>(
        &self,
        lua: &Lua,
        library: &Table,
        name: &'static str,
        function: F,
    ) -> mlua::Result<()>
    where
        F: Fn(&LuaArguments) -> Result<MultiValue, LuaProblem> + 'static,
    {
        let pause = self.pause.clone();
        let native = lua.create_function(move |lua, values: MultiValue| {
            let mut results = match function(&LuaArguments::new(lua, &pause, values)) {
                Ok(results) => results,
                Err(problem) => return described(lua, problem, name),
            };
            results.push_front(Value::Nil);
            Ok(results)
        })?;
        library.raw_set(name, self.raising.call::<Function>(native)?)
    }
}

/// A problem as the values that [`RAISING`] takes: a message, then a position and a name, or false for no place.
fn described(lua: &Lua, problem: LuaProblem, name: &str) -> mlua::Result<MultiValue> {
    let text = |message: &[u8]| lua.create_string(message).map(Value::String);
    let values = match problem {
        LuaProblem::Argument(position, message) => {
            vec![text(&message)?, Value::Number(position as f64), text(name.as_bytes())?]
        }
        LuaProblem::Placed(message) => vec![text(&message)?],
        LuaProblem::Unplaced(message) => vec![text(message.as_bytes())?, Value::Boolean(false)],
        LuaProblem::Interpreter(error) => return Err(error),
    };
    Ok(MultiValue::from_vec(values))
}
