//! What INFO and ROLE say of the master that the server follows, with Redis's fields in its order: sentinels read it line by
//! line.

use crate::commands::state::host::Host;
use crate::replication::upstream::state::LinkPhase;
use crate::resp::reply::Reply;
use std::fmt::Write;

/// Appends the lines about the master. Nothing if there is none.
pub(in crate::commands) fn write(host: &Host, out: &mut String) {
    let status = host.upstream.status();
    let Some(master) = &status.master else { return };
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        // Writing to a string does not fail.
        let _ = write!(out, "{name}:{value}\r\n");
    };
    let now_ms = host.clock.now_ms();
    let seconds_since = |ms: u64| (now_ms.saturating_sub(ms) / 1000).cast_signed();
    let is_up = status.phase == LinkPhase::Following;
    let is_syncing = status.phase == LinkPhase::Syncing;
    line("master_host", &master.host);
    line("master_port", &master.port);
    line("master_link_status", &if is_up { "up" } else { "down" });
    line("master_last_io_seconds_ago", &if is_up { seconds_since(status.heard_ms) } else { -1 });
    line("master_sync_in_progress", &u8::from(is_syncing));
    line("slave_read_repl_offset", &status.read_offset);
    line("slave_repl_offset", &status.applied_offset);
    if is_syncing {
        // As in Redis, 0 bytes in all where the master has not said how many there will be.
        let (total, read) = (status.sync.total_bytes.unwrap_or(0), status.sync.read_bytes);
        let percent = if total == 0 { 0.0 } else { read as f64 / total as f64 * 100.0 };
        line("master_sync_total_bytes", &total);
        line("master_sync_read_bytes", &read);
        line("master_sync_left_bytes", &(total.cast_signed() - read.cast_signed()));
        line("master_sync_perc", &format!("{percent:.2}"));
        line("master_sync_last_io_seconds_ago", &seconds_since(status.heard_ms));
    }
    line("replica_full_sync_buffer_size", &0);
    line("replica_full_sync_buffer_peak", &0);
    line("master_current_sync_attempts", &status.attempts);
    line("master_total_sync_attempts", &status.all_attempts);
    if is_up {
        line("master_link_up_since_seconds", &seconds_since(status.up_since_ms));
    } else {
        line("master_link_down_since_seconds", &seconds_since(status.down_since_ms));
    }
    let down_ms = status.down_ms + if is_up { 0 } else { now_ms.saturating_sub(status.down_since_ms) };
    line("total_disconnect_time_sec", &(down_ms / 1000));
    let settings = &host.config().replica;
    line("slave_priority", &settings.priority);
    line("slave_read_only", &u8::from(settings.read_only));
    line("replica_announced", &u8::from(settings.is_announced));
    line("rankd_failed_commands", &status.failed_commands);
    line("rankd_left_out", &status.left_out.len());
}

/// Replies to ROLE, if the server follows a master. Returns whether it does.
pub(in crate::commands) fn role(host: &Host, reply: &mut Reply<'_>) -> bool {
    let status = host.upstream.status();
    let Some(master) = &status.master else { return false };
    reply.array(5);
    reply.bulk(b"slave");
    reply.bulk(master.host.as_bytes());
    reply.integer(master.port.into());
    reply.bulk(status.phase.name().as_bytes());
    let is_up = status.phase == LinkPhase::Following;
    reply.integer(if is_up { status.applied_offset.cast_signed() } else { -1 });
    true
}
