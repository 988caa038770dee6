//! An interpreter, of which each thread that runs scripts has one. It is made for the first script: a server without scripts pays
//! nothing.

use super::Sha;
use super::current::serving;
use super::failure::ScriptFailure;
use super::redis::{CallState, functions};
use super::registration::LoadedFunctions;
use super::server::ScriptServer;
use super::{current, globals, libraries};
use crate::limits;
use crate::resp::Protocol;
use crate::resp::request::Arguments;
use mlua::chunk::ChunkMode;
use mlua::{Function, IntoLuaMulti, Lua, LuaOptions, StdLib, Table, Value, VmState};
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

thread_local! {
    static VM: Cell<Option<ScriptVm>> = const { Cell::new(None) };
}

/// An interpreter.
#[derive(Debug)]
pub struct ScriptVm {
    lua: Lua,
    shared: Rc<CallState>,
    /// Runs a function and notes where an error came from.
    run: Function,
    /// The tables `KEYS` and `ARGV`, filled anew for each script.
    keys: Table,
    argv: Table,
    /// The functions of scripts that have run.
    loaded: HashMap<Sha, Function>,
    /// The functions of libraries that have been loaded.
    pub(super) functions: LoadedFunctions,
    /// Whether `KEYS` and `ARGV` are among the globals, as scripts see them and functions do not.
    shows_globals: bool,
    /// What it needed when it was new, in bytes.
    base_bytes: usize,
}

/// Calls `use_vm` with the interpreter of this thread.
///
/// # Errors
/// There is no memory for an interpreter, or `use_vm` has failed. After [`ScriptFailure::Broken`] the next call makes a new
/// interpreter.
pub fn on_this_thread<R>(
    use_vm: impl FnOnce(&mut ScriptVm) -> Result<R, ScriptFailure>,
) -> Result<R, ScriptFailure> {
    // It is out of its place meanwhile, so that after a panic there is none.
    let mut vm = match VM.take() {
        Some(ready) => ready,
        None => ScriptVm::new().map_err(|error| ScriptFailure::Broken(error.to_string()))?,
    };
    let outcome = use_vm(&mut vm);
    if !matches!(outcome, Err(ScriptFailure::Broken(_))) {
        VM.set(Some(vm));
    }
    outcome
}

impl ScriptVm {
    fn new() -> mlua::Result<Self> {
        let kept =
            StdLib::COROUTINE | StdLib::DEBUG | StdLib::TABLE | StdLib::OS | StdLib::STRING | StdLib::MATH;
        let lua = Lua::new_with(kept, LuaOptions::new().catch_rust_panics(false))?;
        let shared = Rc::new(CallState::default());
        let run = globals::prepare(&lua, &functions(&lua, &shared)?)?;
        let (keys, argv) = (lua.create_table()?, lua.create_table()?);
        lua.globals().raw_set("KEYS", &keys)?;
        lua.globals().raw_set("ARGV", &argv)?;
        globals::seal(&lua, &[&keys, &argv])?;
        let (steps, of_interrupt) = (Cell::new(0_u32), Rc::clone(&shared));
        lua.set_interrupt(move |lua| {
            steps.set(steps.get().wrapping_add(1));
            let asks = steps.get().is_multiple_of(limits::SCRIPT_STEPS_BETWEEN_CHECKS);
            if asks && current::with_server(|server| server.must_end()) == Some(true) {
                of_interrupt.end(lua);
            }
            if of_interrupt.has_ended.get() {
                Err(mlua::Error::runtime("the script was ended"))
            } else {
                Ok(VmState::Continue)
            }
        });
        lua.gc_collect()?;
        let base_bytes = lua.used_memory();
        Ok(Self {
            lua,
            shared,
            run,
            keys,
            argv,
            loaded: HashMap::new(),
            functions: HashMap::new(),
            shows_globals: true,
            base_bytes,
        })
    }

    /// The interpreter, to make values with.
    #[must_use]
    pub fn lua(&self) -> &Lua {
        &self.lua
    }

