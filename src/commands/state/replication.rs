//! What INFO and ROLE say of replication.

/// The replication of a server at one moment.
#[derive(Clone, Debug, Default)]
pub struct ReplicationFacts {
    /// Its replicas, in the order in which they came.
    pub replicas: Vec<ReplicaFacts>,
    /// `master_replid`: 40 digits.
    pub id: String,
    /// `master_replid2`, and `second_repl_offset`: the number of the first byte that it does not have.
    pub earlier: Option<(String, u64)>,
    /// `master_repl_offset`.
    pub offset: u64,
    /// Whether there is a backlog.
    pub has_backlog: bool,
    /// The backlog's size as configured, in bytes.
    pub backlog_bytes: u64,
    /// The number of its first byte; 0 without one.
    pub backlog_first_byte: u64,
    /// Bytes in it.
    pub backlog_len_bytes: u64,
    /// Full syncs since the start, partial ones, and partial ones that were asked for in vain.
    pub syncs: [u64; 3],
    /// Bytes sent to replicas since the start.
    pub sent_bytes: u64,
}

/// A connected replica.
#[derive(Clone, Debug)]
pub struct ReplicaFacts {
    /// The address under which it is reached.
    pub address: String,
    /// The port on which it listens.
    pub port: u16,
    /// The word for how far it has come.
    pub state: &'static str,
    /// Whether it gets the stream.
    pub is_online: bool,
    /// The offset that it has acknowledged.
    pub offset: u64,
    /// Seconds since it has.
    pub lag_s: u64,
}

impl ReplicationFacts {
    /// How many replicas are online and have acknowledged something in the last `max_lag_s` seconds.
    #[must_use]
    pub fn good_replicas(&self, max_lag_s: u64) -> usize {
        self.replicas.iter().filter(|replica| replica.is_online && replica.lag_s <= max_lag_s).count()
    }
}
