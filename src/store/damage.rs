//! Keys whose value a panic has left damaged. Commands on such a key get an error, and no checkpoint or dump is made
//! while there is one. The journal, if there is one, is sound, and the next start rebuilds the value from it. Removing
//! the key also ends the damage.

use super::numbers::DatabaseIndex;
use parking_lot::RwLock;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What happened to a damaged value, and how to repair it: the end of every error text about one.
pub const DAMAGE_TEXT: &str =
    "was damaged by an internal error; a restart with the journal rebuilds it, DEL removes it";

/// The damaged keys of a store. Without an error in our own code there are none.
#[derive(Debug, Default)]
pub(super) struct Damage {
    count: AtomicUsize,
    keys: RwLock<BTreeSet<(DatabaseIndex, Box<[u8]>)>>,
}

impl Damage {
    pub(super) fn change(&self, change: impl FnOnce(&mut BTreeSet<(DatabaseIndex, Box<[u8]>)>)) {
        let mut keys = self.keys.write();
        change(&mut keys);
        self.count.store(keys.len(), Ordering::Release);
    }

    /// Notes that the key is removed or has a new value.
    pub(super) fn forget(&self, database: DatabaseIndex, key: &[u8]) {
        if self.is_there() {
            self.change(|keys| {
                keys.remove(&(database, key.into()));
            });
        }
    }

    /// Notes that all keys of a database are removed, or all keys if `None`.
    pub(super) fn forget_all(&self, database: Option<DatabaseIndex>) {
        if self.is_there() {
            self.change(|keys| keys.retain(|(of, _)| database.is_some_and(|database| database != *of)));
        }
    }

    /// Notes that two databases have exchanged their keys.
    pub(super) fn swap(&self, one: DatabaseIndex, other: DatabaseIndex) {
        if self.is_there() {
            self.change(|keys| {
                let swapped = |database| match database {
                    _ if database == one => other,
                    _ if database == other => one,
                    _ => database,
                };
                *keys = std::mem::take(keys).into_iter().map(|(of, key)| (swapped(of), key)).collect();
            });
        }
    }

    /// Whether there is a damaged key. O(1).
    pub(super) fn is_there(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }

    /// Whether this key is damaged.
    pub(super) fn contains(&self, database: DatabaseIndex, key: &[u8]) -> bool {
        self.keys.read().contains(&(database, key.into()))
    }

    /// The first damaged key, if there is one.
    pub(super) fn first(&self) -> Option<(DatabaseIndex, Box<[u8]>)> {
        self.keys.read().first().cloned()
    }
}
