//! Counters for INFO.
//!
//! Each thread that runs commands has a [`Stats`] of its own, which only this thread writes. So counting needs no locked
//! instruction. INFO adds them up.

use super::latency::Histogram;
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that one thread counts up and others read.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `amount`. Only the thread that owns the counter may call this.
    pub fn add(&self, amount: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
    }

    /// The count so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Sets it to 0, from any thread. An amount that its owner adds at the same moment may be kept.
    pub fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// What one thread has done.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields are INFO's")]
pub struct Stats {
    pub connections: Counter,
    pub rejected_connections: Counter,
    pub commands: Counter,
    pub input_bytes: Counter,
    pub output_bytes: Counter,
    pub keyspace_hits: Counter,
    pub keyspace_misses: Counter,
    pub panics: Counter,
    /// By the command's position in the table.
    pub by_command: Box<[CommandStats]>,
}

/// What one thread has done of one command.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields are INFO's")]
pub struct CommandStats {
    pub calls: Counter,
    pub nanoseconds: Counter,
    pub rejected: Counter,
    pub failed: Counter,
    pub latencies: Histogram,
}

impl Stats {
    /// All zero, for a table of `commands` commands.
    #[must_use]
    pub fn new(commands: usize) -> Self {
        Self {
            connections: Counter::default(),
            rejected_connections: Counter::default(),
            commands: Counter::default(),
            input_bytes: Counter::default(),
            output_bytes: Counter::default(),
            keyspace_hits: Counter::default(),
            keyspace_misses: Counter::default(),
            panics: Counter::default(),
            by_command: std::iter::repeat_with(CommandStats::default).take(commands).collect(),
        }
    }

    /// Everything back to zero.
    pub fn reset(&self) {
        let own = [
            &self.connections,
            &self.rejected_connections,
            &self.commands,
            &self.input_bytes,
            &self.output_bytes,
            &self.keyspace_hits,
            &self.keyspace_misses,
        ];
        let of_commands = self
            .by_command
            .iter()
            .flat_map(|command| [&command.calls, &command.nanoseconds, &command.rejected, &command.failed]);
        own.into_iter().chain(of_commands).for_each(Counter::reset);
        self.by_command.iter().for_each(|command| command.latencies.reset());
    }
}

/// Error replies by code. They are behind a lock: errors are rare, or slow only for the client that causes them.
#[derive(Debug, Default)]
pub struct Errors(Mutex<BTreeMap<String, u64>>);

impl Errors {
    /// Most codes that are counted, so that a client cannot make the list long.
    const CODES: usize = 128;

    /// Counts one error reply.
    pub fn count(&self, code: &str) {
        let mut counts = self.0.lock();
        if let Some(count) = counts.get_mut(code) {
            *count += 1;
        } else if counts.len() < Self::CODES {
            counts.insert(code.to_owned(), 1);
        }
    }

    /// Forgets all counts.
    pub fn reset(&self) {
        self.0.lock().clear();
    }

    /// The codes and how often each was sent.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.0.lock().clone()
    }
}

/// The work that the server has done up to a moment.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "the fields are INFO's")]
pub struct Done {
    pub commands: u64,
    pub input_bytes: u64,
    pub output_bytes: u64,
}

/// How fast the server works, from samples of its counters.
#[derive(Debug, Default)]
pub struct Rates(Mutex<VecDeque<(Done, u64)>>);

impl Rates {
    /// Samples that are kept. At ten a second they cover 1.6 seconds, as in Redis.
    const SAMPLES: usize = 16;

    /// Adds a sample: the work done up to `now_ms`.
    pub fn sample(&self, done: Done, now_ms: u64) {
        let mut samples = self.0.lock();
        if samples.len() == Self::SAMPLES {
            samples.pop_front();
        }
        samples.push_back((done, now_ms));
    }

    /// How much of `what` was done a second, over the samples at hand.
    #[must_use]
    pub fn per_second(&self, what: impl Fn(&Done) -> u64) -> f64 {
        let samples = self.0.lock();
        match (samples.front(), samples.back()) {
            (Some((first, start_ms)), Some((last, end_ms))) if end_ms > start_ms => {
                what(last).saturating_sub(what(first)) as f64 * 1000.0 / (end_ms - start_ms) as f64
            }
            _ => 0.0,
        }
    }
}
