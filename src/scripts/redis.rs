//! The table `redis`, which is also `server`: `redis.call` and its neighbours.
//!
//! A function here returns an error, or nil and its result; the prelude raises the error, as a table with `err`, in the script.

use super::compile::compile;
use super::current::with_server;
use super::failure::message_of;
use super::from_reply::ReplyValues;
use super::server::{Called, ScriptLogLevel};
use crate::limits;
use crate::resp::Protocol;
use crate::resp::request::OwnedArguments;
use crate::text::sha1::sha1;
use mlua::chunk::ChunkMode;
use mlua::{Function, IntoLua, IntoLuaMulti, Lua, MultiValue, Table, Value, Variadic};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The version of Redis whose rules scripts find.
const REDIS_VERSION: &str = "8.2.3";
const REDIS_VERSION_NUM: u32 = 0x0008_0203;

/// What the functions of an interpreter share.
#[derive(Debug, Default)]
pub(super) struct CallState {
    /// The protocol of the script's own conversions.
    pub(super) protocol: Cell<Protocol>,
    /// Whether the server has ended the script. Nothing more is done for it.
    pub(super) has_ended: Cell<bool>,
    /// Where the script was then: its source and line.
    pub(super) ended_at: RefCell<Option<(String, usize)>>,
    /// The request of a call, and its reply, kept for their memory.
    request: RefCell<OwnedArguments>,
    reply: RefCell<Vec<u8>>,
}

impl CallState {
    /// The server ends the script.
    pub(super) fn end(&self, lua: &Lua) {
        self.has_ended.set(true);
        // Functions of the interpreter and of the prelude may stand above the script's own on the stack.
        let place = (0..SEARCHED_LEVELS).find_map(|level| {
            lua.inspect_stack(level, |function| {
                let source = function.source().short_src?.into_owned();
                source.starts_with("user_").then_some((format!("@{source}"), function.current_line()?))
            })?
        });
        self.ended_at.replace(place);
    }
}

/// How far up the stack the script's own function is looked for.
const SEARCHED_LEVELS: usize = 16;

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
pub(super) fn functions(lua: &Lua, shared: &Rc<CallState>) -> mlua::Result<Table> {
    let functions = lua.create_table()?;
    for (name, raises) in [("call", true), ("pcall", false)] {
        let shared = Rc::clone(shared);
        let call = move |lua: &Lua, arguments: Variadic<Value>| call(lua, &shared, &arguments, raises);
        functions.raw_set(name, lua.create_function(call)?)?;
    }
    let of_protocol = Rc::clone(shared);
    let set_protocol = move |lua: &Lua, arguments: Variadic<Value>| {
        let [version] = arguments.as_slice() else {
            return failure("ERR redis.setresp() requires one argument.", lua);
        };
        let protocol = match integer_of(version) {
            Some(2) => Protocol::Resp2,
            Some(3) => Protocol::Resp3,
            _ => return failure("ERR RESP version must be 2 or 3.", lua),
        };
        of_protocol.protocol.set(protocol);
        answer(Value::Nil, lua)
    };
    functions.raw_set("setresp", lua.create_function(set_protocol)?)?;
    let of_check = Rc::clone(shared);
    let check = move |lua: &Lua, arguments: Variadic<Value>| may_call(lua, &of_check, &arguments);
    functions.raw_set("acl_check_cmd", lua.create_function(check)?)?;
    let plain_functions: [(&str, PlainFunction); 8] = [
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
    rust.raw_set("plain", lua.create_function(plain)?)?;
    rust.raw_set("load_text", lua.create_function(load_text)?)?;
    Ok(rust)
}

/// Puts the arguments of a call together. `None` if one is neither a string nor a number.
fn gather(arguments: &[Value], request: &mut OwnedArguments) -> Option<()> {
    request.clear();
    for argument in arguments {
        match argument {
            Value::String(text) => request.push(&text.as_bytes()),
            // As in Redis: what a double may not have to the last digit is printed as a double.
            Value::Integer(number) if number.unsigned_abs() > 1 << 53 => {
                request.push(crate::resp::double::DoubleText::of(*number as f64).as_bytes());
            }
            Value::Integer(number) => request.push(itoa::Buffer::new().format(*number).as_bytes()),
            Value::Number(number) => request.push(crate::resp::double::DoubleText::of(*number).as_bytes()),
            _ => return None,
        }
    }
    Some(())
}

fn call(lua: &Lua, shared: &CallState, arguments: &[Value], raises: bool) -> Answer {
    let fail = |text: &str| {
        let (error, _) = failure(text, lua)?;
        Ok(if raises { (error, Value::Nil) } else { (Value::Nil, error) })
    };
    if shared.has_ended.get() {
        return Err(mlua::Error::runtime("the script was ended"));
    }
    if arguments.is_empty() {
        return fail("ERR Please specify at least one argument for this redis lib call");
    }
    let mut request = shared.request.borrow_mut();
    let mut reply = shared.reply.borrow_mut();
    if gather(arguments, &mut request).is_none() {
        return fail("ERR Lua redis lib command arguments must be strings or integers");
    }
    reply.clear();
    let called = with_server(|server| server.call(request.as_arguments(), shared.protocol.get(), &mut reply));
    request.trim(limits::KEPT_BUFFER_BYTES);
    match called {
        None => return fail("ERR redis.call/pcall can only be called inside a script invocation"),
        Some(Called::MustEnd) => {
            shared.end(lua);
            return Err(mlua::Error::runtime("the script was ended"));
        }
        Some(Called::Replied) => {}
    }
    // How much a reply needs is known, and with a limit each string of it costs a protected call.
    let limit = lua.set_memory_limit(0)?;
    let value = ReplyValues::new(lua, &reply).value();
    lua.set_memory_limit(limit)?;
    let is_error = reply.first() == Some(&b'-');
    if reply.capacity() > limits::KEPT_BUFFER_BYTES {
        *reply = Vec::new();
    }
    Ok(if is_error && raises { (value?, Value::Nil) } else { (Value::Nil, value?) })
}

fn may_call(lua: &Lua, shared: &CallState, arguments: &[Value]) -> Answer {
    if arguments.is_empty() {
        return failure("ERR Please specify at least one argument for this redis lib call", lua);
    }
    let mut request = shared.request.borrow_mut();
    if gather(arguments, &mut request).is_none() {
        return failure("ERR redis.acl_check_cmd() command arguments must be strings or integers", lua);
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
fn load_text(
    lua: &Lua,
    (text, name): (mlua::LuaString, Option<mlua::LuaString>),
) -> mlua::Result<MultiValue> {
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

fn integer_of(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Number(number) => Some(*number as i64),
        Value::String(text) => std::str::from_utf8(&text.as_bytes()).ok()?.trim().parse().ok(),
        _ => None,
    }
}
