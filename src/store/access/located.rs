//! Where a key is to be looked for: its shard, and its hash there.

use super::slot::Slot;
use crate::store::{ShardIndex, Store};
use std::hash::BuildHasher;

/// A key with what its bytes tell of where it is. Worked out once for a request, for all that look for the key.
#[derive(Clone, Copy, Debug)]
pub struct Located<'k> {
    pub(in crate::store) key: &'k [u8],
    pub(in crate::store) shard: ShardIndex,
    pub(in crate::store) hash: u64,
}

impl Located<'_> {
    /// The shard whose lock covers the key.
    #[must_use]
    pub fn shard(self) -> ShardIndex {
        self.shard
    }

    /// The same of `key`, if that has the same bytes.
    #[must_use]
    pub fn repeated(self, key: &[u8]) -> Option<Located<'_>> {
        (self.key == key).then_some(Located { key, ..self })
    }

    /// Whether this is about `key`: those very bytes, not their like.
    pub(in crate::store) fn is_of(self, key: &[u8]) -> bool {
        std::ptr::eq(self.key, key)
    }
}

impl Store {
    /// Where `key` is to be looked for. O(key length).
    #[must_use]
    pub fn locate<'k>(&self, key: &'k [u8]) -> Located<'k> {
        Located { key, shard: self.shard_of(key), hash: self.hash_of(key) }
    }

    /// The shard of `key`. O(key length).
    #[must_use]
    pub fn shard_of(&self, key: &[u8]) -> ShardIndex {
        usize::from(Slot::of(key).number()) & (self.shards.len() - 1)
    }

    /// The hash of `key` in every keyspace. O(key length).
    pub(in crate::store) fn hash_of(&self, key: &[u8]) -> u64 {
        self.hasher.hash_one(key)
    }
}
