//! What outlives a request: the server's state and each connection's.

pub mod channels;
pub mod clients;
pub mod host;
pub mod kept;
pub(super) mod latency;
pub mod mailbox;
pub mod session;
pub mod stats;
pub(super) mod transaction;
pub mod waiting;
