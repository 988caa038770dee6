//! The table `redis`, which is also `server`: what is in it beside `redis.call` and `redis.pcall`.
//!
//! A function here returns an error, or nil and its result; the prelude raises the error, as a table with `err`, in the script.

use super::call;
use super::compile::compile;
use super::current::with_server;
use super::failure::message_of;
use super::server::ScriptLogLevel;
use crate::resp::Protocol;
use crate::resp::request::OwnedArguments;
use crate::text::sha1::sha1;
use mlua::chunk::ChunkMode;
use mlua::{Function, IntoLua, IntoLuaMulti, Lua, LuaString, MultiValue, Table, Value, Variadic};

/// The version of Redis whose rules scripts find.
const REDIS_VERSION: &str = "8.2.3";
const REDIS_VERSION_NUM: u32 = 0x0008_0203;

/// A function that needs no state.
type PlainFunction = fn(&Lua, &[Value]) -> Answer;

/// An error, or nil and a result.
type Answer = mlua::Result<(Value, Value)>;

fn answer(value: impl IntoLua, lua: &Lua) -> Answer {
    Ok((Value::Nil, value.into_lua(lua)?))
}

fn failure(text: &str, lua: &Lua) -> Answer {
    let table = lua.create_table_with_capacity(0, 1)?;
    table.raw_set("err", text)?;
    Ok((Value::Table(table), Value::Nil))
}

/// Makes the table `redis` with what are no functions. The prelude adds the functions.
pub(super) fn install(lua: &Lua) -> mlua::Result<()> {
    let table = lua.create_table()?;
    for (name, level) in [("LOG_DEBUG", 0), ("LOG_VERBOSE", 1), ("LOG_NOTICE", 2), ("LOG_WARNING", 3)] {
        table.raw_set(name, level)?;
    }
    for (name, bits) in
        [("REPL_NONE", 0), ("REPL_AOF", 1), ("REPL_SLAVE", 2), ("REPL_REPLICA", 2), ("REPL_ALL", 3)]
    {
        table.raw_set(name, bits)?;
    }
    table.raw_set("REDIS_VERSION", REDIS_VERSION)?;
    table.raw_set("REDIS_VERSION_NUM", REDIS_VERSION_NUM)?;
    lua.globals().raw_set("server", &table)?;
    lua.globals().raw_set("redis", table)
}

/// The functions in Rust that the prelude needs.
pub(super) fn functions(lua: &Lua) -> mlua::Result<Table> {
    let functions = lua.create_table()?;
    let plain_functions: [(&str, PlainFunction); 10] = [
        ("setresp", setresp),
        ("acl_check_cmd", may_call),
        ("sha1hex", sha1hex),
        ("log", log),
        ("error_reply", error_reply),
        ("status_reply", status_reply),
        ("set_repl", set_repl),
        ("replicate_commands", |lua, _| answer(true, lua)),
        ("breakpoint", |lua, _| answer(false, lua)),
        ("debug", |lua, _| answer(Value::Nil, lua)),
    ];
    for (name, function) in plain_functions {
        let function =
            lua.create_function(move |lua, arguments: Variadic<Value>| function(lua, &arguments))?;
        functions.raw_set(name, function)?;
    }
    let rust = lua.create_table()?;
    rust.raw_set("functions", functions)?;
    rust.raw_set("calls", call::functions(lua)?)?;
    rust.raw_set("plain", lua.create_function(plain)?)?;
    rust.raw_set("load_text", lua.create_function(load_text)?)?;
    rust.raw_set("find_plain", lua.create_function(find_plain)?)?;
    Ok(rust)
}

fn setresp(lua: &Lua, arguments: &[Value]) -> Answer {
    let [version] = arguments else {
        return failure("ERR redis.setresp() requires one argument.", lua);
    };
    let protocol = match integer_of(version) {
        Some(2) => Protocol::Resp2,
        Some(3) => Protocol::Resp3,
        _ => return failure("ERR RESP version must be 2 or 3.", lua),
    };
    call::choose_protocol(protocol);
    answer(Value::Nil, lua)
}

fn may_call(lua: &Lua, arguments: &[Value]) -> Answer {
    if arguments.is_empty() {
        return failure("ERR Please specify at least one argument for this redis lib call", lua);
    }
    let mut request = OwnedArguments::default();
    for argument in arguments {
        let is_taken = match argument {
            Value::String(text) => call::push_argument(&mut request, &text.as_bytes()),
            Value::Integer(number) => call::push_number(&mut request, *number as f64),
            Value::Number(number) => call::push_number(&mut request, *number),
            _ => {
                return failure(
                    "ERR redis.acl_check_cmd() command arguments must be strings or integers",
                    lua,
                );
            }
        };
        if let Err(problem) = is_taken {
            return failure(problem, lua);
        }
    }
    match with_server(|server| server.may_call(request.as_arguments())).flatten() {
        Some(may) => answer(may, lua),
        None => failure("ERR Invalid command passed to redis.acl_check_cmd()", lua),
    }
}

