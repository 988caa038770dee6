//! A batch under way: what its requests share.

use super::terms::{Ran, Terms};
use super::timing::Timing;
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Stop};
use crate::commands::spec::table::TableEntry;
use crate::commands::state::host::Host;
use crate::commands::state::session::Session;
use crate::config::Config;
use crate::resp::request::Arguments;
use crate::store::change::ChangeBuffer;
use crate::store::{Hold, Located};

/// A batch under way.
pub(super) struct Runner<'b> {
    pub(super) host: &'b Host,
    pub(super) session: &'b mut Session,
    pub(super) config: &'b Config,
    pub(super) terms: Terms<'b>,
    /// What has come of the batch so far.
    pub(super) ran: Ran,
    /// The locks that its commands share.
    pub(super) hold: Hold<'b>,
    pub(super) scope: Scope,
    /// Commands since the locks were taken.
    pub(super) commands_in_hold: usize,
    pub(super) timing: Timing,
    /// The last request of the client. It is shown if the time of several turns out to be long.
    pub(super) latest: Option<Arguments<'b>>,
    /// The command of the client's request under way, also while EXEC or a script runs commands.
    pub(super) requested: Option<&'static TableEntry>,
    /// The two last commands that the gates let through, if they would do so again whatever the arguments are; see
    /// [`Runner::asks_no_more`].
    pub(super) passed: [Option<&'static TableEntry>; 2],
    /// What monitors will be shown of the calls of the script that runs.
    pub(super) script_lines: String,
}

/// Whose locks a command runs under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Its own. They are taken for it, unless the command before it has left the right ones; its Changes are a record.
    Command,
    /// An atomic unit's ([`super::unit`]). All locks that any of its commands needs are held until it ends, and the
    /// Changes of all of them are one record. The command was let through the gates before.
    Unit {
        /// How many more elements of the unit's replies are written at once where the rest may be left for later.
        elements_at_once: usize,
    },
}

/// Why a request was not run to its end. INFO counts the two kinds of errors apart.
pub(super) enum Refusal {
    /// It was not run.
    Rejected(CommandError),
    /// It was run and failed.
    Failed(CommandError),
    /// See [`Stop::TakesLong`].
    TakesLong,
    /// See [`Stop::Paused`].
    Paused,
    /// See [`Stop::Superseded`].
    Superseded,
}

impl From<Stop> for Refusal {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Error(error) => Self::Failed(error),
            Stop::TakesLong => Self::TakesLong,
            Stop::Paused => Self::Paused,
            Stop::Superseded => Self::Superseded,
        }
    }
}

impl<'b> Runner<'b> {
    /// Begins a batch. `changes` is an empty buffer for what it changes.
    #[inline]
    pub(super) fn new(
        host: &'b Host,
        session: &'b mut Session,
        config: &'b Config,
        terms: Terms<'b>,
        changes: ChangeBuffer,
    ) -> Self {
        let timing = Timing::begun(config, host.settings.changes(), &host.clock);
        let mut runner = Self {
            host,
            session,
            config,
            terms,
            ran: Ran::default(),
            scope: Scope::Command,
            commands_in_hold: 0,
            timing,
            latest: None,
            requested: None,
            passed: [None; 2],
            script_lines: String::new(),
            // Behind what calls functions: then it is made in its place.
            hold: Hold::new(&host.store, changes),
        };
        runner.hold.act_for(runner.session.client.id);
        if runner.session.is_masters() {
            runner.hold.obey_master();
        }
        runner
    }

    /// Looks at the clock, which ends the time of what has run, and notes what took long.
    pub(super) fn look_at_clock(&mut self) {
        self.look_at_clock_behind(self.latest);
    }

    /// The same at the end of a batch.
    pub(super) fn count_time(&mut self) {
        if let Some(timed) = self.timing.count(&self.host.clock, self.terms.stats) {
            self.note_slow(timed, self.latest);
        }
    }

    /// What has just run may have been a CONFIG SET: as in Redis, it is judged by the bounds that it has set.
    pub(super) fn heed_settings(&mut self) {
        let changes = self.host.settings.changes();
        if changes != self.timing.changes {
            self.timing.heed(&self.host.config(), changes);
        }
    }

    /// As [`Runner::look_at_clock`], where `request` was the last.
    pub(super) fn look_at_clock_behind(&mut self, request: Option<Arguments<'_>>) {
        if let Some(timed) = self.timing.look(&self.host.clock, self.terms.stats) {
            self.note_slow(timed, request);
        }
    }

    /// A request as its command sees it. `located` is where its one key is to be looked for, if that is known.
    pub(super) fn call<'c>(&self, arguments: Arguments<'c>, located: Option<Located<'c>>) -> Call<'c>
    where
        'b: 'c,
    {
        let may_take_long = self.terms.leeway.may_take_long() || self.scope != Scope::Command;
        Call { arguments, located, config: self.config, may_take_long }
    }
}
