//! `struct`: values packed into a string and back, in the formats of Roberto Ierusalimschy's library as Redis has it.
//!
//! | file | what it does |
//! |---|---|
//! | `format.rs` | reads the format string |
//! | `pack.rs` | `struct.pack` |
//! | `unpack.rs` | `struct.unpack` |

mod format;
mod pack;
mod unpack;

use mlua::{Lua, MultiValue, Table, Value};

use super::arguments::LuaArguments;
use super::problem::LuaProblem;
use super::registrar::LibraryRegistrar;
use format::{StructFormat, StructItem, misaligned, unknown_option};

/// The library as a table.
pub(super) fn library(lua: &Lua, registrar: &LibraryRegistrar) -> mlua::Result<Table> {
    let structs = lua.create_table()?;
    registrar.add(lua, &structs, "pack", pack::pack)?;
    registrar.add(lua, &structs, "unpack", unpack::unpack)?;
    registrar.add(lua, &structs, "size", size)?;
    Ok(structs)
}

/// `size(format)`: how many bytes the format takes. Formats whose size depends on the values have none.
fn size(arguments: &LuaArguments) -> Result<MultiValue, LuaProblem> {
    let format = arguments.string(1)?;
    let format = format.as_bytes();
    let mut format = StructFormat::new(&format);
    let mut total = 0usize;
    while let Some(option) = format.next()? {
        match option.item {
            StructItem::Terminated => {
                return Err(LuaProblem::Argument(1, b"option 's' has no fixed size".to_vec()));
            }
            StructItem::Chars if option.size == 0 => {
                return Err(LuaProblem::Argument(1, b"option 'c0' has no fixed size".to_vec()));
            }
            StructItem::Misaligned(alignment) => return Err(misaligned(alignment)),
            StructItem::Unknown(letter) if !letter.is_ascii_alphanumeric() => {
                return Err(unknown_option(letter));
            }
            _ => {}
        }
        total += option.padding(total) + option.size;
    }
    Ok(MultiValue::from_vec(vec![Value::Number(total as f64)]))
}
