//! The commands that a selector allows, and the rules that it was made of.

use std::collections::BTreeMap;

/// A set of commands and subcommands.
///
/// It keeps the rules it was made of, because they decide what ACL GETUSER prints. A rule that a later one makes void is
/// dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommandSet {
    /// Whether a command is allowed, by its place in the table; those behind its end are as unnamed ones.
    allowed: Vec<bool>,
    /// Whether commands are allowed that no rule names: `+@all` stands at the beginning, else `-@all`.
    allows_unnamed: bool,
    /// First arguments with which a command is allowed that otherwise is not: `+select|0`.
    first_arguments: BTreeMap<usize, Vec<Box<[u8]>>>,
    /// The rules after the first, each with its sign.
    rules: Vec<String>,
}

impl CommandSet {
    /// All commands, or none.
    pub(super) fn all_or_none(all: bool) -> Self {
        Self { allowed: Vec::new(), allows_unnamed: all, first_arguments: BTreeMap::new(), rules: Vec::new() }
    }

    /// Whether every command is allowed.
    pub(super) fn is_everything(&self) -> bool {
        self.allows_unnamed && self.allowed.iter().all(|allowed| *allowed)
    }

    /// Whether the command at `place` in the table is allowed, with this first argument.
    pub(super) fn allows(&self, place: usize, first_argument: Option<&[u8]>) -> bool {
        let with_argument = || {
            let (allowed, given) = (self.first_arguments.get(&place)?, first_argument?);
            Some(allowed.iter().any(|one| one.eq_ignore_ascii_case(given)))
        };
        self.allowed.get(place).copied().unwrap_or(self.allows_unnamed) || with_argument().unwrap_or(false)
    }

    /// Allows or forbids the command at `place`.
    pub(super) fn set(&mut self, place: usize, allow: bool) {
        if self.allowed.len() <= place {
            self.allowed.resize(place + 1, self.allows_unnamed);
        }
        self.allowed[place] = allow;
        self.first_arguments.remove(&place);
    }

    /// Allows the command at `place` with this first argument.
    pub(super) fn allow_with(&mut self, place: usize, argument: &[u8]) {
        let arguments = self.first_arguments.entry(place).or_default();
        if !arguments.iter().any(|known| **known == *argument) {
            arguments.push(argument.into());
        }
    }

    /// Adds a rule, and drops those that it makes void: the same one, and those about subcommands of its command.
    pub(super) fn note(&mut self, allow: bool, rule: &str) {
        let below = format!("{rule}|");
        self.rules.retain(|known| known[1..] != *rule && !known[1..].starts_with(&below));
        self.rules.push(format!("{}{rule}", if allow { '+' } else { '-' }));
    }
}

impl std::fmt::Display for CommandSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.allows_unnamed { "+@all" } else { "-@all" })?;
        self.rules.iter().try_for_each(|rule| write!(f, " {rule}"))
    }
}
