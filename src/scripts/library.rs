//! A library of functions: its text, its compiled code and the functions that it registers. All threads share it.
//!
//! Its code runs once in each interpreter that calls one of its functions, and makes the functions there.

use super::compile::{ScriptError, compile};
use super::failure::ScriptFailure;
use super::program::{Habits, Program};
use super::registration::{LibraryCode, LoadingServer, RegisteredFunction};
use super::server::ScriptServer;
use super::shebang::ScriptFlags;
use super::vm::{ScriptVm, on_this_thread};
use crate::resp::reply::Reply;
use crate::resp::request::Arguments;
use crate::text::library_head::{LibraryHead, LibraryHeadError};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The name of the source in errors.
const SOURCE: &str = "user_function";

/// A library.
#[derive(Debug)]
pub struct FunctionLibrary {
    /// Its name.
    pub name: Arc<[u8]>,
    /// Its text, with the first line.
    pub text: Arc<[u8]>,
    /// Its functions, ascending by name.
    pub functions: Vec<Arc<LibraryFunction>>,
    code_bytes: usize,
}

/// A function of a library.
#[derive(Debug)]
pub struct LibraryFunction {
    /// What it says of itself.
    pub registered: RegisteredFunction,
    library: Arc<LibraryCode>,
    habits: Habits,
}

/// Why a text is no library. The texts are Redis's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LibraryError {
    /// The first line is not right.
    Head(LibraryHeadError),
    /// The first line names another engine.
    Engine(String),
    /// It is too long, or it is not Lua.
    Compile(ScriptError),
    /// Its code has failed.
    Register(String),
    /// It has no function.
    Empty,
}

impl fmt::Display for LibraryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head(error) => error.fmt(f),
            Self::Engine(engine) => write!(f, "Engine '{engine}' not found"),
            Self::Compile(ScriptError::Syntax(message)) => write!(f, "Error compiling function: {message}"),
            Self::Compile(error) => error.fmt(f),
            Self::Register(message) => write!(f, "Error registering functions: {message}"),
            Self::Empty => f.write_str("No functions registered"),
        }
    }
}

impl FunctionLibrary {
    /// Compiles a library and runs its code, to see what it registers. `server` ends it if it takes too long.
    ///
    /// # Errors
    /// See [`LibraryError`].
    pub fn load(text: Arc<[u8]>, server: &mut dyn ScriptServer) -> Result<Self, LibraryError> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let head = LibraryHead::read(&text).map_err(LibraryError::Head)?;
        if !head.engine.eq_ignore_ascii_case(b"lua") {
            return Err(LibraryError::Engine(String::from_utf8_lossy(&head.engine).into_owned()));
        }
        // From the end of the first line on, so that line numbers stay as they are.
        let code = compile(&text[head.len..], SOURCE).map_err(LibraryError::Compile)?;
        let library =
            Arc::new(LibraryCode { number: NUMBERS.fetch_add(1, Ordering::Relaxed), code, source: SOURCE });
        let registered = on_this_thread(|vm| vm.load_library(&library, &mut LoadingServer::new(server)));
        let mut registered = registered.map_err(|failure| LibraryError::Register(message_of(&failure)))?;
        if registered.is_empty() {
            return Err(LibraryError::Empty);
        }
        registered.sort_by(|one, other| one.name.cmp(&other.name));
        let code_bytes = library.code.len();
        let functions = registered.into_iter().map(|registered| {
            Arc::new(LibraryFunction { registered, library: Arc::clone(&library), habits: Habits::default() })
        });
        Ok(Self { name: head.name.into(), functions: functions.collect(), text, code_bytes })
    }

    /// The memory of the library without the interpreters, in bytes. O(its functions).
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let of_function = |function: &Arc<LibraryFunction>| {
            let registered = &function.registered;
            let description = registered.description.as_ref().map_or(0, |text| text.len());
            size_of::<LibraryFunction>() + registered.name.len() + description
        };
        let functions: usize = self.functions.iter().map(of_function).sum();
        size_of::<Self>() + self.name.len() + self.text.len() + self.code_bytes + functions
    }
}

fn message_of(failure: &ScriptFailure) -> String {
    match failure {
        ScriptFailure::Raised { text, .. } => String::from_utf8_lossy(text).into_owned(),
        ScriptFailure::Ended { .. } => "ERR FUNCTION LOAD timeout".to_owned(),
        ScriptFailure::Broken(why) => format!("ERR {why}"),
    }
}

impl Program for LibraryFunction {
    fn name(&self) -> String {
        String::from_utf8_lossy(&self.registered.name).into_owned()
    }

    fn is_function(&self) -> bool {
        true
    }

    fn flags(&self) -> ScriptFlags {
        self.registered.flags
    }

    fn habits(&self) -> &Habits {
        &self.habits
    }

    fn run(
        &self,
        vm: &mut ScriptVm,
        keys: Arguments<'_>,
        arguments: Arguments<'_>,
        server: &mut dyn ScriptServer,
        reply: &mut Reply<'_>,
    ) -> Result<(), ScriptFailure> {
        if !vm.has_library(&self.library) {
            vm.load_library(&self.library, &mut LoadingServer::new(server))?;
        }
        vm.call_function(&self.library, &self.registered.name, (keys, arguments), server, reply)
    }
}
