//! A script: a unit whose commands the script chooses as it goes.
//!
//! A script holds the locks of the keys that its request declares, so scripts with different keys run beside each other. If it calls
//! a command on another key, then before it has changed anything it is begun anew with the locks of all shards, as is every later
//! run of it. One that has changed something already gets the further locks, for which it waits a limited time
//! ([`limits::REACH_PATIENCE`]): it holds others, and so it must not wait without end.

use super::runner::{Runner, Scope};
use super::script_calls::{EndedBy, ScriptCalls};
use super::unit::AtomicUnit;
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome, Stop};
use crate::commands::state::host::Host;
use crate::commands::state::script_run::ScriptRun;
use crate::limits;
use crate::resp::reply::Reply;
use crate::scripts::{ScriptFailure, on_this_thread};
use crate::store::{Access, ShardIndex};

/// Finds the script that a request asks for.
pub(super) type FindScript = for<'c> fn(&Host, &Call<'c>) -> Result<ScriptRun<'c>, CommandError>;

/// What became of one run.
enum RunEnd {
    /// Its reply is written, or it has failed.
    Done(Result<(), CommandError>),
    /// It is to be run again, with the locks of all shards.
    Reaches,
    /// It is to be run again where it may take long.
    TakesLong,
}

impl<'b> Runner<'b> {
    /// Runs a script and writes its reply.
    pub(super) fn run_script(&mut self, find: FindScript, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
        let run = find(self.host, call)?;
        let is_short_of_memory = self.is_short_for_script();
        self.check_script_flags(&run, is_short_of_memory)?;
        let habits = run.program.habits();
        if self.scope != Scope::Command {
            self.look_at_clock();
            // A transaction holds all shards for it.
            let (end, _) = run_once(&mut self.as_unit(), &run, is_short_of_memory, reply);
            return match end {
                RunEnd::Done(outcome) => Ok(outcome?),
                RunEnd::Reaches | RunEnd::TakesLong => {
                    unreachable!("it has all locks, and the time it needs")
                }
            };
        }
        if !self.terms.leeway.may_take_long() && !habits.is_short() {
            return Err(Stop::TakesLong);
        }
        let access = if run.is_read_only { Access::Read } else { Access::Write };
        loop {
            let shards = self.shards_of_script(&run);
            let reach =
                |runner: &mut Self, shards: &mut Vec<ShardIndex>| runner.hold_for_waiters_of_script(shards);
            let (end, started_ns) =
                self.in_unit(shards, access, reach, |unit| run_once(unit, &run, is_short_of_memory, reply))?;
            match end {
                RunEnd::Done(outcome) => {
                    let elapsed_ns = self.host.clock.monotonic_ns().saturating_sub(started_ns);
                    habits.note_length(elapsed_ns < limits::SHORT_SCRIPT.as_nanos() as u64);
                    return Ok(outcome?);
                }
                RunEnd::Reaches => habits.note_reach(),
                RunEnd::TakesLong => {
                    habits.note_length(false);
                    return Err(Stop::TakesLong);
                }
            }
        }
    }

    /// The shards of the declared keys, or all if the script is known to use others.
    fn shards_of_script(&self, run: &ScriptRun<'_>) -> Vec<ShardIndex> {
        let store = &self.host.store;
        if run.program.habits().reaches_beyond() {
            return (0..store.shard_count()).collect();
        }
        let mut shards: Vec<ShardIndex> = run.keys.iter().map(|key| store.shard_of(key)).collect();
        shards.sort_unstable();
        shards.dedup();
        shards
    }

    /// Takes all locks if clients wait for keys in the held shards and will write to other keys when they are served.
    fn hold_for_waiters_of_script(&mut self, shards: &mut Vec<ShardIndex>) -> Outcome {
        let databases = self.host.store.databases();
        let all = self.host.store.shard_count();
        if shards.len() < all && (0..databases).any(|database| self.hold.has_movers(database)) {
            self.let_go();
            *shards = (0..all).collect();
            self.lock(shards, Access::Write)?;
        }
        Ok(())
    }
}

/// Runs a script once. Returns when it began as well, in nanoseconds.
fn run_once<'r>(
    unit: &mut AtomicUnit<'_, '_>,
    run: &'r ScriptRun<'r>,
    is_short_of_memory: bool,
    reply: &mut Reply<'_>,
) -> (RunEnd, u64) {
    let reply_start = reply.out().len();
    // A run before it may have been given up.
    unit.runner().script_lines.clear();
    unit.runner().timing.is_in_script = true;
    let mut calls = ScriptCalls::new(unit, run, is_short_of_memory);
    let outcome = on_this_thread(|vm| run.program.run(vm, run.keys, run.arguments, &mut calls, reply));
    let (ended_by, started_ns) = calls.end();
    let timing = &mut unit.runner().timing;
    // All of it is the time of the script's command.
    (timing.is_in_script, timing.started_ns) = (false, started_ns);
    let end = match (ended_by, outcome) {
        (Some(EndedBy::Reach), _) => RunEnd::Reaches,
        (Some(EndedBy::Time), _) => RunEnd::TakesLong,
        (Some(EndedBy::Kill), outcome) => {
            let how = if run.program.is_function() { "FUNCTION KILL" } else { "SCRIPT KILL" };
            let place = outcome.err().and_then(|failure| failure.place()).unwrap_or_default();
            let name = run.program.name();
            RunEnd::Done(Err(CommandError::new(format!(
                "ERR Script killed by user with {how}... script: {name}{place}"
            ))))
        }
        (Some(EndedBy::Shutdown), _) => {
            unit.abandon();
            RunEnd::Done(Err(CommandError::text("ERR the server stops")))
        }
        (None, Ok(())) => RunEnd::Done(Ok(())),
        (None, Err(failure)) => RunEnd::Done(Err(error_of(&failure, run))),
    };
    if !matches!(end, RunEnd::Done(Ok(()))) {
        reply.out().truncate(reply_start);
    }
    (end, started_ns)
}

fn error_of(failure: &ScriptFailure, run: &ScriptRun<'_>) -> CommandError {
    CommandError::new(String::from_utf8_lossy(&failure.text(&run.program.name())))
}
