//! Runs requests: finds the command, asks the gates, takes the locks, calls it, and sees to its reply.
//!
//! The requests of one read of a socket run as one batch. Neighbours that need the same shard run under one
//! acquisition of its lock, and their records reach the journal in one go.

use super::call::{Call, text};
use super::error::{CommandError, Outcome};
use super::host::Host;
use super::session::{Listening, Next, Session};
use super::sorted_sets::PREFETCHED_MEMBERS;
use super::sorted_sets::lookahead::prefetch;
use super::spec::{CommandSpec, Flag, Keys, Lookahead, Run};
use super::table::{Entry, table};
use super::transactions::{Transaction, Watching};
use super::waiting::{Waiting, Wish};
use crate::config::Config;
use crate::limits;
use crate::resp::reply::Reply;
use crate::resp::request::Arguments;
use crate::store::change::ChangeBuffer;
use crate::store::interest::Waiter;
use crate::store::{Access, Hold, ShardIndex, Shards, Value};
use smallvec::SmallVec;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Runs requests until there are none left, enough reply bytes wait to be sent, the connection is to close, or one takes
/// longer than the thread has time for. Returns how many it ran.
///
/// Replies are appended to `out`. Before they are sent, [`Session::unacknowledged`] must be on its way to disk as far
/// as the fsync policy says.
pub fn run_batch<'r>(
    host: &Host,
    session: &mut Session,
    mut requests: impl Iterator<Item = Arguments<'r>>,
    out: &mut Vec<u8>,
) -> usize {
    let config = host.config();
    let spare = std::mem::take(&mut session.changes);
    let mut batch = Batch {
        host,
        session,
        config: &config,
        hold: None,
        in_transaction: false,
        commands_in_hold: 0,
        contended: None,
        now_ms: 0,
        started_ns: 0,
        timed: None,
        spare,
    };
    let mut window: SmallVec<[Prepared<'r>; WINDOW]> = SmallVec::new();
    let (mut ran, mut last_command) = (0, None);
    'batch: loop {
        prepare(&mut requests, &mut window);
        batch.look_at_clock();
        if window.is_empty() {
            break;
        }
        let mut loaded = 0;
        for index in 0..window.len() {
            if batch.session.next != Next::Continue || out.len() >= limits::PENDING_REPLY_BYTES {
                break 'batch;
            }
            if index >= loaded {
                // A slip in there costs the loading ahead; the commands themselves are guarded one by one.
                let ahead = catch_unwind(AssertUnwindSafe(|| batch.load_ahead(&window[index..])));
                loaded = index + ahead.unwrap_or(1);
            }
            let (reply_start, listening) = (out.len(), batch.session.listening());
            let command = batch.run_request(&window[index], out);
            if batch.session.next == Next::Aside {
                break 'batch;
            }
            last_command = command.or(last_command);
            ran += 1;
            batch.take_mail(out, reply_start, listening);
        }
    }
    batch.release();
    batch.session.contended = batch.contended;
    let spare = std::mem::take(&mut batch.spare);
    drop(batch);
    session.changes = spare;
    session.client.last_active_ms.store(host.clock.now_ms(), Ordering::Relaxed);
    if last_command.is_some() {
        session.client.names.lock().last_command = last_command;
    }
    ran
}

/// Requests looked at before the first of them is run: as many as the processor can load memory for at once.
const WINDOW: usize = PREFETCHED_MEMBERS;

/// A request and its command, found or not.
struct Prepared<'r> {
    arguments: Arguments<'r>,
    /// Its command's place in the table, or what is wrong (with the place of the command whose subcommand is unknown).
    resolved: Result<usize, (Option<usize>, CommandError)>,
}

/// Fills `window` with the next requests.
fn prepare<'r>(
    requests: &mut impl Iterator<Item = Arguments<'r>>,
    window: &mut SmallVec<[Prepared<'r>; WINDOW]>,
) {
    window.clear();
    for arguments in requests.take(WINDOW) {
        // Pipelines repeat themselves: the same name is the same command, unless it has subcommands.
        let before = window.last().filter(|before| before.arguments.get(0) == arguments.get(0));
        let again = before.and_then(|before| before.resolved.as_ref().ok()).copied();
        let again = again.filter(|place| {
            let entry = &table().entries()[*place];
            entry.subcommands.is_empty() && !entry.is_subcommand
        });
        let resolved = again.map_or_else(|| resolve(arguments), Ok);
        window.push(Prepared { arguments, resolved });
    }
}

