//! Every setting by the meaning of its directive. The table of directives reads into these fields.

use super::channel_default::ChannelDefault;
use super::choices::{DebugPolicy, FsyncPolicy, LogLevel, SavePoint, Supervised};
use super::event_classes::EventClasses;
use super::memory::MemoryBounds;
use super::metrics::MetricsPort;
use super::output_limits::OutputLimits;
use super::replica::ReplicaSettings;
use super::replication::ReplicationSettings;
use super::sentinel::SentinelSettings;
use super::set_bounds::SetBounds;
use super::stream_bounds::{ProducerBounds, StreamBounds};
use super::tls::TlsSettings;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Every setting, by the meaning of its directive.
#[expect(missing_docs, reason = "a field is its directive, which the table documents")]
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub bind: Vec<String>,
    pub port: u16,
    pub unixsocket: String,
    pub unixsocketperm: u32,
    pub tls: TlsSettings,
    pub protected_mode: bool,
    pub requirepass: String,
    /// The words of each line `user name rule …` of the file.
    pub users: Vec<Vec<String>>,
    pub aclfile: String,
    pub acl_pubsub_default: ChannelDefault,
    pub acllog_max_len: usize,
    pub tcp_backlog: u32,
    pub tcp_keepalive_s: u32,
    pub timeout_s: u64,
    pub maxclients: usize,
    pub client_query_buffer_limit_bytes: usize,
    pub output_limits: OutputLimits,
    pub tracking_table_max_keys: usize,
    pub proto_max_bulk_len_bytes: usize,
    pub replica: ReplicaSettings,
    pub sentinel: SentinelSettings,
    pub threads: usize,
    pub supervised: Supervised,
    pub databases: u32,
    pub hll_sparse_max_bytes: usize,
    pub set_bounds: SetBounds,
    pub memory: MemoryBounds,
    pub stream_bounds: StreamBounds,
    pub producer_bounds: ProducerBounds,
    pub enable_debug_command: DebugPolicy,
    pub dir: PathBuf,
    pub dbfilename: String,
    pub save: Vec<SavePoint>,
    pub appendonly: bool,
    pub appendfsync: FsyncPolicy,
    pub auto_aof_rewrite_percentage: u32,
    pub auto_aof_rewrite_min_size_bytes: u64,
    pub replication: ReplicationSettings,
    pub friend_key_prefix: String,
    pub friendrank_keep_bytes: usize,
    pub notify_keyspace_events: EventClasses,
    pub slowlog_log_slower_than_us: i64,
    pub slowlog_max_len: usize,
    pub latency_monitor_threshold_ms: u64,
    pub busy_reply_threshold_ms: u64,
    pub latency_tracking: bool,
    pub latency_percentiles: Vec<f64>,
    pub loglevel: LogLevel,
    pub logfile: String,
    pub metrics: MetricsPort,
    /// Values that were set for directives without effect, by the directives' first names.
    pub ignored: BTreeMap<&'static str, String>,
}

impl Config {
    /// No setting has its value yet: the table of directives has the defaults.
    pub(super) fn unset() -> Self {
        Self {
            bind: Vec::new(),
            port: 0,
            unixsocket: String::new(),
            unixsocketperm: 0,
            tls: TlsSettings::default(),
            protected_mode: false,
            requirepass: String::new(),
            users: Vec::new(),
            aclfile: String::new(),
            acl_pubsub_default: ChannelDefault::None,
            acllog_max_len: 0,
            tcp_backlog: 0,
            tcp_keepalive_s: 0,
            timeout_s: 0,
            maxclients: 0,
            client_query_buffer_limit_bytes: 0,
            output_limits: OutputLimits::default(),
            tracking_table_max_keys: 0,
            proto_max_bulk_len_bytes: 0,
            replica: ReplicaSettings::default(),
            sentinel: SentinelSettings::default(),
            threads: 0,
            supervised: Supervised::default(),
            databases: 0,
            hll_sparse_max_bytes: 0,
            set_bounds: SetBounds::DEFAULT,
            memory: MemoryBounds::NONE,
            stream_bounds: StreamBounds::DEFAULT,
            producer_bounds: ProducerBounds::DEFAULT,
            dir: PathBuf::new(),
            dbfilename: String::new(),
            save: Vec::new(),
            enable_debug_command: DebugPolicy::default(),
            appendonly: false,
            appendfsync: FsyncPolicy::default(),
            auto_aof_rewrite_percentage: 0,
            auto_aof_rewrite_min_size_bytes: 0,
            replication: ReplicationSettings::NONE,
            friend_key_prefix: String::new(),
            friendrank_keep_bytes: 0,
            notify_keyspace_events: EventClasses::default(),
            slowlog_log_slower_than_us: 0,
            slowlog_max_len: 0,
            latency_monitor_threshold_ms: 0,
            busy_reply_threshold_ms: 5000,
            latency_tracking: false,
            latency_percentiles: Vec::new(),
            loglevel: LogLevel::Notice,
            logfile: String::new(),
            metrics: MetricsPort::default(),
            ignored: BTreeMap::new(),
        }
    }

    /// The file of users. A relative `aclfile` is relative to `dir`, as in Redis.
    #[must_use]
    pub fn path_of_users(&self) -> PathBuf {
        self.dir.join(&self.aclfile)
    }
    /// The file of the unix socket. A relative `unixsocket` is relative to `dir`, as in Redis.
    #[must_use]
    pub fn path_of_unixsocket(&self) -> PathBuf {
        self.dir.join(&self.unixsocket)
    }

    /// Whether there is a TCP port. `port 0` means none if clients can connect otherwise.
    #[must_use]
    pub fn has_tcp_port(&self) -> bool {
        self.port > 0 || self.unixsocket.is_empty() && self.tls.port == 0
    }
}
