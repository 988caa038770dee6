//! Atomic units: commands that run one after the other under locks which are held already, and leave one record.
//!
//! Other clients see none of a unit's changes before its end, and neither does a restart. EXEC runs one.

use super::request::Passed;
use super::runner::{Refusal, Runner, Scope};
use crate::commands::call::error::{Outcome, Stop};
use crate::limits;
use crate::resp::Protocol;
use crate::resp::reply::ReplySource;
use crate::resp::request::Arguments;
use crate::store::{Access, Hold, ShardIndex};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// An atomic unit under way.
pub(super) struct AtomicUnit<'u, 'b>(&'u mut Runner<'b>);

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
        self.look_at_clock();
        self.latest = None;
        let result = catch_unwind(AssertUnwindSafe(|| run(&mut AtomicUnit(self))));
        self.look_at_clock();
        self.scope = Scope::Command;
        if result.is_ok() {
            self.hold.end_record();
        }
        self.release();
        result.or_else(|panic| resume_unwind(panic))
    }
}

impl<'b> AtomicUnit<'_, 'b> {
    /// The locks.
    pub(super) fn hold(&self) -> &Hold<'b> {
        &self.0.hold
    }

    /// The protocol that replies are written in from now on: HELLO changes it.
    pub(super) fn protocol(&self) -> Protocol {
        self.0.session.protocol
    }

    /// Runs the command at `place` in the table, which has been let through the gates, and appends its reply to `out`.
    /// Returns what the reply goes on with.
    pub(super) fn run(
        &mut self,
        place: usize,
        arguments: Arguments<'_>,
        out: &mut Vec<u8>,
    ) -> Option<Box<dyn ReplySource>> {
        self.0.respond(Some(place), arguments, out, |runner, reply| {
            // The user's permissions may have changed since it was let through.
            let denied = runner.check_permission(place, arguments);
            denied.map_err(|denied| Refusal::Rejected(denied.error_in_exec()))?;
            runner.run_command(place, arguments, None, reply).map(|()| Passed::Run)
        })
    }
}
