//! The configuration: redis.conf's language, one table of directives.
//!
//! A directive is one entry of [`directives::DIRECTIVES`]: its name, how it is read into [`Config`] and printed from
//! it, its default and its help. The configuration file, the command line, the environment, CONFIG GET/SET, `--help`
//! and the check that `config/rankd.conf` equals the defaults are all derived from the table.

mod directives;
mod event_classes;
mod file;
mod ignored;
mod kind;
mod value;
mod wildcard;

pub use crate::config::directives::{DIRECTIVES, Directive, Section};
pub use crate::config::event_classes::EventClasses;
pub use crate::config::file::FileError;
pub use crate::config::ignored::{IGNORED, Ignored};
pub use crate::config::kind::Kind;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// When a reply may go out: `appendfsync`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FsyncPolicy {
    /// After fdatasync: survives a power failure.
    Always,
    /// After write(2), with an fdatasync a second: survives a crash of the process; a power failure takes about the
    /// last second.
    #[default]
    EverySecond,
    /// After write(2); the system chooses when to sync.
    Never,
}

/// When the dump file is written without being asked for: one pair of `save`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// Seconds that must have gone by since the last time.
    pub seconds: u64,
    /// Changes that there must have been since.
    pub changes: u64,
}

/// Who may use DEBUG: `enable-debug-command`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DebugPolicy {
    /// Nobody.
    #[default]
    Nobody,
    /// Clients on this machine.
    Local,
    /// Everybody.
    Everybody,
}

/// How much is logged (`loglevel`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// Much.
    Verbose,
    /// What an operator wants to know.
    Notice,
    /// Only what is wrong.
    Warning,
    /// Nothing.
    Nothing,
}

/// Every setting, by the meaning of its directive.
#[expect(missing_docs, reason = "a field is its directive, which the table documents")]
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub bind: Vec<String>,
    pub port: u16,
    pub protected_mode: bool,
    pub requirepass: String,
    pub tcp_backlog: u32,
    pub tcp_keepalive_s: u32,
    pub timeout_s: u64,
    pub maxclients: usize,
    pub client_query_buffer_limit_bytes: usize,
    pub proto_max_bulk_len_bytes: usize,
    pub threads: usize,
    pub databases: u32,
    pub hll_sparse_max_bytes: usize,
    pub enable_debug_command: DebugPolicy,
    pub dir: PathBuf,
    pub dbfilename: String,
    pub save: Vec<SavePoint>,
    pub appendonly: bool,
    pub appendfsync: FsyncPolicy,
    pub auto_aof_rewrite_percentage: u32,
    pub auto_aof_rewrite_min_size_bytes: u64,
    pub friend_key_prefix: String,
    pub friendrank_keep_bytes: usize,
    pub notify_keyspace_events: EventClasses,
    pub loglevel: LogLevel,
    pub logfile: String,
    /// Directives that mean nothing here, where they were set, by their first names.
    pub ignored: BTreeMap<&'static str, String>,
}

impl Default for Config {
    /// Every directive at the default that its table entry names.
    fn default() -> Self {
        let mut config = Self {
            bind: Vec::new(),
            port: 0,
            protected_mode: false,
            requirepass: String::new(),
            tcp_backlog: 0,
            tcp_keepalive_s: 0,
            timeout_s: 0,
            maxclients: 0,
            client_query_buffer_limit_bytes: 0,
            proto_max_bulk_len_bytes: 0,
            threads: 0,
            databases: 0,
            hll_sparse_max_bytes: 0,
            dir: PathBuf::new(),
            dbfilename: String::new(),
            save: Vec::new(),
            enable_debug_command: DebugPolicy::default(),
            appendonly: false,
            appendfsync: FsyncPolicy::default(),
            auto_aof_rewrite_percentage: 0,
            auto_aof_rewrite_min_size_bytes: 0,
            friend_key_prefix: String::new(),
            friendrank_keep_bytes: 0,
            notify_keyspace_events: EventClasses::default(),
            loglevel: LogLevel::Notice,
            logfile: String::new(),
            ignored: BTreeMap::new(),
        };
        for directive in DIRECTIVES {
            (directive.set)(&mut config, directive.default).expect("a default is valid");
        }
        config
    }
}

/// Why a directive was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DirectiveError {
    /// There is no such directive; perhaps this one was meant.
    Unknown(Option<&'static str>),
    /// The value is not one it takes; says what would be.
    BadValue(String),
    /// It cannot be changed while the server runs.
    Immutable,
}

impl std::fmt::Display for DirectiveError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown(None) => f.write_str("unknown directive"),
            Self::Unknown(Some(meant)) => write!(f, "unknown directive (did you mean '{meant}'?)"),
            Self::BadValue(why) => f.write_str(why),
            Self::Immutable => f.write_str("can't set immutable config"),
        }
    }
}

