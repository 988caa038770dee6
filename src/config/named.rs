//! Settings by the names of their directives: what a file, the command line, CONFIG GET and CONFIG SET use.

use super::directives::{self, OTHER_NAMES, directives};
use super::error::DirectiveError;
use super::fields::Config;
use super::ignored::{IGNORED, Ignored};
use std::collections::HashSet;

/// Directives that Redis lets nobody set by default (`enable-protected-configs`).
const PROTECTED: [&str; 2] = ["dir", "dbfilename"];

/// Directives of several words, each of which is a value of its own.
const LISTS: [&str; 9] = [
    "bind",
    "client-output-buffer-limit",
    "latency-tracking-info-percentiles",
    "metrics-bind",
    "oom-score-adj-values",
    "replicaof",
    "save",
    "shutdown-on-sigint",
    "shutdown-on-sigterm",
];

/// Whether the directive with this name of its own has several values. Of those that Redis removed the values are not known.
pub(super) fn takes_several(own_name: &str) -> bool {
    LISTS.contains(&own_name) || Ignored::find(own_name).is_some_and(|ignored| !ignored.is_known_to_config())
}

impl Default for Config {
    /// Every directive has the default of its table entry.
    fn default() -> Self {
        let mut config = Self::unset();
        for directive in directives() {
            (directive.set)(&mut config, directive.default).expect("a default is valid");
        }
        config
    }
}

impl Config {
    /// Sets the directive `name` (in any case) to `value`, as a line of a configuration file does.
    ///
    /// # Errors
    /// [`DirectiveError::Unknown`] or [`DirectiveError::BadValue`]; nothing is changed then.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), DirectiveError> {
        if let Some(directive) = directives::find(name) {
            return (directive.set)(self, value).map_err(DirectiveError::BadValue);
        }
        let Some(ignored) = Ignored::find(name) else {
            return Err(directives::refusal(name));
        };
        let value = ignored.syntax.read(self.value_of(ignored), value).map_err(DirectiveError::BadValue)?;
        self.ignored.insert(ignored.name(), value);
        Ok(())
    }

    fn value_of(&self, ignored: &Ignored) -> &str {
        self.ignored.get(ignored.name()).map_or(ignored.default, String::as_str)
    }

    /// The value of a directive without effect, for commands that answer as if it had one.
    #[must_use]
    pub fn ignored_value(&self, name: &str) -> Option<&str> {
        Ignored::find(name).map(|ignored| self.value_of(ignored))
    }

    /// A copy of the configuration with several directives changed, as CONFIG SET does: all or none.
    ///
    /// # Errors
    /// The position of the first pair that cannot be set, and the reason.
    pub fn set_live(&self, pairs: &[(&str, &str)]) -> Result<Self, (usize, DirectiveError)> {
        // Redis checks all names before any value.
        let mut names = HashSet::new();
        for (index, (name, _)) in pairs.iter().enumerate() {
            let why = match Ignored::find(name) {
                Some(ignored) if !ignored.is_known_to_config() => Some(DirectiveError::Unknown(None)),
                Some(ignored) if !ignored.live => Some(DirectiveError::Immutable),
                Some(_) => None,
                None => match directives::find(name) {
                    None => Some(DirectiveError::Unknown(directives::nearest(name))),
                    Some(own) if PROTECTED.contains(&own.name) => Some(DirectiveError::Protected),
                    Some(own) if !own.live => Some(DirectiveError::Immutable),
                    Some(_) => None,
                },
            };
            let is_again = !names.insert(name.to_ascii_lowercase());
            let why =
                why.or_else(|| is_again.then(|| DirectiveError::BadValue("duplicate parameter".into())));
            if let Some(why) = why {
                return Err((index, why));
            }
        }
        let mut changed = self.clone();
        for (index, (name, value)) in pairs.iter().enumerate() {
            changed.set(name, value).map_err(|error| (index, error))?;
        }
        Ok(changed)
    }

    /// Every directive that CONFIG GET returns, with its value, ordered by name. Ignored directives appear under all
    /// their names.
    #[must_use]
    pub fn entries(&self) -> Vec<(&'static str, String)> {
        let ours = directives().map(|directive| (directive.name, (directive.get)(self)));
        let known = IGNORED.iter().filter(|ignored| ignored.is_known_to_config());
        let ignored = known
            .flat_map(|ignored| ignored.names.iter().map(|name| (*name, self.value_of(ignored).to_owned())));
        let others = OTHER_NAMES.iter().filter_map(|(other, own)| {
            directives::find(own).map(|directive| (*other, (directive.get)(self)))
        });
        let mut entries: Vec<_> = ours.chain(others).chain(ignored).collect();
        entries.sort_unstable_by_key(|(name, _)| *name);
        entries
    }

    /// The directive's own name for any of its names.
    pub(super) fn own_name(name: &str) -> Option<&'static str> {
        let ours = directives::find(name).map(|directive| directive.name);
        ours.or_else(|| Ignored::find(name).map(Ignored::name))
    }

    /// The value of the directive `name` as CONFIG GET prints it; `None` if there is no such directive.
    #[must_use]
    pub fn printed(&self, name: &str) -> Option<String> {
        let ours = directives::find(name).map(|directive| (directive.get)(self));
        ours.or_else(|| self.ignored_value(name).map(str::to_owned))
    }

    /// One warning for each directive without effect that is not at its default.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let differs = |ignored: &&Ignored| self.value_of(ignored) != ignored.default;
        IGNORED.iter().filter(differs).map(Ignored::warning).collect()
    }
}
