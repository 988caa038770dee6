//! The settings of replication.

/// What a master does for its replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "a field is its directive, which the table documents")]
pub struct ReplicationSettings {
    pub backlog_bytes: u64,
    pub backlog_ttl_s: u64,
    pub ping_period_s: u64,
    pub timeout_s: u64,
    pub diskless_sync: bool,
    pub min_replicas_to_write: usize,
    pub min_replicas_max_lag_s: u64,
    pub shutdown_timeout_s: u64,
}

impl ReplicationSettings {
    /// Before the table of directives has set its defaults.
    pub const NONE: Self = Self {
        backlog_bytes: 0,
        backlog_ttl_s: 0,
        ping_period_s: 0,
        timeout_s: 0,
        diskless_sync: false,
        min_replicas_to_write: 0,
        min_replicas_max_lag_s: 0,
        shutdown_timeout_s: 0,
    };
}
