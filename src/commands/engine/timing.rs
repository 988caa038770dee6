//! The number of commands and the time that they take, for INFO, SLOWLOG and LATENCY, and the time by which they judge what has expired.
//!
//! The clock is read after each command that takes longer than reading it does. Neighbouring short commands of one kind
//! are timed together, at most a window of them: reading the clock between them would take as long as they do. If a bound of
//! SLOWLOG or LATENCY is so low that such a group could pass it without anything slow in it, each command is timed.

use super::prepared::WINDOW;
use crate::commands::spec::table::TableEntry;
use crate::commands::spec::{CommandSpec, Flag};
use crate::commands::state::stats::Stats;
use crate::config::Config;
use crate::machine::clock::Clock;

/// With a bound below this, in nanoseconds, each command is timed.
const EXACT_BELOW_NS: u64 = 1_000_000;

/// The clock of a batch.
pub(super) struct Timing {
    /// The time by which the present command judges what has expired.
    pub(super) now_ms: u64,
    /// When the command in `timed` began, or the first of several in a row.
    pub(super) started_ns: u64,
    /// The beginning of the batch: the time of day in microseconds, and `started_ns` then. The time of day within a batch follows
    /// from them, which saves half of the looks at clocks.
    begun: (u64, u64),
    /// A short command that has run, and whose time has not been counted yet.
    timed: Option<&'static TableEntry>,
    /// How many of it in a row.
    calls: u64,
    /// Requests since the last look at the clock.
    since_look: usize,
    /// Whether a script runs, whose calls are part of its time. Those that are not short are counted on their own as well.
    pub(super) is_in_script: bool,
    /// Whether INFO and LATENCY HISTOGRAM want the times of calls (`latency-tracking`).
    tracks: bool,
    /// What takes this long is noted, in nanoseconds.
    slow_ns: u64,
    /// The number of changes of the settings that `tracks` and `slow_ns` are from.
    pub(super) changes: u64,
}

/// A command that took long, or several short ones of one kind.
#[derive(Clone, Copy)]
pub(super) struct TimedCommand {
    pub(super) entry: &'static TableEntry,
    pub(super) elapsed_ns: u64,
}

impl Timing {
    /// Begins now. The settings have been changed `changes` times. The next batch heeds a change that `config` lacks.
    #[inline]
    pub(super) fn begun(config: &Config, changes: u64, clock: &Clock) -> Self {
        let (now_us, started_ns) = clock.moment();
        Self {
            now_ms: now_us / 1000,
            started_ns,
            begun: (now_us, started_ns),
            timed: None,
            calls: 0,
            since_look: 0,
            is_in_script: false,
            tracks: config.latency_tracking,
            slow_ns: config.slow_ns(),
            changes,
        }
    }

    /// Goes on with the bounds of `config`, made by `changes` changes.
    pub(super) fn heed(&mut self, config: &Config, changes: u64) {
        (self.tracks, self.slow_ns, self.changes) = (config.latency_tracking, config.slow_ns(), changes);
    }

    /// A request for `command` begins, or one that names no command. Returns whether the clock must be looked at first.
    pub(super) fn begin(&mut self, command: Option<&'static TableEntry>) -> bool {
        if self.is_in_script {
            return command.is_some_and(|entry| self.is_timed_alone(entry));
        }
        let is_same = |timed: &TableEntry| command.is_some_and(|entry| std::ptr::eq(entry, timed));
        let is_other = self.timed.is_some_and(|timed| !is_same(timed));
        self.since_look += 1;
        is_other || self.since_look > WINDOW
    }

    /// The command has run. Returns whether the clock must be looked at before the next one. `is_large` says that it has
    /// taken or returned much.
    pub(super) fn ran(&mut self, entry: &'static TableEntry, is_large: bool, stats: &Stats) -> bool {
        let is_timed_alone = self.is_timed_alone(entry);
        if self.is_in_script && !is_timed_alone {
            stats.count_calls(entry.place, 1);
            return false;
        }
        self.timed = Some(entry);
        self.calls += 1;
        is_timed_alone || is_large
    }

    fn is_timed_alone(&self, entry: &TableEntry) -> bool {
        !is_short(entry.spec) || self.slow_ns < EXACT_BELOW_NS
    }

    /// Whether there is time to count.
    pub(super) fn is_open(&self) -> bool {
        self.timed.is_some()
    }

    /// Looks at the clock, and counts what has run since the last look, and its time. Returns it if it took long.
    pub(super) fn look(&mut self, clock: &Clock, stats: &Stats) -> Option<TimedCommand> {
        let timed = self.count(clock, stats);
        let (begun_us, begun_ns) = self.begun;
        self.now_ms = (begun_us + self.started_ns.saturating_sub(begun_ns) / 1000) / 1000;
        timed
    }

    /// The same where nothing runs after it, so that the time of day stays as it is.
    pub(super) fn count(&mut self, clock: &Clock, stats: &Stats) -> Option<TimedCommand> {
        let now_ns = clock.monotonic_ns();
        let elapsed_ns = now_ns.saturating_sub(self.started_ns);
        let timed = self.timed.take();
        if let Some(entry) = timed {
            let calls = std::mem::take(&mut self.calls);
            stats.count_calls(entry.place, calls);
            let counters = &stats.by_command[entry.place];
            counters.nanoseconds.add(elapsed_ns);
            if self.tracks {
                counters.latencies.count(elapsed_ns / calls.max(1), calls);
            }
        }
        self.started_ns = now_ns;
        self.since_look = 0;
        timed.filter(|_| elapsed_ns >= self.slow_ns).map(|entry| TimedCommand { entry, elapsed_ns })
    }
}

/// Whether the command takes about as long as a look at the clock.
fn is_short(spec: &CommandSpec) -> bool {
    spec.lookahead.is_some() || spec.has(Flag::Fast)
}
