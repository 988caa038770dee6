//! The globals that scripts see, and that nobody can change.
//!
//! Of Luau's libraries only what Lua 5.1 in Redis has is kept, by name. All tables are read-only, so that a script leaves nothing
//! behind for the next one.

use super::{libraries, redis};
use mlua::{Function, Lua, Table, Value};

/// The names that stay among the globals.
const FUNCTIONS: [&str; 24] = [
    "assert",
    "collectgarbage",
    "error",
    "gcinfo",
    "getmetatable",
    "ipairs",
    "load",
    "loadstring",
    "next",
    "pairs",
    "pcall",
    "rawequal",
    "rawget",
    "rawset",
    "select",
    "setmetatable",
    "tonumber",
    "tostring",
    "type",
    "unpack",
    "xpcall",
    "_G",
    "_VERSION",
    "debug",
];

/// The libraries that stay, each with its names.
const LIBRARIES: [(&str, &[&str]); 5] = [
    ("coroutine", &["create", "resume", "running", "status", "wrap", "yield"]),
    (
        "math",
        &[
            "abs",
            "acos",
            "asin",
            "atan",
            "atan2",
            "ceil",
            "cos",
            "cosh",
            "deg",
            "exp",
            "floor",
            "fmod",
            "frexp",
            "huge",
            "ldexp",
            "log",
            "log10",
            "max",
            "min",
            "modf",
            "pi",
            "pow",
            "rad",
            "random",
            "randomseed",
            "sin",
            "sinh",
            "sqrt",
            "tan",
            "tanh",
        ],
    ),
    ("os", &["clock"]),
    (
        "string",
        &[
            "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "rep", "reverse",
            "sub", "upper",
        ],
    ),
    ("table", &["concat", "foreach", "foreachi", "getn", "insert", "maxn", "remove", "sort"]),
];

/// What Luau lacks or does differently, in Lua. It gets the functions of [`redis`] that are in Rust.
const PRELUDE: &str = include_str!("prelude.lua");

/// Makes the world of scripts. Returns the handler of errors: it makes of one a table of the error, the name of its source and its
/// line.
pub(super) fn prepare(lua: &Lua, rust: &Table) -> mlua::Result<Function> {
    let globals = lua.globals();
    let mut libraries_kept = Vec::new();
    for (name, kept) in LIBRARIES {
        let library: Table = globals.raw_get(name)?;
        keep_only(&library, kept)?;
        libraries_kept.push(library);
    }
    let names: Vec<&str> = FUNCTIONS.iter().copied().chain(LIBRARIES.iter().map(|(name, _)| *name)).collect();
    keep_only(&globals, &names)?;
    libraries::install(lua)?;
    redis::install(lua)?;
    for pair in globals.pairs::<Value, Value>() {
        if let (_, Value::Table(table)) = pair? {
            table.set_readonly(false);
        }
    }
    let trace: Function = lua.load(PRELUDE).set_name("=redis").call(rust)?;
    globals.raw_set("debug", Value::Nil)?;
    Ok(trace)
}

/// Makes all that is reachable from the globals read-only, but not the tables of `KEYS` and `ARGV`.
pub(super) fn seal(lua: &Lua, open: &[&Table]) -> mlua::Result<()> {
    let globals = lua.globals();
    let mut sealed = vec![globals.clone()];
    for pair in globals.pairs::<Value, Value>() {
        if let (_, Value::Table(table)) = pair?
            && !open.contains(&&table)
        {
            sealed.push(table);
        }
    }
    for table in sealed {
        if let Some(metatable) = table.metatable() {
            metatable.set_readonly(true);
        }
        table.set_readonly(true);
    }
    if let Value::Table(of_strings) = lua.load("return getmetatable('')").eval()? {
        of_strings.set_readonly(true);
    }
    globals.set_safeenv(true);
    Ok(())
}

/// Removes all names but `kept`.
fn keep_only(table: &Table, kept: &[&str]) -> mlua::Result<()> {
    table.set_readonly(false);
    let names: Vec<Value> =
        table.pairs::<Value, Value>().map(|pair| pair.map(|(name, _)| name)).collect::<mlua::Result<_>>()?;
    for name in names {
        let is_kept = matches!(&name, Value::String(name) if kept.iter().any(|kept| name.as_bytes() == kept.as_bytes()));
        if !is_kept {
            table.raw_set(name, Value::Nil)?;
        }
    }
    Ok(())
}
