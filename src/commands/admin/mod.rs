//! Commands about the server.

pub(super) mod configuration;
pub(super) mod debug;
pub(super) mod info;
pub(super) mod introspection;
mod key_specs;
pub(super) mod memory;
pub(super) mod server;
