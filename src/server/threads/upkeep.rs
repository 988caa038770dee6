//! Work that no client asks for, done ten times a second: expired keys are removed, rates are sampled, and the dump file
//! is written if one is due.

use crate::commands::state::host::Host;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// As Redis's `hz 10`.
const PERIOD: Duration = Duration::from_millis(100);

/// Runs until the runtime ends.
pub(in crate::server) async fn run(host: Arc<Host>) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        host.sample_rates();
        host.process.save_if_due(&host.config().save);
        if !host.expires_actively.load(Ordering::Relaxed) {
            continue;
        }
        for shard in 0..host.store.shard_count() {
            while host.store.remove_expired(shard) {
                // A step is a few hundred keys. In between, other threads get the lock and this one does its other work.
                tokio::task::yield_now().await;
            }
        }
    }
}
