//! From a key's name to its shard and its hash.

use super::hold::Hold;
use super::key_shards::KeyShards;
use super::slot::Slot;
use crate::store::keys::located::Located;
use crate::store::numbers::{DatabaseIndex, ShardIndex};
use crate::store::sharded::Store;
use crate::store::values::kinds::Value;
use smallvec::SmallVec;

impl Store {
    /// The shard and the hash of `key`. O(key length).
    #[must_use]
    #[inline]
    pub fn locate<'k>(&self, key: &'k [u8]) -> Located<'k> {
        Located { key, shard: self.shard_of(key), hash: self.hash_of(key) }
    }

    /// The shard of `key`. O(key length).
    #[must_use]
    pub fn shard_of(&self, key: &[u8]) -> ShardIndex {
        usize::from(Slot::of(key).number()) & (self.shards.len() - 1)
    }

    /// Prefetches the entries of `keys`, a few dozen at most, so that a batch waits for memory once instead of once a
    /// key. The `steps` then prefetch inside the values what is wanted there, each in all values before the next one; they get the
    /// position of the value's key among `keys`. It does not wait for locks: it leaves out the keys of a shard that is locked
    /// for writing.
    pub fn load_ahead<'k>(
        &self,
        database: DatabaseIndex,
        keys: impl Iterator<Item = Located<'k>>,
        steps: impl Iterator<Item = impl Fn(&Value, usize)>,
    ) {
        // All locks come before all look-ups: a locked instruction between two loads makes the second one wait for the
        // first.
        let held: SmallVec<[_; 16]> = (keys.enumerate())
            .filter_map(|(index, at)| Some((index, at.hash, self.shards[at.shard].try_read()?)))
            .collect();
        // The steps of a look-up are not taken together here: the entries come while the next keys are looked up.
        let entries: SmallVec<[_; 16]> = (held.iter())
            .filter_map(|(index, hash, shard)| Some((*index, shard.keyspace(database).load_entry(*hash)?)))
            .collect();
        entries.iter().for_each(|(_, entry)| entry.load_content());
        for step in steps {
            entries.iter().for_each(|(index, entry)| step(entry.value(), *index));
        }
    }
}

impl Hold<'_> {
    /// Where the shards of the next command's keys are noted, to look the keys up.
    pub fn key_shards(&mut self) -> &mut KeyShards {
        self.key_shards.begin();
        &mut self.key_shards
    }

    /// The shards of the command before are of no use to the next one.
    #[inline]
    pub fn forget_key_shards(&mut self) {
        self.key_shards.forget();
    }

    /// The shard and the hash of `key`. If only one lock is held, the shard is known without the key's slot.
    pub(in crate::store) fn locate<'k>(&self, key: &'k [u8]) -> Located<'k> {
        match &self.first {
            Some((shard, _)) if self.rest.is_empty() => {
                Located { key, shard: *shard, hash: self.store.hash_of(key) }
            }
            _ => {
                let shard = self.key_shards.next(key).unwrap_or_else(|| self.store.shard_of(key));
                debug_assert!(
                    shard == self.store.shard_of(key),
                    "another key is at the address of one of the command's"
                );
                Located { key, shard, hash: self.store.hash_of(key) }
            }
        }
    }
}
