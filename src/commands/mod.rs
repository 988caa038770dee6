//! What does it mean? Arguments in, reply out; synchronous; one file per command family.
//!
//! A command is one [`spec::CommandSpec`] in its family's const slice with its function below. [`table`] puts the
//! slices together, [`execute`] runs requests through it. Commands never await and open no file; what they need of
//! the process they ask of [`host::Host`].

pub mod call;
pub mod channels;
pub mod clients;
mod configuration;
mod connection;
mod debug;
pub mod error;
pub mod execute;
mod expiry;
mod friends;
mod gates;
mod headless;
pub mod host;
mod info;
mod introspection;
mod keys;
mod latency;
pub mod mailbox;
mod memory;
mod name_list;
mod object;
mod prepared;
mod pubsub;
mod scanning;
mod server;
pub mod session;
mod sets;
mod sorted_sets;
pub mod spec;
pub mod stats;
mod strings;
mod syntax;
pub mod table;
mod transactions;
pub mod waiting;

pub use friends::FriendRankings;
