//! When and how often a key is used, for OBJECT and for eviction.
//!
//! Each entry has a mark of 32 bits. With [`UsesKept::LastUse`] it is the time of the last use; with
//! [`UsesKept::Frequency`] it is Redis's logarithmic counter and the minute at which that was last counted down. The highest
//! bit says which, so that a mark keeps a meaning after the policy has changed. Commands that only read a key change its mark
//! under a shared lock: two at once may count as one. A mark that is right already is not written, so that readers of one
//! key do not take its cache line from each other.
//!
//! The counter is that of Redis (antirez, "Random notes on improving the Redis LRU algorithm", 2016): a use increments it
//! with a probability that falls with its value, and it falls by one for each `lfu-decay-time`.

use crate::machine::chance::once_in;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The counter of a key that is new: it is not evicted before keys that nobody uses. As Redis.
const INITIAL: u8 = 5;

/// Milliseconds in a unit of a mark's time of the last use. 31 bits of them are six years.
const UNIT_MS: u64 = 100;

const MINUTE_MS: u64 = 60_000;

/// The bit that tells a counter from a time.
const IS_COUNTER: u32 = 1 << 31;

/// Bits of the minute beside a counter.
const MINUTE_BITS: u32 = 23;

const MINUTES: u32 = (1 << MINUTE_BITS) - 1;

/// Times are taken from a circle: one that is further back than half of it is ahead of the clock.
const LONGEST_UNITS: u64 = (IS_COUNTER / 2) as u64 - 1;
const LONGEST_MINUTES: u32 = MINUTES / 2;

/// What is kept of the uses of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsesKept {
    /// The time of the last one.
    LastUse,
    /// How often it is used.
    Frequency {
        /// `lfu-log-factor`: how slowly the counter rises.
        log_factor: u32,
        /// `lfu-decay-time`: minutes after which the counter falls by one; 0: never.
        decay_minutes: u32,
    },
}

/// [`UsesKept`] as threads share it.
#[derive(Debug)]
pub(in crate::store) struct SharedUsesKept(AtomicU64);

impl SharedUsesKept {
    const IS_FREQUENCY: u64 = 1 << 63;
    const ARE_WRITTEN: u64 = 1 << 62;
    const PART_BITS: u32 = 31;
    const PART: u64 = (1 << Self::PART_BITS) - 1;

    pub(in crate::store) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(in crate::store) fn set(&self, kept: UsesKept) {
        let packed = match kept {
            UsesKept::LastUse => 0,
            UsesKept::Frequency { log_factor, decay_minutes } => {
                let factor = u64::from(log_factor) & Self::PART;
                Self::IS_FREQUENCY | factor << Self::PART_BITS | u64::from(decay_minutes) & Self::PART
            }
        };
        let written = self.0.load(Ordering::Relaxed) & Self::ARE_WRITTEN;
        self.0.store(packed | written, Ordering::Relaxed);
    }

    /// Sets whether files say how keys are used.
    pub(in crate::store) fn write(&self, are_written: bool) {
        match are_written {
            true => self.0.fetch_or(Self::ARE_WRITTEN, Ordering::Relaxed),
            false => self.0.fetch_and(!Self::ARE_WRITTEN, Ordering::Relaxed),
        };
    }

    pub(in crate::store) fn are_written(&self) -> bool {
        self.0.load(Ordering::Relaxed) & Self::ARE_WRITTEN != 0
    }

    pub(in crate::store) fn get(&self) -> UsesKept {
        let packed = self.0.load(Ordering::Relaxed);
        if packed & Self::IS_FREQUENCY == 0 {
            return UsesKept::LastUse;
        }
        let [log_factor, decay_minutes] =
            [packed >> Self::PART_BITS, packed].map(|part| (part & Self::PART) as u32);
        UsesKept::Frequency { log_factor, decay_minutes }
    }
}

/// The mark of a key. See the head of the file.
#[derive(Debug)]
pub(in crate::store) struct UseMark(AtomicU32);

impl UseMark {
    pub(in crate::store) fn of(mark: u32) -> Self {
        Self(AtomicU32::new(mark))
    }

    pub(in crate::store) fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    pub(in crate::store) fn set(&self, mark: u32) {
        self.0.store(mark, Ordering::Relaxed);
    }
}

/// What there is to know of the uses of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Milliseconds since its last use.
    Idle {
        /// The milliseconds.
        ms: u64,
    },
    /// Redis's logarithmic counter of its uses.
    Frequency(u8),
}

