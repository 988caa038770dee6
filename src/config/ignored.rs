//! The directives of Redis 5 to 8 and Valkey 7 to 9 that have no effect in rankd.
//!
//! A configuration file that sets one is accepted, with a warning unless it sets the default. The value is checked as in
//! Redis ([`ValueSyntax`]), and CONFIG GET returns it under each of the directive's names. Their subjects (encodings of
//! other types, Lua, modules, cluster) do not exist in rankd or need no tuning.

use super::value_syntax::ValueSyntax;
use super::value_syntax::ValueSyntax::{
    Bytes, Checked, Integer, Obsolete, OneOf, OneOfAlso, Text, Unsigned, UnsignedBytes, YesNo,
};
use super::value_syntax::{
    INT, LONG, UINT, directory_name, file_name, host_name, node_name, oom_scores, process_title,
    shutdown_options,
};

/// A directive that is accepted and has no effect.
#[derive(Debug)]
pub struct Ignored {
    /// Its name, followed by its older and alternative names.
    pub names: &'static [&'static str],
    /// Redis 8.2's default, or that of the server that has it.
    pub default: &'static str,
    /// Its valid values.
    pub syntax: ValueSyntax,
    /// Whether CONFIG SET accepts it.
    pub live: bool,
}

impl Ignored {
    /// Its first name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.names[0]
    }

    /// Finds a directive by any of its names, in any case.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        IGNORED.iter().find(|ignored| ignored.names.iter().any(|own| own.eq_ignore_ascii_case(name)))
    }

    /// The warning that is logged when it is set.
    #[must_use]
    pub fn warning(&self) -> String {
        format!("directive '{}' is accepted for compatibility and has no effect", self.name())
    }

    /// Whether no pattern of CONFIG GET matches it, but its name does.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        HIDDEN.contains(&self.name())
    }

    /// Whether CONFIG knows it. Directives that Redis removed are accepted only in files.
    #[must_use]
    pub fn is_known_to_config(&self) -> bool {
        !matches!(self.syntax, Obsolete)
    }
}

const fn live(names: &'static [&'static str], default: &'static str, syntax: ValueSyntax) -> Ignored {
    Ignored { names, default, syntax, live: true }
}

/// A directive that can be set only at the start.
const fn fixed(names: &'static [&'static str], default: &'static str, syntax: ValueSyntax) -> Ignored {
    Ignored { names, default, syntax, live: false }
}

/// Directives for tests and for emergencies, which Redis shows only to those who name them.
const HIDDEN: [&str; 9] = [
    "aof-disable-auto-gc",
    "cluster-ping-interval",
    "key-load-delay",
    "loading-process-events-interval-bytes",
    "lua-enable-deprecated-api",
    "prefetch-batch-max-size",
    "rdb-key-save-delay",
    "use-exit-on-panic",
    "watchdog-period",
];

const FACILITIES: &[&str] =
    &["user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"];

