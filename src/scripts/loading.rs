//! Libraries of functions in an interpreter: their code is run once, and what it registers is kept.

use super::failure::ScriptFailure;
use super::registration::{LibraryCode, RegisteredFunction, Registrations, registering};
use super::server::ScriptServer;
use super::stack::{Kept, Stack};
use super::vm::{ScriptVm, broken, set_elements};
use crate::limits;
use crate::resp::Protocol;
use crate::resp::reply::Reply;
use crate::resp::request::Arguments;
use mlua::chunk::ChunkMode;
use mlua::{Function, Table};
use std::collections::HashMap;

impl ScriptVm {
    /// Whether the functions of `library` are there.
    pub(super) fn has_library(&self, library: &LibraryCode) -> bool {
        self.functions.contains_key(&library.number)
    }

    /// Runs the code of `library`, and returns what it has registered. The functions are kept, and all others forgotten if
    /// they are too many.
    ///
    /// # Errors
    /// The code has raised an error or was ended.
    pub(super) fn load_library(
        &mut self,
        library: &LibraryCode,
        server: &mut dyn ScriptServer,
    ) -> Result<Vec<RegisteredFunction>, ScriptFailure> {
        let before_bytes = self.memory_bytes();
        self.show_globals(false)?;
        // In front of `register_function`: the interpreter looks up what a text names when it loads the text.
        let chunk = self.lua().load(&*library.code).set_name(format!("={}", library.source));
        let code = chunk.set_mode(ChunkMode::Binary).into_function().map_err(broken)?;
        let registrations = Registrations::default();
        let register = registering(self.lua(), &registrations).map_err(broken)?;
        self.set_register(Some(&register))?;
        let outcome = self.run_code(&code, server);
        self.set_register(None)?;
        outcome?;
        if self.functions.len() >= limits::SCRIPTS_LOADED {
            let forgotten: Vec<Kept> =
                self.functions.drain().flat_map(|(_, functions)| functions.into_values()).collect();
            self.release(forgotten)?;
            self.memory.forget_libraries();
        }
        let (mut registered, mut functions) = (Vec::new(), HashMap::new());
        for (function, callback) in registrations.take() {
            functions.insert(function.name.clone(), self.keep(&callback)?);
            registered.push(function);
        }
        self.functions.insert(library.number, functions);
        let bytes = self.memory_bytes();
        self.memory.note(bytes);
        self.memory.note_library(bytes.saturating_sub(before_bytes));
        Ok(registered)
    }

    fn run_code(&self, code: &Function, server: &mut dyn ScriptServer) -> Result<(), ScriptFailure> {
        let code = self.keep(code)?;
        let mut unread = Vec::new();
        let mut reply = Reply::new(&mut unread, Protocol::Resp2);
        let outcome = self.run(&code, &mut |_| 0, server, &mut reply);
        self.release([code])?;
        outcome
    }

    /// Puts `redis.register_function` in its place, or takes it away.
    fn set_register(&self, register: Option<&Function>) -> Result<(), ScriptFailure> {
        let set = || -> mlua::Result<()> {
            let redis: Table = self.lua().globals().raw_get("redis")?;
            redis.set_readonly(false);
            redis.raw_set("register_function", register)?;
            redis.set_readonly(true);
            Ok(())
        };
        set().map_err(broken)
    }

    /// Calls a function of a library that is loaded, and writes its first result.
    ///
    /// # Errors
    /// It has raised an error or was ended, or the library has not registered it this time.
    pub(super) fn call_function(
        &mut self,
        library: &LibraryCode,
        name: &[u8],
        (keys, arguments): (Arguments<'_>, Arguments<'_>),
        server: &mut dyn ScriptServer,
        reply: &mut Reply<'_>,
    ) -> Result<(), ScriptFailure> {
        self.show_globals(false)?;
        let function = self.functions.get(&library.number).and_then(|functions| functions.get(name));
        let Some(function) = function else {
            return Err(ScriptFailure::Raised {
                text: b"ERR Function not found".to_vec(),
                place: None,
                is_counted: false,
            });
        };
        let parameters = &mut |stack: &mut Stack<'_>| {
            for values in [keys, arguments] {
                stack.push_table(values.len(), 0);
                set_elements(stack, values);
            }
            2
        };
        self.run(function, parameters, server, reply)
    }
}