/// A batch on its way: the hold that its commands share.
struct Batch<'b> {
    host: &'b Host,
    session: &'b mut Session,
    config: &'b Config,
    hold: Option<Hold<'b>>,
    /// Whether the hold is a transaction's: it has every lock that is needed, is kept to the end, and is one record.
    in_transaction: bool,
    commands_in_hold: usize,
    /// See [`Session::contended`].
    contended: Option<ShardIndex>,
    /// The time by which the present command judges what has expired.
    now_ms: u64,
    /// When the command in `timed` began, or the first of several in a row.
    started_ns: u64,
    /// The place in the table of a command that has run, and whose time has not been counted yet.
    timed: Option<usize>,
    /// The Change buffer while no hold has it.
    spare: ChangeBuffer,
}

/// What became of a request that passed the gates.
enum Passed {
    Run,
    /// It waits for EXEC.
    Queued,
}

/// Why a request got an error: INFO counts the two apart.
enum Refusal {
    /// It was not run.
    Rejected(CommandError),
    /// It was run and failed.
    Failed(CommandError),
}

impl<'b> Batch<'b> {
    /// Starts loading what the first request and those like it right behind it will touch. Returns for how many.
    fn load_ahead(&mut self, window: &[Prepared<'_>]) -> usize {
        let first = &window[0];
        let Ok(place) = first.resolved else { return 1 };
        let spec = table().entries()[place].spec;
        let will_run = self.session.transaction.is_none();
        let Some(lookahead) = spec.lookahead.filter(|_| will_run) else { return 1 };
        let is_alike = |other: &&Prepared<'_>| {
            matches!(other.resolved, Ok(other) if other == place)
                && (lookahead == Lookahead::Key || other.arguments.get(1) == first.arguments.get(1))
        };
        let alike = window.iter().take_while(is_alike).count();
        let is_allowed = self.check_authenticated(spec).is_ok()
            && self.check_loading(spec).is_ok()
            && spec.accepts(first.arguments.len());
        if alike == 1 || !is_allowed {
            return alike;
        }
        if lookahead == Lookahead::Key {
            let keys = window[..alike].iter().filter_map(|request| request.arguments.get(1));
            self.host.store.load_ahead(self.session.database, keys);
        } else {
            let call = self.call(first.arguments);
            let access = if spec.has(Flag::Write) { Access::Write } else { Access::Read };
            let database = self.session.database;
            let Ok(hold) = self.hold_for(spec, &call, access) else { return 1 };
            let reader = hold.reader(database);
            // Of another type, or missing: each command will say so itself.
            if let Some(Value::Ranking(ranking)) = reader.peek(call.argument(1)) {
                prefetch(lookahead, ranking, window[..alike].iter().map(|request| request.arguments));
            }
        }
        alike
    }

