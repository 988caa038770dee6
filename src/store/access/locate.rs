//! From a key's name to its shard and its hash.

use super::slot::Slot;
use crate::store::keys::keyspace::KeyValue;
use crate::store::keys::located::Located;
use crate::store::numbers::{DatabaseIndex, ShardIndex};
use crate::store::sharded::Store;
use smallvec::SmallVec;

impl Store {
    /// The shard and the hash of `key`. O(key length).
    #[must_use]
    pub fn locate<'k>(&self, key: &'k [u8]) -> Located<'k> {
        Located { key, shard: self.shard_of(key), hash: self.hash_of(key) }
    }

    /// The shard of `key`. O(key length).
    #[must_use]
    pub fn shard_of(&self, key: &[u8]) -> ShardIndex {
        usize::from(Slot::of(key).number()) & (self.shards.len() - 1)
    }

    /// Prefetches the entries of `keys`, a few dozen at most, so that a batch waits for memory once instead of once a
    /// key. It does not wait for locks: it leaves out the keys of a shard that is locked for writing.
    pub fn load_ahead<'k>(&self, database: DatabaseIndex, keys: impl Iterator<Item = Located<'k>>) {
        // All locks come before all look-ups: a locked instruction between two loads makes the second one wait for the
        // first.
        let held: SmallVec<[_; 16]> =
            keys.filter_map(|at| Some((at.hash, self.shards[at.shard].try_read()?))).collect();
        let entries: SmallVec<[_; 16]> =
            held.iter().filter_map(|(hash, shard)| shard.keyspace(database).load_entry(*hash)).collect();
        entries.into_iter().for_each(KeyValue::load_content);
    }
}