/// The present time, as marks have it.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct UseClock {
    kept: UsesKept,
    now_ms: u64,
    /// The mark of a key that is used now, where the time of the last use is kept.
    now: u32,
    /// The minute, where a counter is kept.
    minute: u32,
    /// Whether commands that use a key note it. Not those of a client that has said CLIENT NO-TOUCH.
    pub(in crate::store) notes: bool,
}

impl UseClock {
    pub(in crate::store) fn at(kept: UsesKept, now_ms: u64) -> Self {
        let minute = match kept {
            UsesKept::LastUse => 0,
            UsesKept::Frequency { .. } => minute_of(now_ms),
        };
        Self { kept, now_ms, now: (now_ms / UNIT_MS) as u32 & !IS_COUNTER, minute, notes: true }
    }

    /// The mark of a key that is made now.
    pub(in crate::store) fn first_mark(&self) -> u32 {
        match self.kept {
            UsesKept::LastUse => self.now,
            UsesKept::Frequency { .. } => self.counter(INITIAL),
        }
    }

    /// Notes that the key with this mark is used now.
    pub(in crate::store) fn note(&self, mark: &UseMark) {
        if !self.notes {
            return;
        }
        match self.kept {
            UsesKept::LastUse if mark.get() == self.now => {}
            UsesKept::LastUse => mark.set(self.now),
            UsesKept::Frequency { log_factor, decay_minutes } => self.count(mark, log_factor, decay_minutes),
        }
    }

    fn count(&self, mark: &UseMark, log_factor: u32, decay_minutes: u32) {
        let mut before = mark.get();
        if before & (IS_COUNTER | MINUTES) != IS_COUNTER | self.minute {
            before = self.counted_down(mark, decay_minutes);
        }
        let uses = (before >> MINUTE_BITS) as u8;
        let beyond = u64::from(uses.saturating_sub(INITIAL));
        if uses < u8::MAX && once_in(beyond * u64::from(log_factor) + 1) {
            mark.set(self.counter(uses + 1));
        }
    }

    /// The first use in a minute counts the mark down.
    #[cold]
    fn counted_down(&self, mark: &UseMark, decay_minutes: u32) -> u32 {
        let now = self.counter(self.frequency(mark.get(), decay_minutes));
        mark.set(now);
        now
    }

    fn counter(&self, uses: u8) -> u32 {
        IS_COUNTER | u32::from(uses) << MINUTE_BITS | self.minute
    }

    /// What the mark says, by what is kept now.
    pub(in crate::store) fn read(&self, mark: u32) -> Use {
        match self.kept {
            UsesKept::LastUse => Use::Idle { ms: self.idle_ms(mark) },
            UsesKept::Frequency { decay_minutes, .. } => Use::Frequency(self.frequency(mark, decay_minutes)),
        }
    }

    /// The mark of a key of which this is known; `None` if something else is kept of keys now.
    pub(in crate::store) fn mark(&self, known: Use) -> Option<u32> {
        match (self.kept, known) {
            (UsesKept::LastUse, Use::Idle { ms }) => {
                let units = (ms / UNIT_MS).min(LONGEST_UNITS) as u32;
                Some(self.now.wrapping_sub(units) & !IS_COUNTER)
            }
            (UsesKept::Frequency { .. }, Use::Frequency(uses)) => Some(self.counter(uses)),
            _ => None,
        }
    }

    /// Milliseconds since the last use.
    fn idle_ms(&self, mark: u32) -> u64 {
        if mark & IS_COUNTER != 0 {
            return self.minutes_since(mark) * MINUTE_MS;
        }
        // A time that is ahead of the clock is one at which the clock was wrong.
        match u64::from(self.now.wrapping_sub(mark) & !IS_COUNTER) {
            units @ 0..=LONGEST_UNITS => units * UNIT_MS,
            _ => 0,
        }
    }

    /// Minutes since the counter was counted down.
    fn minutes_since(&self, counter: u32) -> u64 {
        match minute_of(self.now_ms).wrapping_sub(counter) & MINUTES {
            minutes @ 0..=LONGEST_MINUTES => minutes.into(),
            _ => 0,
        }
    }

