//! The call of a command's function, under the locks that its kind needs.

use super::runner::{Refusal, Runner, Scope};
use crate::commands::acl::enforcement::end_denied_wait;
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome, Stop};
use crate::commands::spec::table::TableEntry;
use crate::commands::spec::{AllKeys, Caller, Flag, Handler};
use crate::commands::state::session::NextStep;
use crate::commands::state::waiting::BlockedClient;
use crate::commands::state::waiting_request::WaitingRequest;
use crate::commands::state::wish::{Patience, Wish};
use crate::resp::reply::Reply;
use crate::resp::request::Arguments;
use crate::store::keys::interest::Waiter;
use crate::store::{Access, Basis, DAMAGE_TEXT, Hold, Located, Shards};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

impl Runner<'_> {
    /// Runs a command. `arguments` begin with its name, or its container's.
    pub(super) fn run_command(
        &mut self,
        entry: &'static TableEntry,
        arguments: Arguments<'_>,
        located: Option<Located<'_>>,
        reply: &mut Reply<'_>,
    ) -> Result<(), Refusal> {
        let own_arguments = if entry.is_subcommand { arguments.skip(1) } else { arguments };
        let call = self.call(own_arguments, located);
        let outcome = catch_unwind(AssertUnwindSafe(|| self.call_function(entry, &call, reply)));
        let outcome = outcome.unwrap_or_else(|_| Err(Refusal::Failed(self.note_panic(entry, &call))));
        let has_run = !matches!(outcome, Err(Refusal::TakesLong | Refusal::Paused | Refusal::Superseded));
        if has_run && self.host.interventions.has_monitors() {
            self.show_to_monitors(entry, arguments);
        }
        outcome
    }

    fn call_function(
        &mut self,
        entry: &TableEntry,
        call: &Call<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), Refusal> {
        let spec = entry.spec;
        let database = self.session.database;
        match spec.handler_of(call) {
            Handler::Read(run) => {
                self.hold_keys(spec, call, Access::Read)?;
                self.note_reads(spec, call);
                let ask = |hold: &mut Hold<'_>| run(hold.reader(database).knowing(call.located), call, reply);
                counting_once(&mut self.hold, ask)?;
            }
            Handler::Write(run) => {
                self.hold_keys(spec, call, Access::Write)?;
                self.note_reads(spec, call);
                let change =
                    |hold: &mut Hold<'_>| run(&mut hold.writer(database).knowing(call.located), call, reply);
                let outcome = counting_once(&mut self.hold, change);
                self.end_record();
                self.tell_own_changes();
                outcome?;
            }
            Handler::Blocking(wish) => {
                self.hold_keys(spec, call, Access::Write)?;
                let wish = wish(call).map_err(Stop::from)?;
                if let Some(elements) = &wish.elements {
                    call.announce(elements(self.hold.writer(database).reader()))?;
                }
                self.take_or_wait(entry.place, call, wish, reply)?;
            }
            Handler::OwnLocks(run) if self.locks_all_first(spec) => self.run_for_master(run, call, reply)?,
            Handler::OwnLocks(run) => {
                self.hold_nothing(spec, call)?;
                self.note_reads(spec, call);
                let shards = match self.scope {
                    Scope::Command => Shards::free(&self.host.store),
                    Scope::Unit { .. } => Shards::Held(&mut self.hold),
                };
                let mut keys = AllKeys { host: self.host, session: self.session, shards };
                let outcome = run(&mut keys, call, reply);
                let seq = keys.shards.rests_on();
                // Also behind it: a change between the first note and the read has used that up.
                self.note_reads(spec, call);
                // A reply given while the data are being read is about the server: INFO must not wait for the disk.
                if !spec.has(Flag::Loading) {
                    self.ran.rest_on(seq);
                    self.ran.has_written |= spec.may_write();
                }
                outcome?;
            }
            Handler::Session(run) => {
                self.hold_nothing(spec, call)?;
                let basis = match self.scope {
                    Scope::Command => Basis::Record(self.ran.seq),
                    Scope::Unit { .. } => Basis::Open(self.hold.open_record()),
                };
                let (host, session, next) = (self.host, &mut *self.session, &mut self.ran.next);
                let outcome =
                    run(&mut Caller { host, session, place: entry.place, basis, next }, call, reply);
                if self.scope == Scope::Command {
                    self.session.note_transaction();
                }
                outcome?;
            }
            Handler::Exec => self.exec(reply)?,
            Handler::Script(find) => self.run_script(find, call, reply)?,
            Handler::Admin(run) => {
                self.hold_nothing(spec, call)?;
                run(self.host, call, reply)?;
            }
            Handler::ReadOrJoin { .. } => unreachable!("a request is run by one of the two"),
            Handler::Container => unreachable!("a container's subcommand was resolved"),
        }
        Ok(())
    }

    /// Takes what a blocking command wants, or queues the client for it. In a unit no command waits. Its keys are held.
    fn take_or_wait(&mut self, place: usize, call: &Call<'_>, wish: Wish, reply: &mut Reply<'_>) -> Outcome {
        let database = self.session.database;
        let outcome = wish.take(&mut self.hold.writer(database), reply);
        self.end_record();
        self.tell_own_changes();
        if outcome? {
            return Ok(());
        }
        if wish.patience == Patience::None || self.scope != Scope::Command || self.session.is_masters() {
            wish.reply_none(reply);
            return Ok(());
        }
        let ticket = self.host.store.ticket();
        let waiting = Arc::new(BlockedClient::new(wish, ticket, database, reply.protocol()));
        for key in waiting.keys() {
            self.hold.writer(database).wait_for(key, Arc::clone(&waiting) as Arc<dyn Waiter>);
        }
        let client = &self.session.client;
        *client.waiting_request.lock() = Some(WaitingRequest::of(place, call.arguments));
        *client.waiting.lock() = Some(waiting);
        // A change of users that has not seen the wait has come before this.
        if let Some(user) = self.session.identity.changed(&self.host.users) {
            end_denied_wait(self.host, &self.session.client, user, self.config);
        }
        self.ran.next = NextStep::Wait;
        Ok(())
    }

    /// Handles a panic of a command: checks the values that the command may have left half changed, and returns the error
    /// for its client. The process continues.
    fn note_panic(&mut self, entry: &TableEntry, call: &Call<'_>) -> CommandError {
        tracing::error!(command = entry.full_name, "a command panicked; please report this");
        self.terms.stats.panics.add(1);
        if matches!(entry.spec.run, Handler::Write(_) | Handler::Blocking(_)) {
            let (hold, store, database) = (&self.hold, &self.host.store, self.session.database);
            entry.spec.for_each_key(call, &mut |key| {
                if hold.covers(&[store.shard_of(key)], Access::Read) && !hold.check(database, key) {
                    tracing::error!(database, key = %key.escape_ascii(), "the value of this key {DAMAGE_TEXT}");
                }
            });
        }
        self.release();
        CommandError::text("ERR internal error")
    }
}

/// Runs a command's function. One that stops because it takes long is run again, so its look-ups do not count yet.
fn counting_once<'b>(hold: &mut Hold<'b>, run: impl FnOnce(&mut Hold<'b>) -> Outcome) -> Outcome {
    let before = hold.lookups();
    let outcome = run(hold);
    if matches!(outcome, Err(Stop::TakesLong)) {
        hold.set_lookups(before);
    }
    outcome
}
