//! What does a script say? Lua source in, calls of commands and a reply out.
//!
//! The interpreter is Luau (docs/decisions/0022-luau-for-scripts.md). A script sees the world of Redis's Lua 5.1: its globals,
//! its numbers, its errors. The layer knows no store, client or lock; what a script asks of the server it asks of a
//! [`ScriptServer`].
//!
//! | file | its subject |
//! |---|---|
//! | `program` | what the engine runs, and what is known of it |
//! | `script` | a script: its digest, flags and compiled code |
//! | `sha` | tables of scripts by digest |
//! | `compile` | the compiler |
//! | `shebang` | the first line of a script, with its flags |
//! | `vm` | an interpreter, of which each thread that runs scripts has one |
//! | `vm_memory` | the memory of all interpreters, for INFO |
//! | `globals` | the globals that scripts see, and that nobody can change |
//! | `call` | `redis.call` and `redis.pcall`, and the look at the server that ends a script |
//! | `stack` | the stack of the interpreter, for what each call does |
//! | `redis` | what else the table `redis` has |
//! | `from_reply`, `to_reply` | replies of commands as Lua values, and Lua values as replies |
//! | `failure` | why a script ended without a result |
//! | `current` | the server of the script that runs on this thread |
//! | `numbers` | numbers as Lua 5.1 prints them |
//! | `library` | a library of functions, and a function of it |
//! | `registration` | `redis.register_function` |
//! | `loading` | libraries in an interpreter |
//! | `libraries` | `cjson`, `cmsgpack`, `struct`, `bit` |

mod call;
mod compile;
mod current;
mod failure;
mod from_reply;
mod globals;
pub mod libraries;
mod library;
mod loading;
mod numbers;
mod program;
mod redis;
mod registration;
mod script;
mod server;
mod sha;
mod shebang;
mod stack;
mod to_reply;
mod vm;
mod vm_memory;

pub use compile::ScriptError;
pub use failure::ScriptFailure;
pub use library::{FunctionLibrary, LibraryError, LibraryFunction};
pub use program::{Habits, Program};
pub use registration::RegisteredFunction;
pub use script::Script;
pub use server::{Called, ScriptLogLevel, ScriptServer};
pub use sha::{Sha, ShaHasher, ShaMap};
pub use shebang::ScriptFlags;
pub use vm::{ScriptVm, on_this_thread};
pub use vm_memory::InterpreterMemory;
