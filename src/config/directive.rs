//! The type of an entry in the table of directives.

use super::fields::Config;

/// An entry of the table of directives.
#[derive(Debug)]
pub struct Directive {
    /// Its name in files, flags and CONFIG.
    pub name: &'static str,
    /// The heading under which the file and `--help` list it.
    pub section: DirectiveSection,
    /// Its default, written as in the file.
    pub default: &'static str,
    /// Whether CONFIG SET may change it while the server runs.
    pub live: bool,
    /// Its description for operators, one to three lines.
    pub help: &'static str,
    /// Prints the current value as in the file.
    pub get: fn(&Config) -> String,
    /// Sets the value from text. The error says which values are valid.
    pub set: fn(&mut Config, &str) -> Result<(), String>,
}

/// The group of a directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectiveSection {
    /// Addresses, passwords, clients.
    Network,
    /// TLS: its port, its certificates.
    Tls,
    /// Users and what they may do.
    Users,
    /// Following a master.
    Replica,
    /// Threads and databases.
    General,
    /// Memory and eviction.
    Memory,
    /// The journal and the dump file.
    Journal,
    /// What a master does for its replicas.
    Replication,
    /// The keys and the memory of FRIENDRANK.
    Friends,
    /// Notifications about changes of keys.
    Events,
    /// SLOWLOG, LATENCY and the times of commands.
    Slowness,
    /// The log and its level.
    Log,
    /// The metrics port.
    Metrics,
}

impl DirectiveSection {
    /// The heading of the group.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Network => "Network",
            Self::Tls => "TLS",
            Self::Users => "Users",
            Self::Replica => "Replica",
            Self::General => "General",
            Self::Memory => "Memory",
            Self::Journal => "Journal and dump file",
            Self::Replication => "Replication",
            Self::Friends => "Friend ranking",
            Self::Events => "Keyspace events",
            Self::Slowness => "Slow requests",
            Self::Log => "Log",
            Self::Metrics => "Metrics",
        }
    }
}
