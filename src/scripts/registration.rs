//! `redis.register_function`, which only the code of a library can call, and only while it is loaded.

use super::server::{Called, ScriptLogLevel, ScriptServer};
use super::shebang::ScriptFlags;
use super::stack::Kept;
use crate::resp::Protocol;
use crate::resp::reply::Reply;
use crate::resp::request::Arguments;
use crate::text::library_head::{BAD_NAME, is_name};
use mlua::{Function, Lua, MultiValue, Table, Value};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// What a library says of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredFunction {
    /// Its name.
    pub name: Box<[u8]>,
    /// Its description, if there is one.
    pub description: Option<Box<[u8]>>,
    /// Its flags.
    pub flags: ScriptFlags,
}

/// The compiled code of a library.
#[derive(Debug)]
pub(super) struct LibraryCode {
    /// No other library of this process has this number.
    pub(super) number: u64,
    pub(super) code: Box<[u8]>,
    /// What errors call the code.
    pub(super) source: &'static str,
}

/// The functions of the libraries that an interpreter has loaded, by the library's number.
pub(super) type LoadedFunctions = HashMap<u64, HashMap<Box<[u8]>, Kept>>;

/// The functions that a library has registered so far, with what is to be called.
pub(super) type Registrations = Rc<RefCell<Vec<(RegisteredFunction, Function)>>>;

/// Raises what the function in Rust returns as an error of a command, which has no place.
const RAISING: &str = "
local register, raise = ...
return function(...)
    local problem = register(...)
    if problem then raise({ err = problem }, 0) end
end
";

/// A function for libraries that adds to `registrations`.
pub(super) fn registering(lua: &Lua, registrations: &Registrations) -> mlua::Result<Function> {
    let registrations = Rc::clone(registrations);
    let register = lua.create_function(move |lua, arguments: MultiValue| {
        match read(arguments).and_then(|added| add(&registrations, added)) {
            Ok(()) => Ok(Value::Nil),
            Err(problem) => lua.create_string(format!("ERR {problem}")).map(Value::String),
        }
    })?;
    let raise: Function = lua.globals().get("error")?;
    lua.load(RAISING).set_name("=redis").call((register, raise))
}

fn add(registrations: &Registrations, added: (RegisteredFunction, Function)) -> Result<(), &'static str> {
    let mut registrations = registrations.borrow_mut();
    if registrations.iter().any(|(known, _)| known.name == added.0.name) {
        return Err("Function already exists in the library");
    }
    registrations.push(added);
    Ok(())
}

/// Reads the arguments: a name and a function, or a table that has them by name.
fn read(arguments: MultiValue) -> Result<(RegisteredFunction, Function), &'static str> {
    let mut arguments = arguments.into_iter();
    let (function, callback) = match (arguments.next(), arguments.next(), arguments.next()) {
        (Some(Value::Table(named)), None, None) => read_named(&named)?,
        (Some(_), None, None) => {
            return Err(
                "calling redis.register_function with a single argument is only applicable to Lua table \
                        (representing named arguments).",
            );
        }
        (Some(name), Some(callback), None) => {
            let name = text_of(&name).ok_or("first argument to redis.register_function must be a string")?;
            let Value::Function(callback) = callback else {
                return Err("second argument to redis.register_function must be a function");
            };
            let flags = ScriptFlags { is_declared: true, ..ScriptFlags::default() };
            (RegisteredFunction { name, description: None, flags }, callback)
        }
        _ => return Err("wrong number of arguments to redis.register_function"),
    };
    if is_name(&function.name) { Ok((function, callback)) } else { Err(BAD_NAME) }
}

fn read_named(named: &Table) -> Result<(RegisteredFunction, Function), &'static str> {
    const NOT_NAMED: &str = "named argument key given to redis.register_function is not a string";
    let (mut name, mut description, mut callback) = (None, None, None);
    let mut flags = ScriptFlags { is_declared: true, ..ScriptFlags::default() };
    for pair in named.pairs::<Value, Value>() {
        let (key, value) = pair.map_err(|_| NOT_NAMED)?;
        let key = text_of(&key).ok_or(NOT_NAMED)?;
        match &*key {
            b"function_name" => {
                name = Some(
                    text_of(&value)
                        .ok_or("function_name argument given to redis.register_function must be a string")?,
                );
            }
            b"description" => {
                description = Some(
                    text_of(&value)
                        .ok_or("description argument given to redis.register_function must be a string")?,
                );
            }
            b"callback" => {
                let Value::Function(function) = value else {
                    return Err("callback argument given to redis.register_function must be a function");
                };
                callback = Some(function);
            }
            b"flags" => {
                let Value::Table(names) = value else {
                    return Err(
                        "flags argument to redis.register_function must be a table representing function \
                                flags",
                    );
                };
                for flag in names.sequence_values::<Value>() {
                    let flag = flag.ok().and_then(|flag| text_of(&flag));
                    if !flag.is_some_and(|flag| flags.set(&flag)) {
                        return Err("unknown flag given");
                    }
                }
            }
            _ => return Err("unknown argument given to redis.register_function"),
        }
    }
    let name = name.ok_or("redis.register_function must get a function name argument")?;
    let callback = callback.ok_or("redis.register_function must get a callback argument")?;
    Ok((RegisteredFunction { name, description, flags }, callback))
}

/// The text of a string or of a number.
fn text_of(value: &Value) -> Option<Box<[u8]>> {
    match value {
        Value::String(text) => Some((&*text.as_bytes()).into()),
        Value::Integer(_) | Value::Number(_) => value.to_string().ok().map(|text| text.into_bytes().into()),
        _ => None,
    }
}

/// The server while a library is loaded: no command can be called.
pub(super) struct LoadingServer<'s> {
    server: &'s mut dyn ScriptServer,
}

impl<'s> LoadingServer<'s> {
    pub(super) fn new(server: &'s mut dyn ScriptServer) -> Self {
        Self { server }
    }
}

impl ScriptServer for LoadingServer<'_> {
    fn call(&mut self, _: Arguments<'_>, protocol: Protocol, out: &mut Vec<u8>) -> Called {
        let why = "ERR Script attempted to access nonexistent global variable 'call'";
        Reply::new(out, protocol).error(why);
        Called::Replied
    }

    fn may_call(&mut self, _: Arguments<'_>) -> Option<bool> {
        None
    }

    fn log(&mut self, level: ScriptLogLevel, message: &[u8]) {
        self.server.log(level, message);
    }

    fn must_end(&mut self) -> bool {
        self.server.must_end()
    }
}
