//! Whether the server is ready for clients.

use crate::commands::state::host::Host;

/// Why clients should not be sent here now; `None` if the server is ready. Takes no lock of a shard.
pub(super) fn obstacle(host: &Host) -> Option<String> {
    if host.is_loading() {
        return Some("loading: the data are being read".into());
    }
    if host.upstream.awaits_leader() {
        return Some("no sentinel has said yet which server is the master".into());
    }
    if host.upstream.is_stale() {
        if host.store.position().is_none() {
            return Some("a replica without data: nothing has come from the master yet".into());
        }
        if !host.config().replica.serve_stale_data {
            return Some(
                "no link to the master, and old data are not served (replica-serve-stale-data no)".into(),
            );
        }
    }
    host.process.write_refusal().map(|why| format!("writes are refused: {why}"))
}
