//! The configuration, in the syntax of redis.conf, derived from one table of directives.
//!
//! A directive is one entry of [`directives()`]: its name, its default, its help, and the functions that read
//! it into [`Config`] and print it. The configuration file, the command line, the environment, CONFIG GET/SET, `--help`
//! and the test that `config/rankd.conf` equals the defaults all use the table.

mod channel_default;
mod directive;
mod directives;
mod event_classes;
mod file;
mod followed;
mod ignored;
mod memory;
mod output_limits;
mod rewrite;
mod set_bounds;
mod settings;
mod slowness;
mod stream_bounds;
mod value;
mod value_syntax;
mod wildcard;

pub use crate::config::channel_default::ChannelDefault;
pub use crate::config::directive::{Directive, DirectiveSection};
pub use crate::config::directives::{OTHER_NAMES, directives, is_secret};
pub use crate::config::event_classes::EventClasses;
pub use crate::config::file::FileError;
pub use crate::config::followed::Followed;
pub use crate::config::ignored::{IGNORED, Ignored};
pub use crate::config::memory::{ClientsBound, EvictionPolicy, MemoryBounds};
pub use crate::config::output_limits::{OutputLimit, OutputLimits};
pub use crate::config::set_bounds::SetBounds;
pub use crate::config::settings::Settings;
pub use crate::config::stream_bounds::StreamBounds;
pub use crate::config::value_syntax::ValueSyntax;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// When a reply may go out: `appendfsync`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FsyncPolicy {
    /// After fdatasync: survives a power failure.
    Always,
    /// After write(2), with an fdatasync a second: survives a crash of the process; a power failure loses about the
    /// last second.
    #[default]
    EverySecond,
    /// After write(2); the system chooses when to sync.
    Never,
}

/// When the dump file is written automatically: one pair of `save`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// Least number of seconds since the last save.
    pub seconds: u64,
    /// Least number of changes since the last save.
    pub changes: u64,
}

/// Which clients may use DEBUG: `enable-debug-command`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DebugPolicy {
    /// No client: `no`.
    #[default]
    No,
    /// Clients on this machine: `local`.
    Local,
    /// All clients: `yes`.
    Yes,
}

/// The lowest level that is logged: `loglevel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything, for developers.
    Debug,
    /// More detail than an operator usually needs.
    Verbose,
    /// Events that an operator should know about.
    Notice,
    /// Only failures and risks.
    Warning,
    /// Nothing is logged.
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
    /// The words of each line `user name rule …` of the file.
    pub users: Vec<Vec<String>>,
    pub aclfile: String,
    pub acl_pubsub_default: ChannelDefault,
    pub acllog_max_len: usize,
    pub tcp_backlog: u32,
    pub tcp_keepalive_s: u32,
    pub timeout_s: u64,
    pub maxclients: usize,
    pub client_query_buffer_limit_bytes: usize,
    pub output_limits: OutputLimits,
    pub tracking_table_max_keys: usize,
    pub proto_max_bulk_len_bytes: usize,
    pub threads: usize,
    pub databases: u32,
    pub hll_sparse_max_bytes: usize,
    pub set_bounds: SetBounds,
    pub memory: MemoryBounds,
    pub stream_bounds: StreamBounds,
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
    pub slowlog_log_slower_than_us: i64,
    pub slowlog_max_len: usize,
    pub latency_monitor_threshold_ms: u64,
    pub latency_tracking: bool,
    pub latency_percentiles: Vec<f64>,
    pub loglevel: LogLevel,
    pub logfile: String,
    /// Values that were set for directives without effect, by the directives' first names.
    pub ignored: BTreeMap<&'static str, String>,
}

impl Default for Config {
    /// Every directive has the default of its table entry.
    fn default() -> Self {
        let mut config = Self {
            bind: Vec::new(),
            port: 0,
            protected_mode: false,
            requirepass: String::new(),
            users: Vec::new(),
            aclfile: String::new(),
            acl_pubsub_default: ChannelDefault::None,
            acllog_max_len: 0,
            tcp_backlog: 0,
            tcp_keepalive_s: 0,
            timeout_s: 0,
            maxclients: 0,
            client_query_buffer_limit_bytes: 0,
            output_limits: OutputLimits::default(),
            tracking_table_max_keys: 0,
            proto_max_bulk_len_bytes: 0,
            threads: 0,
            databases: 0,
            hll_sparse_max_bytes: 0,
            set_bounds: SetBounds::DEFAULT,
            memory: MemoryBounds::NONE,
            stream_bounds: StreamBounds::DEFAULT,
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
            slowlog_log_slower_than_us: 0,
            slowlog_max_len: 0,
            latency_monitor_threshold_ms: 0,
            latency_tracking: false,
            latency_percentiles: Vec::new(),
            loglevel: LogLevel::Notice,
            logfile: String::new(),
            ignored: BTreeMap::new(),
        };
        for directive in directives() {
            (directive.set)(&mut config, directive.default).expect("a default is valid");
        }
        config
    }
}

/// Why a directive could not be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DirectiveError {
    /// There is no such directive; a similar name, if there is one.
    Unknown(Option<&'static str>),
    /// The value is invalid; the text says which values are valid.
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

/// A valid value that cannot be put into effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoEffect {
    /// The directive's own name.
    pub directive: &'static str,
    /// The reason.
    pub why: String,
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
            // An invalid value is reported as such, even if a valid one would be refused as well.
            let result = changed.set(name, value);
            let result = if is_frozen { result.and(Err(DirectiveError::Immutable)) } else { result };
            result.map_err(|error| (index, error))?;
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

    /// The file of users. A relative `aclfile` is relative to `dir`, as in Redis.
    #[must_use]
    pub fn path_of_users(&self) -> PathBuf {
        self.dir.join(&self.aclfile)
    }

    /// Reads a configuration file; its lines override the current values.
    ///
    /// # Errors
    /// The first invalid line, with file and number, or a file that cannot be read.
    pub fn read_file(&mut self, path: &Path) -> Result<(), FileError> {
        file::read(self, path)
    }

    /// As [`Config::read_file`], from `text`, which errors call `name`.
    ///
    /// # Errors
    /// The first invalid line.
    pub fn read_text(&mut self, name: &str, text: &[u8]) -> Result<(), FileError> {
        file::read_text(self, Path::new(name), text)
    }

    /// The configuration file at `path`, whose text is `text`, with the present values: comments and order stay.
    ///
    /// # Errors
    /// The text cannot be read as a configuration any more.
    pub fn rewritten(&self, path: &Path, text: &str) -> Result<String, FileError> {
        rewrite::rewritten(self, path, text)
    }

    /// The directive's own name for any of its names.
    fn own_name(name: &str) -> Option<&'static str> {
        let ours = directives::find(name).map(|directive| directive.name);
        ours.or_else(|| Ignored::find(name).map(Ignored::name))
    }

    /// The value of a directive as CONFIG GET prints it.
    fn printed(&self, name: &str) -> Option<String> {
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
