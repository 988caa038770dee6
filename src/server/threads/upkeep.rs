//! Work that no client asks for, done ten times a second: expired keys are removed, keys are evicted while memory is short,
//! rates are sampled, the dump file is written if one is due, and what took long is noted.

use crate::commands::state::host::Host;
use crate::commands::state::latency_events::{LatencyEvent, LatencySample};
use crate::commands::state::memory::Headroom;
use crate::machine::usage;
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
        host.tracking.keep_at_most(host.config().tracking_table_max_keys, None);
        let (write_ms, sync_ms) = host.process.slowest_calls_ms();
        note(&host, LatencyEvent::JournalWrite, write_ms);
        note(&host, LatencyEvent::JournalSync, sync_ms);
        usage::peak_bytes();
        let config = host.config();
        host.process.save_if_due(&config.save);
        host.process.tend_replication(&config);
        host.tend_failover();
        // A wait for this server's own disk ends without an acknowledgement.
        host.replica_waits.look(&*host.process);
        host.clients.count_all();
        let now_ms = host.clock.now_ms();
        host.interventions.end_pause_if_over(now_ms);
        // As in Redis, nothing is removed while CLIENT PAUSE holds writes back.
        let is_paused = host.interventions.pause(now_ms).is_some();
        while !is_paused && host.is_short_of_memory(&config) && host.make_room(&config).0 == Headroom::Later {
            tokio::task::yield_now().await;
        }
        if is_paused || !host.expires_actively.load(Ordering::Relaxed) {
            continue;
        }
        let mut longest_ns = 0;
        for shard in 0..host.store.shard_count() {
            loop {
                let started_ns = host.clock.monotonic_ns();
                let goes_on = host.store.remove_expired(shard);
                let elapsed_ns = host.clock.monotonic_ns().saturating_sub(started_ns);
                host.expiry_ns.add(elapsed_ns);
                longest_ns = longest_ns.max(elapsed_ns);
                if !goes_on {
                    break;
                }
                // A step is a few hundred keys. In between, other threads get the lock and this one does its other work.
                tokio::task::yield_now().await;
            }
        }
        note(&host, LatencyEvent::Expiry, longest_ns / 1_000_000);
    }
}

/// Notes what took `elapsed_ms`, if that is long.
fn note(host: &Host, event: LatencyEvent, elapsed_ms: u64) {
    if host.config().latency_monitor_ms().is_some_and(|bound_ms| elapsed_ms >= bound_ms) {
        let at_s = host.clock.now_ms() / 1000;
        host.latency_events.note(event, LatencySample { at_s, elapsed_ms });
    }
}
