//! What a request for a script asks for.

use crate::resp::request::Arguments;
use crate::scripts::Program;
use std::sync::Arc;

/// A program, and what it is to run with.
#[derive(Debug)]
pub struct ScriptRun<'c> {
    /// The whole request.
    pub request: Arguments<'c>,
    /// What runs.
    pub program: Arc<dyn Program>,
    /// The declared keys.
    pub keys: Arguments<'c>,
    /// The further arguments.
    pub arguments: Arguments<'c>,
    /// Whether the request forbids writes, as EVAL_RO does.
    pub is_read_only: bool,
}
