//! What the engine runs: a script, or a function of a library.

use super::failure::ScriptFailure;
use super::server::ScriptServer;
use super::shebang::ScriptFlags;
use super::vm::ScriptVm;
use crate::resp::reply::Reply;
use crate::resp::request::Arguments;
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};

/// Something that runs in the interpreter. All threads share it.
pub trait Program: Debug + Send + Sync {
    /// What errors call it.
    fn name(&self) -> String;

    /// Whether it is a function of a library, which FUNCTION KILL ends, and not a script.
    fn is_function(&self) -> bool {
        false
    }

    /// What it says of itself.
    fn flags(&self) -> ScriptFlags;

    /// What is known from runs before.
    fn habits(&self) -> &Habits;

    /// Runs it on the interpreter of this thread, and writes its first result.
    ///
    /// # Errors
    /// It has raised an error or was ended.
    fn run(
        &self,
        vm: &mut ScriptVm,
        keys: Arguments<'_>,
        arguments: Arguments<'_>,
        server: &mut dyn ScriptServer,
        reply: &mut Reply<'_>,
    ) -> Result<(), ScriptFailure>;
}

/// What is known of a program from the runs before.
#[derive(Debug, Default)]
pub struct Habits {
    /// It has used a key that its request did not declare.
    reaches_beyond: AtomicBool,
    /// Its last run was short.
    is_short: AtomicBool,
}

impl Habits {
    /// Whether it has used a key that its request did not declare.
    #[must_use]
    pub fn reaches_beyond(&self) -> bool {
        self.reaches_beyond.load(Ordering::Relaxed)
    }

    /// It has used a key that its request did not declare.
    pub fn note_reach(&self) {
        self.reaches_beyond.store(true, Ordering::Relaxed);
    }

    /// Whether it has run before, and its last run was short.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.is_short.load(Ordering::Relaxed)
    }

    /// Notes whether a run was short.
    pub fn note_length(&self, is_short: bool) {
        // All threads read it, so it is not written without need.
        if self.is_short() != is_short {
            self.is_short.store(is_short, Ordering::Relaxed);
        }
    }
}
