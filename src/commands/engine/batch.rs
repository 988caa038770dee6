//! The requests of one read of a socket, run one after the other.
//!
//! Neighbours that need the same shard run under one acquisition of its lock, and their records reach the journal
//! together.

use super::prepared::{Prepared, Window, prepare};
use super::runner::Runner;
use super::terms::{Leeway, Ran, Terms};
use crate::commands::spec::table::TableEntry;
use crate::commands::spec::{Handler, Manner};
use crate::commands::state::host::Host;
use crate::commands::state::session::{Listening, NextStep, Session};
use crate::config::{ClientsBound, Config};
use crate::limits;
use crate::resp::request::Arguments;
use crate::store::change::ChangeBuffer;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

thread_local! {
    /// The buffer that this thread's batches fill with Changes, kept for its memory.
    static CHANGES: Cell<ChangeBuffer> = Cell::default();
}

/// Runs requests and appends their replies to `out`. It ends where there are no more requests, enough reply bytes wait to
/// be sent, a reply has a rest, the settings have changed, the connection has something else to do next, or the `terms` do
/// not allow the next request. If others wait for the thread, it also ends when the requests so far have taken [`limits::BATCH`].
pub fn run_batch<'r>(
    host: &Host,
    config: &Config,
    session: &mut Session,
    mut requests: impl Iterator<Item = Arguments<'r>>,
    out: &mut Vec<u8>,
    terms: Terms<'_>,
) -> Ran {
    let mut runner = Runner::new(host, session, config, terms, CHANGES.take());
    if !runner.keeps_client() {
        runner.ran.next = NextStep::Drop;
    }
    if host.is_short_of_memory(config) {
        runner.make_room_first(out);
    }
    let end_ns = runner.timing.started_ns + limits::BATCH.as_nanos() as u64;
    let mut window = Window::new();
    let (mut last_command, settings) = (None, runner.timing.changes);
    'batch: loop {
        prepare(&host.store, &mut requests, &mut window);
        // Others may have closed a gate meanwhile.
        runner.passed = [None; 2];
        if window.is_empty() {
            break;
        }
        let window = &window[..];
        let mut loaded = 0;
        for index in 0..window.len() {
            let has_to_send = runner.ran.rest.is_some() || out.len() >= limits::PENDING_REPLY_BYTES;
            let is_too_long = terms.leeway == Leeway::InTurn && !may_be_in_turn(&window[index]);
            let is_over = !terms.leeway.may_take_long() && runner.timing.started_ns >= end_ns;
            if runner.ran.next != NextStep::Continue || has_to_send || is_too_long || is_over {
                break 'batch;
            }
            if index >= loaded {
                // After a panic there nothing is loaded ahead; the commands themselves are guarded one by one.
                let ahead = catch_unwind(AssertUnwindSafe(|| runner.load_ahead(&window[index..])));
                loaded = index + ahead.unwrap_or(1);
            }
            let (reply_start, listening) = (out.len(), runner.session.listening());
            let command = runner.run_request(&window[index], out);
            if matches!(runner.ran.next, NextStep::Aside | NextStep::Pause) {
                break 'batch;
            }
            last_command = command.or(last_command);
            runner.ran.count += 1;
            if runner.session.modes.are_temporary() {
                runner.settle_modes(command, out, reply_start);
            }
            runner.take_mail(out, reply_start, listening);
            if runner.timing.changes != settings {
                // What follows a CONFIG SET runs with the settings that it has made.
                break 'batch;
            }
        }
    }
    if runner.timing.is_open() {
        runner.count_time();
    }
    runner.release();
    let (_, changes) = runner.hold.release();
    CHANGES.with(|kept| kept.set(changes));
    runner.session.client.last_active_ms.store(runner.timing.now_ms, Ordering::Relaxed);
    if let Some(entry) = last_command {
        runner.session.client.note_command(entry.place);
    }
    runner.ran
}

/// Whether the request is a command on keys, under their locks and nothing else, or a script.
fn may_be_in_turn(request: &Prepared<'_>) -> bool {
    let run = request.resolved.as_ref().ok().map(|entry| entry.spec.run);
    matches!(run, Some(Handler::Read(_) | Handler::Write(_) | Handler::Script(_)))
}

impl Runner<'_> {
    /// Sees to it that clients do not use too much memory. Returns whether this one is still connected.
    fn keeps_client(&self) -> bool {
        let (memory, client) = (&self.config.memory, &self.session.client);
        if memory.clients == ClientsBound::Bytes(0) {
            return true;
        }
        self.host.clients.bound_memory();
        self.terms.leeway == Leeway::InProcess || self.host.clients.get(client.id).is_some()
    }

    /// Makes room before the first command. Those that need no memory run also if that does not help.
    #[inline(never)]
    fn make_room_first(&mut self, out: &mut Vec<u8>) {
        self.make_room();
        // As in Redis, a client that tracks learns of keys that were evicted before it has the reply.
        let (begin, listening) = (out.len(), self.session.listening());
        self.take_mail(out, begin, listening);
    }

    /// Drops the reply, which begins at `reply_start`, if the client does not want it, and ends what was said for one request.
    #[cold]
    fn settle_modes(&mut self, entry: Option<&TableEntry>, out: &mut Vec<u8>, reply_start: usize) {
        let is_about_client = entry.is_some_and(|entry| entry.spec.is(Manner::KeepsModes));
        let is_over = !is_about_client && self.session.transaction.is_none();
        // Confirmations of subscriptions are messages.
        let is_message = entry.is_some_and(|entry| entry.spec.is(Manner::RepliesByMessage));
        if self.session.modes.settle(is_over) && !is_message {
            out.truncate(reply_start);
            self.ran.rest = None;
            self.session.modes.waits_silently = self.ran.next == NextStep::Wait;
        }
    }

    /// Adds the messages in the mailbox after the last reply, which begins at `reply_start`. If that reply ended a
    /// subscription, they are added before it, because the client expects no message after it. While a reply has a rest,
    /// they stay in the mailbox.
    #[inline]
    fn take_mail(&mut self, out: &mut Vec<u8>, reply_start: usize, listening_before: Listening) {
        if self.session.client.mailbox.has_mail() && self.ran.rest.is_none() {
            self.take_mail_behind(out, reply_start, listening_before);
        }
    }

    #[inline(never)]
    fn take_mail_behind(&mut self, out: &mut Vec<u8>, reply_start: usize, listening_before: Listening) {
        let reply_end = out.len();
        let Ok(seq) = self.session.client.mailbox.take_into(out) else {
            self.ran.next = NextStep::Drop;
            return;
        };
        self.ran.rest_on(seq);
        if out.len() > reply_end && self.session.listening().has_less_than(listening_before) {
            out[reply_start..].rotate_left(reply_end - reply_start);
        }
    }
}
