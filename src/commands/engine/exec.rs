//! EXEC: a transaction's requests, run as one.
//!
//! Between MULTI and EXEC requests are queued. EXEC takes the locks of every key that any of them touches, and of every
//! watched one, runs them all and leaves one record: nobody sees the middle, and neither does a restart.

use super::execute::{Batch, for_each_key};
use super::prepared::Prepared;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::table::table;
use crate::commands::spec::{CommandSpec, Flag, Run};
use crate::commands::state::session::Next;
use crate::commands::state::transaction::{Transaction, Watching};
use crate::limits;
use crate::resp::reply::Reply;
use crate::resp::sequence::ReplySequence;
use crate::store::{Access, ShardIndex};

impl Batch<'_> {
    /// EXEC: runs the queued requests under one hold and as one record.
    pub(in crate::commands) fn run_queued(&mut self, reply: &mut Reply<'_>) -> Outcome {
        let Some(transaction) = self.session.transaction.take() else {
            return Err(CommandError::text("ERR EXEC without MULTI"));
        };
        self.release();
        // Not the session's any more: UNWATCH, run under these locks, would want them again.
        let watching = self.session.watching.take().unwrap_or_default();
        let outcome = self.run_transaction(&transaction, &watching, reply);
        if outcome == Err(CommandError::TAKES_LONG) {
            self.session.transaction = Some(transaction);
            self.session.watching = Some(watching);
            return outcome;
        }
        self.in_transaction = false;
        self.session.open_record = None;
        self.release();
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
            return Err(CommandError::text("EXECABORT Transaction discarded because of previous errors."));
        }
        self.hold_for_transaction(transaction, watching)?;
        if watching.is_broken(&self.hold) {
            reply.null_array();
            return Ok(());
        }
        self.in_transaction = true;
        self.look_at_clock();
        self.elements_at_once = limits::ELEMENTS_ON_THREAD;
        reply.array(transaction.places.len());
        let mut sequence = ReplySequence::default();
        // Where in the output the bytes begin that belong behind what is in the sequence.
        let mut behind = 0;
        for (place, arguments) in transaction.places.iter().zip(transaction.requests.iter()) {
            let request = Prepared { arguments, resolved: Ok(*place), located: None };
            let protocol = self.session.protocol;
            self.run_request(&request, reply.out());
            if let Some(source) = self.session.rest.take() {
                if sequence.is_empty() {
                    behind = reply.out().len();
                }
                sequence.push_bytes(reply.out().split_off(behind));
                sequence.push_source(source, protocol);
            }
        }
        self.look_at_clock();
        self.hold.end_record();
        if !sequence.is_empty() {
            sequence.push_bytes(reply.out().split_off(behind));
            self.session.rest = Some(Box::new(sequence));
        }
        Ok(())
    }

    /// Takes the locks of every shard that a transaction touches or watches.
    fn hold_for_transaction(&mut self, transaction: &Transaction, watching: &Watching) -> Outcome {
        let store = &self.host.store;
        let mut shards: Vec<ShardIndex> = Vec::new();
        let mut access = Access::Read;
        for (place, arguments) in transaction.places.iter().zip(transaction.requests.iter()) {
            let entry = &table().entries()[*place];
            let arguments = if entry.is_subcommand { arguments.skip(1) } else { arguments };
            let call = self.call(arguments, None);
            for_each_key(entry.spec, &call, &mut |key| shards.push(store.shard_of(key)));
            if matches!(entry.spec.run, Run::Keyspace(_)) {
                shards.extend(0..store.shard_count());
            }
            if entry.spec.has(Flag::Write) {
                access = Access::Write;
            }
        }
        shards.extend(watching.keys().map(|key| store.shard_of(key)));
        shards.sort_unstable();
        shards.dedup();
        self.lock(&shards, access)?;
        match access {
            Access::Read => Ok(()),
            Access::Write => self.hold_for_waiters_of_transaction(transaction, shards),
        }
    }

    /// The commands queued since MULTI.
    pub(in crate::commands) fn queued(&self) -> impl Iterator<Item = &'static CommandSpec> {
        let places = self.session.transaction.iter().flat_map(|transaction| &transaction.places);
        places.map(|place| table().entries()[*place].spec)
    }

    /// A request that was refused while it was to be queued, or EXEC itself, takes the transaction with it.
    pub(in crate::commands) fn abort_transaction(
        &mut self,
        place: Option<usize>,
        error: CommandError,
    ) -> CommandError {
        let is_exec = place.is_some_and(|place| matches!(table().entries()[place].spec.run, Run::Queued));
        if is_exec {
            self.session.transaction = None;
            self.release();
            self.session.stop_watching(self.host);
            self.session.note_transaction();
            let why = error.0.strip_prefix("ERR ").unwrap_or(&error.0);
            return CommandError::new(format!("EXECABORT Transaction discarded because of: {why}"));
        }
        if let Some(transaction) = &mut self.session.transaction {
            transaction.must_abort = true;
        }
        error
    }

    /// A client whose transaction outgrows `client-query-buffer-limit` is disconnected, as in Redis.
    pub(in crate::commands) fn check_queue(&mut self) {
        let bytes = self.session.transaction.as_ref().map_or(0, |transaction| transaction.requests.bytes());
        if bytes > self.config.client_query_buffer_limit_bytes {
            tracing::warn!(peer = %self.session.client.address, "transaction too large, disconnecting");
            self.session.next = Next::Drop;
        }
    }
}
