//! How long more memory was used than `maxmemory` allows, for INFO.

use std::sync::atomic::{AtomicU64, Ordering};

/// How long more memory was used than allowed.
#[derive(Debug, Default)]
pub struct Shortage {
    /// When it began, by the monotonic clock in nanoseconds; 0: there is none.
    since_ns: AtomicU64,
    /// How long those before lasted.
    total_ns: AtomicU64,
}

impl Shortage {
    /// More memory is used than allowed. One that has begun goes on.
    pub(super) fn begin(&self, now_ns: u64) {
        let _ = self.since_ns.compare_exchange(0, now_ns.max(1), Ordering::Relaxed, Ordering::Relaxed);
    }

    /// No more memory is used than allowed.
    pub(super) fn end(&self, now_ns: impl FnOnce() -> u64) {
        if self.since_ns.load(Ordering::Relaxed) != 0 {
            let since_ns = self.since_ns.swap(0, Ordering::Relaxed);
            if since_ns != 0 {
                self.total_ns.fetch_add(now_ns().saturating_sub(since_ns), Ordering::Relaxed);
            }
        }
    }

    /// Milliseconds of the present one, 0 if there is none, and of all.
    #[must_use]
    pub fn lasted_ms(&self, now_ns: u64) -> (u64, u64) {
        let since_ns = self.since_ns.load(Ordering::Relaxed);
        let current_ns = if since_ns == 0 { 0 } else { now_ns.saturating_sub(since_ns) };
        let total_ns = self.total_ns.load(Ordering::Relaxed) + current_ns;
        (current_ns / 1_000_000, total_ns / 1_000_000)
    }

    /// Forgets those before.
    pub fn reset(&self) {
        self.total_ns.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_counts_from_its_beginning_to_its_end() {
        let shortage = Shortage::default();
        assert_eq!(shortage.lasted_ms(5_000_000), (0, 0));
        shortage.begin(1_000_000);
        shortage.begin(2_000_000);
        assert_eq!(shortage.lasted_ms(5_000_000), (4, 4));
        shortage.end(|| 6_000_000);
        shortage.end(|| 9_000_000);
        assert_eq!(shortage.lasted_ms(10_000_000), (0, 5));
        shortage.begin(10_000_000);
        assert_eq!(shortage.lasted_ms(13_000_000), (3, 8));
        shortage.reset();
        assert_eq!(shortage.lasted_ms(13_000_000), (3, 3));
    }
}
