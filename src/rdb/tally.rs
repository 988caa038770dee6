//! What became of what was read: counts, by name.

use crate::store::DatabaseIndex;
use std::collections::BTreeMap;
use std::fmt;

/// A count of keys that did not fit: Redis up to 5 had 32 bits for it.
const MANY_KEYS: u64 = u32::MAX as u64;

/// What was read, and what was not taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadTally {
    /// Bytes of files and payloads.
    pub bytes: u64,
    /// Keys that are in the store now.
    pub keys: u64,
    /// Keys that had expired.
    pub expired_keys: u64,
    /// Keys of types that rankd has not, by type.
    pub foreign_keys: BTreeMap<String, u64>,
    /// Keys whose set or sorted set has no members: old versions of Redis could write such. Redis leaves them out too.
    pub empty_keys: u64,
    /// Libraries of functions.
    pub function_libraries: u64,
    /// Keys that modules keep something for, by the kind of it.
    pub key_data: BTreeMap<String, u64>,
    /// Slots of a cluster that were on their way to the server, in jobs.
    pub slot_imports: u64,
    /// The first database of which a file says that it has another number of keys than follow.
    pub miscount: Option<Miscount>,
    /// What modules keep beside keys, by module type.
    pub module_data: BTreeMap<String, u64>,
    /// Who wrote the file and its version of the format, as far as it says: `Redis 8.2.3, RDB 12`.
    pub origin: String,
}

impl LoadTally {
    /// What was read and is not in the store, expired keys apart: lines, each with the reason behind a colon.
    #[must_use]
    pub fn left_out(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, keys) in &self.foreign_keys {
            lines.push(format!("{}: rankd has no type {name}", number_of(*keys, "key")));
        }
        if self.empty_keys > 0 {
            let keys = number_of(self.empty_keys, "key");
            lines.push(format!(
                "{keys}: sets and sorted sets without members, which only old bugs could write"
            ));
        }
        if self.function_libraries > 0 {
            let libraries = number_of(self.function_libraries, "function library");
            lines.push(format!("{libraries}: rankd runs no scripts"));
        }
        for (kind, keys) in &self.key_data {
            let keys = number_of(*keys, "key");
            lines.push(format!("data of the kind {kind} that modules keep for {keys}: rankd has no modules"));
        }
        for name in self.module_data.keys() {
            lines.push(format!("data of the module {name}: rankd has no modules"));
        }
        if self.slot_imports > 0 {
            let jobs = number_of(self.slot_imports, "job");
            lines.push(format!("{jobs} that move slots to the server: rankd is no cluster"));
        }
        lines
    }
}

/// A number of things, in English.
#[must_use]
pub fn number_of(number: u64, thing: &str) -> String {
    match (number, thing.strip_suffix('y').filter(|stem| stem.ends_with('r'))) {
        (1, _) => format!("1 {thing}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {thing}s"),
    }
}

/// A database's number of keys, as a file announces it and as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Miscount {
    /// The database.
    pub database: DatabaseIndex,
    /// Keys that the file says there are.
    pub announced: u64,
    /// Keys that were in it.
    pub found: u64,
}

impl fmt::Display for Miscount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { database, announced, found } = self;
        write!(
            f,
            "it says that database {database} holds {}, and {found} are in it",
            number_of(*announced, "key")
        )
    }
}

/// The keys of the database that is being read.
#[derive(Default)]
pub(super) struct KeyCount {
    /// How many there are, if the file has said so.
    pub(super) announced: Option<u64>,
    /// How many there have been.
    pub(super) found: u64,
}

impl KeyCount {
    /// The keys of `database` are through, or its number of keys comes.
    pub(super) fn end(&mut self, database: DatabaseIndex, tally: &mut LoadTally) {
        let Self { announced, found } = std::mem::take(self);
        if let Some(announced) = announced
            && announced != found
            && !(announced == MANY_KEYS && found > announced)
        {
            tally.miscount.get_or_insert(Miscount { database, announced, found });
        }
    }
}
