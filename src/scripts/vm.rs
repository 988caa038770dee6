//! An interpreter, of which each thread that runs scripts has one. It is made for the first script: a server without scripts pays
//! nothing.

use super::call::{self, Ended};
use super::current::serving;
use super::failure::ScriptFailure;
use super::redis::functions;
use super::registration::LoadedFunctions;
use super::server::ScriptServer;
use super::stack::{Entrance, Kept, Stack};
use super::to_reply::write_reply;
use super::vm_memory::VmMemory;
use super::{Sha, ShaMap};
use super::{globals, libraries};
use crate::limits;
use crate::resp::reply::Reply;
use crate::resp::request::Arguments;
use mlua::chunk::ChunkMode;
use mlua::{Function, Lua, LuaOptions, StdLib, Table};
use std::cell::Cell;
use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::Arc;

thread_local! {
    static VM: Cell<Option<ScriptVm>> = const { Cell::new(None) };
}

/// An interpreter.
#[derive(Debug)]
pub struct ScriptVm {
    /// The way in, which must not be used once `lua` is gone.
    entrance: Entrance,
    /// The handler of errors: it notes where one came from.
    trace: Kept,
    /// The tables `KEYS` and `ARGV`, filled anew for each script.
    globals_of_scripts: [(Table, Kept); 2],
    /// The functions of scripts that have run.
    loaded: ShaMap<Kept>,
    /// The functions of libraries that have been loaded.
    pub(super) functions: LoadedFunctions,
    /// Whether `KEYS` and `ARGV` are among the globals, as scripts see them and functions do not.
    shows_globals: bool,
    /// What it needed when it was new, in bytes.
    base_bytes: usize,
    /// What INFO is told.
    pub(super) memory: Arc<VmMemory>,
    lua: Lua,
}

