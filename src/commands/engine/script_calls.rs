//! What a running script asks of the server: its calls pass gates of their own and run within the script's unit.

use super::prepared::resolve;
use super::request::Passed;
use super::runner::Refusal;
use super::unit::AtomicUnit;
use crate::commands::call::error::CommandError;
use crate::commands::spec::table::TableEntry;
use crate::commands::spec::{CommandSpec, Flag, Handler, Manner};
use crate::commands::state::running_scripts::{OverdueScript, ScriptEnding, ShownScript};
use crate::commands::state::script_run::ScriptRun;
use crate::limits;
use crate::resp::Protocol;
use crate::resp::reply::Reply;
use crate::resp::request::Arguments;
use crate::scripts::{Called, ScriptLogLevel, ScriptServer};
use crate::store::{Access, DatabaseIndex, Located, ShardIndex};
use std::sync::atomic::Ordering;

/// Why the server has ended a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndedBy {
    /// It needs a key whose shard is not held.
    Reach,
    /// It takes longer than its thread may be kept.
    Time,
    /// SCRIPT KILL.
    Kill,
    /// The server stops without saving.
    Shutdown,
}

/// The calls of a running script.
pub(super) struct ScriptCalls<'c, 'u, 'b> {
    unit: &'c mut AtomicUnit<'u, 'b>,
    run: &'c ScriptRun<'c>,
    is_read_only: bool,
    /// What needs memory is refused, until the script has changed something.
    is_short_of_memory: bool,
    /// Whether it has called a command that changes something: it cannot be run again.
    has_written: bool,
    /// Whether it holds the shards of its keys only, and is run again if that is not enough.
    may_restart: bool,
    ended_by: Option<EndedBy>,
    started_ns: u64,
    /// Its entry, once it has run longer than `busy-reply-threshold`.
    slow: Option<OverdueScript<'b>>,
    /// What the client has chosen. A script's SELECT is its own.
    database: DatabaseIndex,
}

impl<'c, 'u, 'b> ScriptCalls<'c, 'u, 'b> {
    pub(super) fn new(
        unit: &'c mut AtomicUnit<'u, 'b>,
        run: &'c ScriptRun<'c>,
        is_short_of_memory: bool,
    ) -> Self {
        let runner = unit.runner();
        let database = runner.session.database;
        let started_ns = runner.timing.started_ns;
        let flags = run.program.flags();
        Self {
            is_read_only: run.is_read_only || flags.no_writes,
            run,
            is_short_of_memory: is_short_of_memory && !flags.allow_oom,
            has_written: false,
            may_restart: !unit.is_nested(),
            ended_by: None,
            started_ns,
            slow: None,
            database,
            unit,
        }
    }

    /// The script has ended. Returns why, if the server has ended it, and when it began, in nanoseconds.
    pub(super) fn end(self) -> (Option<EndedBy>, u64) {
        let session = &mut *self.unit.runner().session;
        if session.database != self.database {
            session.select(self.database);
        }
        (self.ended_by, self.started_ns)
    }

    /// Checks what a client's request passes at the gates, in Redis's order for scripts.
    fn check(&mut self, entry: &'static TableEntry, request: Arguments<'_>) -> Result<(), CommandError> {
        let spec = entry.spec;
        if !spec.accepts(request.len()) {
            return Err(CommandError::text("ERR Wrong number of args calling Redis command from script"));
        }
        if spec.has(Flag::Noscript) && self.is_denied(spec) {
            return Err(CommandError::text("ERR This Redis command is not allowed from script"));
        }
        let runner = self.unit.runner();
        if runner.check_link(spec).is_err() {
            return Err(CommandError::text("ERR Can not execute the command on a stale replica"));
        }
        if let Err(denied) = runner.check_permission(entry, request) {
            let error = denied.error(runner.session.identity.user(), entry.place);
            let why = error.0.strip_prefix("NOPERM ").unwrap_or(&error.0);
            return Err(CommandError::new(format!("ERR ACL failure in script: {why}")));
        }
        runner.check_loading(spec)?;
        if self.is_read_only && (spec.may_write() || spec.is(Manner::Publishes)) {
            return Err(CommandError::text("ERR Write commands are not allowed from read-only scripts."));
        }
        if spec.may_write() {
            if !self.has_written {
                runner.check_role(spec)?;
                runner.check_replicas(spec)?;
            }
            if let Some(why) = runner.host.process.write_refusal() {
                return Err(CommandError::new(format!("MISCONF Errors writing to the AOF file: {why}")));
            }
            if self.is_short_of_memory && !self.has_written && spec.has(Flag::Denyoom) {
                return Err(CommandError::text("OOM command not allowed when used memory > 'maxmemory'."));
            }
        }
        Ok(())
    }

    /// Whether scripts may not call a command that is not for scripts. With `DEBUG SET-DISABLE-DENY-SCRIPTS` they may, if it could
    /// be in a transaction, leaves the connection as it is, and runs no script.
    fn is_denied(&mut self, spec: &CommandSpec) -> bool {
        self.unit.runner().host.denies_in_scripts.load(Ordering::Relaxed)
            || spec.has(Flag::NoMulti)
            || spec.has(Flag::NoAuth)
            || spec.is(Manner::RunsInMulti)
            || matches!(spec.run, Handler::Script(_))
    }

