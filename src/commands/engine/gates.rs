//! The gates: what a request is asked before its command is run.

use super::execute::{Batch, for_each_key};
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::table::Entry;
use crate::commands::spec::{CommandSpec, Flag, Manner, Run};
use crate::resp::request::Arguments;

impl Batch<'_> {
    /// The gates, in Redis's order.
    pub(in crate::commands) fn ask_gates(&self, entry: &Entry, arguments: Arguments<'_>) -> Outcome {
        check_arity(entry, arguments)?;
        self.check_authenticated(entry.spec)?;
        self.check_transaction(entry.spec)?;
        self.check_journal(entry.spec)?;
        self.check_listening(entry)?;
        self.check_loading(entry.spec)
    }

    pub(in crate::commands) fn check_authenticated(&self, spec: &CommandSpec) -> Result<(), CommandError> {
        if self.session.must_authenticate(self.config) && !spec.has(Flag::NoAuth) {
            return Err(CommandError::text("NOAUTH Authentication required."));
        }
        Ok(())
    }

    /// Refuses what needs the data while they are still being read.
    pub(in crate::commands) fn check_loading(&self, spec: &CommandSpec) -> Result<(), CommandError> {
        if self.host.is_loading() && !spec.has(Flag::Loading) {
            return Err(CommandError::LOADING);
        }
        Ok(())
    }

    /// Refuses what makes no sense in a transaction.
    fn check_transaction(&self, spec: &CommandSpec) -> Result<(), CommandError> {
        if self.session.transaction.is_some() && spec.has(Flag::NoMulti) {
            return Err(CommandError::text("ERR Command not allowed inside a transaction"));
        }
        Ok(())
    }

    /// Refuses what would be answered between messages, where RESP2 cannot tell the two apart.
    fn check_listening(&self, entry: &Entry) -> Result<(), CommandError> {
        if self.session.only_listens() && !entry.spec.is(Manner::RunsWhileListening) {
            return Err(CommandError::new(format!(
                "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in \
                 this context",
                entry.full_name
            )));
        }
        Ok(())
    }

    /// Refuses what a key that a panic has left damaged would be asked for; to remove it is possible.
    pub(in crate::commands) fn check_damage(&self, spec: &CommandSpec, call: &Call<'_>) -> Outcome {
        let store = &self.host.store;
        if !store.has_damage() || spec.is(Manner::RemovesKeys) {
            return Ok(());
        }
        let mut is_damaged = false;
        for_each_key(spec, call, &mut |key| is_damaged |= store.is_damaged(self.session.database, key));
        if is_damaged { Err(CommandError::DAMAGED) } else { Ok(()) }
    }

    /// Refuses writes, and what probes for them, while the journal cannot take them.
    fn check_journal(&self, spec: &CommandSpec) -> Result<(), CommandError> {
        let is_write = |spec: &CommandSpec| spec.may_write() || spec.is(Manner::ProbesWrites);
        let runs_writes = matches!(spec.run, Run::Queued) && self.queued().any(is_write);
        if (is_write(spec) || runs_writes)
            && let Some(why) = self.host.process.write_refusal()
        {
            return Err(CommandError::new(format!("MISCONF Errors writing to the AOF file: {why}")));
        }
        Ok(())
    }
}

fn check_arity(entry: &Entry, arguments: Arguments<'_>) -> Result<(), CommandError> {
    if entry.spec.accepts(arguments.len()) { Ok(()) } else { Err(CommandError::arity(&entry.full_name)) }
}
