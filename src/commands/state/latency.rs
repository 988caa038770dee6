//! The latencies of commands: a histogram of the calls of each command. INFO's latencystats shows its percentiles.
//!
//! Like all counters a histogram belongs to one thread. It is allocated at the first call of its command. A class is an
//! eighth of a power of two wide, so that a percentile is at most an eighth too high.

use super::counter::Counter;
use std::sync::OnceLock;

/// The number of classes in each power of two.
const PER_OCTAVE: u32 = 8;

/// The first class ends at 2^10 ns (a microsecond), the last begins at 2^40 ns (18 minutes).
const FIRST_OCTAVE: u32 = 10;
const LAST_OCTAVE: u32 = 40;

const CLASSES: usize = ((LAST_OCTAVE - FIRST_OCTAVE) * PER_OCTAVE) as usize + 1;

/// The numbers of calls by latency.
#[derive(Debug, Default)]
pub struct Histogram(OnceLock<Box<[Counter; CLASSES]>>);

impl Histogram {
    /// Counts `calls` of `nanoseconds` each. Only the thread that owns the histogram may call this.
    pub fn count(&self, nanoseconds: u64, calls: u64) {
        let classes = self.0.get_or_init(|| Box::new(std::array::from_fn(|_| Counter::default())));
        classes[class_of(nanoseconds)].add(calls);
    }

    /// Sets all classes to 0, from any thread.
    pub fn reset(&self) {
        self.0.get().into_iter().flat_map(|classes| classes.iter()).for_each(Counter::reset);
    }
}

/// The classes of several threads' histograms, added up.
#[derive(Debug)]
pub(in crate::commands) struct Latencies {
    calls: [u64; CLASSES],
    total: u64,
}

impl Latencies {
    /// The sum of `histograms`.
    pub(in crate::commands) fn of<'h>(histograms: impl Iterator<Item = &'h Histogram>) -> Self {
        let mut sum = Self { calls: [0; CLASSES], total: 0 };
        for classes in histograms.filter_map(|histogram| histogram.0.get()) {
            for (sum, class) in sum.calls.iter_mut().zip(&**classes) {
                *sum += class.get();
            }
        }
        sum.total = sum.calls.iter().sum();
        sum
    }

    /// The number of calls.
    pub(in crate::commands) fn calls(&self) -> u64 {
        self.total
    }

    /// Powers of two of nanoseconds, in microseconds, each with the number of calls that took at most about as long. A
    /// power at which no call is added is left out. The numbers are those of Redis's histogram, whose last class has
    /// everything from half a second on.
    pub(in crate::commands) fn cumulative(&self) -> Vec<(u64, u64)> {
        const LAST: u32 = 30;
        let mut steps: Vec<(u64, u64)> = Vec::new();
        let mut calls = 0;
        for octave in FIRST_OCTAVE..=LAST {
            let end =
                if octave == LAST { CLASSES } else { ((octave - FIRST_OCTAVE) * PER_OCTAVE) as usize + 1 };
            let start =
                (((octave - FIRST_OCTAVE) * PER_OCTAVE) as usize + 1).saturating_sub(PER_OCTAVE as usize);
            let added: u64 = self.calls[if octave == FIRST_OCTAVE { 0 } else { start }..end].iter().sum();
            calls += added;
            // Redis names the highest number of its class, which is a 128th of the power wide.
            let highest_ns = match octave {
                LAST => (1_u64 << LAST) - 1,
                octave => (1 << octave) + (1 << (octave - 7)) - 1,
            };
            if added > 0 {
                steps.push((highest_ns / 1000, calls));
            }
        }
        steps
    }

    /// Whether there was no call.
    pub(in crate::commands) fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The time that `percent` of the calls did not exceed, in microseconds.
    pub(in crate::commands) fn percentile_us(&self, percent: f64) -> f64 {
        let wanted = (self.total as f64 * percent / 100.0).ceil();
        let mut seen = 0;
        let reached = self.calls.iter().position(|calls| {
            seen += calls;
            seen as f64 >= wanted
        });
        end_of_ns(reached.unwrap_or(CLASSES - 1)) / 1000.0
    }
}

fn class_of(nanoseconds: u64) -> usize {
    if nanoseconds < 1 << FIRST_OCTAVE {
        return 0;
    }
    let octave = nanoseconds.ilog2();
    let eighth = (nanoseconds >> (octave - PER_OCTAVE.ilog2())) as u32 % PER_OCTAVE;
    ((octave - FIRST_OCTAVE) * PER_OCTAVE + eighth + 1).min(CLASSES as u32 - 1) as usize
}

fn end_of_ns(class: usize) -> f64 {
    let octave = f64::from(FIRST_OCTAVE) + (class / PER_OCTAVE as usize) as f64;
    octave.exp2() * (1.0 + (class % PER_OCTAVE as usize) as f64 / f64::from(PER_OCTAVE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_is_in_the_class_that_ends_above_it() {
        for nanoseconds in (0..1 << 20).step_by(7).chain([1 << 30, (1 << 30) + 12_345, (1 << 40) - 1]) {
            let end = end_of_ns(class_of(nanoseconds));
            let time = nanoseconds as f64;
            assert!(time < end && (end <= time * 1.125 + 1.0 || end <= 1024.0), "{nanoseconds} ns in {end}");
        }
        assert_eq!(class_of(u64::MAX), CLASSES - 1);
    }

    #[test]
    fn percentiles_cover_the_calls_of_all_histograms() {
        let (one, other) = (Histogram::default(), Histogram::default());
        one.count(2_000, 90);
        other.count(100_000, 9);
        other.count(4_000_000, 1);
        let latencies = Latencies::of([&one, &other].into_iter());
        let is_about = |percent, us: f64| {
            let found = latencies.percentile_us(percent);
            assert!(us <= found && found <= us * 1.125, "p{percent}: {found}");
        };
        is_about(50.0, 2.0);
        is_about(99.0, 100.0);
        is_about(99.9, 4000.0);
        one.reset();
        other.reset();
        assert!(Latencies::of([&one, &other].into_iter()).is_empty());
    }
}
