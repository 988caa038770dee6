//! Atomic units: commands that run one after the other under locks which are held already, and leave one record.
//!
//! Other clients see none of a unit's changes before its end, and neither does a restart. EXEC runs one.

use super::request::Passed;
use super::runner::{Refusal, Runner, Scope};
use crate::commands::call::error::{Outcome, Stop};
use crate::commands::spec::table::TableEntry;
use crate::limits;
use crate::resp::Protocol;
use crate::resp::reply::ReplySource;
use crate::resp::request::Arguments;
use crate::store::{Access, Hold, ShardIndex};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// An atomic unit under way.
pub(super) struct AtomicUnit<'u, 'b> {
    runner: &'u mut Runner<'b>,
    /// Whether it is part of another unit.
    is_nested: bool,
}

impl<'b> Runner<'b> {
    /// Lets `run` run commands as a unit. `shards`, ascending and without repetition, are those of every key that any of
    /// them touches, and all shards if one of them takes its own locks. `reach` is called when they are held for writing
    /// and may take further ones.
    ///
    /// # Errors
    /// [`Stop::TakesLong`] if the locks cannot be had within the time that the thread has for it. Nothing was run then.
    pub(super) fn in_unit<T>(
        &mut self,
        mut shards: Vec<ShardIndex>,
        access: Access,
        reach: impl FnOnce(&mut Self, &mut Vec<ShardIndex>) -> Outcome,
        run: impl FnOnce(&mut AtomicUnit<'_, 'b>) -> T,
    ) -> Result<T, Stop> {
        self.release();
        self.lock(&shards, access)?;
        if access == Access::Write {
            reach(self, &mut shards)?;
        }
        self.scope = Scope::Unit { elements_at_once: limits::ELEMENTS_ON_THREAD };
        if self.terms.leeway.may_take_long() || self.hold.has_waited() {
            self.look_at_clock();
        }
        (self.latest, self.session.unit_time_us) = (None, None);
        let result =
            catch_unwind(AssertUnwindSafe(|| run(&mut AtomicUnit { runner: self, is_nested: false })));
        if self.timing.is_open() {
            self.look_at_clock();
        }
        self.scope = Scope::Command;
        if result.is_ok() {
            self.close_record();
        }
        self.release();
        if std::mem::take(&mut self.session.owes_save) {
            self.host.process.save_flushed();
        }
        result.or_else(|panic| resume_unwind(panic))
    }
}

impl<'b> Runner<'b> {
    /// The unit that is under way, for a script within it.
    pub(super) fn as_unit(&mut self) -> AtomicUnit<'_, 'b> {
        AtomicUnit { runner: self, is_nested: true }
    }
}

impl<'b> AtomicUnit<'_, 'b> {
    /// The batch under way.
    pub(super) fn runner(&mut self) -> &mut Runner<'b> {
        self.runner
    }

    /// Whether it is part of another unit.
    pub(super) fn is_nested(&self) -> bool {
        self.is_nested
    }

    /// Its changes so far, and those before it in the same unit, are not recorded: the server stops without them.
    pub(super) fn abandon(&mut self) {
        self.runner.hold.abandon();
    }

    /// Calls `run` for a script's call, whose reply is in `protocol` and is not left for later.
    pub(super) fn for_script(&mut self, protocol: Protocol, run: impl FnOnce(&mut Runner<'b>)) {
        let scope = std::mem::replace(&mut self.runner.scope, Scope::Unit { elements_at_once: usize::MAX });
        let of_client = std::mem::replace(&mut self.runner.session.protocol, protocol);
        run(self.runner);
        self.runner.scope = scope;
        self.runner.session.protocol = of_client;
    }

    /// The locks.
    pub(super) fn hold(&self) -> &Hold<'b> {
        &self.runner.hold
    }

    /// The protocol that replies are written in from now on: HELLO changes it.
    pub(super) fn protocol(&self) -> Protocol {
        self.runner.session.protocol
    }

    /// Runs a command, which has been let through the gates, and appends its reply to `out`.
    /// Returns what the reply goes on with.
    pub(super) fn run(
        &mut self,
        entry: &'static TableEntry,
        arguments: Arguments<'_>,
        out: &mut Vec<u8>,
    ) -> Option<Box<dyn ReplySource>> {
        self.runner.respond(Some(entry), arguments, out, |runner, reply| {
            // The user's permissions may have changed since it was let through.
            let denied = runner.check_permission(entry, arguments);
            denied.map_err(|denied| Refusal::Rejected(denied.error_in_exec()))?;
            runner.run_command(entry, arguments, None, reply).map(|()| Passed::Run)
        })
    }
}
