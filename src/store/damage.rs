//! Keys whose value a panic has left damaged. No command is served from one, and no checkpoint or dump is made of it: the
//! journal, if one is kept, has the truth, and the next start makes the value anew. Removing the key ends it as well.

use super::numbers::DatabaseIndex;
use parking_lot::RwLock;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The damaged keys of a store: none, but for an error in our own code.
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

    /// The key has gone, or is another.
    pub(super) fn forget(&self, database: DatabaseIndex, key: &[u8]) {
        if self.is_there() {
            self.change(|keys| {
                keys.remove(&(database, key.into()));
            });
        }
    }

    /// All keys of a database have gone, or all of all.
    pub(super) fn forget_all(&self, database: Option<DatabaseIndex>) {
        if self.is_there() {
            self.change(|keys| keys.retain(|(of, _)| database.is_some_and(|database| database != *of)));
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

    /// A damaged key, if there is one.
    pub(super) fn first(&self) -> Option<(DatabaseIndex, Box<[u8]>)> {
        self.keys.read().first().cloned()
    }
}
