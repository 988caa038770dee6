//! `cjson`: Lua values as JSON and back, as lua-cjson 2.1 in Redis.
//!
//! | file | what it does |
//! |---|---|
//! | `settings.rs` | `encode_max_depth` and the other settings |
//! | `encode.rs` | `encode` |
//! | `scan.rs` | text to tokens |
//! | `decode.rs` | `decode` |
//!
//! Neither direction recurses: containers that are open are on a list.

mod decode;
mod encode;
mod scan;
mod settings;

use std::cell::Cell;
use std::rc::Rc;

use mlua::{Lua, MultiValue, Table, Value};

use super::registrar::LibraryRegistrar;
pub(super) use settings::JsonSettings;

/// The library as a table, with settings of its own, which are `settings`.
pub(super) fn library(
    lua: &Lua,
    registrar: &Rc<LibraryRegistrar>,
    settings: &Rc<Cell<JsonSettings>>,
) -> mlua::Result<Table> {
    let library = lua.create_table()?;
    let used = Rc::clone(settings);
    registrar.add(lua, &library, "encode", move |arguments| encode::encode(arguments, used.get()))?;
    let used = Rc::clone(settings);
    registrar.add(lua, &library, "decode", move |arguments| decode::decode(arguments, used.get()))?;
    settings::add_functions(lua, registrar, &library, settings)?;
    let again = Rc::clone(registrar);
    registrar.add(lua, &library, "new", move |arguments| {
        let fresh = Rc::new(Cell::new(JsonSettings::default()));
        let another = self::library(arguments.lua, &again, &fresh)?;
        Ok(MultiValue::from_vec(vec![Value::Table(another)]))
    })?;
    library.raw_set("null", Value::NULL)?;
    library.raw_set("_NAME", "cjson")?;
    library.raw_set("_VERSION", "2.1.0")?;
    Ok(library)
}
