//! What does it mean? Arguments in, reply out; synchronous.
//!
//! | folder | its subject |
//! |---|---|
//! | `call` | a request as its command sees it: arguments, options, errors |
//! | `state` | what outlives a request: the server's state and each connection's |
//! | `spec` | what a command is, and the table of all of them |
//! | `engine` | from a request to its reply: gates, locks, the command, its record |
//! | the others | the families: a command is one [`spec::CommandSpec`] in its family's const slice, its function below |
//!
//! Commands never await and open no file; what they need of the process they ask of [`state::host::Host`].

mod acl;
mod admin;
mod bits;
mod boards;
pub mod call;
pub mod connection;
pub mod engine;
mod families;
mod friends;
pub mod geo;
mod hashes;
mod headless;
mod hyperloglog;
mod keys;
mod lists;
mod replication;
mod scripts;
mod sets;
mod sort;
mod sorted_sets;
pub mod spec;
pub mod state;
mod streams;
mod strings;

pub use acl::{Users, UsersError};
pub use admin::CommandLatencies;
pub use families::table;
pub use friends::FriendRankings;
