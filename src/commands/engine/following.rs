//! What the engine asks where the server follows a master: clients may change nothing, and perhaps see nothing; the master's
//! commands run under its authority, and only while it is followed.

use super::runner::{Refusal, Runner};
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{AllKeys, CommandSpec, Flag, Handler};
use crate::resp::reply::Reply;
use crate::store::{Access, ShardIndex, Shards};

impl Runner<'_> {
    /// Whether writes of this session are refused because the server follows a master.
    pub(super) fn refuses_writes(&self) -> bool {
        self.host.store.refuses_clients() && !self.session.is_masters()
    }

    /// Refuses a write of a client. It is asked at the gates, and again when the locks are held: the server may have begun to
    /// follow a master in between.
    #[inline]
    pub(super) fn check_role(&self, spec: &CommandSpec) -> Result<(), CommandError> {
        if self.host.store.refuses_clients() { self.check_following(spec) } else { Ok(()) }
    }

    #[inline(never)]
    fn check_following(&self, spec: &CommandSpec) -> Result<(), CommandError> {
        let writes = self.has_any(spec, |spec| spec.has(Flag::Write)) || self.queued_scripts(spec).write;
        if writes && self.refuses_writes() {
            return Err(self.role_error());
        }
        Ok(())
    }

    /// What a client whose write is refused is told.
    pub(super) fn role_error(&self) -> CommandError {
        if self.host.upstream.awaits_leader() { CommandError::NO_LEADER } else { CommandError::READ_ONLY }
    }

    /// Refuses most commands while the link to the master is down, if data that may be old must not be shown.
    #[inline]
    pub(super) fn check_link(&self, spec: &CommandSpec) -> Result<(), CommandError> {
        if self.host.upstream.is_stale() { self.check_stale(spec) } else { Ok(()) }
    }

    #[inline(never)]
    fn check_stale(&self, spec: &CommandSpec) -> Result<(), CommandError> {
        let needs_new =
            self.has_any(spec, |spec| !spec.has(Flag::Stale)) || self.queued_scripts(spec).need_new_data;
        if !self.config.replica.serve_stale_data && needs_new {
            return Err(CommandError::MASTER_DOWN);
        }
        Ok(())
    }

    /// Whether the command is such a one, or runs such a one.
    fn has_any(&self, spec: &CommandSpec, is_one: impl Fn(&CommandSpec) -> bool) -> bool {
        is_one(spec) || matches!(spec.run, Handler::Exec) && self.queued().any(is_one)
    }

    /// Whether the command is a master's that takes its own locks: they are all taken before it, so that its record says where
    /// in the stream it ends.
    pub(super) fn locks_all_first(&self, spec: &CommandSpec) -> bool {
        self.session.is_masters() && self.scope == super::runner::Scope::Command && spec.has(Flag::Write)
    }

    /// Runs a master's command that takes its own locks.
    pub(super) fn run_for_master(
        &mut self,
        run: fn(&mut AllKeys<'_, '_>, &Call<'_>, &mut Reply<'_>) -> Outcome,
        call: &Call<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), Refusal> {
        self.release();
        let all: Vec<ShardIndex> = (0..self.host.store.shard_count()).collect();
        self.lock(&all, Access::Write)?;
        let shards = Shards::Held(&mut self.hold);
        let outcome = run(&mut AllKeys { host: self.host, session: self.session, shards }, call, reply);
        self.close_record();
        self.release();
        Ok(outcome?)
    }
}
