//! One request: through the gates, queued or run, and to its reply.

use super::gates::check_arity;
use super::prepared::{Prepared, speaks_http};
use super::runner::{Refusal, Runner, Scope};
use super::terms::Leeway;
use crate::commands::spec::table::TableEntry;
use crate::commands::spec::{Handler, Manner};
use crate::commands::state::session::NextStep;
use crate::resp::reply::{Reply, ReplySource, Rest};
use crate::resp::request::Arguments;

/// A short command with more arguments than this, or with a longer reply, is not timed together with those behind it.
const MANY_ARGUMENTS: usize = 64;
const LARGE_BYTES: usize = 16 * 1024;

/// What became of a request that was not refused.
pub(super) enum Passed {
    Run,
    /// It waits for EXEC.
    Queued,
}

impl<'b> Runner<'b> {
    /// Runs one request of the client. Returns its command, if it has one.
    #[inline(always)]
    pub(super) fn run_request(
        &mut self,
        request: &Prepared<'b>,
        out: &mut Vec<u8>,
    ) -> Option<&'static TableEntry> {
        let command = match &request.resolved {
            Ok(entry) => Some(*entry),
            Err(_) if speaks_http(request.arguments) => {
                tracing::debug!(peer = %self.session.client.peer.address, "an HTTP request; disconnecting");
                self.ran.next = NextStep::Drop;
                return None;
            }
            Err(unknown) => unknown.0,
        };
        (self.latest, self.requested) = (Some(request.arguments), command);
        let rest = self.respond(command, request.arguments, out, |runner, reply| match &request.resolved {
            Ok(entry) => runner.pass_gates(entry, request, reply),
            Err(unknown) => Err(Refusal::Rejected(unknown.1.clone())),
        });
        if rest.is_some() {
            self.ran.rest = rest;
        }
        command
    }

    /// Lets `run` write a reply, or writes an error in its place, and counts the call. Returns what the reply goes on with.
    pub(super) fn respond(
        &mut self,
        command: Option<&'static TableEntry>,
        request: Arguments<'_>,
        out: &mut Vec<u8>,
        run: impl FnOnce(&mut Self, &mut Reply<'_>) -> Result<Passed, Refusal>,
    ) -> Option<Box<dyn ReplySource>> {
        if self.timing.begin(command) {
            self.look_at_clock();
        }
        let reply_start = out.len();
        let mut rest = match self.scope {
            Scope::Command => Rest::beyond(0),
            Scope::Unit { elements_at_once } => Rest::beyond(elements_at_once),
        };
        let mut reply = if self.may_leave_rest() {
            Reply::streamed(out, self.session.protocol, &mut rest)
        } else {
            Reply::new(out, self.session.protocol)
        };
        let result = run(self, &mut reply);
        if let Scope::Unit { elements_at_once } = &mut self.scope {
            *elements_at_once = rest.at_once();
        }
        let stats = self.terms.stats;
        if let (Some(entry), Ok(Passed::Run) | Err(Refusal::Failed(_))) = (command, &result) {
            let is_large = out.len() - reply_start > LARGE_BYTES || request.len() > MANY_ARGUMENTS;
            if self.timing.ran(entry, is_large, stats) {
                self.heed_settings();
                self.look_at_clock_behind(Some(request));
            }
        }
        let counters = || command.map(|entry| &stats.by_command[entry.place]);
        let error = match result {
            Ok(_) => return rest.take(),
            Err(Refusal::TakesLong) => {
                out.truncate(reply_start);
                self.ran.next = NextStep::Aside;
                return None;
            }
            Err(Refusal::Superseded) => {
                out.truncate(reply_start);
                self.ran.next = NextStep::Drop;
                return None;
            }
            Err(Refusal::Paused) => {
                out.truncate(reply_start);
                self.ran.next = NextStep::Pause;
                return None;
            }
            Err(Refusal::Rejected(error)) => {
                self.host.errors.count(error.code());
                if let Some(counters) = counters() {
                    counters.rejected.add(1);
                }
                self.abort_transaction(command, error)
            }
            Err(Refusal::Failed(error)) => {
                self.host.errors.count(error.code());
                if let Some(counters) = counters() {
                    counters.failed.add(1);
                }
                error
            }
        };
        if self.session.is_masters() {
            self.session.note_failure(self.ran.count, request.get(0).unwrap_or_default(), &error.0);
        }
        out.truncate(reply_start);
        Reply::new(out, self.session.protocol).error(&error.0);
        None
    }

    /// Whether a large reply may be left to be sent in pieces.
    fn may_leave_rest(&self) -> bool {
        match self.terms.leeway {
            Leeway::Shared | Leeway::InTurn => self.scope != Scope::Command,
            Leeway::Aside => true,
            Leeway::InProcess => false,
        }
    }

    /// The gates, and then the command itself, unless it is queued for EXEC.
    fn pass_gates(
        &mut self,
        entry: &'static TableEntry,
        request: &Prepared<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<Passed, Refusal> {
        let passed = self.passed;
        let has_passed = passed.iter().flatten().any(|before| std::ptr::eq(*before, entry));
        if has_passed {
            check_arity(entry, request.arguments).map_err(Refusal::Rejected)?;
        } else {
            self.passed = [None; 2];
            self.ask_gates(entry, request.arguments).map_err(Refusal::Rejected)?;
        }
        if self.host.interventions.any() {
            self.check_interventions(entry.spec)?;
        }
        if let Some(transaction) = &mut self.session.transaction
            && !entry.spec.is(Manner::RunsInMulti)
        {
            transaction.queue(entry.place, request.arguments);
            if let Handler::Script(find) = entry.spec.run {
                self.note_queued_script(find, request.arguments);
            }
            self.check_queue();
            self.session.note_transaction();
            reply.simple("QUEUED");
            return Ok(Passed::Queued);
        }
        self.run_command(entry, request.arguments, request.located, reply)?;
        if !has_passed && self.asks_no_more(entry.spec) {
            self.passed = [Some(entry), passed[0]];
        }
        Ok(Passed::Run)
    }
}