    /// Runs one request and returns its command's place in the table, if it has one.
    fn run_request(&mut self, request: &Prepared<'_>, out: &mut Vec<u8>) -> Option<usize> {
        let arguments = request.arguments;
        if speaks_http(arguments) {
            tracing::debug!(peer = %self.session.client.address, "an HTTP request; disconnecting");
            self.session.next = Next::Drop;
            return None;
        }
        // Between short commands of one kind the looking would take as long as the commands.
        let goes_on =
            self.timed.is_some_and(|timed| is_short(timed) && request.resolved.as_ref() == Ok(&timed));
        if !goes_on {
            self.look_at_clock();
        }
        let reply_start = out.len();
        let mut reply = Reply::new(out, self.session.protocol);
        let (place, result) = match &request.resolved {
            Ok(place) => (Some(*place), self.pass_gates(*place, arguments, &mut reply)),
            Err((place, error)) => (*place, Err(Refusal::Rejected(error.clone()))),
        };
        if matches!(&result, Err(Refusal::Failed(error)) if *error == CommandError::TAKES_LONG) {
            out.truncate(reply_start);
            self.session.next = Next::Aside;
            return place;
        }
        let counters = place.map(|place| &self.session.stats.by_command[place]);
        if matches!(result, Ok(Passed::Run) | Err(Refusal::Failed(_))) {
            self.session.stats.commands.add(1);
            if let Some(counters) = counters {
                counters.calls.add(1);
                self.timed = place;
            }
        }
        if let Err(refusal) = result {
            let (error, was_rejected) = match refusal {
                Refusal::Rejected(error) => (error, true),
                Refusal::Failed(error) => (error, false),
            };
            if let Some(counters) = counters {
                (if was_rejected { &counters.rejected } else { &counters.failed }).add(1);
            }
            self.host.errors.count(error.code());
            let error = if was_rejected { self.abort_transaction(place, error) } else { error };
            out.truncate(reply_start);
            Reply::new(out, self.session.protocol).error(&error.0);
        }
        place
    }

    /// Looks at the clock: counts the time of what has run since the last time.
    fn look_at_clock(&mut self) {
        let now_ns = self.host.clock.monotonic_ns();
        if let Some(place) = self.timed.take() {
            let elapsed_ns = now_ns.saturating_sub(self.started_ns);
            self.session.stats.by_command[place].nanoseconds.add(elapsed_ns);
        }
        self.started_ns = now_ns;
        self.now_ms = self.host.clock.now_ms();
    }

    /// The gates, in Redis's order.
    fn ask_gates(&self, entry: &Entry, arguments: Arguments<'_>) -> Outcome {
        check_arity(entry, arguments)?;
        self.check_authenticated(entry.spec)?;
        self.check_transaction(entry.spec)?;
        self.check_journal(entry.spec)?;
        self.check_listening(entry)?;
        self.check_loading(entry.spec)
    }

    /// The gates, and then the command itself, unless it is queued for EXEC.
    fn pass_gates(
        &mut self,
        place: usize,
        arguments: Arguments<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<Passed, Refusal> {
        let entry = &table().entries()[place];
        // A queued request has passed them before it was queued.
        if !self.in_transaction {
            self.ask_gates(entry, arguments).map_err(Refusal::Rejected)?;
            if let Some(transaction) = &mut self.session.transaction
                && !RUN_AT_ONCE.contains(&entry.spec.name)
            {
                transaction.queue(place, arguments);
                self.check_queue();
                self.session.note_transaction();
                reply.simple("QUEUED");
                return Ok(Passed::Queued);
            }
        }
        let own_arguments = if entry.is_subcommand { arguments.skip(1) } else { arguments };
        let call = self.call(own_arguments);
        let outcome = catch_unwind(AssertUnwindSafe(|| self.run(entry.spec, &call, reply)));
        let outcome = outcome.unwrap_or_else(|_| Err(self.note_panic(entry)));
        outcome.map(|()| Passed::Run).map_err(Refusal::Failed)
    }

    fn call<'c>(&self, arguments: Arguments<'c>) -> Call<'c>
    where
        'b: 'c,
    {
        let may_take_long = self.session.may_take_long || self.in_transaction;
        Call { arguments, config: self.config, may_take_long }
    }

    fn check_authenticated(&self, spec: &CommandSpec) -> Result<(), CommandError> {
        if self.session.must_authenticate(self.config) && !spec.has(Flag::NoAuth) {
            return Err(CommandError::text("NOAUTH Authentication required."));
        }
        Ok(())
    }

    /// Refuses what needs the data while they are still being read.
    fn check_loading(&self, spec: &CommandSpec) -> Result<(), CommandError> {
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
        if self.session.only_listens() && !WHILE_LISTENING.contains(&entry.spec.name) {
            return Err(CommandError::new(format!(
                "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in \
                 this context",
                entry.full_name
            )));
        }
        Ok(())
    }