    /// The protocol of the conversions that the last script has chosen.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.shared.protocol.get()
    }

    /// The memory of the interpreter, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.lua.used_memory()
    }

    /// Fills `KEYS` and `ARGV`.
    pub(super) fn set_globals(
        &mut self,
        keys: Arguments<'_>,
        argv: Arguments<'_>,
    ) -> Result<(), ScriptFailure> {
        self.show_globals(true)?;
        fill(&self.keys, keys).and_then(|()| fill(&self.argv, argv)).map_err(broken)
    }

    /// Puts `KEYS` and `ARGV` among the globals, or takes them away.
    pub(super) fn show_globals(&mut self, shown: bool) -> Result<(), ScriptFailure> {
        if self.shows_globals == shown {
            return Ok(());
        }
        self.shows_globals = shown;
        let globals = self.lua.globals();
        globals.set_readonly(false);
        for (name, table) in [("KEYS", &self.keys), ("ARGV", &self.argv)] {
            globals.raw_set(name, shown.then_some(table)).map_err(broken)?;
        }
        globals.set_readonly(true);
        Ok(())
    }

    /// Forgets that the script before was ended.
    pub(super) fn forget_end(&self) {
        self.shared.has_ended.set(false);
    }

    /// Calls a function of the interpreter as a script. Returns its first result.
    ///
    /// # Errors
    /// It has raised an error or was ended.
    pub fn call(
        &mut self,
        function: &Function,
        arguments: impl IntoLuaMulti,
        server: &mut dyn ScriptServer,
    ) -> Result<Value, ScriptFailure> {
        libraries::forget_settings(&self.lua);
        self.shared.protocol.set(Protocol::Resp2);
        self.shared.has_ended.set(false);
        self.shared.ended_at.take();
        // Left over from scripts before this one.
        if self.lua.used_memory() > self.base_bytes + limits::SCRIPT_MEMORY_BYTES / 4 {
            self.lua.gc_collect().map_err(broken)?;
        }
        self.lua.set_memory_limit(self.lua.used_memory() + limits::SCRIPT_MEMORY_BYTES).map_err(broken)?;
        let mut parameters = arguments.into_lua_multi(&self.lua).map_err(broken)?;
        parameters.push_front(Value::Function(function.clone()));
        let result = serving(server, || self.run.call::<(bool, Value)>(parameters));
        self.lua.set_memory_limit(0).map_err(broken)?;
        if self.shared.has_ended.get() {
            let place = self.shared.ended_at.take();
            return Err(ScriptFailure::Ended { place });
        }
        match result {
            Ok((true, value)) => Ok(value),
            Ok((false, Value::Table(raised))) => Err(ScriptFailure::of_raised(&raised).map_err(broken)?),
            Ok((false, other)) => Err(ScriptFailure::Broken(format!("{other:?}"))),
            Err(error) => Err(broken(error)),
        }
    }

    /// The function of compiled `code`, which errors call `name`.
    pub(super) fn load(&mut self, sha: &Sha, code: &[u8], name: &str) -> Result<Function, ScriptFailure> {
        if let Some(function) = self.loaded.get(sha) {
            return Ok(function.clone());
        }
        if self.loaded.len() >= limits::SCRIPTS_LOADED {
            self.loaded.clear();
        }
        let chunk = self.lua.load(code).set_name(format!("={name}")).set_mode(ChunkMode::Binary);
        let function = chunk.into_function().map_err(broken)?;
        self.loaded.insert(*sha, function.clone());
        Ok(function)
    }
}

/// Fills `KEYS` or `ARGV`.
fn fill(table: &Table, values: Arguments<'_>) -> mlua::Result<()> {
    table.set_readonly(false);
    table.set_metatable(None)?;
    table.clear()?;
    for (index, value) in values.iter().enumerate() {
        table.raw_seti(index + 1, mlua::BString::from(value))?;
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
pub(super) fn broken(error: mlua::Error) -> ScriptFailure {
    ScriptFailure::Broken(super::failure::message_of(&error))
}
