//! When something counts as slow: the bounds of SLOWLOG and of LATENCY.

use super::fields::Config;

impl Config {
    /// The time from which on a request is in the slow log, in microseconds. `None`: none is.
    #[must_use]
    pub fn slowlog_us(&self) -> Option<u64> {
        u64::try_from(self.slowlog_log_slower_than_us).ok().filter(|_| self.slowlog_max_len > 0)
    }

    /// The time from which on something is an event of LATENCY, in milliseconds. `None`: nothing is.
    #[must_use]
    pub fn latency_monitor_ms(&self) -> Option<u64> {
        Some(self.latency_monitor_threshold_ms).filter(|bound_ms| *bound_ms > 0)
    }

    /// The lower of the two, in nanoseconds; the highest number if there is neither.
    #[must_use]
    pub fn slow_ns(&self) -> u64 {
        let slowlog_ns = self.slowlog_us().map(|us| us.saturating_mul(1000));
        let latency_ns = self.latency_monitor_ms().map(|ms| ms.saturating_mul(1_000_000));
        slowlog_ns.into_iter().chain(latency_ns).min().unwrap_or(u64::MAX)
    }
}