    /// A client whose transaction outgrows `client-query-buffer-limit` is disconnected, as in Redis.
    fn check_queue(&mut self) {
        let bytes = self.session.transaction.as_ref().map_or(0, |transaction| transaction.requests.bytes());
        if bytes > self.config.client_query_buffer_limit_bytes {
            tracing::warn!(peer = %self.session.client.address, "transaction too large, disconnecting");
            self.session.next = Next::Drop;
        }
    }

    /// Refuses writes, and PING as Redis does so that probes notice, while the journal cannot take them.
    fn check_journal(&self, spec: &CommandSpec) -> Result<(), CommandError> {
        let is_write = |spec: &CommandSpec| spec.has(Flag::Write) || spec.name == "ping";
        let runs_writes = matches!(spec.run, Run::Queued) && self.queued().any(is_write);
        if (is_write(spec) || runs_writes)
            && let Some(why) = self.host.process.write_refusal()
        {
            return Err(CommandError::new(format!("MISCONF Errors writing to the AOF file: {why}")));
        }
        Ok(())
    }

    fn run(&mut self, spec: &CommandSpec, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
        match spec.run {
            Run::Read(run) => {
                let database = self.session.database;
                let hold = self.hold_for(spec, call, Access::Read)?;
                let lookups = hold.lookups();
                let outcome = run(hold.reader(database), call, reply);
                if outcome == Err(CommandError::TAKES_LONG) {
                    hold.forget_lookups(lookups);
                }
                outcome
            }
            Run::Write(run) => {
                let database = self.session.database;
                let hold = self.hold_for(spec, call, Access::Write)?;
                let outcome = run(&mut hold.writer(database), call, reply);
                self.end_record();
                outcome
            }
            Run::Blocking(wish) => self.take_or_wait(spec, wish(call)?, call, reply),
            Run::Keyspace(run) => {
                self.release();
                let mut shards = match &mut self.hold {
                    Some(hold) => Shards::Held(hold),
                    None => Shards::Free(&self.host.store),
                };
                run(self.host, self.session, &mut shards, call, reply)
            }
            Run::Session(run) => {
                self.release();
                let outcome = run(self.host, self.session, call, reply);
                if !self.in_transaction {
                    self.session.note_transaction();
                }
                outcome
            }
            Run::Queued => self.run_queued(reply),
            Run::Admin(run) => {
                self.release();
                run(self.host, call, reply)
            }
            Run::Container => unreachable!("a container's subcommand was resolved"),
        }
    }

    /// Takes what a blocking command wants, or queues the client for it. In a transaction nobody waits.
    fn take_or_wait(
        &mut self,
        spec: &CommandSpec,
        wish: Wish,
        call: &Call<'_>,
        reply: &mut Reply<'_>,
    ) -> Outcome {
        let (store, database, in_transaction) =
            (&self.host.store, self.session.database, self.in_transaction);
        let hold = self.hold_for(spec, call, Access::Write)?;
        for key in &wish.keys {
            if (wish.attempt)(&mut hold.writer(database), key, reply)? {
                self.end_record();
                return Ok(());
            }
        }
        if in_transaction {
            reply.null_array();
            return Ok(());
        }
        let ticket = store.ticket();
        let waiting = Arc::new(Waiting::new(wish, ticket, database, reply.protocol()));
        for key in waiting.keys() {
            hold.writer(database).wait_for(key, Arc::clone(&waiting) as Arc<dyn Waiter>);
        }
        *self.session.client.waiting.lock() = Some(waiting);
        self.session.next = Next::Wait;
        Ok(())
    }

    /// EXEC: runs the queued requests under one hold and as one record.
    fn run_queued(&mut self, reply: &mut Reply<'_>) -> Outcome {
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
        self.hold = self.hold_for_transaction(transaction, watching)?;
        if self.hold.as_ref().is_some_and(|hold| watching.is_broken(hold)) {
            reply.null_array();
            return Ok(());
        }
        self.in_transaction = true;
        reply.array(transaction.places.len());
        for (place, arguments) in transaction.places.iter().zip(transaction.requests.iter()) {
            self.run_request(&Prepared { arguments, resolved: Ok(*place) }, reply.out());
        }
        if let Some(hold) = &mut self.hold {
            hold.end_record();
        }
        Ok(())
    }

