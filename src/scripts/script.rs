//! A script: its text, digest, flags and compiled code. All threads share it.

use super::Sha;
use super::compile::{ScriptError, compile};
use super::failure::ScriptFailure;
use super::program::{Habits, Program};
use super::server::ScriptServer;
use super::shebang::{self, ScriptFlags};
use super::vm::ScriptVm;
use crate::resp::reply::Reply;
use crate::resp::request::Arguments;
use crate::text::sha1::sha1;

/// A script.
#[derive(Debug)]
pub struct Script {
    /// The digest of its text.
    pub sha: Sha,
    /// What it says of itself.
    pub flags: ScriptFlags,
    /// Its text.
    pub source: Box<[u8]>,
    /// The code of the interpreter. It never comes from a client.
    code: Box<[u8]>,
    habits: Habits,
}

impl Script {
    /// The name of the source in errors.
    const SOURCE: &str = "user_script";

    /// Compiles a script. O(its length).
    ///
    /// # Errors
    /// Its first line, or its text, is not what it must be.
    pub fn new(source: &[u8]) -> Result<Self, ScriptError> {
        let (flags, text) = shebang::read(source)?;
        Ok(Self {
            sha: sha1(source),
            flags,
            source: source.into(),
            code: compile(text, Self::SOURCE)?,
            habits: Habits::default(),
        })
    }

    /// The memory of the script, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.source.len() + self.code.len()
    }
}

impl Program for Script {
    fn name(&self) -> String {
        self.sha.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn flags(&self) -> ScriptFlags {
        self.flags
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
        vm.load_script(&self.sha, &self.code, Self::SOURCE)?;
        vm.run_script(&self.sha, (keys, arguments), server, reply)
    }
}
