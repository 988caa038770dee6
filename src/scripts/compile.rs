//! The compiler: Lua source in, code of the interpreter out. Code never comes from a client.

use crate::limits;
use mlua::chunk::Compiler;
use std::fmt;

/// Why there is no script of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScriptError {
    /// The first line does not end.
    Shebang,
    /// The first line names another interpreter.
    Engine(String),
    /// The first line has an unknown option.
    Option(String),
    /// There is no such flag.
    Flag(String),
    /// The text is too long.
    Length,
    /// It is not Lua.
    Syntax(String),
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shebang => write!(f, "Invalid script shebang"),
            Self::Engine(engine) => write!(f, "Unexpected engine in script shebang: {engine}"),
            Self::Option(option) => write!(f, "Unknown lua shebang option: {option}"),
            Self::Flag(flag) => write!(f, "Unexpected flag in script shebang: {flag}"),
            Self::Length => write!(f, "the script is longer than {} bytes", limits::SCRIPT_BYTES),
            Self::Syntax(message) => write!(f, "Error compiling script (new function): {message}"),
        }
    }
}

/// Compiles Lua source. `name` is what errors call it.
///
/// # Errors
/// It is too long, or what is wrong with it, behind its line.
pub(super) fn compile(source: &[u8], name: &str) -> Result<Box<[u8]>, ScriptError> {
    if source.len() > limits::SCRIPT_BYTES {
        return Err(ScriptError::Length);
    }
    let compiled = Compiler::new().add_mutable_global("KEYS").add_mutable_global("ARGV").compile(source);
    match compiled {
        Ok(code) => Ok(code.into()),
        Err(mlua::Error::SyntaxError { message, .. }) => {
            Err(ScriptError::Syntax(format!("{name}:{message}")))
        }
        Err(error) => Err(ScriptError::Syntax(error.to_string())),
    }
}