/// The names of the two tables.
const NAMES: [&str; 2] = ["KEYS", "ARGV"];

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
        let trace = globals::prepare(&lua, &functions(&lua)?)?;
        let tables = [lua.create_table()?, lua.create_table()?];
        for (name, table) in NAMES.iter().zip(&tables) {
            lua.globals().raw_set(*name, table)?;
        }
        globals::seal(&lua, &tables.each_ref())?;
        call::install_interrupt(&lua)?;
        let [keys, argv] = tables;
        let globals_of_scripts =
            [(keys.clone(), Kept::new(&lua, keys)?), (argv.clone(), Kept::new(&lua, argv)?)];
        let (entrance, trace) = (Entrance::new(&lua)?, Kept::new(&lua, trace)?);
        lua.gc_collect()?;
        let base_bytes = lua.used_memory();
        let memory = VmMemory::of_new();
        memory.note(base_bytes);
        Ok(Self {
            entrance,
            trace,
            globals_of_scripts,
            loaded: ShaMap::default(),
            functions: HashMap::new(),
            shows_globals: true,
            base_bytes,
            memory,
            lua,
        })
    }

    /// The interpreter, to make values with.
    pub(super) fn lua(&self) -> &Lua {
        &self.lua
    }

    /// The memory of the interpreter, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.lua.used_memory()
    }

    /// Puts `KEYS` and `ARGV` among the globals, or takes them away.
    pub(super) fn show_globals(&mut self, shown: bool) -> Result<(), ScriptFailure> {
        if self.shows_globals == shown {
            return Ok(());
        }
        self.shows_globals = shown;
        let globals = self.lua.globals();
        globals.set_readonly(false);
        for (name, (table, _)) in NAMES.iter().zip(&self.globals_of_scripts) {
            globals.raw_set(*name, shown.then_some(table)).map_err(broken)?;
        }
        globals.set_readonly(true);
        // That they could be changed has ended it.
        globals.set_safeenv(true);
        Ok(())
    }

    /// Keeps a function for [`ScriptVm::run`].
    pub(super) fn keep(&self, function: &Function) -> Result<Kept, ScriptFailure> {
        Kept::new(&self.lua, function).map_err(broken)
    }

    /// Keeps values no longer.
    pub(super) fn release(&self, kept: impl IntoIterator<Item = Kept>) -> Result<(), ScriptFailure> {
        let mut kept: Vec<Kept> = kept.into_iter().collect();
        let release = &mut |stack: &mut Stack<'_>| kept.drain(..).for_each(|kept| stack.release(kept));
        self.entrance.enter(&self.lua, release).map_err(ScriptFailure::Broken)
    }

    /// Calls a function of the interpreter as a script, and writes its first result. `arguments` pushes what it is called with, and
    /// says how many values these are.
    ///
    /// # Errors
    /// It has raised an error or was ended.
    pub(super) fn run(
        &self,
        function: &Kept,
        arguments: &mut dyn FnMut(&mut Stack<'_>) -> i32,
        server: &mut dyn ScriptServer,
        reply: &mut Reply<'_>,
    ) -> Result<(), ScriptFailure> {
        libraries::forget_settings(&self.lua);
        call::begin();
        // Left over from scripts before this one.
        let used_bytes = self.lua.used_memory();
        if used_bytes > self.base_bytes + limits::SCRIPT_MEMORY_BYTES / 4 {
            self.lua.gc_collect().map_err(broken)?;
        }
        self.lua.set_memory_limit(self.lua.used_memory() + limits::SCRIPT_MEMORY_BYTES).map_err(broken)?;
        let mut outcome = Ok(());
        let entered = serving(server, || {
            self.entrance.enter(&self.lua, &mut |stack| {
                stack.push_kept(&self.trace);
                let handler = stack.len();
                stack.push_kept(function);
                let count = arguments(stack);
                if stack.call(count, 1, handler) {
                    write_reply(stack, call::protocol(), reply);
                } else {
                    outcome = Err(ScriptFailure::of_raised(stack));
                }
            })
        });
        self.lua.set_memory_limit(0).map_err(broken)?;
        self.memory.note(self.lua.used_memory());
        match call::end() {
            Some(Ended::At(place)) => return Err(ScriptFailure::Ended { place }),
            Some(Ended::Panic(panic)) => resume_unwind(panic),
            None => {}
        }
        entered.map_err(ScriptFailure::Broken).and(outcome)
    }

    /// Sees to it that the script of compiled `code` can be run. Errors call it `name`.
    pub(super) fn load_script(&mut self, sha: &Sha, code: &[u8], name: &str) -> Result<(), ScriptFailure> {
        if self.loaded.contains_key(sha) {
            return Ok(());
        }
        if self.loaded.len() >= limits::SCRIPTS_LOADED {
            let forgotten: Vec<Kept> = self.loaded.drain().map(|(_, function)| function).collect();
            self.release(forgotten)?;
        }
        let chunk = self.lua.load(code).set_name(format!("={name}")).set_mode(ChunkMode::Binary);
        let function = self.keep(&chunk.into_function().map_err(broken)?)?;
        self.loaded.insert(*sha, function);
        Ok(())
    }

    /// Runs a script that is loaded, and writes its first result.
    ///
    /// # Errors
    /// It has raised an error or was ended.
    pub(super) fn run_script(
        &mut self,
        sha: &Sha,
        (keys, arguments): (Arguments<'_>, Arguments<'_>),
        server: &mut dyn ScriptServer,
        reply: &mut Reply<'_>,
    ) -> Result<(), ScriptFailure> {
        self.show_globals(true)?;
        let fill = &mut |stack: &mut Stack<'_>| {
            for ((_, table), values) in self.globals_of_scripts.iter().zip([keys, arguments]) {
                stack.push_kept(table);
                stack.reopen_table(-1);
                set_elements(stack, values);
                stack.pop(1);
            }
            0
        };
        let function = self.loaded.get(sha).ok_or(ScriptFailure::Broken("a script is lost".into()))?;
        self.run(function, fill, server, reply)
    }
}

/// Fills the table that is the last value.
pub(super) fn set_elements(stack: &mut Stack<'_>, values: Arguments<'_>) {
    for (index, value) in values.iter().enumerate() {
        stack.push_bytes(value);
        stack.set_element(index + 1);
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
pub(super) fn broken(error: mlua::Error) -> ScriptFailure {
    ScriptFailure::Broken(super::failure::message_of(&error))
}