/// All directives without effect, in the order of their names.
#[rustfmt::skip]
pub const IGNORED: &[Ignored] = &[
    live(&["active-defrag-cycle-max"], "25", Integer(1, 99)),
    live(&["active-defrag-cycle-min"], "1", Integer(1, 99)),
    live(&["active-defrag-cycle-us"], "500", Integer(0, 100_000)),
    live(&["active-defrag-ignore-bytes"], "104857600", UnsignedBytes(1)),
    live(&["active-defrag-max-scan-fields"], "1000", Integer(1, LONG)),
    live(&["active-defrag-threshold-lower"], "10", Integer(0, 1000)),
    live(&["active-defrag-threshold-upper"], "100", Integer(0, 1000)),
    live(&["active-expire-effort"], "1", Integer(1, 10)),
    live(&["activedefrag"], "no", YesNo),
    live(&["activerehashing"], "yes", YesNo),
    fixed(&["always-show-logo"], "no", YesNo),
    live(&["aof-disable-auto-gc"], "no", YesNo),
    live(&["aof-load-corrupt-tail-max-size"], "0", Bytes(0)),
    live(&["aof-load-truncated"], "yes", YesNo),
    fixed(&["aof-rewrite-cpulist", "aof_rewrite_cpulist"], "", Text),
    live(&["aof-rewrite-incremental-fsync"], "yes", YesNo),
    live(&["aof-timestamp-enabled"], "no", YesNo),
    live(&["aof-use-rdb-preamble"], "yes", YesNo),
    fixed(&["appenddirname"], "appendonlydir", Checked(directory_name)),
    fixed(&["appendfilename"], "appendonly.aof", Checked(file_name)),
    live(&["array-slice-size"], "4096", Integer(0, LONG)),
    live(&["array-sparse-kmax"], "10", Integer(0, LONG)),
    live(&["array-sparse-kmin"], "5", Integer(0, LONG)),
    live(&["availability-zone"], "", Text),
    fixed(&["bgsave-cpulist", "bgsave_cpulist"], "", Text),
    fixed(&["bio-cpulist", "bio_cpulist"], "", Text),
    fixed(&["client-default-resp"], "2", Unsigned(2, 3)),
    live(&["cluster-allow-pubsubshard-when-down"], "yes", YesNo),
    live(&["cluster-allow-reads-when-down"], "no", YesNo),
    live(&["cluster-allow-replica-migration"], "yes", YesNo),
    live(&["cluster-announce-bus-port"], "0", Integer(0, 65535)),
    live(&["cluster-announce-client-ipv4"], "", Text),
    live(&["cluster-announce-client-ipv6"], "", Text),
    live(&["cluster-announce-client-port"], "0", Integer(0, 65535)),
    live(&["cluster-announce-client-tls-port"], "0", Integer(0, 65535)),
    live(&["cluster-announce-hostname"], "", Checked(host_name)),
    live(&["cluster-announce-human-nodename"], "", Checked(node_name)),
    live(&["cluster-announce-ip"], "", Text),
    live(&["cluster-announce-port"], "0", Integer(0, 65535)),
    live(&["cluster-announce-tls-port"], "0", Integer(0, 65535)),
    live(&["cluster-blacklist-ttl"], "60", Unsigned(0, LONG)),
    live(&["cluster-compatibility-sample-ratio"], "0", Integer(0, 100)),
    fixed(&["cluster-config-file"], "nodes.conf", Text),
    live(&["cluster-config-save-behavior"], "sync", OneOf(&["sync", "best-effort"])),
    fixed(&["cluster-databases"], "1", Integer(1, INT)),
    fixed(&["cluster-enabled"], "no", YesNo),
    live(&["cluster-link-sendbuf-limit"], "0", UnsignedBytes(0)),
    live(&["cluster-manual-failover-timeout"], "5000", Integer(1, INT)),
    live(&["cluster-message-gossip-perc"], "10", Integer(0, 100)),
    live(&["cluster-migration-barrier"], "1", Integer(0, INT)),
    live(&["cluster-node-timeout"], "15000", Integer(0, LONG)),
    live(&["cluster-ping-interval"], "0", Integer(0, LONG)),
    fixed(&["cluster-port"], "0", Integer(0, 65535)),
    live(&["cluster-preferred-endpoint-type"], "ip", OneOf(&["ip", "hostname", "unknown-endpoint"])),
    live(&["cluster-replica-no-failover", "cluster-slave-no-failover"], "no", YesNo),
    live(&["cluster-replica-validity-factor", "cluster-slave-validity-factor"], "10", Integer(0, INT)),
    live(&["cluster-require-full-coverage"], "yes", YesNo),
    live(&["cluster-slot-migration-handoff-max-lag-bytes"], "1048576", Bytes(0)),
    live(&["cluster-slot-migration-log-max-len"], "1000", Integer(0, LONG)),
    live(&["cluster-slot-migration-write-pause-timeout"], "10000", Integer(0, LONG)),
    live(&["cluster-slot-stats-enabled"], "no", YesNo),
    live(&["commandlog-large-reply-max-len"], "128", Integer(0, LONG)),
    live(&["commandlog-large-request-max-len"], "128", Integer(0, LONG)),
    live(&["commandlog-reply-larger-than"], "1048576", Integer(-1, LONG)),
    live(&["commandlog-request-larger-than"], "1048576", Integer(-1, LONG)),
    live(&["crash-log-enabled"], "yes", YesNo),
    live(&["crash-memcheck-enabled"], "yes", YesNo),
    fixed(&["daemonize"], "no", YesNo),
    live(&["debug-context"], "", Text),
    fixed(&["disable-thp"], "yes", YesNo),
    live(&["dual-channel-replication-enabled"], "no", YesNo),
    live(&["dynamic-hz"], "yes", YesNo),
    live(&["enable-debug-assert"], "no", YesNo),
    fixed(&["enable-module-command"], "no", OneOf(&["no", "yes", "local"])),
    fixed(&["enable-protected-configs"], "no", OneOf(&["no", "yes", "local"])),
    live(&["events-per-io-thread"], "2", Integer(0, INT)),
    live(&["extended-redis-compatibility"], "no", YesNo),
    live(&["gopher-enabled"], "", Obsolete),
    live(&["hash-max-listpack-entries", "hash-max-ziplist-entries"], "512", Unsigned(0, LONG)),
    live(&["hash-max-listpack-value", "hash-max-ziplist-value"], "64", UnsignedBytes(0)),
    fixed(&["hash-seed"], "", Text),
    live(&["hide-user-data-from-log"], "no", YesNo),
    live(&["hz"], "10", Integer(0, INT)),
    live(&["ignore-warnings"], "", Text),
    live(&["import-mode"], "no", YesNo),
    fixed(&["io-threads"], "1", Integer(1, 128)),
    live(&["io-threads-always-active"], "no", YesNo),
    live(&["io-threads-do-reads"], "", Obsolete),
    live(&["jemalloc-bg-thread"], "yes", YesNo),
    live(&["key-load-delay"], "0", Integer(-INT - 1, INT)),
    live(&["key-memory-histograms"], "no", YesNo),
    live(&["lazyfree-lazy-eviction"], "no", YesNo),
    live(&["lazyfree-lazy-expire"], "no", YesNo),
    live(&["lazyfree-lazy-server-del"], "no", YesNo),
    live(&["lazyfree-lazy-user-del"], "no", YesNo),
    live(&["lazyfree-lazy-user-flush"], "no", YesNo),
    live(&["list-compress-depth"], "0", Integer(0, INT)),
    live(&["list-max-listpack-size", "list-max-ziplist-size"], "-2", Integer(-INT - 1, INT)),
    live(&["list-max-ziplist-entries"], "", Obsolete),
    live(&["list-max-ziplist-value"], "", Obsolete),
    live(&["loading-process-events-interval-bytes"], "2097152", Integer(1024, INT)),
    live(&["loadmodule"], "", Obsolete),
    live(&["locale-collate"], "", Text),
    live(&["log-format"], "legacy", OneOf(&["legacy", "logfmt", "json"])),
    live(&["log-timestamp-format"], "legacy", OneOf(&["legacy", "iso8601", "milliseconds"])),
    live(&["lookahead"], "16", Integer(0, INT)),
    live(&["lua-enable-deprecated-api"], "no", YesNo),
    live(&["lua-enable-insecure-api"], "no", YesNo),
    live(&["lua-replicate-commands"], "", Obsolete),
    live(&["max-new-connections-per-cycle"], "10", Unsigned(1, 1000)),
    live(&["max-new-tls-connections-per-cycle"], "1", Unsigned(1, 1000)),
    live(&["min-io-threads-avoid-copy-reply"], "7", Integer(0, INT)),
    live(&["min-string-size-avoid-copy-reply"], "16384", Integer(0, LONG)),
    live(&["min-string-size-avoid-copy-reply-threaded"], "65536", Integer(0, LONG)),
    fixed(&["mptcp"], "no", YesNo),
    live(&["no-appendfsync-on-rewrite"], "no", YesNo),
    live(&["oom-score-adj"], "no", OneOf(&["no", "yes", "relative", "absolute"])),
    live(&["oom-score-adj-values"], "0 200 800", Checked(oom_scores)),
    fixed(&["pidfile"], "", Text),
    live(&["prefetch-batch-max-size"], "16", Integer(0, 128)),
    live(&["proc-title-template"], "{title} {listen-addr} {server-mode}", Checked(process_title)),
    live(&["propagation-error-behavior"], "ignore", OneOf(&["ignore", "panic", "panic-on-replicas"])),
    live(&["rdb-del-sync-files"], "no", YesNo),
    live(&["rdb-key-save-delay"], "0", Integer(-INT - 1, INT)),
    live(&["rdb-save-incremental-fsync"], "yes", YesNo),
    live(&["rdb-version-check"], "strict", OneOf(&["strict", "relaxed"])),
    fixed(&["rdbchecksum"], "yes", YesNo),
    live(&["rdbcompression"], "yes", YesNo),
    live(&["rdma-bind"], "", Text),
    fixed(&["rdma-completion-vector"], "-1", Integer(-1, 1024)),
    live(&["rdma-port"], "0", Integer(0, 65535)),
    fixed(&["rdma-rx-size"], "1048576", Integer(65_536, 16_777_216)),
    live(&["repl-disable-tcp-nodelay"], "no", YesNo),
    live(
        &["repl-diskless-load"],
        "disabled",
        OneOfAlso(&["disabled", "on-empty-db", "swapdb"], &["flush-before-load", "flushdb"]),
    ),
    live(&["repl-diskless-sync-delay"], "5", Integer(0, INT)),
    live(&["repl-diskless-sync-max-replicas"], "0", Integer(0, INT)),
    fixed(&["repl-mptcp"], "no", YesNo),
    live(&["replica-full-sync-buffer-limit"], "0", Bytes(0)),
    live(&["replica-ignore-disk-write-errors"], "no", YesNo),
    live(&["replica-ignore-maxmemory", "slave-ignore-maxmemory"], "yes", YesNo),
    live(&["replica-lazy-flush", "slave-lazy-flush"], "no", YesNo),
    fixed(&["req-res-logfile"], "", Text),
    live(&["sanitize-dump-payload"], "no", OneOf(&["no", "yes", "clients"])),
    fixed(&["server-cpulist", "server_cpulist"], "", Text),
    fixed(&["set-proc-title"], "yes", YesNo),
    live(&["shutdown-on-sigint"], "default", Checked(shutdown_options)),
    live(&["shutdown-on-sigterm"], "default", Checked(shutdown_options)),
    live(&["slot-migration-max-failover-repl-bytes"], "0", Bytes(-1)),
    live(&["slowlog-entry-max-argc"], "32", Integer(0, LONG)),
    live(&["slowlog-entry-max-string-len"], "128", Integer(0, LONG)),
    fixed(&["socket-mark-id"], "0", Unsigned(0, UINT)),
    live(&["stop-writes-on-bgsave-error"], "yes", YesNo),
    fixed(&["syslog-enabled"], "no", YesNo),
    fixed(&["syslog-facility"], "local0", OneOf(FACILITIES)),
    fixed(&["syslog-ident"], "redis", Text),
    live(&["tcp-keepalive-probes"], "3", Integer(0, INT)),
    live(&["tls-auth-clients-user"], "off", OneOf(&["CN", "URI", "off"])),
    live(&["tls-auto-reload-interval"], "0", Integer(0, INT)),
    live(&["tls-ciphers"], "", Text),
    live(&["tls-ciphersuites"], "", Text),
    live(&["tls-cluster"], "no", YesNo),
    live(&["tls-dh-params-file"], "", Text),
    live(&["tls-prefer-server-ciphers"], "no", YesNo),
    live(&["tls-session-cache-timeout"], "300", Integer(0, INT)),
    fixed(&["unixsocketgroup"], "", Text),
    live(&["use-exit-on-panic"], "no", YesNo),
    live(&["vset-force-single-threaded-execution"], "no", YesNo),
    live(&["watchdog-period"], "0", Integer(0, INT)),
    live(&["zset-max-listpack-entries", "zset-max-ziplist-entries"], "128", Unsigned(0, LONG)),
    live(&["zset-max-listpack-value", "zset-max-ziplist-value"], "64", UnsignedBytes(0)),
];
