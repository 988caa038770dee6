//! What a running journal counts and measures of its calls of the system.

use crate::machine::clock::Clock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counts since the start.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) fsyncs: AtomicU64,
    pub(super) failed_fsyncs: AtomicU64,
    pub(super) failed_writes: AtomicU64,
    pub(super) slowest: Slowest,
}

/// The longest calls of the system since they were last asked for. They are measured only if somebody asks.
#[derive(Debug, Default)]
pub(super) struct Slowest {
    pub(super) is_wanted: AtomicBool,
    pub(super) write_ns: AtomicU64,
    pub(super) sync_ns: AtomicU64,
}

impl Slowest {
    /// Runs `call`, and notes its time in `slowest` if times are wanted.
    pub(super) fn timed<T>(&self, slowest: &AtomicU64, clock: &Clock, call: impl FnOnce() -> T) -> T {
        if !self.is_wanted.load(Ordering::Relaxed) {
            return call();
        }
        let started_ns = clock.monotonic_ns();
        let result = call();
        slowest.fetch_max(clock.monotonic_ns().saturating_sub(started_ns), Ordering::Relaxed);
        result
    }
}
