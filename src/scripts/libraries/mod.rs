//! The libraries that scripts find as globals beside those of Lua: pure modules over the interpreter, which know no server.
//!
//! A library is a file with `install(&Lua)`, which puts its table among the globals. Nobody can change the table afterwards.

use mlua::Lua;

/// The libraries, in the order in which they are installed.
const LIBRARIES: [fn(&Lua) -> mlua::Result<()>; 0] = [];

/// Puts all libraries among the globals of `lua`.
pub(super) fn install(lua: &Lua) -> mlua::Result<()> {
    LIBRARIES.iter().try_for_each(|install| install(lua))
}
