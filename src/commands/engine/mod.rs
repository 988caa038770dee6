//! From a request to its reply: gates, locks, the command, its record.

mod exec;
pub mod execute;
pub(super) mod gates;
pub(super) mod prepared;
mod reach;
