//! The time that commands take, for INFO, and the time by which they judge what has expired.

use super::prepared::WINDOW;
use crate::commands::spec::Flag;
use crate::commands::spec::table::table;
use crate::commands::state::stats::Stats;
use crate::machine::clock::Clock;

/// The clock of a batch. Between short commands of one kind it is not looked at: that would take as long as the commands.
#[derive(Default)]
pub(super) struct Timing {
    /// The time by which the present command judges what has expired.
    pub(super) now_ms: u64,
    /// When the command in `timed` began, or the first of several in a row.
    pub(super) started_ns: u64,
    /// The place in the table of a command that has run, and whose time has not been counted yet.
    timed: Option<usize>,
    /// How many of it in a row.
    calls: u64,
    /// Requests since the last look at the clock.
    since_look: usize,
}

impl Timing {
    /// A request for the command at `place` begins, or one that names no command.
    pub(super) fn begin(&mut self, place: Option<usize>, clock: &Clock, stats: &Stats) {
        let goes_on = self.timed.is_none_or(|timed| is_short(timed) && place == Some(timed));
        if !goes_on || self.since_look == WINDOW {
            self.look(clock, stats);
        }
        self.since_look += 1;
    }

    /// The command at `place` has run.
    pub(super) fn ran(&mut self, place: usize) {
        self.timed = Some(place);
        self.calls += 1;
    }

    /// Looks at the clock, and counts the time of what has run since the last look.
    pub(super) fn look(&mut self, clock: &Clock, stats: &Stats) {
        let now_ns = clock.monotonic_ns();
        if let Some(place) = self.timed.take() {
            let elapsed_ns = now_ns.saturating_sub(self.started_ns);
            let counters = &stats.by_command[place];
            counters.nanoseconds.add(elapsed_ns);
            let calls = std::mem::take(&mut self.calls);
            counters.latencies.count(elapsed_ns / calls.max(1), calls);
        }
        self.started_ns = now_ns;
        self.now_ms = clock.now_ms();
        self.since_look = 0;
    }
}

/// Whether the command takes about as long as a look at the clock.
fn is_short(place: usize) -> bool {
    let spec = table().entries()[place].spec;
    spec.lookahead.is_some() || spec.has(Flag::Fast)
}
