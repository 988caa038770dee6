//! INFO's section about replication, with Redis's fields in its order: sentinels read it line by line.

use super::upstream_info;
use crate::commands::state::host::Host;
use std::fmt::Write;

/// Appends the section.
pub(in crate::commands) fn write(host: &Host, out: &mut String) {
    let facts = host.process.replication();
    let config = host.config();
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        // Writing to a string does not fail.
        let _ = write!(out, "{name}:{value}\r\n");
    };
    line("role", &if host.upstream.is_set() { "slave" } else { "master" });
    upstream_info::write(host, out);
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        let _ = write!(out, "{name}:{value}\r\n");
    };
    line("connected_slaves", &facts.replicas.len());
    if config.replication.min_replicas_to_write > 0 && config.replication.min_replicas_max_lag_s > 0 {
        let good = facts.good_replicas(config.replication.min_replicas_max_lag_s);
        line("min_slaves_good_slaves", &good);
    }
    for (index, replica) in facts.replicas.iter().enumerate() {
        let (address, port, state) = (&replica.address, replica.port, replica.state);
        let (offset, lag) = (replica.offset, if replica.is_online { replica.lag_s } else { 0 });
        let value = format!("ip={address},port={port},state={state},offset={offset},lag={lag},type=replica");
        line(&format!("slave{index}"), &value);
    }
    line("master_failover_state", &host.failover.phase().name());
    line("master_replid", &facts.id);
    let (earlier, end) = facts.earlier.map_or(("0".repeat(40), -1), |(id, end)| (id, end.cast_signed()));
    line("master_replid2", &earlier);
    line("master_repl_offset", &facts.offset);
    line("second_repl_offset", &end);
    line("repl_backlog_active", &u8::from(facts.has_backlog));
    line("repl_backlog_size", &facts.backlog_bytes);
    line("repl_backlog_first_byte_offset", &facts.backlog_first_byte);
    line("repl_backlog_histlen", &facts.backlog_len_bytes);
}
