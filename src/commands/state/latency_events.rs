//! The events of LATENCY: moments at which something kept the server busy for `latency-monitor-threshold` or longer.

use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};

/// What took long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LatencyEvent {
    /// A write of the journal's records to the operating system.
    JournalWrite,
    /// A sync of the journal to disk.
    JournalSync,
    /// A command.
    Command,
    /// An eviction of keys, before a command or between commands.
    Eviction,
    /// A removal of expired keys and elements.
    Expiry,
    /// A command that has the flag `fast`.
    FastCommand,
}

impl LatencyEvent {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::JournalWrite,
        Self::JournalSync,
        Self::Command,
        Self::Eviction,
        Self::Expiry,
        Self::FastCommand,
    ];

    /// Its name: that of Redis's event for the same work.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::JournalWrite => "aof-write",
            Self::JournalSync => "aof-fsync",
            Self::Command => "command",
            Self::Eviction => "eviction-cycle",
            Self::Expiry => "expire-cycle",
            Self::FastCommand => "fast-command",
        }
    }

    /// The event of this name, in any case.
    #[must_use]
    pub fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name().as_bytes().eq_ignore_ascii_case(name))
    }
}

/// The longest time in one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatencySample {
    /// The second, in unix seconds.
    pub at_s: u64,
    /// The time, in milliseconds.
    pub elapsed_ms: u64,
}

/// What is known of one event.
#[derive(Clone, Debug, Default)]
pub struct LatencySeries {
    /// The last samples, oldest first; never empty.
    pub samples: VecDeque<LatencySample>,
    /// The longest time since the start or the last reset, in milliseconds.
    pub longest_ms: u64,
}

impl LatencySeries {
    /// Samples that are kept of an event, as in Redis.
    pub const SAMPLES: usize = 160;

    fn add(&mut self, sample: LatencySample) {
        self.longest_ms = self.longest_ms.max(sample.elapsed_ms);
        if let Some(last) = self.samples.back_mut().filter(|last| last.at_s == sample.at_s) {
            last.elapsed_ms = last.elapsed_ms.max(sample.elapsed_ms);
            return;
        }
        if self.samples.len() == Self::SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }
}

/// The events so far. The lock is taken only for something that took long, and by LATENCY.
#[derive(Debug, Default)]
pub struct LatencyEvents(Mutex<BTreeMap<LatencyEvent, LatencySeries>>);

impl LatencyEvents {
    /// Adds an event. Of several in one second the longest counts.
    pub fn note(&self, event: LatencyEvent, sample: LatencySample) {
        self.0.lock().entry(event).or_default().add(sample);
    }

    /// The events of which there are samples.
    #[must_use]
    pub fn all(&self) -> BTreeMap<LatencyEvent, LatencySeries> {
        self.0.lock().clone()
    }

    /// What is known of `event`, `None` if there are no samples.
    #[must_use]
    pub fn of(&self, event: LatencyEvent) -> Option<LatencySeries> {
        self.0.lock().get(&event).cloned()
    }

    /// Forgets `event`. Returns whether there were samples.
    pub fn forget(&self, event: LatencyEvent) -> bool {
        self.0.lock().remove(&event).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_one_sample_and_old_samples_go() {
        let events = LatencyEvents::default();
        let note = |at_s, elapsed_ms| events.note(LatencyEvent::Command, LatencySample { at_s, elapsed_ms });
        note(1, 30);
        note(1, 50);
        note(1, 40);
        assert_eq!(
            events.of(LatencyEvent::Command).unwrap().samples,
            [LatencySample { at_s: 1, elapsed_ms: 50 }]
        );
        (2..=161).for_each(|at_s| note(at_s, 20));
        let series = events.of(LatencyEvent::Command).unwrap();
        assert_eq!((series.samples.len(), series.samples[0].at_s, series.longest_ms), (160, 2, 50));
        assert!(events.forget(LatencyEvent::Command) && !events.forget(LatencyEvent::Command));
        assert!(events.all().is_empty());
    }
}
