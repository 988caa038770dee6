//! `cmsgpack`: Lua values as MessagePack and back, byte for byte as lua-cmsgpack 0.4 in Redis.
//!
//! | file | what it does |
//! |---|---|
//! | `pack.rs` | `pack` |
//! | `unpack.rs` | `unpack`, `unpack_one`, `unpack_limit` |

mod pack;
mod unpack;

use mlua::{Lua, Table};

use super::registrar::LibraryRegistrar;

/// The library as a table.
pub(super) fn library(lua: &Lua, registrar: &LibraryRegistrar) -> mlua::Result<Table> {
    let library = lua.create_table()?;
    registrar.add(lua, &library, "pack", pack::pack)?;
    registrar.add(lua, &library, "unpack", unpack::unpack)?;
    registrar.add(lua, &library, "unpack_one", unpack::unpack_one)?;
    registrar.add(lua, &library, "unpack_limit", unpack::unpack_limit)?;
    for (name, text) in [
        ("_NAME", "cmsgpack"),
        ("_VERSION", "lua-cmsgpack 0.4.0"),
        ("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo"),
        ("_DESCRIPTION", "MessagePack C implementation for Lua"),
    ] {
        library.raw_set(name, text)?;
    }
    Ok(library)
}