    /// A hold on every shard that a transaction touches or watches; `None` if that is none.
    fn hold_for_transaction(
        &mut self,
        transaction: &Transaction,
        watching: &Watching,
    ) -> Result<Option<Hold<'b>>, CommandError> {
        let store = &self.host.store;
        let mut shards: Vec<ShardIndex> = Vec::new();
        let mut access = Access::Read;
        for (place, arguments) in transaction.places.iter().zip(transaction.requests.iter()) {
            let entry = &table().entries()[*place];
            let arguments = if entry.is_subcommand { arguments.skip(1) } else { arguments };
            let call = self.call(arguments);
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
        if shards.is_empty() {
            return Ok(None);
        }
        self.lock(&shards, access).map(Some).ok_or(CommandError::TAKES_LONG)
    }

    /// The commands queued since MULTI.
    fn queued(&self) -> impl Iterator<Item = &'static CommandSpec> {
        let places = self.session.transaction.iter().flat_map(|transaction| &transaction.places);
        places.map(|place| table().entries()[*place].spec)
    }

    /// A request that was refused while it was to be queued, or EXEC itself, takes the transaction with it.
    fn abort_transaction(&mut self, place: Option<usize>, error: CommandError) -> CommandError {
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

    /// A command ends here, and with it its record, unless it is part of a transaction.
    fn end_record(&mut self) {
        if let Some(hold) = self.hold.as_mut().filter(|_| !self.in_transaction) {
            hold.end_record();
        }
    }

    /// Adds the messages that have come to the replies. Behind the last one, unless that took back what the client
    /// was listening to by then: what the client hears after it would be out of place.
    fn take_mail(&mut self, out: &mut Vec<u8>, reply_start: usize, listening_before: Listening) {
        let reply_end = out.len();
        if self.session.client.mailbox.take_into(out).is_err() {
            self.session.next = Next::Drop;
        } else if out.len() > reply_end && self.session.listening().has_less_than(listening_before) {
            out[reply_start..].rotate_left(reply_end - reply_start);
        }
    }

    /// The hold on the command's shards: the present one if it will do, else a new one. Short enough between commands
    /// that others get the lock, see [`limits::COMMANDS_PER_LOCK`].
    ///
    /// # Errors
    /// [`CommandError::TAKES_LONG`] if it has to wait for a lock longer than the thread has time for.
    fn hold_for(
        &mut self,
        spec: &CommandSpec,
        call: &Call<'_>,
        access: Access,
    ) -> Result<&mut Hold<'b>, CommandError> {
        let mut shards: SmallVec<[ShardIndex; 4]> = SmallVec::new();
        for_each_key(spec, call, &mut |key| shards.push(self.host.store.shard_of(key)));
        if shards.len() > 1 {
            shards.sort_unstable();
            shards.dedup();
        }
        let reusable = (self.in_transaction || self.commands_in_hold < limits::COMMANDS_PER_LOCK)
            && self.hold.as_ref().is_some_and(|hold| hold.covers(&shards, access));
        if !reusable {
            self.release();
            self.hold = Some(self.lock(&shards, access).ok_or(CommandError::TAKES_LONG)?);
            self.commands_in_hold = 0;
        }
        self.commands_in_hold += 1;
        Ok(self.hold.as_mut().expect("taken above"))
    }

    /// A hold on `shards`, unless waiting for it would take long and must not.
    fn lock(&mut self, shards: &[ShardIndex], access: Access) -> Option<Hold<'b>> {
        let store = &self.host.store;
        if self.session.may_take_long {
            return Some(Hold::on(store, shards, access, std::mem::take(&mut self.spare)));
        }
        let hold = Hold::try_on(store, shards, access, self.now_ms, &mut self.spare)?;
        if let (Access::Write, &[shard]) = (access, shards)
            && (hold.has_waited() || self.session.contended == Some(shard))
        {
            self.contended = Some(shard);
        }
        Some(hold)
    }

    /// Gives the present hold's locks back, unless they are a transaction's; its records are in the journal's hands then.
    fn release(&mut self) {
        if self.in_transaction {
            // What follows may publish messages of its own, or change what is published.
            if let Some(hold) = &mut self.hold {
                hold.publish_events();
            }
            return;
        }
        if let Some(hold) = self.hold.take() {
            let lookups = hold.lookups();
            self.session.stats.keyspace_hits.add(lookups.hits);
            self.session.stats.keyspace_misses.add(lookups.misses);
            let (seq, spare) = hold.release();
            self.spare = spare;
            self.session.unacknowledged = seq.or(self.session.unacknowledged);
        }
    }

    /// A slip in our own code: the command has an error for its reply, the process lives.
    fn note_panic(&mut self, entry: &Entry) -> CommandError {
        tracing::error!(command = entry.full_name, "a command panicked; please report this");
        self.session.stats.panics.add(1);
        // One of a transaction's commands leaves the locks to those that follow it.
        self.in_transaction &= !matches!(entry.spec.run, Run::Queued);
        self.release();
        CommandError::text("ERR internal error")
    }
}

