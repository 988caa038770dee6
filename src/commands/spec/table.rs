//! The command table: how a name is found in it, and the ACL categories that follow from an entry.

use super::{CommandSpec, Flag, Group, Handler};
use foldhash::fast::FixedState;
use std::collections::HashMap;
use std::sync::OnceLock;

/// Longest name that is looked up. No command has a longer one.
const NAME_BYTES: usize = 32;

/// A command or subcommand with its place in the table.
#[derive(Debug)]
pub struct TableEntry {
    /// Its position in [`CommandTable::entries`].
    pub place: usize,
    /// What it is.
    pub spec: &'static CommandSpec,
    /// Its name as COMMAND spells it: `client|id` for a subcommand.
    pub full_name: String,
    /// Places of its subcommands.
    pub subcommands: Vec<usize>,
    /// Whether it is a subcommand itself.
    pub is_subcommand: bool,
}

/// Every command and subcommand.
#[derive(Debug)]
pub struct CommandTable {
    entries: Vec<TableEntry>,
    /// No client chooses what is in it, so the hash needs no seed.
    by_name: HashMap<PaddedName, usize, FixedState>,
}

/// A name in lower case, filled up with zeros.
type PaddedName = (u128, u128);

/// `None` for a name that is too long for a command.
fn padded(name: &[u8]) -> Option<PaddedName> {
    let mut bytes = [0u8; NAME_BYTES];
    bytes.get_mut(..name.len())?.copy_from_slice(name);
    bytes.make_ascii_lowercase();
    let [first, second] = bytes.as_chunks().0 else { return None };
    Some((u128::from_le_bytes(*first), u128::from_le_bytes(*second)))
}

static TABLE: OnceLock<CommandTable> = OnceLock::new();

/// The table. It is there as soon as there is a host: the first call of `commands::table`, which knows the families, makes
/// it.
pub(in crate::commands) fn table() -> &'static CommandTable {
    TABLE.get().expect("the families are put together before there is a host")
}

