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

/// Who is told that the server is ready and that it stops: `supervised`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Supervised {
    /// Nobody: `no`.
    #[default]
    No,
    /// Nobody: `upstart` is accepted for the sake of old files.
    Upstart,
    /// systemd, at the socket that the environment names: `systemd`.
    Systemd,
    /// systemd, if the environment names its socket: `auto`.
    Auto,
}

impl Supervised {
    /// The variable in which systemd names its socket.
    pub const SOCKET_VARIABLE: &str = "NOTIFY_SOCKET";

    /// Whether there is a systemd to tell.
    #[must_use]
    pub fn is_by_systemd(self) -> bool {
        let may_tell = matches!(self, Self::Systemd | Self::Auto);
        may_tell && std::env::var_os(Self::SOCKET_VARIABLE).is_some()
    }
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
