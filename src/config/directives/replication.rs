//! Directives about replication.

use crate::config::directive::{Directive, DirectiveSection};
use crate::config::value;
use crate::limits;

pub(super) const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "repl-backlog-size",
        section: DirectiveSection::Replication,
        default: "1048576",
        live: true,
        help: "Bytes of the stream to replicas that are kept, so that a replica which was away goes on where it was. \
               They are in memory from the first replica on.",
        get: |config| config.replication.backlog_bytes.to_string(),
        set: |config, text| {
            let bytes = value::bytes_within(text, 1, limits::MOST_BACKLOG_BYTES);
            // As in Redis, a smaller one is useless.
            bytes
                .map(|bytes| config.replication.backlog_bytes = bytes.max(limits::LEAST_BACKLOG_BYTES) as u64)
        },
    },
    Directive {
        name: "repl-backlog-ttl",
        section: DirectiveSection::Replication,
        default: "3600",
        live: true,
        help: "Seconds without a replica after which a master frees the backlog. 0: never.",
        get: |config| config.replication.backlog_ttl_s.to_string(),
        set: |config, text| {
            value::number(text, 0, i32::MAX as u64).map(|seconds| config.replication.backlog_ttl_s = seconds)
        },
    },
    Directive {
        name: "repl-ping-replica-period",
        section: DirectiveSection::Replication,
        default: "10",
        live: true,
        help: "Seconds between two PINGs from a master to its replicas.",
        get: |config| config.replication.ping_period_s.to_string(),
        set: |config, text| {
            value::number(text, 1, i32::MAX as u64).map(|seconds| config.replication.ping_period_s = seconds)
        },
    },
    Directive {
        name: "repl-timeout",
        section: DirectiveSection::Replication,
        default: "60",
        live: true,
        help: "Seconds of silence after which master and replica give up their connection.",
        get: |config| config.replication.timeout_s.to_string(),
        set: |config, text| {
            value::number(text, 1, i32::MAX as u64).map(|seconds| config.replication.timeout_s = seconds)
        },
    },
    Directive {
        name: "repl-diskless-sync",
        section: DirectiveSection::Replication,
        default: "yes",
        live: true,
        help: "Send the data to a new replica with a mark at their end, if it understands that, and not with their \
               length in front. Both times they are in a file, which has no name and is gone when it has been sent.",
        get: |config| value::print_yes_no(config.replication.diskless_sync),
        set: |config, text| value::yes_no(text).map(|on| config.replication.diskless_sync = on),
    },
    Directive {
        name: "min-replicas-to-write",
        section: DirectiveSection::Replication,
        default: "0",
        live: true,
        help: "Refuse writes while fewer replicas than this are connected and in time. 0: never.",
        get: |config| config.replication.min_replicas_to_write.to_string(),
        set: |config, text| {
            value::number(text, 0, i32::MAX as u32)
                .map(|replicas| config.replication.min_replicas_to_write = replicas as usize)
        },
    },
    Directive {
        name: "min-replicas-max-lag",
        section: DirectiveSection::Replication,
        default: "10",
        live: true,
        help: "Seconds since a replica has last acknowledged something, up to which it is in time.",
        get: |config| config.replication.min_replicas_max_lag_s.to_string(),
        set: |config, text| {
            value::number(text, 0, i32::MAX as u64)
                .map(|seconds| config.replication.min_replicas_max_lag_s = seconds)
        },
    },
    Directive {
        name: "shutdown-timeout",
        section: DirectiveSection::Replication,
        default: "10",
        live: true,
        help: "Seconds that the end of the server waits for replicas which have not got everything. No client can \
               write meanwhile.",
        get: |config| config.replication.shutdown_timeout_s.to_string(),
        set: |config, text| {
            value::number(text, 0, i32::MAX as u64)
                .map(|seconds| config.replication.shutdown_timeout_s = seconds)
        },
    },
];