/// Whether the command takes about as long as a look at the clock.
fn is_short(place: usize) -> bool {
    table().entries()[place].spec.lookahead.is_some()
}

/// Commands that are run and not queued after MULTI.
const RUN_AT_ONCE: [&str; 6] = ["exec", "discard", "multi", "watch", "quit", "reset"];

/// Commands that a connection which listens to channels by RESP2 may send.
const WHILE_LISTENING: [&str; 7] =
    ["subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ping", "quit", "reset"];

/// Calls `visit` with every key that the command touches.
pub(super) fn for_each_key(spec: &CommandSpec, call: &Call<'_>, visit: &mut dyn FnMut(&[u8])) {
    match spec.keys {
        Keys::Derived(all) => all(call, visit),
        keys => keys.for_each_position(call.arguments, &mut |position| visit(call.argument(position))),
    }
}

/// Whether a request is a line of HTTP: a browser that was made to send a server commands, as Redis guards against.
fn speaks_http(arguments: Arguments<'_>) -> bool {
    let name = arguments.get(0).unwrap_or_default();
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

/// Finds the command or subcommand that a request names.
fn resolve(arguments: Arguments<'_>) -> Result<usize, (Option<usize>, CommandError)> {
    let name = arguments.get(0).unwrap_or_default();
    let Some(place) = table().find(name).filter(|place| !table().entries()[*place].is_subcommand) else {
        return Err((None, unknown_command(arguments)));
    };
    let entry = &table().entries()[place];
    match arguments.get(1) {
        Some(subcommand) if !entry.subcommands.is_empty() => table()
            .find_subcommand(place, subcommand)
            .ok_or_else(|| (Some(place), unknown_subcommand(entry, subcommand))),
        _ if matches!(entry.spec.run, Run::Container) => {
            Err((Some(place), CommandError::arity(&entry.full_name)))
        }
        _ => Ok(place),
    }
}

fn check_arity(entry: &Entry, arguments: Arguments<'_>) -> Result<(), CommandError> {
    if entry.spec.accepts(arguments.len()) { Ok(()) } else { Err(CommandError::arity(&entry.full_name)) }
}

/// As Redis: up to 128 characters of the name and of the arguments are quoted back.
fn unknown_command(arguments: Arguments<'_>) -> CommandError {
    const SHOWN: usize = 128;
    let shown = |bytes: &[u8], most: usize| text(&bytes[..bytes.len().min(most)]);
    let mut list = String::new();
    for argument in arguments.iter().skip(1) {
        if list.len() >= SHOWN {
            break;
        }
        list += &format!("'{}' ", shown(argument, SHOWN - list.len()));
    }
    let name = shown(arguments.get(0).unwrap_or_default(), SHOWN);
    CommandError::new(format!("ERR unknown command '{name}', with args beginning with: {list}"))
}

fn unknown_subcommand(entry: &Entry, subcommand: &[u8]) -> CommandError {
    let name = text(&subcommand[..subcommand.len().min(128)]);
    let command = entry.full_name.to_uppercase();
    CommandError::new(format!("ERR unknown subcommand '{name}'. Try {command} HELP."))
}
