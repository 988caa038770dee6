//! `redis.call` and `redis.pcall`, and the look at the server that ends a script.
//!
//! Most of what a script costs is here, so the arguments are taken from the interpreter's stack and the reply is put onto it
//! without values in between.
#![expect(unsafe_code, reason = "the interpreter calls these functions with a state of its own")]

use super::current::with_server;
use super::from_reply::push_reply;
use super::server::Called;
use super::stack::Stack;
use crate::limits;
use crate::resp::Protocol;
use crate::resp::double::DoubleText;
use crate::resp::request::OwnedArguments;
use mlua::{Lua, Table, ffi};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What the functions of this thread's interpreter share.
#[derive(Default)]
struct CallState {
    /// The protocol of the script's own conversions.
    protocol: Cell<Protocol>,
    /// Whether the server has ended the script. Nothing more is done for it.
    has_ended: Cell<bool>,
    /// Where the script was then: its source and line.
    ended_at: RefCell<Option<(String, usize)>>,
    /// The panic of a command, which goes on when the interpreter has been left.
    panic: RefCell<Option<Box<dyn Any + Send>>>,
    /// The request of a call, and its reply, kept for their memory.
    request: RefCell<OwnedArguments>,
    reply: RefCell<Vec<u8>>,
}

thread_local! {
    static STATE: CallState = CallState::default();
    /// Calls and turns of loops until the server is asked again.
    static STEPS_LEFT: Cell<u32> = const { Cell::new(limits::SCRIPT_STEPS_BETWEEN_CHECKS) };
}

/// How the server has ended a script.
pub(super) enum Ended {
    /// Where the script was: its source and line.
    At(Option<(String, usize)>),
    /// A command of it has panicked.
    Panic(Box<dyn Any + Send>),
}

/// A script begins.
pub(super) fn begin() {
    STEPS_LEFT.set(limits::SCRIPT_STEPS_BETWEEN_CHECKS);
    STATE.with(|state| {
        state.protocol.set(Protocol::Resp2);
        state.has_ended.set(false);
        state.ended_at.take();
    });
}

/// Whether the server has ended the script, and how.
pub(super) fn end() -> Option<Ended> {
    STATE.with(|state| {
        if !state.has_ended.replace(false) {
            return None;
        }
        Some(state.panic.take().map_or_else(|| Ended::At(state.ended_at.take()), Ended::Panic))
    })
}

/// The protocol of the script's own conversions.
pub(super) fn protocol() -> Protocol {
    STATE.with(|state| state.protocol.get())
}

/// `redis.setresp`.
pub(super) fn choose_protocol(protocol: Protocol) {
    STATE.with(|state| state.protocol.set(protocol));
}

/// The functions for the table `redis`.
pub(super) fn functions(lua: &Lua) -> mlua::Result<Table> {
    let functions = lua.create_table()?;
    // SAFETY: both take their arguments from the stack and return how many results are on it.
    unsafe {
        functions.raw_set("call", lua.create_c_function(call)?)?;
        functions.raw_set("pcall", lua.create_c_function(pcall)?)?;
    }
    Ok(functions)
}

/// Lets the server end scripts of `lua`.
///
/// # Errors
/// The interpreter has no memory.
pub(super) fn install_interrupt(lua: &Lua) -> mlua::Result<()> {
    // SAFETY: the callbacks are the interpreter's as long as it lives, and the function stays where it is.
    unsafe { lua.exec_raw((), |state| (*ffi::lua_callbacks(state)).interrupt = Some(interrupt)) }
}

unsafe extern "C-unwind" fn call(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: the interpreter calls it with its own state, from within a script, whose call is protected.
    ask(&mut unsafe { Stack::of(state) }, true)
}

unsafe extern "C-unwind" fn pcall(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: as above.
    ask(&mut unsafe { Stack::of(state) }, false)
}

/// Called for each call and each turn of a loop, and, with a number of its own, while garbage is collected, when no error may be
/// raised.
unsafe extern "C-unwind" fn interrupt(state: *mut ffi::lua_State, of_collection: c_int) {
    if of_collection >= 0 {
        return;
    }
    let left = STEPS_LEFT.get().saturating_sub(1);
    STEPS_LEFT.set(left);
    if left > 0 {
        return;
    }
    STATE.with(|of_script| {
        // SAFETY: as above.
        let stack = &mut unsafe { Stack::of(state) };
        if of_script.has_ended.get() || with_server(|server| server.must_end()) == Some(true) {
            // The next step, too, ends what goes on.
            stop(stack, of_script);
        }
    });
    STEPS_LEFT.set(limits::SCRIPT_STEPS_BETWEEN_CHECKS);
}

