//! The only place that gets the time from the system.
//!
//! Code that expires keys, writes the journal or measures times uses a [`Clock`]. A test can use a manual clock and set it.

use rustix::time::{ClockId, clock_gettime};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long the time of day of [`Clock::moment`] follows from the other clock, in nanoseconds: for so long a thread may miss that the
/// time of day has been set.
const FOLLOWED_NS: u64 = 1_000_000;

/// A source of wall-clock time. Cloning gives a handle on the same clock.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// `None` for the system's clock; `Some` for a manual clock, in Unix microseconds.
    manual_us: Option<Arc<AtomicU64>>,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that shows `unix_ms` until [`Clock::advance`] moves it.
    #[must_use]
    pub fn manual(unix_ms: u64) -> Self {
        Self { manual_us: Some(Arc::new(AtomicU64::new(unix_ms * 1000))) }
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        match &self.manual_us {
            Some(manual) => manual.load(Ordering::Relaxed),
            None => {
                let (seconds, nanoseconds) = system(ClockId::Realtime);
                seconds * 1_000_000 + nanoseconds / 1000
            }
        }
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.now_us() / 1000
    }

    /// [`Clock::now_us`] and [`Clock::monotonic_ns`] of one moment. For a millisecond the first follows from the second, which
    /// saves every other look at the system's clocks: a thread asks each time that it has something to do.
    #[must_use]
    pub fn moment(&self) -> (u64, u64) {
        thread_local! {
            /// The last moment at which this thread looked at both clocks.
            static SEEN: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
        }
        let now_ns = self.monotonic_ns();
        if self.manual_us.is_some() {
            return (self.now_us(), now_ns);
        }
        let (seen_us, seen_ns) = SEEN.get();
        match now_ns.checked_sub(seen_ns) {
            Some(since_ns @ ..FOLLOWED_NS) if seen_us > 0 => (seen_us + since_ns / 1000, now_ns),
            _ => {
                let now_us = self.now_us();
                SEEN.set((now_us, now_ns));
                (now_us, now_ns)
            }
        }
    }

    /// Nanoseconds since an arbitrary time, never decreasing: for measuring durations.
    #[must_use]
    pub fn monotonic_ns(&self) -> u64 {
        self.nanoseconds(ClockId::Monotonic)
    }

    /// Nanoseconds since the machine was started, never decreasing. Time in which the process was stopped counts, and, other than
    /// in [`Clock::monotonic_ns`], time in which the machine was suspended. (A virtual machine that is paused together with its
    /// clocks cannot see that.)
    #[must_use]
    pub fn uptime_ns(&self) -> u64 {
        self.nanoseconds(ClockId::Boottime)
    }

    #[inline]
    fn nanoseconds(&self, id: ClockId) -> u64 {
        match &self.manual_us {
            Some(manual) => manual.load(Ordering::Relaxed) * 1000,
            None => {
                let (seconds, nanoseconds) = system(id);
                seconds * 1_000_000_000 + nanoseconds
            }
        }
    }

    /// Moves a manual clock forward. It has no effect on the system's clock.
    pub fn advance(&self, by: Duration) {
        if let Some(manual) = &self.manual_us {
            manual.fetch_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }
}

/// Seconds, and nanoseconds of the next one, on a clock of the system. [`std::time`] would take twice as long. A time before 1970
/// is 1970.
#[inline]
fn system(id: ClockId) -> (u64, u64) {
    let now = clock_gettime(id);
    (u64::try_from(now.tv_sec).unwrap_or(0), u64::try_from(now.tv_nsec).unwrap_or(0))
}
