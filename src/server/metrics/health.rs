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
    host.process.write_refusal().map(|why| format!("writes are refused: {why}"))
}
