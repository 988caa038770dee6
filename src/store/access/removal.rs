//! Removes many keys: all keys of a database at once, and expired keys in steps of bounded size.

use super::guard::Access;
use super::hold::Hold;
use crate::limits;
use crate::store::change::buffer::ChangeBuffer;
use crate::store::event::StaleKey;
use crate::store::keys::keyspace::Keyspace;
use crate::store::numbers::{DatabaseIndex, ShardIndex};
use crate::store::sharded::Store;

impl Store {
    /// Looks at keys of one shard that are due, at most [`limits::EXPIRED_PER_STEP`] of them, and removes those that have
    /// expired. Returns whether there may be more; not if the shard is in use for longer than [`limits::LOCK_PATIENCE`].
    pub fn remove_expired(&self, shard: ShardIndex) -> bool {
        if self.leaves_removal_to_master() {
            return false;
        }
        let now_ms = self.clock().now_ms();
        let expired_by_ms = self.expired_by_ms(now_ms);
        let due = |keyspace: &Keyspace| {
            let first_ms = keyspace.first_expiry_ms().into_iter().chain(keyspace.first_due_ms()).min();
            first_ms.is_some_and(|at_ms| at_ms <= expired_by_ms)
        };
        // It never waits long: the thread that calls it also stops the server, perhaps because a script does not end.
        let looked_at = self.shards[shard].try_read_for(limits::LOCK_PATIENCE);
        if !looked_at.is_some_and(|shard| shard.keyspaces().any(due)) {
            return false;
        }
        let mut hold = Hold::new(self, ChangeBuffer::default());
        if !hold.try_lock(&[shard], Access::Write, now_ms) {
            return false;
        }
        // The store may have begun to follow a master before the lock was taken.
        let mut left = if self.leaves_removal_to_master() { 0 } else { limits::EXPIRED_PER_STEP };
        for database in 0..self.databases() {
            while left > 0 && hold.writer(database).remove_next_due(shard) {
                left -= 1;
            }
            while left > 0
                && let Some(removed) = hold.writer(database).remove_expired_fields(shard, left)
            {
                // One that removes nothing counts too, so that this ends.
                self.count_expired_fields(removed);
                left -= removed.clamp(1, left);
            }
        }
        // Clients that need a value which has expired are told.
        hold.end_record();
        left == 0 && !self.leaves_removal_to_master()
    }
}

impl Hold<'_> {
    /// Removes every key of `database`, or of all databases if `None`. All shards must be held for writing.
    pub fn flush(&mut self, database: Option<DatabaseIndex>) {
        debug_assert!(self.locks().count() == self.store.shard_count());
        match database {
            Some(database) => {
                let number = self.numbering().keyspace_of(database);
                self.changes.flush_database(number);
            }
            None => self.changes.flush_all(),
        }
        let Self { store, first, rest, events, ready, .. } = self;
        events.get_mut().note_stale(|| StaleKey::All);
        store.damage.forget_all(database);
        store.count_flush();
        for (_, guard) in first.iter_mut().chain(rest) {
            let free = |keyspace| store.reclaimer.free_keyspace(keyspace);
            guard.shard_mut().flush(database, free, |database, key| ready.push((database, key.into())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::clock::Clock;
    use crate::store::change::sink::Count;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn a_key_that_was_given_more_time_is_looked_at_again_and_removed_when_that_is_over() {
        const KEYS: usize = 3 * limits::EXPIRED_PER_STEP / 2;
        let clock = Clock::manual(1_000_000);
        let store = Store::new(1, 1, 1, clock.clone());
        store.attach(Arc::new(Count::default()));
        for expire_at_ms in [1_001_000, 1_002_000] {
            let mut hold = Hold::on(&store, &[0], Access::Write, ChangeBuffer::default());
            for key in 0..KEYS {
                hold.writer(0).set_string(format!("key{key}").as_bytes(), b"value", Some(expire_at_ms));
            }
            hold.end_record();
        }
        let steps = || [store.remove_expired(0), store.remove_expired(0), store.remove_expired(0)];
        clock.advance(Duration::from_millis(1_500));
        assert_eq!(steps(), [true, false, false], "each is looked at once");
        assert_eq!((store.shards[0].read().keyspace(0).len(), store.expired_keys()), (KEYS, 0));
        clock.advance(Duration::from_millis(1_000));
        assert_eq!(steps(), [true, false, false]);
        assert_eq!((store.shards[0].read().keyspace(0).len(), store.expired_keys()), (0, KEYS as u64));
    }
}
