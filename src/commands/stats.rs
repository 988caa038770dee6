//! Counters: what INFO tells of the work done.
//!
//! Each thread that runs commands has a [`Stats`] of its own and is the only one to write it, so counting costs no
//! locked instruction; INFO adds them up.

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

    /// Back to 0, from any thread; what its owner counts at that very moment may survive it.
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
    }
}

/// Error replies by code. Errors are rare, or slow for the one who makes them.
#[derive(Debug, Default)]
pub struct Errors(Mutex<BTreeMap<String, u64>>);

impl Errors {
    /// Most codes told apart, so that a client cannot make the list long.
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

/// How fast the server works, from samples of its counters.
#[derive(Debug, Default)]
pub struct Rates(Mutex<VecDeque<(u64, u64)>>);

impl Rates {
    /// Samples that are looked back on: at ten a second, 1.6 seconds. As Redis.
    const SAMPLES: usize = 16;

    /// Notes that `commands` had run by `now_ms`.
    pub fn sample(&self, commands: u64, now_ms: u64) {
        let mut samples = self.0.lock();
        if samples.len() == Self::SAMPLES {
            samples.pop_front();
        }
        samples.push_back((commands, now_ms));
    }

    /// Commands a second, over the samples at hand.
    #[must_use]
    pub fn commands_per_second(&self) -> u64 {
        let samples = self.0.lock();
        match (samples.front(), samples.back()) {
            (Some((first, start_ms)), Some((last, end_ms))) if end_ms > start_ms => {
                last.saturating_sub(*first) * 1000 / (end_ms - start_ms)
            }
            _ => 0,
        }
    }
}
