//! Settings that are a choice of a few words, or a pair of numbers.

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
