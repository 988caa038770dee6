//! From the command line to a server that accepts, and to its end.

pub mod command_line;
pub(super) mod descriptors;
pub(super) mod environment;
pub(super) mod flags;
pub(super) mod log;
pub(super) mod opening;
pub(super) mod probe;
pub(super) mod screen;
pub(super) mod signals;
pub(super) mod startup;
pub(super) mod supervisor;
pub(super) mod users;
