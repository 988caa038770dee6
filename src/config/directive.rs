//! What a directive is: the type of an entry in the table of directives.

use super::Config;

/// One directive.
#[derive(Debug)]
pub struct Directive {
    /// Its name in files, flags and CONFIG.
    pub name: &'static str,
    /// What it is about: the heading it stands under in the file and in `--help`.
    pub section: DirectiveSection,
    /// Its default, spelled as in the file.
    pub default: &'static str,
    /// Whether CONFIG SET may change it while the server runs.
    pub live: bool,
    /// What it does, in a line or three.
    pub help: &'static str,
    /// Prints its value.
    pub get: fn(&Config) -> String,
    /// Reads its value; the error says what would be taken.
    pub set: fn(&mut Config, &str) -> Result<(), String>,
}

/// What a directive is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectiveSection {
    /// Addresses, passwords, clients.
    Network,
    /// Threads and databases.
    General,
    /// The journal and the dump file.
    Journal,
    /// FRIENDRANK.
    Friends,
    /// Keyspace notifications.
    Events,
    /// The log.
    Log,
}

impl DirectiveSection {
    /// The heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Network => "Network",
            Self::General => "General",
            Self::Journal => "Journal and dump file",
            Self::Friends => "Friend ranking",
            Self::Events => "Keyspace events",
            Self::Log => "Log",
        }
    }
}
