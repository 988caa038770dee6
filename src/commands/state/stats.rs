//! Counters for INFO.
//!
//! Each thread that runs commands has [`Stats`] of its own. INFO adds them up.

use crate::machine::counter::Counter;
use crate::machine::latency::Histogram;
use crate::store::ShardIndex;
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::sync::OnceLock;

/// The counters of one thread.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields are INFO's")]
pub struct Stats {
    pub connections: Counter,
    pub rejected_connections: Counter,
    pub commands: Counter,
    pub input_bytes: Counter,
    pub output_bytes: Counter,
    pub reads: Counter,
    pub writes: Counter,
    pub keyspace_hits: Counter,
    pub keyspace_misses: Counter,
    pub panics: Counter,
    /// By the command's position in the table.
    pub by_command: Box<[CommandStats]>,
    /// Commands by the shard of their keys; counted where there is a metrics port.
    by_shard: OnceLock<Box<[Counter]>>,
}

/// The counters of one thread for one command.
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
    /// Counters at 0, for a table of `commands` commands.
    #[must_use]
    pub fn new(commands: usize) -> Self {
        Self {
            connections: Counter::default(),
            rejected_connections: Counter::default(),
            commands: Counter::default(),
            input_bytes: Counter::default(),
            output_bytes: Counter::default(),
            reads: Counter::default(),
            writes: Counter::default(),
            keyspace_hits: Counter::default(),
            keyspace_misses: Counter::default(),
            panics: Counter::default(),
            by_command: std::iter::repeat_with(CommandStats::default).take(commands).collect(),
            by_shard: OnceLock::new(),
        }
    }

    /// Counts `calls` runs of the command at `place` in the table.
    pub fn count_calls(&self, place: usize, calls: u64) {
        self.commands.add(calls);
        self.by_command[place].calls.add(calls);
    }

    /// Begins to count the commands of each of `shards` shards.
    pub fn count_by_shard(&self, shards: usize) {
        self.by_shard.get_or_init(|| std::iter::repeat_with(Counter::default).take(shards).collect());
    }

    /// Whether the commands of each shard are counted.
    #[must_use]
    pub fn counts_by_shard(&self) -> bool {
        self.by_shard.get().is_some()
    }

    /// Counts `commands` on keys of `shards`, if that is wanted.
    pub fn note_shards(&self, shards: impl Iterator<Item = ShardIndex>, commands: usize) {
        if let Some(by_shard) = self.by_shard.get() {
            shards.for_each(|shard| by_shard[shard].add(commands as u64));
        }
    }

    /// The commands on keys of `shard`; 0 if they are not counted.
    #[must_use]
    pub fn commands_of_shard(&self, shard: ShardIndex) -> u64 {
        self.by_shard.get().map_or(0, |by_shard| by_shard[shard].get())
    }

    /// Sets the counters to 0, as CONFIG RESETSTAT does.
    pub fn reset(&self) {
        let own = [
            &self.connections,
            &self.rejected_connections,
            &self.commands,
            &self.input_bytes,
            &self.output_bytes,
            &self.reads,
            &self.writes,
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
    /// The most codes that are counted, so that a client cannot make the list long.
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

    /// The codes, each with the number of replies.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.0.lock().clone()
    }
}

/// The work that the server has done up to some time.
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

    /// How much of `what` was done per second, over the samples that are kept.
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
