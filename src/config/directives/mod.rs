//! The table of directives that have an effect, and look-up by name. A file has the entries of one or two sections.

mod friends;
mod general;
mod journal;
mod memory;
mod metrics;
mod network;
mod observing;
mod replica;
mod replication;
mod sentinel;
mod tls;
mod users;

use super::directive::Directive;
use super::error::DirectiveError;

/// The sections' entries, in the order of `config/rankd.conf`.
const SECTIONS: [&[Directive]; 12] = [
    network::DIRECTIVES,
    tls::DIRECTIVES,
    users::DIRECTIVES,
    general::DIRECTIVES,
    memory::DIRECTIVES,
    journal::DIRECTIVES,
    replication::DIRECTIVES,
    replica::DIRECTIVES,
    sentinel::DIRECTIVES,
    friends::DIRECTIVES,
    observing::DIRECTIVES,
    metrics::DIRECTIVES,
];

/// Every directive that has an effect, in the order of `config/rankd.conf`.
pub fn directives() -> impl Iterator<Item = &'static Directive> {
    SECTIONS.into_iter().flatten()
}

/// Other names of directives, each with the directive's own.
pub const OTHER_NAMES: [(&str, &str); 14] = [
    ("commandlog-execution-slower-than", "slowlog-log-slower-than"),
    ("commandlog-slow-execution-max-len", "slowlog-max-len"),
    ("lua-time-limit", "busy-reply-threshold"),
    ("min-slaves-max-lag", "min-replicas-max-lag"),
    ("min-slaves-to-write", "min-replicas-to-write"),
    ("repl-ping-slave-period", "repl-ping-replica-period"),
    ("slaveof", "replicaof"),
    ("primaryauth", "masterauth"),
    ("primaryuser", "masteruser"),
    ("slave-read-only", "replica-read-only"),
    ("slave-serve-stale-data", "replica-serve-stale-data"),
    ("slave-priority", "replica-priority"),
    ("slave-announce-ip", "replica-announce-ip"),
    ("slave-announce-port", "replica-announce-port"),
];

/// Directives whose values are secret.
const SECRETS: [&str; 9] = [
    "requirepass",
    "masterauth",
    "masteruser",
    "primaryauth",
    "primaryuser",
    "sentinel-pass",
    "sentinel-user",
    "tls-key-file-pass",
    "tls-client-key-file-pass",
];

/// Whether the value of the directive `name` (in any case) is secret.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    SECRETS.iter().any(|secret| secret.eq_ignore_ascii_case(name))
}

/// Why there is no directive `name`.
pub(super) fn refusal(name: &str) -> DirectiveError {
    let closes = ["rename-command", "user"].iter().any(|closes| closes.eq_ignore_ascii_case(name));
    if closes {
        let why =
            "rankd has no such rule, and to start without it would open what it closes; take the line out";
        return DirectiveError::BadValue(why.into());
    }
    DirectiveError::Unknown(nearest(name))
}

/// Finds a directive by any of its names, in any case.
pub(super) fn find(name: &str) -> Option<&'static Directive> {
    let other = OTHER_NAMES.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    let name = other.map_or(name, |(_, own)| own);
    directives().find(|directive| directive.name.eq_ignore_ascii_case(name))
}

/// The directive whose name differs from `name` in at most two letters.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let distance = |other: &str| edit_distance(name.as_bytes(), other.as_bytes());
    let nearest = directives().map(|directive| (distance(directive.name), directive.name)).min()?;
    (nearest.0 <= 2).then_some(nearest.1)
}

/// The number of letters to insert, remove or replace (Wagner and Fischer 1974).
fn edit_distance(one: &[u8], other: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Ignored};
    use crate::limits;

    #[test]
    fn names_are_unique_and_values_print_as_they_read() {
        for (index, directive) in directives().enumerate() {
            assert!(directives().take(index).all(|other| other.name != directive.name));
            assert!(Ignored::find(directive.name).is_none(), "{}", directive.name);
            let mut config = Config::default();
            let printed = (directive.get)(&config);
            (directive.set)(&mut config, &printed).unwrap();
            assert_eq!(config, Config::default(), "{}", directive.name);
        }
    }

    /// Some limits are also the defaults of directives: both places must have the same value.
    #[test]
    fn defaults_are_the_limits() {
        let config = Config::default();
        assert_eq!(config.friendrank_keep_bytes, limits::KEPT_RESULTS_BYTES);
        assert_eq!(config.proto_max_bulk_len_bytes, limits::BULK_BYTES);
        assert_eq!(config.client_query_buffer_limit_bytes, limits::QUERY_BUFFER_BYTES);
        assert_eq!(config.hll_sparse_max_bytes, limits::HLL_SPARSE_BYTES);
    }

    #[test]
    fn a_misspelled_name_gets_a_suggestion() {
        assert_eq!(nearest("prot"), Some("port"));
        assert_eq!(nearest("appendonyl"), Some("appendonly"));
        assert_eq!(nearest("completely-else"), None);
    }
}
