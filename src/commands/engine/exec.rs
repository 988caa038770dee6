//! EXEC: the requests that were queued since MULTI, run as one unit, unless a watched key has changed.

use super::runner::{Runner, Scope};
use super::unit::AtomicUnit;
use crate::commands::call::error::{CommandError, Outcome, Stop};
use crate::commands::spec::table::{TableEntry, table};
use crate::commands::spec::{CommandSpec, Flag, Handler};
use crate::commands::state::session::NextStep;
use crate::commands::state::transaction::{Transaction, Watching};
use crate::resp::reply::{Reply, ReplySource};
use crate::resp::sequence::ReplySequence;
use crate::store::{Access, ShardIndex};

impl Runner<'_> {
    pub(super) fn exec(&mut self, reply: &mut Reply<'_>) -> Outcome {
        let Some(transaction) = self.session.transaction.take() else {
            return Err(CommandError::text("ERR EXEC without MULTI").into());
        };
        // The session must not have it meanwhile: UNWATCH as one of the requests would lock the watched keys again.
        let watching = self.session.watching.take().unwrap_or_default();
        let outcome = self.run_transaction(&transaction, &watching, reply);
        if matches!(outcome, Err(Stop::TakesLong | Stop::Paused)) {
            self.session.transaction = Some(transaction);
            self.session.watching = Some(watching);
            return outcome;
        }
        watching.end(&self.host.store);
        self.session.note_transaction();
        outcome
    }

    fn run_transaction(
        &mut self,
        transaction: &Transaction,
        watching: &Watching,
        reply: &mut Reply<'_>,
    ) -> Outcome {
        if transaction.must_abort {
            self.release();
            let why = "EXECABORT Transaction discarded because of previous errors.";
            return Err(CommandError::text(why).into());
        }
        let runs_scripts = transaction
            .places
            .iter()
            .any(|place| matches!(table().entries()[*place].spec.run, Handler::Script(_)));
        if runs_scripts && !self.terms.leeway.may_take_long() {
            return Err(Stop::TakesLong);
        }
        let (shards, access) = self.shards_of(transaction, watching);
        let reach = |runner: &mut Self, shards: &mut Vec<ShardIndex>| {
            let writes = |place: &usize| table().entries()[*place].spec.has(Flag::Write);
            let writes = transaction.scripts.write || transaction.places.iter().any(writes);
            if writes && runner.refuses_writes() {
                return Err(CommandError::aborted_because(&runner.role_error()).into());
            }
            runner.hold_for_waiters_of_transaction(transaction, shards)
        };
        self.ran.rest = self.in_unit(shards, access, reach, |unit| {
            if watching.is_broken(unit.hold()) {
                reply.null_array();
                return None;
            }
            run_queued(unit, transaction, reply)
        })?;
        Ok(())
    }

    /// The shards that a transaction touches or watches, and how.
    fn shards_of(&self, transaction: &Transaction, watching: &Watching) -> (Vec<ShardIndex>, Access) {
        let store = &self.host.store;
        let mut shards: Vec<ShardIndex> = Vec::new();
        let mut access = Access::Read;
        for (place, arguments) in transaction.places.iter().zip(transaction.requests.iter()) {
            let entry = &table().entries()[*place];
            let arguments = if entry.is_subcommand { arguments.skip(1) } else { arguments };
            let call = self.call(arguments, None);
            entry.spec.for_each_key(&call, &mut |key| shards.push(store.shard_of(key)));
            // A script may use keys that it does not declare.
            if matches!(entry.spec.run, Handler::OwnLocks(_) | Handler::Script(_))
                || entry.spec.finds_keys(&call)
            {
                shards.extend(0..store.shard_count());
            }
            if entry.spec.may_write() || matches!(entry.spec.run, Handler::Script(_)) {
                access = Access::Write;
            }
        }
        shards.extend(watching.keys().map(|key| store.shard_of(key)));
        shards.sort_unstable();
        shards.dedup();
        (shards, access)
    }

    /// The commands queued since MULTI.
    pub(super) fn queued(&self) -> impl Iterator<Item = &'static CommandSpec> {
        let places = self.session.transaction.iter().flat_map(|transaction| &transaction.places);
        places.map(|place| table().entries()[*place].spec)
    }

    /// A request was rejected with `error`. If it was to be queued, EXEC will run nothing; if it was EXEC, there is no
    /// transaction any more. Returns the error to reply with.
    pub(super) fn abort_transaction(
        &mut self,
        command: Option<&TableEntry>,
        error: CommandError,
    ) -> CommandError {
        let is_exec = command.is_some_and(|entry| matches!(entry.spec.run, Handler::Exec));
        // A script's call of EXEC ends nothing of its client.
        if is_exec && self.scope == Scope::Command {
            self.session.transaction = None;
            self.release();
            self.session.stop_watching(self.host);
            self.session.note_transaction();
            return CommandError::aborted_because(&error);
        }
        if let Some(transaction) = &mut self.session.transaction {
            transaction.must_abort = true;
        }
        error
    }

    /// A client whose transaction outgrows `client-query-buffer-limit` is disconnected, as in Redis.
    pub(super) fn check_queue(&mut self) {
        let bytes = self.session.transaction.as_ref().map_or(0, |transaction| transaction.requests.bytes());
        if bytes > self.config.client_query_buffer_limit_bytes {
            tracing::warn!(peer = %self.session.client.peer.address, "transaction too large, disconnecting");
            self.host.clients.count_overlong();
            self.ran.next = NextStep::Drop;
        }
    }
}

/// Runs the queued requests and writes their replies up to the first that has a rest. Returns that rest, and the replies
/// behind it.
fn run_queued(
    unit: &mut AtomicUnit<'_, '_>,
    transaction: &Transaction,
    reply: &mut Reply<'_>,
) -> Option<Box<dyn ReplySource>> {
    reply.array(transaction.places.len());
    let mut sequence = ReplySequence::default();
    // Where in the output the bytes begin that belong behind what is in the sequence.
    let mut behind = 0;
    for (place, arguments) in transaction.places.iter().zip(transaction.requests.iter()) {
        let protocol = unit.protocol();
        if let Some(rest) = unit.run(&table().entries()[*place], arguments, reply.out()) {
            if sequence.is_empty() {
                behind = reply.out().len();
            }
            sequence.push_bytes(reply.out().split_off(behind));
            sequence.push_source(rest, protocol);
        }
    }
    if sequence.is_empty() {
        return None;
    }
    sequence.push_bytes(reply.out().split_off(behind));
    Some(Box::new(sequence))
}