/// The table of these families. The first call makes it.
pub(in crate::commands) fn of_families(families: &[&'static [CommandSpec]]) -> &'static CommandTable {
    TABLE.get_or_init(|| CommandTable::build(families))
}

impl CommandTable {
    fn build(families: &[&'static [CommandSpec]]) -> Self {
        let mut entries: Vec<TableEntry> = Vec::new();
        for spec in families.iter().copied().flatten() {
            let parent = entries.len();
            let own = TableEntry {
                place: parent,
                spec,
                full_name: spec.name.into(),
                subcommands: Vec::new(),
                is_subcommand: false,
            };
            entries.push(own);
            for sub in spec.subcommands {
                let place = entries.len();
                entries[parent].subcommands.push(place);
                let full_name = format!("{}|{}", spec.name, sub.name);
                entries.push(TableEntry {
                    place,
                    spec: sub,
                    full_name,
                    subcommands: Vec::new(),
                    is_subcommand: true,
                });
            }
        }
        let name_of = |entry: &TableEntry| padded(entry.full_name.as_bytes()).expect("a short name");
        let by_name = entries.iter().enumerate().map(|(place, entry)| (name_of(entry), place)).collect();
        Self { entries, by_name }
    }

    /// Every command and subcommand; a position in it is a command's place.
    #[must_use]
    pub fn entries(&self) -> &[TableEntry] {
        &self.entries
    }

    /// The commands, without subcommands.
    pub fn commands(&self) -> impl Iterator<Item = &TableEntry> {
        self.entries.iter().filter(|entry| !entry.is_subcommand)
    }

    /// Finds a command (`zadd`) or subcommand (`client|id`) by its full name in any case.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        let place = *self.by_name.get(&padded(name)?)?;
        // The zeros may be the client's.
        Some(place).filter(|place| self.entries[*place].full_name.len() == name.len())
    }

    /// Finds a subcommand of the command at `place`.
    #[must_use]
    pub fn find_subcommand(&self, place: usize, name: &[u8]) -> Option<usize> {
        let is_it = |sub: &&usize| self.entries[**sub].spec.name.as_bytes().eq_ignore_ascii_case(name);
        self.entries[place].subcommands.iter().find(is_it).copied()
    }
}

impl CommandSpec {
    /// Its ACL categories, in the order in which Redis lists them.
    #[must_use]
    pub fn acl_categories(&self) -> Vec<&'static str> {
        let is_container = matches!(self.run, Handler::Container);
        let group = match self.group {
            // SORT is about types of values.
            Group::Generic if self.categories.contains(&"@sortedset") => None,
            // WAIT is about what the connection wrote.
            Group::Generic if self.categories.contains(&"@connection") => None,
            Group::Generic => Some("@keyspace"),
            Group::String => Some("@string"),
            Group::Bitmap => Some("@bitmap"),
            Group::HyperLogLog => Some("@hyperloglog"),
            Group::List => Some("@list"),
            Group::Set => Some("@set"),
            Group::SortedSet | Group::Friends | Group::Boards => Some("@sortedset"),
            Group::Geo => Some("@geo"),
            Group::Hash => Some("@hash"),
            Group::Stream => Some("@stream"),
            Group::Connection => Some("@connection"),
            Group::Transactions => Some("@transaction"),
            Group::Scripting => Some("@scripting"),
            Group::Server | Group::PubSub => None,
        };
        let follows = |name: &str| match name {
            // What a script does is not known.
            "@read" => self.has(Flag::Readonly) && self.group != Group::Scripting,
            "@write" => self.has(Flag::Write),
            "@admin" | "@dangerous" => self.has(Flag::Admin),
            "@fast" => self.has(Flag::Fast),
            "@slow" => !self.has(Flag::Fast),
            "@pubsub" => self.has(Flag::Pubsub),
            "@blocking" => self.has(Flag::Blocking),
            _ => false,
        };
        ACL_CATEGORIES
            .iter()
            .copied()
            .filter(|name| {
                follows(name) || self.categories.contains(name) || (group == Some(*name) && !is_container)
            })
            .collect()
    }
}

/// Redis's ACL categories, in its order.
pub const ACL_CATEGORIES: &[&str] = &[
    "@keyspace",
    "@read",
    "@write",
    "@set",
    "@sortedset",
    "@list",
    "@hash",
    "@string",
    "@bitmap",
    "@hyperloglog",
    "@geo",
    "@stream",
    "@pubsub",
    "@admin",
    "@fast",
    "@slow",
    "@blocking",
    "@dangerous",
    "@connection",
    "@transaction",
    "@scripting",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::spec::{Keys, Manner};
    use crate::commands::table;

    #[test]
    fn table_entries_are_consistent() {
        for (place, entry) in table().entries().iter().enumerate() {
            let spec = entry.spec;
            assert_eq!(
                table().find(entry.full_name.to_uppercase().as_bytes()),
                Some(place),
                "{}",
                entry.full_name
            );
            assert!(
                spec.arity != 0 && !spec.summary.is_empty() && !spec.summary.ends_with('.'),
                "{}",
                spec.name
            );
            match spec.run {
                Handler::Read(_) | Handler::ReadOrJoin { .. } => {
                    assert!(spec.has(Flag::Readonly) && !spec.has(Flag::Write), "{}", spec.name);
                }
                Handler::Write(_) | Handler::Blocking(_) => {
                    assert!(spec.may_write(), "{}", spec.name);
                    assert_eq!(spec.has(Flag::Readonly), spec.is(Manner::KeepsResult), "{}", spec.name);
                }
                Handler::Container => assert!(!spec.subcommands.is_empty(), "{}", spec.name),
                Handler::OwnLocks(_) | Handler::Session(_) | Handler::Admin(_) => {}
                Handler::Exec | Handler::Script(_) => {}
            }
            let accesses = match spec.keys.declared() {
                Keys::Range { access, .. }
                | Keys::Counted { access, .. }
                | Keys::CountedOrNone { access, .. } => Some(access),
                _ => None,
            };
            if let Some(access) = accesses {
                let main = access.iter().filter(|flag| flag.is_main()).count();
                assert!(main == 1 && access[0].is_main(), "{}: {access:?}", spec.name);
            }
            if spec.lookahead.is_some() {
                let declared = spec.keys.declared();
                assert!(matches!(declared, Keys::Range { first: 1, last: 0, .. }), "{}", spec.name);
            }
            if matches!(
                spec.run,
                Handler::Read(_) | Handler::ReadOrJoin { .. } | Handler::Write(_) | Handler::Blocking(_)
            ) {
                assert!(!matches!(spec.keys, Keys::None), "{} must say which keys it holds", spec.name);
            }
        }
    }
}
