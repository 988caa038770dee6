//! Counts of what was read and of what was left out.

use crate::store::DatabaseIndex;
use std::collections::BTreeMap;
use std::fmt;

/// The count that Redis up to 5 writes when the number of keys does not fit into its 32 bits.
const MANY_KEYS: u64 = u32::MAX as u64;

/// What was read, and what of it was left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadTally {
    /// Bytes of files and payloads.
    pub bytes: u64,
    /// Keys that were put into the store.
    pub keys: u64,
    /// Keys that had expired and were left out.
    pub expired_keys: u64,
    /// Keys of types that rankd does not have, by type.
    pub foreign_keys: BTreeMap<String, u64>,
    /// Keys whose set or sorted set has no members: old versions of Redis could write such. Redis leaves them out too.
    pub empty_keys: u64,
    /// Function libraries that were put into the store.
    pub function_libraries: u64,
    /// Keys with data of modules, by the kind of data.
    pub key_data: BTreeMap<String, u64>,
    /// Jobs that were moving slots of a cluster to the server.
    pub slot_imports: u64,
    /// The first database for which a file announces another number of keys than it holds.
    pub miscount: Option<Miscount>,
    /// Data of modules that belongs to no key, by module type.
    pub module_data: BTreeMap<String, u64>,
    /// The server that wrote the file and the version of the format, as far as the file says: `Redis 8.2.3, RDB 12`.
    pub origin: String,
    /// The database that is selected where the stream behind the file begins, if the file says so: that of a replica does.
    pub selected: Option<u32>,
    /// The offset in the stream behind the file before which the data are not of one moment, if the file says so.
    pub whole_at: Option<u64>,
}

impl LoadTally {
    /// Lines that say what was left out, expired keys apart, each with the reason behind a colon.
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

/// A database for which a file announces a wrong number of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Miscount {
    /// Number of the database.
    pub database: DatabaseIndex,
    /// Keys that the file announces.
    pub announced: u64,
    /// Keys that the file holds.
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

/// Counts the keys of the database that is being read.
#[derive(Default)]
pub(super) struct KeyCount {
    /// The number that the file announces, if it does.
    pub(super) announced: Option<u64>,
    /// The number that has been read.
    pub(super) found: u64,
}

impl KeyCount {
    /// Ends the count for `database` and notes whether the announced number was wrong.
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
