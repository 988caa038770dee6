//! Commands about the server.

pub(super) mod about;
pub(super) mod command;
pub(super) mod configuration;
pub(super) mod debug;
mod footprint;
pub(super) mod help;
pub(super) mod info;
mod info_commands;
mod info_keys;
mod info_lines;
mod info_memory;
pub(super) mod latency;
pub(super) mod memory;
pub(super) mod server;
pub(super) mod slowlog;

pub use info_commands::CommandLatencies;
