//! From a request to its reply: gates, locks, the command, its record.

pub mod execute;
pub(super) mod gates;
pub(super) mod prepared;
