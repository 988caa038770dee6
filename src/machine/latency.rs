//! Latencies: histograms of the calls of each command, which INFO's latencystats shows, and of the journal's syncs.
//!
//! Like all counters a histogram belongs to one thread at a time. It is allocated at the first call. A class is an eighth
//! of a power of two wide, so that a percentile is at most an eighth too high.

use super::counter::Counter;
use std::sync::OnceLock;

/// The number of classes in each power of two.
const PER_OCTAVE: u32 = 8;

/// The first class ends at 2^10 ns (a microsecond), the last begins at 2^40 ns (18 minutes).
const FIRST_OCTAVE: u32 = 10;
const LAST_OCTAVE: u32 = 40;

/// The last power of two of nanoseconds at which calls are counted for histograms: a second.
const LAST_POWER: u32 = 30;

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
pub struct Latencies {
    calls: [u64; CLASSES],
    total: u64,
}

impl Latencies {
    /// The sum of `histograms`.
    #[must_use]
    pub fn of<'h>(histograms: impl Iterator<Item = &'h Histogram>) -> Self {
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
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.total
    }

    /// Powers of two of nanoseconds, from 2^10 to 2^30, each with the number of calls that took less.
    pub fn below_powers(&self) -> impl Iterator<Item = (u64, u64)> {
        let mut calls = 0;
        let mut class = 0;
        (FIRST_OCTAVE..=LAST_POWER).map(move |octave| {
            let end = ((octave - FIRST_OCTAVE) * PER_OCTAVE) as usize + 1;
            calls += self.calls[class..end].iter().sum::<u64>();
            class = end;
            (1 << octave, calls)
        })
    }

    /// Powers of two of nanoseconds, in microseconds, each with the number of calls that took at most about as long. A
    /// power at which no call is added is left out. The numbers are those of Redis's histogram, whose last class has
    /// everything from half a second on.
    #[must_use]
    pub fn cumulative(&self) -> Vec<(u64, u64)> {
        let mut steps: Vec<(u64, u64)> = Vec::new();
        let mut before = 0;
        for (power_ns, below) in self.below_powers() {
            // Redis names the highest number of its class, which is a 128th of the power wide.
            let (highest_ns, calls) = match power_ns == 1 << LAST_POWER {
                true => (power_ns - 1, self.total),
                false => (power_ns + (power_ns >> 7) - 1, below),
            };
            if calls > before {
                steps.push((highest_ns / 1000, calls));
            }
            before = calls;
        }
        steps
    }

    /// Whether there was no call.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The time that `percent` of the calls did not exceed, in microseconds.
    #[must_use]
    pub fn percentile_us(&self, percent: f64) -> f64 {
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
        let below: Vec<u64> = latencies.below_powers().map(|(_, calls)| calls).collect();
        let at = |power: usize| below[power - 10];
        assert_eq!(
            (below.len(), at(10), at(11), at(17), at(21), at(22), at(30)),
            (21, 0, 90, 99, 99, 100, 100)
        );
        assert_eq!(latencies.cumulative(), [(2, 90), (132, 99), (4227, 100)]);
        one.reset();
        other.reset();
        assert!(Latencies::of([&one, &other].into_iter()).is_empty());
    }
}
