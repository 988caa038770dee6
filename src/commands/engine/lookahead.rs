//! Loading what the next requests of a pipeline will touch, so that they wait for memory once and not one by one.

use super::prepared::{Prepared, WINDOW};
use super::runner::Runner;
use crate::commands::spec::Lookahead;
use crate::store::{Access, Located, Value};
use smallvec::SmallVec;

/// Where the key of each request is to be looked for. Their command has a look-ahead, so each has one key.
fn located<'r>(requests: &[Prepared<'r>]) -> impl Iterator<Item = Located<'r>> {
    requests.iter().filter_map(|request| request.located)
}

impl Runner<'_> {
    /// Prefetches the memory for the first request and for the requests of the same kind directly after it. Returns the
    /// number of these requests.
    pub(super) fn load_ahead(&mut self, window: &[Prepared<'_>]) -> usize {
        let first = &window[0];
        let Ok(entry) = first.resolved else { return 1 };
        let spec = entry.spec;
        let will_run = self.session.transaction.is_none();
        let Some(lookahead) = spec.lookahead.filter(|_| will_run) else { return 1 };
        let is_alike = |other: &&Prepared<'_>| {
            matches!(other.resolved, Ok(other) if std::ptr::eq(other, entry))
                && (!matches!(lookahead, Lookahead::Value(_))
                    || other.arguments.get(1) == first.arguments.get(1))
        };
        let alike = window.iter().take_while(is_alike).count();
        let is_allowed = self.check_authenticated(spec).is_ok()
            && self.check_loading(spec).is_ok()
            && spec.accepts(first.arguments.len());
        if alike == 1 || !is_allowed {
            return alike;
        }
        let requests = &window[..alike];
        let database = self.session.database;
        let load = match lookahead {
            Lookahead::Value(load) => load,
            Lookahead::Part(steps) => {
                let steps = steps
                    .iter()
                    .map(|step| move |value: &Value, index: usize| step(value, requests[index].arguments));
                self.host.store.load_ahead(database, located(requests), steps);
                return alike;
            }
            Lookahead::Inside(steps) => {
                // A pipeline to one stream or list needs it once.
                let mut before: Option<Located<'_>> = None;
                let keys = located(requests)
                    .filter(|at| before.replace(*at).is_none_or(|before| !before.shares_place(*at)));
                let steps = steps.iter().map(|step| move |value: &Value, _| step(value));
                self.host.store.load_ahead(database, keys, steps);
                return alike;
            }
        };
        let call = self.call(first.arguments, first.located);
        let access = if spec.may_write() { Access::Write } else { Access::Read };
        if self.hold_keys(spec, &call, access).is_err() {
            return 1;
        }
        // That was no command yet.
        self.commands_in_hold = self.commands_in_hold.saturating_sub(1);
        let reader = self.hold.reader(database).knowing(call.located);
        if let Some(value) = reader.peek(call.argument(1)) {
            let requests: SmallVec<[_; WINDOW]> = requests.iter().map(|request| request.arguments).collect();
            load(value, &requests);
        }
        alike
    }
}