/// Ends the script, now that the server wants it.
fn stop(stack: &mut Stack<'_>, state: &CallState) -> ! {
    STEPS_LEFT.set(0);
    if !state.has_ended.replace(true) {
        // Functions of the interpreter and of the prelude may stand above the script's own.
        let places = (0..SEARCHED_LEVELS).filter_map(|level| stack.place(level));
        let own = places.into_iter().find(|(source, _)| source.starts_with("user_"));
        *state.ended_at.borrow_mut() = own.map(|(source, line)| (format!("@{source}"), line));
    }
    stack.reserve(1);
    stack.push_bytes(b"the script was ended");
    stack.raise()
}

/// How far up the stack the script's own function is looked for.
const SEARCHED_LEVELS: c_int = 16;

/// Adds a number to a request, as Redis prints it.
///
/// # Errors
/// The request is too long.
pub(super) fn push_number(request: &mut OwnedArguments, number: f64) -> Result<(), &'static str> {
    const MOST: f64 = 9_007_199_254_740_992.0;
    if number.trunc() == number && number.abs() <= MOST {
        return push_argument(request, itoa::Buffer::new().format(number as i64).as_bytes());
    }
    push_argument(request, DoubleText::of(number).as_bytes())
}

/// Adds a string to a request.
///
/// # Errors
/// The request is too long.
pub(super) fn push_argument(request: &mut OwnedArguments, argument: &[u8]) -> Result<(), &'static str> {
    if argument.len() > limits::SCRIPT_REQUEST_BYTES - request.bytes() {
        return Err("ERR the arguments of a call are too long");
    }
    request.push(argument);
    Ok(())
}

/// Puts the arguments of a call together.
fn gather(stack: &Stack<'_>, request: &mut OwnedArguments) -> Result<(), &'static str> {
    request.clear();
    let count = stack.len();
    if count == 0 {
        return Err("ERR Please specify at least one argument for this redis lib call");
    }
    for at in 1..=count {
        if let Some(text) = stack.bytes_at(at) {
            push_argument(request, text)?;
        } else if let Some(number) = stack.number_at(at) {
            push_number(request, number)?;
        } else {
            return Err("ERR Lua redis lib command arguments must be strings or integers");
        }
    }
    Ok(())
}

/// Runs a command. Leaves its reply as the last value, or raises it if it is an error and `raises` says so.
fn ask(stack: &mut Stack<'_>, raises: bool) -> c_int {
    let is_error = STATE.with(|state| {
        if state.has_ended.get() {
            stop(stack, state);
        }
        let mut reply = state.reply.borrow_mut();
        let problem = run(stack, state, &mut reply);
        stack.truncate(0);
        if let Err(text) = problem {
            push_error(stack, text);
            return true;
        }
        push_reply(stack, &reply);
        if reply.capacity() > limits::KEPT_BUFFER_BYTES {
            *reply = Vec::new();
        }
        reply.first() == Some(&b'-')
    });
    if is_error && raises { stack.raise() } else { 1 }
}

/// Has the server run a command, whose reply it writes to `reply`.
fn run(stack: &mut Stack<'_>, state: &CallState, reply: &mut Vec<u8>) -> Result<(), &'static str> {
    let called = {
        let mut request = state.request.borrow_mut();
        gather(stack, &mut request)?;
        reply.clear();
        let run = || with_server(|server| server.call(request.as_arguments(), state.protocol.get(), reply));
        // A panic must not go through the interpreter.
        let called = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
            *state.panic.borrow_mut() = Some(panic);
            Some(Called::MustEnd)
        });
        request.trim(limits::KEPT_BUFFER_BYTES);
        called
    };
    match called {
        None => Err("ERR redis.call/pcall can only be called inside a script invocation"),
        Some(Called::MustEnd) => stop(stack, state),
        Some(Called::Replied) => Ok(()),
    }
}

fn push_error(stack: &mut Stack<'_>, text: &str) {
    stack.push_table(0, 1);
    stack.push_bytes(text.as_bytes());
    stack.set_field(c"err");
}