    fn frequency(&self, mark: u32, decay_minutes: u32) -> u8 {
        let (uses, minutes) = match mark & IS_COUNTER {
            // It says when the key was used last.
            0 => (INITIAL, self.idle_ms(mark) / MINUTE_MS),
            _ => ((mark >> MINUTE_BITS) as u8, self.minutes_since(mark)),
        };
        let periods = minutes.checked_div(decay_minutes.into()).unwrap_or(0);
        uses.saturating_sub(u8::try_from(periods).unwrap_or(u8::MAX))
    }
}

/// The minute of a time, as a counter has it.
fn minute_of(ms: u64) -> u32 {
    (ms / MINUTE_MS) as u32 & MINUTES
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_800_000_000_000;
    const FREQUENCY: UsesKept = UsesKept::Frequency { log_factor: 10, decay_minutes: 1 };

    #[test]
    fn a_use_is_remembered_to_a_tenth_of_a_second_for_years() {
        let mark = UseMark::of(UseClock::at(UsesKept::LastUse, NOW_MS).first_mark());
        for later_ms in [0, 100, 1000, 86_400_000, 90_000_000_000] {
            let clock = UseClock::at(UsesKept::LastUse, NOW_MS + later_ms);
            assert_eq!(clock.read(mark.get()), Use::Idle { ms: later_ms });
            assert_eq!(clock.mark(Use::Idle { ms: later_ms }), Some(mark.get()));
        }
        let before = UseClock::at(UsesKept::LastUse, NOW_MS - 5000);
        assert_eq!(before.read(mark.get()), Use::Idle { ms: 0 }, "the clock went back");
        let later = UseClock::at(UsesKept::LastUse, NOW_MS + 7000);
        UseClock { notes: false, ..later }.note(&mark);
        assert_eq!(later.read(mark.get()), Use::Idle { ms: 7000 });
        later.note(&mark);
        assert_eq!(later.read(mark.get()), Use::Idle { ms: 0 });
    }

    /// The table in redis.conf: with the factor 10, about 10 after 100 uses, 18 after 1000, 142 after 100,000.
    #[test]
    fn the_counter_rises_and_falls_as_in_redis() {
        let clock = UseClock::at(FREQUENCY, NOW_MS);
        for (uses, expected) in [(100, 7..=16), (1000, 14..=24), (100_000, 125..=160), (1_000_000, 250..=255)]
        {
            let mark = UseMark::of(clock.first_mark());
            (0..uses).for_each(|_| clock.note(&mark));
            let Use::Frequency(counter) = clock.read(mark.get()) else { panic!("a counter") };
            assert!(expected.contains(&counter), "{uses} uses: {counter}");
            let later = UseClock::at(FREQUENCY, NOW_MS + 3 * MINUTE_MS);
            assert_eq!(later.read(mark.get()), Use::Frequency(counter - 3));
            let much_later = UseClock::at(FREQUENCY, NOW_MS + 10_000 * MINUTE_MS);
            assert_eq!(much_later.read(mark.get()), Use::Frequency(0));
        }
        let steady = UsesKept::Frequency { log_factor: 0, decay_minutes: 0 };
        let mark = UseMark::of(UseClock::at(steady, NOW_MS).first_mark());
        let later = UseClock::at(steady, NOW_MS + 1000 * MINUTE_MS);
        (0..300).for_each(|_| later.note(&mark));
        assert_eq!(later.read(mark.get()), Use::Frequency(255));
    }

    #[test]
    fn a_mark_has_a_meaning_after_the_policy_has_changed() {
        let (last, often) = (UseClock::at(UsesKept::LastUse, NOW_MS), UseClock::at(FREQUENCY, NOW_MS));
        let later_ms = NOW_MS + 3 * MINUTE_MS;
        assert_eq!(UseClock::at(FREQUENCY, later_ms).read(last.first_mark()), Use::Frequency(INITIAL - 3));
        let idle = UseClock::at(UsesKept::LastUse, later_ms).read(often.first_mark());
        assert_eq!(idle, Use::Idle { ms: 3 * MINUTE_MS });
        assert_eq!((last.mark(Use::Frequency(9)), often.mark(Use::Idle { ms: 9 })), (None, None));
    }

    #[test]
    fn what_is_kept_is_shared_as_it_is_set() {
        let shared = SharedUsesKept::new();
        for kept in [
            UsesKept::LastUse,
            FREQUENCY,
            UsesKept::Frequency { log_factor: i32::MAX as u32, decay_minutes: 0 },
        ] {
            for are_written in [true, false] {
                shared.write(are_written);
                shared.set(kept);
                assert_eq!((shared.get(), shared.are_written()), (kept, are_written));
            }
        }
    }
}
