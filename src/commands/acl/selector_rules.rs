//! The rules about commands, keys and channels, which change a selector.

use super::command_set::CommandSet;
use super::patterns::{ChannelPatterns, KeyPatterns, KeyUse};
use super::selector::Selector;
use crate::commands::spec::table::{ACL_CATEGORIES, table};
use std::fmt;

/// Why a rule is not valid, in Redis's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RuleError {
    Syntax,
    UnknownCommand,
    AfterAllKeys,
    AfterAllChannels,
    UnknownPassword,
    BadHash,
    FirstArgumentOfSubcommand,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "Syntax error",
            Self::UnknownCommand => "Unknown command or category name in ACL",
            Self::AfterAllKeys => {
                "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any \
                 effect. Try 'resetkeys' to start with an empty list of patterns"
            }
            Self::AfterAllChannels => {
                "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any \
                 effect. Try 'resetchannels' to start with an empty list of channels"
            }
            Self::UnknownPassword => "The password you are trying to remove from the user does not exist",
            Self::BadHash => {
                "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
            }
            Self::FirstArgumentOfSubcommand => "Allowing first-arg of a subcommand is not supported",
        })
    }
}

impl Selector {
    /// Applies one rule about commands, keys or channels.
    ///
    /// # Errors
    /// Why it is no such rule. Nothing has changed then.
    pub(super) fn apply(&mut self, rule: &[u8]) -> Result<(), RuleError> {
        if rule.is_empty() {
            return Ok(());
        }
        // A space would end the rule in the line that defines the user.
        let is_pattern =
            |pattern: &[u8]| !pattern.iter().any(|byte| byte.is_ascii_whitespace() || *byte == 0);
        match (rule[0], &rule[1..]) {
            (b'~', pattern) if is_pattern(pattern) => self.add_keys(KeyUse::BOTH, pattern),
            (b'%', rest) => {
                let end = rest.iter().position(|byte| *byte == b'~').ok_or(RuleError::Syntax)?;
                let mut allowed = KeyUse::default();
                for letter in &rest[..end] {
                    match letter.to_ascii_uppercase() {
                        b'R' if !allowed.reads => allowed.reads = true,
                        b'W' if !allowed.writes => allowed.writes = true,
                        _ => return Err(RuleError::Syntax),
                    }
                }
                if allowed == KeyUse::default() || !is_pattern(&rest[end + 1..]) {
                    return Err(RuleError::Syntax);
                }
                self.add_keys(allowed, &rest[end + 1..])
            }
            (b'&', pattern) if is_pattern(pattern) => {
                if self.channels.all && pattern != b"*" {
                    return Err(RuleError::AfterAllChannels);
                }
                if pattern == b"*" {
                    self.channels = ChannelPatterns::all_or_none(true);
                } else {
                    self.channels.add(pattern);
                }
                Ok(())
            }
            (b'+', name) => self.commands.apply(true, name),
            (b'-', name) => self.commands.apply(false, name),
            _ => self.apply_word(rule),
        }
    }

    fn apply_word(&mut self, word: &[u8]) -> Result<(), RuleError> {
        match word.to_ascii_lowercase().as_slice() {
            b"allkeys" => self.keys = KeyPatterns::all_or_none(true),
            b"resetkeys" => self.keys = KeyPatterns::all_or_none(false),
            b"allchannels" => self.channels = ChannelPatterns::all_or_none(true),
            b"resetchannels" => self.channels = ChannelPatterns::all_or_none(false),
            b"allcommands" => self.commands = CommandSet::all_or_none(true),
            b"nocommands" => self.commands = CommandSet::all_or_none(false),
            _ => return Err(RuleError::Syntax),
        }
        Ok(())
    }

    fn add_keys(&mut self, allowed: KeyUse, pattern: &[u8]) -> Result<(), RuleError> {
        if self.keys.all && (pattern != b"*" || allowed != KeyUse::BOTH) {
            return Err(RuleError::AfterAllKeys);
        }
        if pattern == b"*" && allowed == KeyUse::BOTH {
            self.keys = KeyPatterns::all_or_none(true);
        } else {
            self.keys.add(allowed, pattern);
        }
        Ok(())
    }
}

impl CommandSet {
    /// Applies `+name`, `-name`, `+name|sub`, `+@category`: `rule` is what follows the sign. O(commands).
    ///
    /// # Errors
    /// The rule names nothing, or the argument of a subcommand.
    pub(super) fn apply(&mut self, allow: bool, rule: &[u8]) -> Result<(), RuleError> {
        let rule = String::from_utf8_lossy(rule).to_ascii_lowercase();
        if rule == "@all" {
            *self = Self::all_or_none(allow);
            return Ok(());
        }
        if rule.starts_with('@') {
            if !ACL_CATEGORIES.contains(&rule.as_str()) {
                return Err(RuleError::UnknownCommand);
            }
            for (place, entry) in table().entries().iter().enumerate() {
                if entry.spec.acl_categories().contains(&rule.as_str()) {
                    self.set_all(place, allow);
                }
            }
        } else if let Some(place) = table().find(rule.as_bytes()) {
            self.set_all(place, allow);
        } else {
            self.allow_first_argument(allow, &rule)?;
        }
        self.note(allow, &rule);
        Ok(())
    }

    /// Allows or forbids a command with its subcommands.
    fn set_all(&mut self, place: usize, allow: bool) {
        self.set(place, allow);
        table().entries()[place].subcommands.iter().for_each(|subcommand| self.set(*subcommand, allow));
    }

    fn allow_first_argument(&mut self, allow: bool, rule: &str) -> Result<(), RuleError> {
        let (name, argument) = rule.rsplit_once('|').ok_or(RuleError::UnknownCommand)?;
        let place = table().find(name.as_bytes()).ok_or(RuleError::UnknownCommand)?;
        if table().entries()[place].is_subcommand {
            return Err(RuleError::FirstArgumentOfSubcommand);
        }
        if argument.is_empty() {
            return Err(RuleError::Syntax);
        }
        if !allow || !table().entries()[place].subcommands.is_empty() {
            return Err(RuleError::UnknownCommand);
        }
        self.allow_with(place, argument.as_bytes());
        Ok(())
    }
}
