//! Memory against its bound, `maxmemory`: how much counts, and the eviction of keys when it is too much.

use super::host::Host;
use super::latency_events::{LatencyEvent, LatencySample};
use crate::config::{Config, MemoryBounds};
use crate::machine::usage;
use crate::store::{Eviction, EvictionTerms, Seq, UsesKept};

/// Whether there is memory for a command that needs some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headroom {
    /// There is.
    Enough,
    /// Not yet: eviction goes on before the next commands.
    Later,
    /// There is none: no key can be evicted.
    None,
}

impl Host {
    /// Whether more memory is used than allowed. It takes as long as a look-up in a small table.
    #[must_use]
    pub fn is_short_of_memory(&self, config: &Config) -> bool {
        let bound = config.memory.max_bytes;
        if bound == 0 || usage::allocated_bytes() as u64 <= bound {
            self.shortage.end(|| self.clock.monotonic_ns());
            return false;
        }
        true
    }

    /// Evicts keys until no more memory is used than allowed, at most as long as `maxmemory-eviction-tenacity` says. Also
    /// returns the last record that it made. The thread must hold no shard.
    ///
    /// As in Redis, clients that use too much are disconnected first, and records that are not written yet do not count.
    /// Neither does what those clients and the reclaimer have still to free: keys would be evicted for memory that is free in a
    /// moment.
    pub fn make_room(&self, config: &Config) -> (Headroom, Seq) {
        if self.is_loading() || self.store.leaves_removal_to_master() {
            return (Headroom::Enough, Seq::default());
        }
        let memory = &config.memory;
        self.clients.bound_memory();
        let unwritten = self.process.unwritten_bytes();
        let is_enough = || {
            let uncounted = unwritten + self.store.unfreed_bytes() + self.clients.leaving_bytes();
            usage::allocated_bytes().saturating_sub(uncounted) as u64 <= memory.max_bytes
        };
        let now_ns = self.clock.monotonic_ns();
        if memory.max_bytes == 0 || is_enough() {
            self.shortage.end(|| now_ns);
            return (Headroom::Enough, Seq::default());
        }
        self.shortage.begin(now_ns);
        let end_ns = now_ns.saturating_add(eviction_ns(memory.tenacity));
        let terms = EvictionTerms { policy: memory.policy, samples: memory.samples, end_ns };
        let (eviction, seq) = self.store.evict(terms, is_enough);
        self.note_eviction(config, self.clock.monotonic_ns().saturating_sub(now_ns) / 1_000_000);
        let room = match eviction {
            Eviction::Enough => {
                self.shortage.end(|| self.clock.monotonic_ns());
                Headroom::Enough
            }
            Eviction::OutOfTime => Headroom::Later,
            Eviction::NothingLeft => Headroom::None,
        };
        (room, seq)
    }

    /// Notes how long an eviction took, if that is long.
    fn note_eviction(&self, config: &Config, elapsed_ms: u64) {
        if config.latency_monitor_ms().is_some_and(|bound_ms| elapsed_ms >= bound_ms) {
            let at_s = self.clock.now_ms() / 1000;
            self.latency_events.note(LatencyEvent::Eviction, LatencySample { at_s, elapsed_ms });
        }
    }

    /// Puts the bounds on memory into effect.
    pub fn bound_memory(&self, memory: &MemoryBounds) {
        let kept = if memory.policy.is_lfu() {
            let (log_factor, decay_minutes) = (memory.lfu_log_factor, memory.lfu_decay_minutes);
            UsesKept::Frequency { log_factor, decay_minutes }
        } else {
            UsesKept::LastUse
        };
        self.store.keep_uses(kept);
        self.store.write_uses(memory.policy.is_lru() || memory.policy.is_lfu());
    }
}

/// How long a command may evict, as in Redis.
fn eviction_ns(tenacity: u32) -> u64 {
    match tenacity {
        0..=10 => 50_000 * u64::from(tenacity),
        11..=99 => (500_000.0 * 1.15_f64.powi(tenacity as i32 - 10)) as u64,
        _ => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_for_eviction_grows_from_nothing_to_minutes() {
        assert_eq!([0, 1, 10].map(eviction_ns), [0, 50_000, 500_000]);
        assert_eq!(eviction_ns(11), 575_000);
        assert!((100..200).contains(&(eviction_ns(99) / 1_000_000_000)));
        assert_eq!(eviction_ns(100), u64::MAX);
    }
}
