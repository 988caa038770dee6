//! The gates: checks that a request must pass before its command is run or queued.

use super::runner::{Runner, Scope};
use crate::commands::acl::log::{Denial, DenialContext};
use crate::commands::acl::permission::{Denied, Wanted, note};
use crate::commands::call::Call;
use crate::commands::call::error::CommandError;
use crate::commands::spec::table::TableEntry;
use crate::commands::spec::{CommandSpec, Flag, Handler, Manner};
use crate::commands::state::interventions::{PauseCause, Paused};
use crate::commands::state::memory::Headroom;
use crate::limits;
use crate::resp::request::Arguments;

impl Runner<'_> {
    /// Checks all but the keys, in Redis's order.
    pub(super) fn ask_gates(
        &mut self,
        entry: &'static TableEntry,
        arguments: Arguments<'_>,
    ) -> Result<(), CommandError> {
        check_arity(entry, arguments)?;
        if self.session.is_masters() {
            // The master has let it through its own.
            return Ok(());
        }
        self.check_authenticated(entry.spec)?;
        self.check_transaction(entry.spec)?;
        self.check_permission(entry, arguments)
            .map_err(|denied| denied.error(self.session.identity.user(), entry.place))?;
        if let Handler::Script(find) = entry.spec.run {
            self.check_declared(find, arguments)?;
        }
        self.check_memory(entry.spec)?;
        self.check_role(entry.spec)?;
        self.check_journal(entry.spec)?;
        self.check_replicas(entry.spec)?;
        self.check_listening(entry)?;
        self.check_link(entry.spec)?;
        self.check_loading(entry.spec)
    }

    /// Whether the gates, which the command has passed, would let it through again with any arguments of the right number, once
    /// it has run: it changes nothing but keys, and its client may do everything. Pipelines are mostly of one command. The gates are asked
    /// again for each window.
    #[inline]
    pub(super) fn asks_no_more(&self, spec: &CommandSpec) -> bool {
        matches!(spec.run, Handler::Read(_) | Handler::Write(_))
            && self.config.memory.max_bytes == 0
            && self.session.identity.may_do_everything(&self.host.users)
    }

    pub(super) fn check_authenticated(&self, spec: &CommandSpec) -> Result<(), CommandError> {
        if self.session.must_authenticate(&self.host.users) && !spec.has(Flag::NoAuth) {
            return Err(CommandError::text("NOAUTH Authentication required."));
        }
        Ok(())
    }

    /// Asks whether the client's user may run the request, and notes it if not.
    #[inline]
    pub(super) fn check_permission(
        &mut self,
        entry: &'static TableEntry,
        arguments: Arguments<'_>,
    ) -> Result<(), Denied> {
        if self.session.identity.may_do_everything(&self.host.users) {
            return Ok(());
        }
        self.ask_user(entry, arguments)
    }

    #[inline(never)]
    fn ask_user(&mut self, entry: &'static TableEntry, arguments: Arguments<'_>) -> Result<(), Denied> {
        if entry.spec.has(Flag::NoAuth) || self.session.is_masters() {
            return Ok(());
        }
        let own_arguments = if entry.is_subcommand { arguments.skip(1) } else { arguments };
        let call = self.call(own_arguments, None);
        let wanted = Wanted { place: entry.place, call: &call };
        self.session.identity.check(&self.host.users, wanted).inspect_err(|denied| {
            if let Some(denial) = Denial::of(denied, entry.place, self.session.identity.user()) {
                let denial = Denial { context: self.denial_context(), ..denial };
                note(self.host, &self.session.client, self.requested.unwrap_or(entry).place, denial);
            }
        })
    }

    fn denial_context(&self) -> DenialContext {
        if self.timing.is_in_script {
            DenialContext::Script
        } else if self.scope != Scope::Command || self.session.transaction.is_some() {
            DenialContext::Transaction
        } else {
            DenialContext::TopLevel
        }
    }

    /// Whether the client's user may run the request. Nothing is noted of it.
    pub(super) fn may_run(&mut self, entry: &TableEntry, arguments: Arguments<'_>) -> bool {
        let own_arguments = if entry.is_subcommand { arguments.skip(1) } else { arguments };
        let call = self.call(own_arguments, None);
        self.session.identity.check(&self.host.users, Wanted { place: entry.place, call: &call }).is_ok()
    }

    /// Refuses a command that needs the data while they are still being read.
    pub(super) fn check_loading(&self, spec: &CommandSpec) -> Result<(), CommandError> {
        if self.host.is_loading() && !spec.has(Flag::Loading) {
            return Err(CommandError::LOADING);
        }
        Ok(())
    }

    /// Refuses a command that cannot be part of a transaction.
    fn check_transaction(&self, spec: &CommandSpec) -> Result<(), CommandError> {
        if self.session.transaction.is_some() && spec.has(Flag::NoMulti) {
            return Err(CommandError::text("ERR Command not allowed inside a transaction"));
        }
        Ok(())
    }

    /// Evicts keys while more memory is used than allowed, and refuses a command that may need more where that does not
    /// help.
    fn check_memory(&mut self, spec: &CommandSpec) -> Result<(), CommandError> {
        if self.config.memory.max_bytes == 0 { Ok(()) } else { self.check_bounded_memory(spec) }
    }

    #[inline(never)]
    fn check_bounded_memory(&mut self, spec: &CommandSpec) -> Result<(), CommandError> {
        let needs_memory = match spec.run {
            Handler::Exec => {
                self.queued().any(|spec| spec.has(Flag::Denyoom)) || self.queued_scripts(spec).need_memory
            }
            _ => spec.has(Flag::Denyoom),
        };
        if needs_memory && self.host.is_short_of_memory(self.config) && self.make_room() == Headroom::None {
            return Err(CommandError::text("OOM command not allowed when used memory > 'maxmemory'."));
        }
        Ok(())
    }

    /// Evicts keys. The locks that are held are given back first.
    #[cold]
    pub(super) fn make_room(&mut self) -> Headroom {
        self.release();
        let (room, seq) = self.host.make_room(self.config);
        self.ran.rest_on(seq);
        room
    }

    /// Refuses most commands of a client that is subscribed by RESP2, in which it cannot distinguish replies from messages.
    fn check_listening(&self, entry: &TableEntry) -> Result<(), CommandError> {
        if self.session.only_listens() && !entry.spec.is(Manner::RunsWhileListening) {
            return Err(CommandError::new(format!(
                "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in \
                 this context",
                entry.full_name
            )));
        }
        Ok(())
    }

    /// Refuses a command on a key whose value a panic has damaged, unless the command removes the key. Called once a
    /// command, when the locks that it needs are held.
    #[inline]
    pub(super) fn check_damage(&self, spec: &CommandSpec, call: &Call<'_>) -> Result<(), CommandError> {
        if self.host.store.has_damage() { self.look_for_damage(spec, call) } else { Ok(()) }
    }

    #[cold]
    fn look_for_damage(&self, spec: &CommandSpec, call: &Call<'_>) -> Result<(), CommandError> {
        let store = &self.host.store;
        if spec.is(Manner::RemovesKeys) {
            return Ok(());
        }
        let mut is_damaged = false;
        spec.for_each_key(call, &mut |key| is_damaged |= store.is_damaged(self.session.database, key));
        if is_damaged { Err(CommandError::damaged()) } else { Ok(()) }
    }

    /// Refuses writes while there are fewer replicas than there have to be.
    pub(super) fn check_replicas(&self, spec: &CommandSpec) -> Result<(), CommandError> {
        let wanted = self.config.replication.min_replicas_to_write;
        if wanted == 0 { Ok(()) } else { self.check_wanted_replicas(spec, wanted) }
    }

    #[cold]
    fn check_wanted_replicas(&self, spec: &CommandSpec, wanted: usize) -> Result<(), CommandError> {
        let runs_writes = matches!(spec.run, Handler::Exec)
            && (self.queued().any(CommandSpec::may_write) || self.queued_scripts(spec).write);
        if spec.may_write() || runs_writes { self.want_replicas(wanted) } else { Ok(()) }
    }

    /// Refuses a write if there are fewer than `wanted` replicas.
    pub(super) fn want_replicas(&self, wanted: usize) -> Result<(), CommandError> {
        let max_lag_s = self.config.replication.min_replicas_max_lag_s;
        if wanted > 0 && max_lag_s > 0 && self.host.process.good_replicas(max_lag_s) < wanted {
            return Err(CommandError::text("NOREPLICAS Not enough good replicas to write."));
        }
        Ok(())
    }

    /// Refuses writes, and commands that probe for them, while the journal cannot take records. Where it can do so soon, writes are
    /// held back instead.
    fn check_journal(&self, spec: &CommandSpec) -> Result<(), CommandError> {
        // As in Redis, a replica refuses nothing but writes then.
        let probes = !self.host.upstream.is_set();
        let is_write = |spec: &CommandSpec| spec.may_write() || probes && spec.is(Manner::ProbesWrites);
        let runs_writes = matches!(spec.run, Handler::Exec)
            && (self.queued().any(is_write) || self.queued_scripts(spec).write);
        // What a script writes is refused when it does.
        let is_script = matches!(spec.run, Handler::Script(_));
        match is_write(spec) || runs_writes || is_script {
            true => self.heed_refusal(is_script),
            false => Ok(()),
        }
    }

    fn heed_refusal(&self, is_script: bool) -> Result<(), CommandError> {
        let Some(why) = self.host.process.write_refusal() else { return Ok(()) };
        if self.host.process.awaits_base() {
            // The pause is heeded behind the gates.
            let now_ms = self.host.clock.now_ms();
            let until_ms = now_ms + limits::BASE_PAUSE_MS;
            self.host.interventions.begin_pause(PauseCause::Journal, Paused::Writes, until_ms, now_ms);
            return Ok(());
        }
        if is_script {
            return Ok(());
        }
        Err(CommandError::new(format!("MISCONF Errors writing to the AOF file: {why}")))
    }
}

pub(super) fn check_arity(entry: &TableEntry, arguments: Arguments<'_>) -> Result<(), CommandError> {
    if entry.spec.accepts(arguments.len()) { Ok(()) } else { Err(CommandError::arity(&entry.full_name)) }
}
