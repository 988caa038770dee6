//! What was denied: ACL LOG, and the counters of INFO.

use crate::limits;
use std::collections::VecDeque;

/// Why something was denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Reason {
    /// A wrong password, or a user who is off.
    Auth,
    /// The command.
    Command,
    /// A key.
    Key,
    /// A channel.
    Channel,
}

impl Reason {
    /// All of them, in the order of INFO.
    pub(in crate::commands) const ALL: [Self; 4] = [Self::Auth, Self::Command, Self::Key, Self::Channel];

    /// The word at the end of INFO's field.
    pub(in crate::commands) fn word_in_info(self) -> &'static str {
        if self == Self::Command { "cmd" } else { self.word() }
    }

    /// The word in ACL LOG.
    pub(in crate::commands) fn word(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Command => "command",
            Self::Key => "key",
            Self::Channel => "channel",
        }
    }
}

/// Where something was denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum DenialContext {
    /// In a request of its own.
    TopLevel,
    /// Between MULTI and EXEC, or when EXEC ran it.
    Transaction,
    /// In a script.
    Script,
}

impl DenialContext {
    /// The word in ACL LOG.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::TopLevel => "toplevel",
            Self::Transaction => "multi",
            Self::Script => "lua",
        }
    }
}

/// Something that was denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands) struct Denial {
    pub(in crate::commands) reason: Reason,
    pub(in crate::commands) context: DenialContext,
    /// The command, key or channel; for a wrong password the command that brought it.
    pub(in crate::commands) object: Vec<u8>,
    /// The user's name, as the client gave it.
    pub(in crate::commands) user: Vec<u8>,
    /// The client's line in CLIENT LIST.
    pub(in crate::commands) client: String,
}

/// An entry of the log: one denial, or several of the same kind.
#[derive(Clone, Debug)]
pub(super) struct LogEntry {
    pub(super) id: u64,
    pub(super) count: u64,
    pub(super) denial: Denial,
    pub(super) first_ms: u64,
    pub(super) last_ms: u64,
}

/// The log, newest first.
#[derive(Debug, Default)]
pub(super) struct DenialLog {
    entries: VecDeque<LogEntry>,
    next_id: u64,
}

impl DenialLog {
    /// Adds a denial. If it repeats one of the newest entries of the last minute, that entry counts it instead. At most
    /// `most` entries are kept. O(1): few entries are compared.
    pub(super) fn add(&mut self, denial: Denial, now_ms: u64, most: usize) {
        let is_same = |entry: &LogEntry| {
            let known = &entry.denial;
            now_ms.saturating_sub(entry.first_ms) <= limits::ACL_LOG_GROUPING.as_millis() as u64
                && (known.reason, known.context) == (denial.reason, denial.context)
                && (&known.object, &known.user) == (&denial.object, &denial.user)
        };
        let mut newest = self.entries.iter().take(limits::ACL_LOG_COMPARED);
        let entry = match newest.position(is_same) {
            Some(place) => {
                let mut entry = self.entries.remove(place).expect("its position was found");
                entry.denial.client = denial.client;
                (entry.count, entry.last_ms) = (entry.count + 1, now_ms);
                entry
            }
            None => {
                let id = self.next_id;
                self.next_id += 1;
                LogEntry { id, count: 1, denial, first_ms: now_ms, last_ms: now_ms }
            }
        };
        self.entries.push_front(entry);
        self.entries.truncate(most);
    }

    /// The newest `most` entries.
    pub(super) fn newest(&self, most: usize) -> Vec<LogEntry> {
        self.entries.iter().take(most).cloned().collect()
    }

    /// Forgets all entries.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denial(object: &str) -> Denial {
        let (object, user) = (object.into(), b"user".to_vec());
        Denial { reason: Reason::Key, context: DenialContext::TopLevel, object, user, client: String::new() }
    }

    /// As in Redis: within a minute of the first, and with the ten newest entries.
    #[test]
    fn a_denial_is_compared_with_few_entries() {
        let mut log = DenialLog::default();
        let counts = |log: &DenialLog| log.newest(100).iter().map(|entry| entry.count).collect::<Vec<_>>();
        log.add(denial("a"), 0, 100);
        log.add(denial("a"), 60_000, 100);
        assert_eq!(counts(&log), [2]);
        log.add(denial("a"), 60_001, 100);
        assert_eq!(counts(&log), [1, 2]);
        for number in 0..limits::ACL_LOG_COMPARED {
            log.add(denial(&number.to_string()), 60_001, 100);
        }
        log.add(denial("a"), 60_001, 100);
        assert_eq!(log.newest(1)[0].count, 1, "the other one is too far behind");
        log.add(denial("b"), 60_001, 3);
        assert_eq!(log.newest(100).len(), 3);
    }
}
