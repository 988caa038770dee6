//! The end of a server that has replicas: they get everything first, if they are quick enough.

use super::Replication;
use crate::commands::state::host::Host;
use crate::commands::state::interventions::{PauseCause, Paused};
use std::time::Duration;

/// How often the replicas are looked at.
const PERIOD: Duration = Duration::from_millis(20);

/// Replicas acknowledge what they have once a second.
const ACKNOWLEDGED_WITHIN_MS: u64 = 1200;

impl Replication {
    /// Waits until all replicas that are online have acknowledged the whole stream, at most `shutdown-timeout` seconds. Writes are
    /// held back from the beginning on. If the server `ends_at_once` it does not wait.
    pub(in crate::server) async fn wait_for_replicas(&self, host: &Host, ends_at_once: bool) {
        let timeout_s = host.config().replication.shutdown_timeout_s;
        if ends_at_once || timeout_s == 0 || !self.streaming.is_on() {
            return;
        }
        let now_ms = self.now_ms();
        let until_ms = now_ms + timeout_s * 1000;
        // Longer than the wait: no write may come behind it.
        host.interventions.begin_pause(PauseCause::Shutdown, Paused::Writes, u64::MAX, now_ms);
        let (mut end, mut asked_ms) = (None, None);
        while self.now_ms() < until_ms {
            end = end.or_else(|| self.streaming.offset_with(host.store.last_seq()));
            let has_all = end.is_some_and(|end| !self.has_replicas_behind(end));
            match asked_ms {
                None if has_all => return,
                None if end.is_some() => {
                    self.streaming.request_acknowledgements();
                    asked_ms = Some(self.now_ms());
                }
                None => {}
                // They must have the question as well: a replica that is promoted has to have all of this server's history, or
                // this one could not go on with it. Redis acknowledges it with its next acknowledgement.
                Some(since_ms) if has_all => {
                    let is_late = self.now_ms() > since_ms + ACKNOWLEDGED_WITHIN_MS;
                    if is_late || !self.has_replicas_behind(self.outflow.history().offset) {
                        return;
                    }
                }
                Some(_) => {}
            }
            tokio::time::sleep(PERIOD).await;
        }
        let end = end.unwrap_or_else(|| self.outflow.history().offset);
        for link in self.outflow.links() {
            let acknowledged = link.acknowledged();
            if acknowledged < end {
                let (address, port) = link.address();
                tracing::warn!("the replica {address}:{port} lacks the last {} bytes", end - acknowledged);
            }
        }
    }
}
