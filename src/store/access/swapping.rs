//! SWAPDB: two databases exchange their keyspaces. Clients stay with the number of their database: those that watch or wait
//! for a key of it meet the other keyspace's.

use super::hold::Hold;
use crate::store::change::DatabaseNumbering;
use crate::store::keys::interest::Presence;
use crate::store::keys::keyspace::Keyspace;
use crate::store::numbers::DatabaseIndex;
use crate::store::shard::{Database, Shard};

impl Hold<'_> {
    /// Exchanges all keys of two databases. All shards must be held for writing. O(1) for each shard, and O(1) for each key
    /// of the two that clients watch or wait for.
    pub fn swap_databases(&mut self, one: DatabaseIndex, other: DatabaseIndex) {
        debug_assert!(self.locks().count() == self.store.shard_count());
        if one == other {
            return;
        }
        let mut numbering = self.numbering();
        numbering.swap(one, other);
        self.changes.number(&numbering);
        let expired_by_ms = self.expired_by_ms;
        let Self { store, first, rest, ready, .. } = self;
        store.damage.swap(one, other);
        store.count_flush();
        for (_, guard) in first.iter_mut().chain(rest) {
            let shard = guard.shard_mut();
            shard.swap_databases(one, other);
            for (database, before) in [(one, other), (other, one)] {
                let awaited = note_swap(shard, database, before, expired_by_ms);
                ready.extend(awaited.into_iter().map(|key| (database, key)));
            }
        }
    }

    /// The keyspace of each database.
    pub(super) fn numbering(&self) -> DatabaseNumbering {
        self.locks().next().map(|(_, guard)| guard.shard().numbering()).unwrap_or_default()
    }
}

/// Tells the clients of `database` that its keyspace is another one. The one before is that of `before` now. Returns the keys
/// that are there and that clients wait for.
fn note_swap(
    shard: &mut Shard,
    database: DatabaseIndex,
    before: DatabaseIndex,
    expired_by_ms: u64,
) -> Vec<Box<[u8]>> {
    let presence = |keyspace: &Keyspace, key: &[u8]| match keyspace.find(key) {
        None => Presence::Missing,
        Some(entry) if entry.is_expired(expired_by_ms) => Presence::Expired,
        Some(_) => Presence::Present,
    };
    let Some((Database { keyspace, interests, .. }, before)) = shard.pair_mut(database, before) else {
        return Vec::new();
    };
    let before = &before.keyspace;
    interests.note_swap(|key| presence(before, key), |key| presence(keyspace, key))
}
