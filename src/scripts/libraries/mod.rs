//! The libraries of the interpreter, which know no server.
//!
//! Each file or folder makes the table of one library; [`install`] puts it among the globals. Their functions take bytes and
//! values of scripts, which nobody has checked: what is wrong ends in an error as that of the C library in Redis, and no count
//! in the input reserves memory.
//!
//! | file | its subject |
//! |---|---|
//! | `json` | `cjson` |
//! | `message_pack` | `cmsgpack` |
//! | `structs` | `struct` |
//! | `bits` | `bit` |
//! | `registrar` | functions, and how their errors are raised |
//! | `arguments`, `problem` | what functions get, and what is wrong with it |

mod arguments;
mod bits;
mod json;
mod message_pack;
mod problem;
mod registrar;
mod structs;

use std::cell::Cell;
use std::rc::Rc;

use mlua::Lua;

use json::JsonSettings;
use registrar::LibraryRegistrar;

/// Puts all libraries among the globals of `lua`.
///
/// # Errors
/// The interpreter has no memory.
pub fn install(lua: &Lua) -> mlua::Result<()> {
    let registrar = Rc::new(LibraryRegistrar::new(lua)?);
    let settings = Rc::new(Cell::new(JsonSettings::default()));
    lua.set_app_data(JsonSettingsOfScripts(Rc::clone(&settings)));
    let globals = lua.globals();
    globals.raw_set("cjson", json::library(lua, &registrar, &settings)?)?;
    globals.raw_set("cmsgpack", message_pack::library(lua, &registrar)?)?;
    globals.raw_set("struct", structs::library(lua, &registrar)?)?;
    globals.raw_set("bit", bits::library(lua, &registrar)?)
}

/// The settings of the `cjson` that is among the globals.
struct JsonSettingsOfScripts(Rc<Cell<JsonSettings>>);

/// Makes the settings of `cjson` what they are at first: a script leaves nothing behind for the next one.
pub fn forget_settings(lua: &Lua) {
    if let Some(settings) = lua.app_data_ref::<JsonSettingsOfScripts>() {
        settings.0.set(JsonSettings::default());
    }
}

#[cfg(test)]
mod tests;
