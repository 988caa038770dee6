//! Scripts: EVAL and its relatives, and the cache of scripts. The engine runs them (`engine/script.rs`), `src/scripts` has the
//! interpreter.

pub(in crate::commands) mod cache;
pub(in crate::commands) mod call;
pub(in crate::commands) mod compiling;
pub(in crate::commands) mod eval;
pub(in crate::commands) mod functions;
pub(in crate::commands) mod restore;
