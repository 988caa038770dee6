//! What the engine asks of those who intervene in all commands: whether a command waits for the end of a pause, and the line
//! that MONITOR shows of it.

use super::runner::{Refusal, Runner};
use crate::commands::call::error::CommandError;
use crate::commands::call::shown::REDACTED;
use crate::commands::spec::table::TableEntry;
use crate::commands::spec::{CommandSpec, Flag, Handler, Manner};
use crate::commands::state::marks::Mark;
use crate::commands::state::peer::PeerAddress;
use crate::resp::request::Arguments;
use crate::store::Access;
use crate::text::quoting::quoted;

impl Runner<'_> {
    /// Refuses commands while a script runs too long, and a monitor's commands on keys, and holds a request back while CLIENT
    /// PAUSE lasts.
    #[cold]
    pub(super) fn check_interventions(&self, spec: &CommandSpec) -> Result<(), Refusal> {
        if self.host.interventions.is_busy()
            && !spec.has(Flag::AllowBusy)
            && let Some(busy) = self.host.running_scripts.busy_text()
        {
            return Err(Refusal::Rejected(CommandError::text(busy)));
        }
        if self.session.is_masters() {
            return Ok(());
        }
        let is_on_keys = spec.has(Flag::Readonly) || spec.may_write() || spec.is(Manner::Publishes);
        if is_on_keys && self.session.client.marks.has(Mark::Monitors) {
            let why = "ERR Replica can't interact with the keyspace";
            return Err(Refusal::Rejected(CommandError::text(why)));
        }
        let may_write = |spec: &CommandSpec| spec.may_write() || spec.is(Manner::Publishes);
        let is_script = matches!(spec.run, Handler::Script(_)) && !spec.has(Flag::Readonly);
        let runs_writes = is_script || matches!(spec.run, Handler::Exec) && self.queued().any(may_write);
        let now_ms = self.host.clock.now_ms();
        if self.host.interventions.holds_back(may_write(spec) || runs_writes, now_ms) {
            return Err(Refusal::Paused);
        }
        Ok(())
    }

    /// Whether a pause has begun between the check of a request that writes and its locks. Every request that has its locks
    /// before the pause is over when CLIENT PAUSE returns.
    #[inline]
    pub(super) fn is_paused_for(&self, access: Access) -> bool {
        access == Access::Write && self.host.interventions.any() && self.are_writes_paused()
    }

    #[inline(never)]
    fn are_writes_paused(&self) -> bool {
        !self.session.is_masters() && self.host.interventions.holds_back(true, self.host.clock.now_ms())
    }

    /// Shows monitors a command that has run. `request` begins with its name. The calls of a script are shown behind its command.
    #[cold]
    pub(super) fn show_to_monitors(&mut self, entry: &TableEntry, request: Arguments<'_>) {
        if entry.spec.has(Flag::Admin) {
            return;
        }
        let now_us = self.host.clock.now_us();
        let (seconds, micros) = (now_us / 1_000_000, now_us % 1_000_000);
        let client = &self.session.client;
        let place = match &client.peer.address {
            _ if self.timing.is_in_script => "lua".to_owned(),
            PeerAddress::Unix(path) => format!("unix:{path}"),
            address @ PeerAddress::Tcp(_) => address.to_string(),
        };
        let mut line = format!("+{seconds}.{micros:06} [{} {place}]", self.session.database);
        for (index, argument) in request.iter().enumerate() {
            let is_secret = entry.spec.hides.is_some_and(|hides| hides(request, index));
            line.push(' ');
            line.push_str(&quoted(if is_secret { REDACTED } else { argument }));
        }
        line.push_str("\r\n");
        if self.timing.is_in_script {
            self.script_lines.push_str(&line);
            return;
        }
        if matches!(entry.spec.run, Handler::Script(_)) {
            line.push_str(&std::mem::take(&mut self.script_lines));
        }
        self.host.interventions.show(&self.host.clients, line.as_bytes());
    }
}
