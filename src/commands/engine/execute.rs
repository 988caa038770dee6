//! Runs requests: asks the gates, takes the locks, calls the command, and sees to its reply.
//!
//! The requests of one read of a socket run as one batch. Neighbours that need the same shard run under one
//! acquisition of its lock, and their records reach the journal in one go.

use super::prepared::{Prepared, WINDOW, Window, prepare, speaks_http};
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::table::{Entry, table};
use crate::commands::spec::{AllKeys, CommandSpec, Flag, Keys, Lookahead, Manner, Run};
use crate::commands::state::host::Host;
use crate::commands::state::session::{Listening, Next, Session, Streaming};
use crate::commands::state::waiting::{Waiting, Wish};
use crate::config::Config;
use crate::limits;
use crate::resp::reply::{Reply, Rest};
use crate::resp::request::Arguments;
use crate::store::keys::interest::Waiter;
use crate::store::{Access, Hold, Located, ShardIndex, Shards};
use smallvec::SmallVec;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Runs requests until there are none left, enough reply bytes wait to be sent, the connection is to close, one takes
/// longer than the thread has time for, or all together have ([`limits::BATCH`]). Returns how many it ran.
///
/// Replies are appended to `out`; the last may go on with [`Session::rest`]. Before they are sent, the records up to
/// [`Session::rests_on`] must be as safe as the fsync policy says.
pub fn run_batch<'r>(
    host: &Host,
    session: &mut Session,
    mut requests: impl Iterator<Item = Arguments<'r>>,
    out: &mut Vec<u8>,
) -> usize {
    let config = host.config();
    let changes = std::mem::take(&mut session.changes);
    let mut batch = Batch {
        host,
        session,
        config: &config,
        hold: Hold::new(&host.store, changes),
        in_transaction: false,
        elements_at_once: 0,
        commands_in_hold: 0,
        locked: Locked::default(),
        now_ms: 0,
        started_ns: 0,
        timed: None,
        timed_calls: 0,
        since_look: 0,
    };
    batch.look_at_clock();
    let end_ns = batch.started_ns + limits::BATCH.as_nanos() as u64;
    let mut window = Window::new();
    let (mut ran, mut last_command) = (0, None);
    'batch: loop {
        prepare(&host.store, &mut requests, &mut window);
        if window.is_empty() {
            break;
        }
        let mut loaded = 0;
        for index in 0..window.len() {
            let has_to_send = batch.session.rest.is_some() || out.len() >= limits::PENDING_REPLY_BYTES;
            let keeps_others = batch.session.is_in_turn && !is_on_keys(&window[index]);
            let is_over = batch.started_ns >= end_ns;
            if batch.session.next != Next::Continue || has_to_send || keeps_others || is_over {
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
    batch.look_at_clock();
    batch.release();
    let Batch { hold, locked, now_ms, session, .. } = batch;
    session.contended = locked.contended(session.contended);
    (_, session.changes) = hold.release();
    session.client.last_active_ms.store(now_ms, Ordering::Relaxed);
    if last_command.is_some() {
        session.client.names.lock().last_command = last_command;
    }
    ran
}

/// A batch on its way: the hold that its commands share.
pub(in crate::commands) struct Batch<'b> {
    pub(in crate::commands) host: &'b Host,
    pub(in crate::commands) session: &'b mut Session,
    pub(in crate::commands) config: &'b Config,
    pub(in crate::commands) hold: Hold<'b>,
    /// Whether the hold is a transaction's: it has every lock that is needed, is kept to the end, and is one record.
    pub(in crate::commands) in_transaction: bool,
    /// How many more elements of the transaction's replies are better written at once.
    pub(in crate::commands) elements_at_once: usize,
    pub(super) commands_in_hold: usize,
    locked: Locked,
    /// The time by which the present command judges what has expired.
    now_ms: u64,
    /// When the command in `timed` began, or the first of several in a row.
    started_ns: u64,
    /// The place in the table of a command that has run, and whose time has not been counted yet.
    timed: Option<usize>,
    /// How many of it in a row.
    timed_calls: u64,
    /// Requests since the last look at the clock.
    since_look: usize,
}

/// What a batch has locked so far.
#[derive(Default)]
struct Locked {
    /// The shards, as long as it is one. `None` before the first.
    only: Option<Option<ShardIndex>>,
    has_written: bool,
    has_waited: bool,
}

impl Locked {
    fn note(&mut self, shards: &[ShardIndex], access: Access, has_waited: bool) {
        let shard = if let &[shard] = shards { Some(shard) } else { None };
        self.only = Some(self.only.unwrap_or(shard).filter(|only| Some(*only) == shard));
        self.has_written |= access == Access::Write;
        self.has_waited |= has_waited;
    }

    /// [`Session::contended`] after the batch, if it was `before`.
    fn contended(&self, before: Option<ShardIndex>) -> Option<ShardIndex> {
        let only = self.only.flatten().filter(|_| self.has_written);
        only.filter(|shard| self.has_waited || before == Some(*shard))
    }
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
                && (matches!(lookahead, Lookahead::Key) || other.arguments.get(1) == first.arguments.get(1))
        };
        let alike = window.iter().take_while(is_alike).count();
        let is_allowed = self.check_authenticated(spec).is_ok()
            && self.check_loading(spec).is_ok()
            && spec.accepts(first.arguments.len());
        if alike == 1 || !is_allowed {
            return alike;
        }
        let requests = &window[..alike];
        let Lookahead::Value(load) = lookahead else {
            let keys = requests.iter().filter_map(|request| request.located);
            self.host.store.load_ahead(self.session.database, keys);
            return alike;
        };
        let call = self.call(first.arguments, first.located);
        let access = if spec.has(Flag::Write) { Access::Write } else { Access::Read };
        let database = self.session.database;
        let Ok(hold) = self.hold_for(spec, &call, access) else { return 1 };
        let reader = hold.reader(database).knowing(call.located);
        if let Some(value) = reader.peek(call.argument(1)) {
            let requests: SmallVec<[_; WINDOW]> = requests.iter().map(|request| request.arguments).collect();
            load(value, &requests);
        }
        alike
    }

    /// Runs one request and returns its command's place in the table, if it has one.
    pub(in crate::commands) fn run_request(
        &mut self,
        request: &Prepared<'_>,
        out: &mut Vec<u8>,
    ) -> Option<usize> {
        if request.resolved.is_err() && speaks_http(request.arguments) {
            tracing::debug!(peer = %self.session.client.address, "an HTTP request; disconnecting");
            self.session.next = Next::Drop;
            return None;
        }
        // Between short commands of one kind the looking would take as long as the commands.
        let goes_on = self
            .timed
            .is_none_or(|timed| is_short(timed) && matches!(request.resolved, Ok(place) if place == timed));
        if !goes_on || self.since_look == WINDOW {
            self.look_at_clock();
        }
        self.since_look += 1;
        let reply_start = out.len();
        let mut rest = Rest::beyond(if self.in_transaction { self.elements_at_once } else { 0 });
        let streams = match self.session.streaming {
            Streaming::Nothing => false,
            Streaming::Transactions => self.in_transaction,
            Streaming::Everything => true,
        };
        let mut reply = if streams {
            Reply::streamed(out, self.session.protocol, &mut rest)
        } else {
            Reply::new(out, self.session.protocol)
        };
        let (place, result) = match &request.resolved {
            Ok(place) => (Some(*place), self.pass_gates(*place, request, &mut reply)),
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
                self.timed_calls += 1;
            }
        }
        if self.in_transaction {
            self.elements_at_once = rest.at_once();
        }
        if let Some(source) = rest.take()
            && result.is_ok()
        {
            self.session.rest = Some(source);
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
    pub(in crate::commands) fn look_at_clock(&mut self) {
        let now_ns = self.host.clock.monotonic_ns();
        if let Some(place) = self.timed.take() {
            let elapsed_ns = now_ns.saturating_sub(self.started_ns);
            let counters = &self.session.stats.by_command[place];
            counters.nanoseconds.add(elapsed_ns);
            let calls = std::mem::take(&mut self.timed_calls);
            counters.latencies.count(elapsed_ns / calls.max(1), calls);
        }
        self.started_ns = now_ns;
        self.now_ms = self.host.clock.now_ms();
        self.since_look = 0;
    }

    /// The gates, and then the command itself, unless it is queued for EXEC.
    fn pass_gates(
        &mut self,
        place: usize,
        request: &Prepared<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<Passed, Refusal> {
        let entry = &table().entries()[place];
        let arguments = request.arguments;
        // A queued request has passed them before it was queued.
        if !self.in_transaction {
            self.ask_gates(entry, arguments).map_err(Refusal::Rejected)?;
            if let Some(transaction) = &mut self.session.transaction
                && !entry.spec.is(Manner::RunsInMulti)
            {
                transaction.queue(place, arguments);
                self.check_queue();
                self.session.note_transaction();
                reply.simple("QUEUED");
                return Ok(Passed::Queued);
            }
        }
        let own_arguments = if entry.is_subcommand { arguments.skip(1) } else { arguments };
        let call = self.call(own_arguments, request.located);
        self.check_damage(entry.spec, &call).map_err(Refusal::Rejected)?;
        let outcome = catch_unwind(AssertUnwindSafe(|| self.run(entry.spec, &call, reply)));
        let outcome = outcome.unwrap_or_else(|_| Err(self.note_panic(entry, &call)));
        outcome.map(|()| Passed::Run).map_err(Refusal::Failed)
    }

    pub(in crate::commands) fn call<'c>(
        &self,
        arguments: Arguments<'c>,
        located: Option<Located<'c>>,
    ) -> Call<'c>
    where
        'b: 'c,
    {
        let may_take_long = self.session.may_take_long || self.in_transaction;
        Call { arguments, located, config: self.config, may_take_long }
    }

    fn run(&mut self, spec: &CommandSpec, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
        match spec.run {
            Run::Read(run) => {
                let database = self.session.database;
                let hold = self.hold_for(spec, call, Access::Read)?;
                let lookups = hold.lookups();
                let outcome = run(hold.reader(database).knowing(call.located), call, reply);
                if outcome == Err(CommandError::TAKES_LONG) {
                    hold.forget_lookups(lookups);
                }
                outcome
            }
            Run::Write(run) => {
                let database = self.session.database;
                let hold = self.hold_for(spec, call, Access::Write)?;
                let lookups = hold.lookups();
                let outcome = run(&mut hold.writer(database).knowing(call.located), call, reply);
                if outcome == Err(CommandError::TAKES_LONG) {
                    hold.forget_lookups(lookups);
                }
                self.end_record();
                outcome
            }
            Run::Blocking(wish) => self.take_or_wait(spec, wish(call)?, call, reply),
            Run::Keyspace(run) => {
                self.release();
                let shards = if self.hold.is_empty() {
                    Shards::free(&self.host.store)
                } else {
                    Shards::Held(&mut self.hold)
                };
                let mut keys = AllKeys { host: self.host, session: self.session, shards };
                let outcome = run(&mut keys, call, reply);
                let rests_on = keys.shards.rests_on();
                // What is answered while the data are being read speaks of the server: INFO must not wait for the disk.
                if !spec.has(Flag::Loading) {
                    self.session.rest_on(rests_on);
                    self.session.has_written |= spec.has(Flag::Write);
                }
                outcome
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
        let (store, database, is_queued) = (&self.host.store, self.session.database, self.in_transaction);
        let hold = self.hold_for(spec, call, Access::Write)?;
        for key in &wish.keys {
            if (wish.attempt)(&mut hold.writer(database), key, reply)? {
                self.end_record();
                return Ok(());
            }
        }
        if is_queued {
            wish.reply_none(reply);
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

    /// A command ends here, and with it its record, unless it is part of a transaction.
    fn end_record(&mut self) {
        if !self.in_transaction {
            self.hold.end_record();
        }
    }

    /// Adds the messages that have come to the replies. Behind the last one, unless that took back what the client
    /// was listening to by then: what the client hears after it would be out of place. A reply that goes on elsewhere
    /// has them stay where they are.
    fn take_mail(&mut self, out: &mut Vec<u8>, reply_start: usize, listening_before: Listening) {
        if self.session.rest.is_some() {
            return;
        }
        let reply_end = out.len();
        let Ok(rests_on) = self.session.client.mailbox.take_into(out) else {
            self.session.next = Next::Drop;
            return;
        };
        self.session.rest_on(rests_on);
        if out.len() > reply_end && self.session.listening().has_less_than(listening_before) {
            out[reply_start..].rotate_left(reply_end - reply_start);
        }
    }

    /// The hold on the command's shards: those it has if they will do, else others. Short enough between commands
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
        match call.located {
            Some(located) => shards.push(located.shard()),
            // However many keys there are, there are few shards.
            None => for_each_key(spec, call, &mut |key| {
                let shard = self.host.store.shard_of(key);
                if !shards.contains(&shard) {
                    shards.push(shard);
                }
            }),
        }
        shards.sort_unstable();
        let goes_on = self.in_transaction || self.commands_in_hold < limits::COMMANDS_PER_LOCK;
        if !(goes_on && self.hold.covers(&shards, access)) {
            self.let_go();
            self.lock(&shards, access)?;
            self.commands_in_hold = 0;
        }
        self.commands_in_hold += 1;
        self.hold_for_waiters(spec, call, access, shards)?;
        // Once more: it may have been damaged while its lock was waited for.
        self.check_damage(spec, call)?;
        Ok(&mut self.hold)
    }

    /// Locks `shards`, unless waiting for them would take long and must not.
    pub(in crate::commands) fn lock(&mut self, shards: &[ShardIndex], access: Access) -> Outcome {
        if self.session.may_take_long {
            self.hold.lock(shards, access);
        } else if !self.hold.try_lock(shards, access, self.now_ms) {
            return Err(CommandError::TAKES_LONG);
        }
        self.locked.note(shards, access, self.hold.has_waited());
        Ok(())
    }

    /// Gives the hold's locks back; its records are in the journal's hands then.
    pub(in crate::commands) fn let_go(&mut self) {
        self.session.has_written |= self.hold.access() == Access::Write;
        self.session.rest_on(self.hold.let_go());
    }

    /// Gives the hold's locks back, unless they are a transaction's, and counts what was found under them.
    pub(in crate::commands) fn release(&mut self) {
        if self.in_transaction {
            // What follows may publish messages of its own, or change what is published.
            self.hold.publish_events();
            self.session.open_record = Some(self.hold.open_record());
            return;
        }
        self.let_go();
        let lookups = self.hold.take_lookups();
        self.session.stats.keyspace_hits.add(lookups.hits);
        self.session.stats.keyspace_misses.add(lookups.misses);
    }

    /// A slip in our own code: the command has an error for its reply, the process lives, and what the command may have
    /// left half changed is looked at.
    fn note_panic(&mut self, entry: &Entry, call: &Call<'_>) -> CommandError {
        tracing::error!(command = entry.full_name, "a command panicked; please report this");
        self.session.stats.panics.add(1);
        // One of a transaction's commands leaves the locks to those that follow it.
        self.in_transaction &= !matches!(entry.spec.run, Run::Queued);
        if matches!(entry.spec.run, Run::Write(_) | Run::Blocking(_)) {
            let (hold, store, database) = (&self.hold, &self.host.store, self.session.database);
            for_each_key(entry.spec, call, &mut |key| {
                if hold.covers(&[store.shard_of(key)], Access::Read) && !hold.check(database, key) {
                    tracing::error!(database, key = %key.escape_ascii(), "{}", CommandError::DAMAGED.0);
                }
            });
        }
        self.release();
        CommandError::text("ERR internal error")
    }
}

/// Whether the request is a command on keys, under their locks and nothing else.
fn is_on_keys(request: &Prepared<'_>) -> bool {
    let run = request.resolved.as_ref().ok().map(|place| table().entries()[*place].spec.run);
    matches!(run, Some(Run::Read(_) | Run::Write(_)))
}

/// Whether the command takes about as long as a look at the clock.
fn is_short(place: usize) -> bool {
    let spec = table().entries()[place].spec;
    spec.lookahead.is_some() || spec.has(Flag::Fast)
}

/// Calls `visit` with every key that the command touches.
pub(in crate::commands) fn for_each_key(spec: &CommandSpec, call: &Call<'_>, visit: &mut dyn FnMut(&[u8])) {
    match spec.keys {
        Keys::Derived(all) => all(call, visit),
        Keys::WithDerived { declared, derived } => {
            declared.for_each_position(call.arguments, &mut |position| visit(call.argument(position)));
            derived(call, visit);
        }
        keys => keys.for_each_position(call.arguments, &mut |position| visit(call.argument(position))),
    }
}
