//! Notices that the process was stopped: a master takes no writes then until it knows whether it still leads.

use crate::commands::state::host::Host;
use std::sync::Arc;
use std::time::Duration;

/// A process that was stopped for so long has to ask, whatever the sentinels' `down-after-milliseconds`.
const LONGEST: Duration = Duration::from_secs(2);

/// A thread that is late for less may only have waited for a processor.
const SHORTEST: Duration = Duration::from_millis(100);

/// How many beats come within the bound.
const BEATS: u32 = 8;

/// The beats of the thread that asks sentinels.
pub(super) struct Beating {
    host: Arc<Host>,
    bound: Duration,
    last_ns: u64,
}

impl Beating {
    /// Begins now.
    pub(super) fn begin(host: Arc<Host>) -> Self {
        let last_ns = host.clock.uptime_ns();
        Self { host, bound: LONGEST, last_ns }
    }

    /// The time from one beat to the next.
    pub(super) fn period(&self) -> Duration {
        self.bound / BEATS
    }

    /// The sentinels hold a master for dead that is silent for `down_after`. A stop of half the time cannot make them: the other
    /// half is for answers that are late anyway.
    pub(super) fn learn(&mut self, down_after: Duration) {
        self.bound = (down_after / 2).clamp(SHORTEST, LONGEST);
    }

    /// The process runs. Returns whether it was stopped before, for so long that others may have elected another master. Then a
    /// master does not know any more whether it leads.
    pub(super) fn beat(&mut self) -> bool {
        let now_ns = self.host.clock.uptime_ns();
        let lasted = Duration::from_nanos(now_ns.saturating_sub(self.last_ns));
        let was_stopped = lasted >= self.bound;
        if was_stopped && !self.host.upstream.is_set() {
            let lasted_ms = lasted.as_millis();
            tracing::warn!(
                "this server was stopped for {lasted_ms} ms: it asks whether it is still the master"
            );
            self.host.await_leader();
        }
        self.last_ns = now_ns;
        was_stopped
    }
}