fn sha1hex(lua: &Lua, arguments: &[Value]) -> Answer {
    let [argument] = arguments else { return failure("ERR wrong number of arguments", lua) };
    let text = lua.coerce_string(argument.clone())?;
    let digest = sha1(&text.map(|text| text.as_bytes().to_vec()).unwrap_or_default());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    answer(hex, lua)
}

fn log(lua: &Lua, arguments: &[Value]) -> Answer {
    let [level, parts @ ..] = arguments else {
        return failure("ERR redis.log() requires two arguments or more.", lua);
    };
    if parts.is_empty() {
        return failure("ERR redis.log() requires two arguments or more.", lua);
    }
    let level = match (level, integer_of(level)) {
        (Value::Integer(_) | Value::Number(_), Some(0)) => ScriptLogLevel::Debug,
        (Value::Integer(_) | Value::Number(_), Some(1)) => ScriptLogLevel::Verbose,
        (Value::Integer(_) | Value::Number(_), Some(2)) => ScriptLogLevel::Notice,
        (Value::Integer(_) | Value::Number(_), Some(3)) => ScriptLogLevel::Warning,
        (Value::Integer(_) | Value::Number(_), _) => return failure("ERR Invalid log level.", lua),
        _ => return failure("ERR First argument must be a number (log level).", lua),
    };
    let mut message = Vec::new();
    for part in parts {
        if let Some(text) = lua.coerce_string(part.clone())? {
            if !message.is_empty() {
                message.push(b' ');
            }
            message.extend_from_slice(&text.as_bytes());
        }
    }
    with_server(|server| server.log(level, &message));
    answer(Value::Nil, lua)
}

/// A table with one field, if the only argument is a string.
fn tagged(lua: &Lua, tag: &str, arguments: &[Value], text: impl FnOnce(&[u8]) -> Vec<u8>) -> Answer {
    let table = lua.create_table_with_capacity(0, 1)?;
    match arguments {
        [Value::String(argument)] => table.raw_set(tag, lua.create_string(text(&argument.as_bytes()))?)?,
        _ => table.raw_set("err", "ERR wrong number or type of arguments")?,
    }
    answer(table, lua)
}

fn error_reply(lua: &Lua, arguments: &[Value]) -> Answer {
    // As in Redis, one word is a message without a code.
    tagged(lua, "err", arguments, |text| {
        let text = text.strip_prefix(b"-").unwrap_or(text);
        if text.contains(&b' ') { text.to_vec() } else { [b"ERR ".as_slice(), text].concat() }
    })
}

fn status_reply(lua: &Lua, arguments: &[Value]) -> Answer {
    tagged(lua, "ok", arguments, <[u8]>::to_vec)
}

/// The journal has what a script has changed, whatever it asks for.
fn set_repl(lua: &Lua, arguments: &[Value]) -> Answer {
    let [flags] = arguments else {
        return failure("ERR redis.set_repl() requires one argument.", lua);
    };
    match integer_of(flags) {
        Some(0..=3) => answer(Value::Nil, lua),
        _ => {
            failure("ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.", lua)
        }
    }
}

/// The text of an error that Rust code has raised.
fn plain(_: &Lua, error: Value) -> mlua::Result<String> {
    match error {
        Value::Error(error) => Ok(message_of(&error)),
        other => other.to_string(),
    }
}

/// `loadstring`: a function of a text, or nil and why there is none. Compiled code is no text.
fn load_text(lua: &Lua, (text, name): (LuaString, Option<LuaString>)) -> mlua::Result<MultiValue> {
    let name = name.map_or_else(|| "user_script".to_owned(), |name| name.to_string_lossy());
    let name = name.trim_start_matches(['@', '=']);
    let code = match compile(&text.as_bytes(), name) {
        Ok(code) => code,
        Err(error) => return (Value::Nil, error.to_string()).into_lua_multi(lua),
    };
    let function: Function =
        lua.load(&*code).set_name(format!("={name}")).set_mode(ChunkMode::Binary).into_function()?;
    function.into_lua_multi(lua)
}

/// What `string.find` finds of a text in another behind `from` bytes: nil, or the numbers of the first byte and of the last. O(n),
/// where the interpreter's own needs the product of the lengths, and cannot be ended meanwhile.
fn find_plain(lua: &Lua, (text, wanted, from): (LuaString, LuaString, f64)) -> mlua::Result<MultiValue> {
    let (text, wanted, from) = (text.as_bytes(), wanted.as_bytes(), from as usize);
    match text.get(from..).and_then(|rest| memchr::memmem::find(rest, &wanted)) {
        Some(at) => (from + at + 1, from + at + wanted.len()).into_lua_multi(lua),
        None => Value::Nil.into_lua_multi(lua),
    }
}

fn integer_of(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Number(number) => Some(*number as i64),
        Value::String(text) => std::str::from_utf8(&text.as_bytes()).ok()?.trim().parse().ok(),
        _ => None,
    }
}
