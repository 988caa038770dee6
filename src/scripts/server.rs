//! What a running script may ask of the server.

use crate::resp::Protocol;
use crate::resp::request::Arguments;

/// The levels of `redis.log`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptLogLevel {
    /// `redis.LOG_DEBUG`.
    Debug,
    /// `redis.LOG_VERBOSE`.
    Verbose,
    /// `redis.LOG_NOTICE`.
    Notice,
    /// `redis.LOG_WARNING`.
    Warning,
}

/// What became of a command that a script called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Called {
    /// Its reply is written, which may be an error.
    Replied,
    /// It was not run, and the script must end: it is run again under other locks, or it was killed.
    MustEnd,
}

/// The server, as a running script sees it.
pub trait ScriptServer {
    /// Runs a command, and appends its reply in `protocol` to `out`.
    fn call(&mut self, request: Arguments<'_>, protocol: Protocol, out: &mut Vec<u8>) -> Called;

    /// Whether the user of the script may run a command. `None` if there is no such command.
    fn may_call(&mut self, request: Arguments<'_>) -> Option<bool>;

    /// Writes a line into the server's log.
    fn log(&mut self, level: ScriptLogLevel, message: &[u8]);

    /// Whether the script must end now. Called every few thousand steps of a script.
    fn must_end(&mut self) -> bool;
}