    /// Sees to it that the shards of a command's keys are held. `located` is the place of its one key, if that is known. Returns
    /// false if they are not.
    fn holds(
        &mut self,
        spec: &CommandSpec,
        request: Arguments<'_>,
        located: Option<Located<'_>>,
        access: Access,
    ) -> Result<bool, CommandError> {
        let runner = self.unit.runner();
        let call = runner.call(request, None);
        let store = &runner.host.store;
        let needs_all = matches!(spec.handler_of(&call), Handler::OwnLocks(_)) || spec.finds_keys(&call);
        let mut shards: Vec<ShardIndex> = Vec::new();
        if needs_all {
            shards.extend(0..store.shard_count());
        } else if let Some(located) = located {
            if runner.hold.covers(&[located.shard()], access) {
                return Ok(true);
            }
            shards.push(located.shard());
        } else {
            let mut is_held = true;
            spec.for_each_key(&call, &mut |key| {
                is_held &= runner.hold.covers(&[store.shard_of(key)], access);
            });
            if is_held {
                return Ok(true);
            }
            spec.for_each_key(&call, &mut |key| shards.push(store.shard_of(key)));
            shards.sort_unstable();
            shards.dedup();
        }
        if runner.hold.covers(&shards, access) {
            return Ok(true);
        }
        if self.may_restart && !self.has_written {
            self.ended_by = Some(EndedBy::Reach);
            return Ok(false);
        }
        if runner.hold.extend(&shards, limits::REACH_PATIENCE) {
            return Ok(true);
        }
        let why = "ERR a key that the script has not declared in KEYS is in use by others; what the script has changed stays";
        Err(CommandError::text(why))
    }
}

impl ScriptServer for ScriptCalls<'_, '_, '_> {
    fn call(&mut self, request: Arguments<'_>, protocol: Protocol, out: &mut Vec<u8>) -> Called {
        if self.ended_by.is_some() {
            return Called::MustEnd;
        }
        let Ok(entry) = resolve(request) else {
            Reply::new(out, protocol).error("ERR Unknown Redis command called from script");
            return Called::Replied;
        };
        let spec = entry.spec;
        let own_arguments = if entry.is_subcommand { request.skip(1) } else { request };
        let access = if spec.may_write() { Access::Write } else { Access::Read };
        let store = &self.unit.runner().host.store;
        // As for a client's request: such a command has one key, argument 1.
        let located = request.get(1).filter(|_| spec.lookahead.is_some()).map(|key| store.locate(key));
        let checked =
            self.check(entry, request).and_then(|()| self.holds(spec, own_arguments, located, access));
        let checked = match checked {
            Ok(false) => return Called::MustEnd,
            Ok(true) => Ok(()),
            Err(error) => Err(error),
        };
        if checked.is_ok() && (spec.may_write() || spec.is(Manner::Publishes)) {
            self.has_written = true;
            if let Some(slow) = &self.slow {
                slow.note_write();
            }
        }
        self.unit.for_script(protocol, |runner| {
            runner.respond(Some(entry), request, out, |runner, reply| {
                checked.map_err(Refusal::Rejected)?;
                runner.run_command(entry, request, located, reply).map(|()| Passed::Run)
            });
        });
        Called::Replied
    }

    fn may_call(&mut self, request: Arguments<'_>) -> Option<bool> {
        let entry = resolve(request).ok()?;
        entry.spec.accepts(request.len()).then_some(())?;
        Some(self.unit.runner().may_run(entry, request))
    }

    fn log(&mut self, level: ScriptLogLevel, message: &[u8]) {
        let message = String::from_utf8_lossy(message);
        match level {
            ScriptLogLevel::Debug => tracing::trace!("{message}"),
            ScriptLogLevel::Verbose => tracing::debug!("{message}"),
            ScriptLogLevel::Notice => tracing::info!("{message}"),
            ScriptLogLevel::Warning => tracing::warn!("{message}"),
        }
    }

    fn must_end(&mut self) -> bool {
        let runner = self.unit.runner();
        let (host, busy_ms) = (runner.host, runner.config.busy_reply_threshold_ms);
        let keeps_others_waiting = self.may_restart && !runner.terms.leeway.may_take_long();
        let elapsed_ns = host.clock.monotonic_ns().saturating_sub(self.started_ns);
        if keeps_others_waiting
            && !self.has_written
            && elapsed_ns > limits::SCRIPT_ON_THREAD.as_nanos() as u64
        {
            self.ended_by = Some(EndedBy::Time);
        }
        if self.slow.is_none() && busy_ms > 0 && elapsed_ns / 1_000_000 >= busy_ms {
            self.slow = Some(OverdueScript::new(
                &host.running_scripts,
                &host.interventions,
                self.has_written,
                ShownScript {
                    is_function: self.run.program.is_function(),
                    name: self.run.program.name(),
                    request: self.run.request.iter().map(Into::into).collect(),
                    started_ns: self.started_ns,
                },
            ));
        }
        match self.slow.as_ref().and_then(OverdueScript::ending) {
            Some(ScriptEnding::Killed) => self.ended_by = Some(EndedBy::Kill),
            Some(ScriptEnding::Abandoned) => self.ended_by = Some(EndedBy::Shutdown),
            None => {}
        }
        self.ended_by.is_some()
    }
}
