//! The end of a record, at which clients that wait for keys are served.

use super::guard::Guard;
use super::hold::Hold;
use crate::store::keys::interest::{Ready, Served, Waiter};
use crate::store::numbers::{DatabaseIndex, ShardIndex};
use crate::store::shard::{Database, Shard};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Hold<'_> {
    /// Whether a client waits for a key in the held shards that writes to another one when it is served.
    #[must_use]
    #[inline(always)]
    pub fn has_movers(&self, database: DatabaseIndex) -> bool {
        let has_movers = |(_, guard): &(ShardIndex, Guard<'_, Shard>)| {
            guard.shard().database(database).interests.has_movers()
        };
        self.first.as_ref().is_some_and(has_movers) || self.rest.iter().any(has_movers)
    }

    /// Adds to `shards` the shards of the keys that are written when `key` is filled. Clients that wait for `key` write to
    /// other keys, for which further clients may wait, and so on. Only the held shards are followed.
    pub fn add_destinations(
        &self,
        database: DatabaseIndex,
        key: &[u8],
        shards: &mut impl Extend<ShardIndex>,
    ) {
        let (mut seen, mut left) = (BTreeSet::new(), vec![key]);
        while let Some(key) = left.pop() {
            let Some(shard) = self.shard(self.store.shard_of(key)) else { continue };
            for destination in shard.database(database).interests.destinations(key) {
                if seen.insert(destination) {
                    shards.extend([self.store.shard_of(destination)]);
                    left.push(destination);
                }
            }
        }
    }

    /// Ends the record of a command or transaction: its Changes become one record. Serves the clients that wait for the
    /// new keys.
    #[inline]
    pub fn end_record(&mut self) {
        if self.stream.place.is_some() {
            self.reach_place();
        }
        self.changes.end_record();
        if !self.ready.is_empty() {
            self.serve_ready();
        }
    }

    /// The record of a master's command says where in the stream it ends.
    #[inline(never)]
    fn reach_place(&mut self) {
        if let Some(place) = self.stream.place.take()
            && self.changes.reach(place)
        {
            self.stream.reached = Some(place);
        }
    }

    #[inline(never)]
    fn serve_ready(&mut self) {
        self.forget_key_shards();
        // After a long transaction, a key that it filled may have expired already.
        self.now_ms = self.now_ms.max(self.store.clock.now_ms());
        while !self.ready.is_empty() {
            let keys = std::mem::take(&mut self.ready);
            let ready = Ready::new(&keys);
            for (database, key) in &keys {
                self.serve_waiters(*database, key, &ready);
            }
        }
    }

    /// Serves the clients that wait for `key`, first come, first served, while the key has something for them. If it has no
    /// value of the type that they need, they are told so.
    fn serve_waiters(&mut self, database: DatabaseIndex, key: &[u8], ready: &Ready<'_>) {
        let mut last = None;
        let kind = loop {
            let (at, now_ms) = (self.locate(key), self.now_ms);
            let Database { keyspace, interests, .. } =
                self.guard_mut(at.shard).shard_mut().database_mut(database);
            let entry = keyspace.get(at).filter(|entry| !entry.is_expired(now_ms));
            let Some(kind) = entry.map(|entry| entry.value.kind()) else { break None };
            let Some(waiter) = interests.next_waiter(key, kind, last) else { break Some(kind) };
            last = Some(waiter.ticket());
            let is_in_reach = |key| self.shard(self.store.shard_of(key)).is_some();
            // The command that fills a key has taken the locks for it.
            let can_serve = waiter.destination().is_none_or(is_in_reach);
            debug_assert!(can_serve, "a destination is not held");
            if can_serve {
                self.serve(database, key, waiter, ready);
            }
        };
        let shard = self.locate(key).shard;
        for waiter in self.interests(shard, database).without_value(key, kind) {
            self.serve(database, key, waiter, ready);
        }
    }

    fn serve(&mut self, database: DatabaseIndex, key: &[u8], waiter: Arc<dyn Waiter>, ready: &Ready<'_>) {
        let served = waiter.serve(&mut self.writer(database), ready);
        self.changes.end_record();
        if served != Served::NotYet {
            let shard = self.locate(key).shard;
            let database = self.guard_mut(shard).shard_mut().database_mut(database);
            database.interests.leave(key, &*waiter);
        }
        if served == Served::Yes {
            self.served.push(waiter);
        }
    }
}
