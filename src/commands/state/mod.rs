//! The state that outlives a request: that of the server and that of each connection.

pub mod channels;
pub mod client;
mod client_eviction;
mod client_line;
pub mod clients;
pub mod host;
pub mod interventions;
pub mod kept;
pub mod latency_events;
pub mod mailbox;
pub mod marks;
pub mod memory;
pub(super) mod modes;
pub mod peer;
pub mod replication;
pub mod session;
pub mod shortage;
pub mod slow_log;
pub mod stats;
pub mod tracking;
mod tracking_table;
pub(super) mod transaction;
pub mod waiting;
pub mod waiting_request;
pub mod wish;
