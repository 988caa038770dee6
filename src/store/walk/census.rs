//! Counts keys and elements.

use crate::store::sharded::Store;
use crate::store::values::kinds::Kind;

/// The number of keys and elements in a store. Expired keys do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census([KindCount; Kind::ALL.len()]);

/// The number of keys and elements of one type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindCount {
    /// Keys.
    pub keys: u64,
    /// Their elements.
    pub elements: u64,
}

impl Census {
    /// The counts of `kind`.
    #[must_use]
    pub fn of(&self, kind: Kind) -> KindCount {
        self.0[kind as usize]
    }
}

impl Store {
    /// Counts all keys and elements. O(keys), under one shard's lock at a time.
    #[must_use]
    pub fn census(&self) -> Census {
        let expired_by_ms = self.expired_by_ms(self.clock.now_ms());
        let mut census = Census::default();
        for shard in &self.shards {
            for keyspace in shard.read().keyspaces() {
                for entry in keyspace.iter().filter(|entry| !entry.is_expired(expired_by_ms)) {
                    let count = &mut census.0[entry.value.kind() as usize];
                    count.keys += 1;
                    count.elements += entry.value.elements() as u64;
                }
            }
        }
        census
    }
}