impl std::error::Error for DirectiveError {}

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
            return Err(DirectiveError::Unknown(directives::nearest(name)));
        };
        let value = ignored.kind.read(self.value_of(ignored), value).map_err(DirectiveError::BadValue)?;
        self.ignored.insert(ignored.name(), value);
        Ok(())
    }

    fn value_of(&self, ignored: &Ignored) -> &str {
        self.ignored.get(ignored.name()).map_or(ignored.default, String::as_str)
    }

    /// What a directive is set to that means nothing here, for those who answer as if it meant something.
    #[must_use]
    pub fn ignored_value(&self, name: &str) -> Option<&str> {
        Ignored::find(name).map(|ignored| self.value_of(ignored))
    }

    /// Changes directives of a running server, all or none.
    ///
    /// # Errors
    /// The position of the first pair that cannot be set, and why.
    pub fn set_live(&self, pairs: &[(&str, &str)]) -> Result<Self, (usize, DirectiveError)> {
        // As in Redis, before a value is looked at.
        for (index, (name, _)) in pairs.iter().enumerate() {
            let why = match Ignored::find(name) {
                Some(ignored) if !ignored.is_known_to_config() => DirectiveError::Unknown(None),
                Some(ignored) if !ignored.live => DirectiveError::Immutable,
                None if directives::find(name).is_none() => {
                    DirectiveError::Unknown(directives::nearest(name))
                }
                _ => continue,
            };
            return Err((index, why));
        }
        let mut changed = self.clone();
        for (index, (name, value)) in pairs.iter().enumerate() {
            let is_frozen = directives::find(name).is_some_and(|directive| !directive.live);
            // Nonsense is named as such even where sense would not be taken either.
            let result = changed.set(name, value);
            let result = if is_frozen { result.and(Err(DirectiveError::Immutable)) } else { result };
            result.map_err(|error| (index, error))?;
        }
        Ok(changed)
    }

    /// Every directive that CONFIG knows and its value, the ignored ones by all their names, by name.
    #[must_use]
    pub fn entries(&self) -> Vec<(&'static str, String)> {
        let ours = DIRECTIVES.iter().map(|directive| (directive.name, (directive.get)(self)));
        let known = IGNORED.iter().filter(|ignored| ignored.is_known_to_config());
        let ignored = known
            .flat_map(|ignored| ignored.names.iter().map(|name| (*name, self.value_of(ignored).to_owned())));
        let mut entries: Vec<_> = ours.chain(ignored).collect();
        entries.sort_unstable_by_key(|(name, _)| *name);
        entries
    }

    /// Reads a configuration file on top of what is set.
    ///
    /// # Errors
    /// The first line that is wrong, by file and number, or a file that cannot be read.
    pub fn read_file(&mut self, path: &Path) -> Result<(), FileError> {
        file::read(self, path)
    }

    /// One warning for each directive that was set to something that has no effect.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let differs = |ignored: &&Ignored| self.value_of(ignored) != ignored.default;
        IGNORED.iter().filter(differs).map(Ignored::warning).collect()
    }
}

/// The configuration of a running server, which CONFIG SET replaces.
///
/// Some of it is also kept where it is used. A change and what it does there have one order: the effect of the change
/// that came last is the last.
#[derive(Debug)]
pub struct Settings {
    current: RwLock<Arc<Config>>,
    /// Held from before a change until it has taken effect. Who asks for the configuration does not wait for it.
    changing: Mutex<()>,
}

impl Settings {
    /// Starts with `config`.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { current: RwLock::new(Arc::new(config)), changing: Mutex::new(()) }
    }

    /// The configuration as it is now.
    #[must_use]
    pub fn current(&self) -> Arc<Config> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes directives, all or none, and has `apply` put the new configuration into effect, before another change
    /// begins.
    ///
    /// # Errors
    /// As [`Config::set_live`].
    pub fn set(
        &self,
        pairs: &[(&str, &str)],
        apply: impl FnOnce(&Config),
    ) -> Result<(), (usize, DirectiveError)> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = Arc::new(self.current().set_live(pairs)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&changed);
        apply(&changed);
        Ok(())
    }

    /// Has `apply` put the configuration as it is into effect, where there was nothing yet that it could apply to. A
    /// change comes before or behind it.
    pub fn apply(&self, apply: impl FnOnce(&Config)) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        apply(&self.current());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    /// Of two CONFIG SETs at once the later one was the setting, and the earlier one, applied behind it, what the journal
    /// did: CONFIG GET appendfsync said `no`, and every reply waited for an fdatasync.
    #[test]
    fn a_setting_and_its_effect_are_of_the_same_change() {
        const ROUNDS: u64 = 200;
        let settings = Settings::new(Config::default());
        let (effect, rounds, mut apart) = (AtomicU64::new(0), Barrier::new(3), 0);
        let apply = |config: &Config| {
            // Effects take their time, and not the same: others want to go on meanwhile.
            (0..config.timeout_s % 7 * 4).for_each(|_| thread::yield_now());
            effect.store(config.timeout_s, Ordering::Relaxed);
        };
        let changer = |own: u64| {
            for round in 0..ROUNDS {
                rounds.wait();
                settings
                    .set(&[("timeout", &(round * 2 + own).to_string())], apply)
                    .expect("a live directive");
                rounds.wait();
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| changer(0));
            scope.spawn(|| changer(1));
            for _ in 0..ROUNDS {
                rounds.wait();
                settings.apply(apply);
                rounds.wait();
                apart += u64::from(effect.load(Ordering::Relaxed) != settings.current().timeout_s);
            }
        });
        assert_eq!(apart, 0, "rounds of {ROUNDS} that left setting and effect apart");
    }
}
