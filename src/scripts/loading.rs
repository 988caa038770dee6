//! Libraries of functions in an interpreter: their code is run once, and what it registers is kept.

use super::failure::ScriptFailure;
use super::registration::{LibraryCode, RegisteredFunction, Registrations, registering};
use super::server::ScriptServer;
use super::vm::{ScriptVm, broken};
use crate::limits;
use crate::resp::request::Arguments;
use mlua::chunk::ChunkMode;
use mlua::{BString, Function, Table, Value};

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
        self.forget_end();
        let registrations = Registrations::default();
        let register = registering(self.lua(), &registrations).map_err(broken)?;
        self.set_register(Some(&register))?;
        let outcome = self.run_code(library, server);
        self.set_register(None)?;
        outcome?;
        if self.functions.len() >= limits::SCRIPTS_LOADED {
            self.functions.clear();
        }
        let mut registered = Vec::new();
        let functions = self.functions.entry(library.number).or_default();
        for (function, callback) in registrations.take() {
            functions.insert(function.name.clone(), callback);
            registered.push(function);
        }
        Ok(registered)
    }

    fn run_code(
        &mut self,
        library: &LibraryCode,
        server: &mut dyn ScriptServer,
    ) -> Result<(), ScriptFailure> {
        self.show_globals(false)?;
        let chunk = self.lua().load(&*library.code).set_name(format!("={}", library.source));
        let code = chunk.set_mode(ChunkMode::Binary).into_function().map_err(broken)?;
        self.call(&code, (), server).map(|_| ())
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

    /// Calls a function of a library that is loaded. Returns its first result.
    ///
    /// # Errors
    /// It has raised an error or was ended, or the library has not registered it this time.
    pub(super) fn call_function(
        &mut self,
        library: &LibraryCode,
        name: &[u8],
        (keys, arguments): (Arguments<'_>, Arguments<'_>),
        server: &mut dyn ScriptServer,
    ) -> Result<Value, ScriptFailure> {
        self.show_globals(false)?;
        let function = self.functions.get(&library.number).and_then(|functions| functions.get(name)).cloned();
        let Some(function) = function else {
            return Err(ScriptFailure::Raised {
                text: b"ERR Function not found".to_vec(),
                place: None,
                is_counted: false,
            });
        };
        let table = |values: Arguments<'_>| self.lua().create_sequence_from(values.iter().map(BString::from));
        let parameters = (table(keys).map_err(broken)?, table(arguments).map_err(broken)?);
        self.call(&function, parameters, server)
    }
}
