//! How a hold takes the locks of shards, and gives them back.

use super::guard::{Access, Guard};
use super::hold::Hold;
use crate::limits;
use crate::store::keys::uses::UseClock;
use crate::store::numbers::ShardIndex;
use crate::store::shard::Shard;
use parking_lot::RwLock;

impl<'s> Hold<'s> {
    /// Locks `shards`, which must be ascending and without repetition. None must be held.
    pub fn lock(&mut self, shards: &[ShardIndex], access: Access) {
        let store = self.store;
        while !self.take(shards, |shard, holds_others| store.acquire(shard, access, holds_others)) {
            std::thread::yield_now();
        }
        self.begin(access, self.store.clock.now_ms());
    }

    /// As [`Hold::lock`], but waits at most [`limits::LOCK_PATIENCE`] for each lock. If one is not free by then, it
    /// takes none and returns false. `now_ms` is the time of the commands under the hold.
    #[must_use]
    #[inline(always)]
    pub fn try_lock(&mut self, shards: &[ShardIndex], access: Access, now_ms: u64) -> bool {
        self.has_waited = false;
        let are_held = self.take_at_once(shards, access) || self.take_patiently(shards, access);
        self.begin(access, now_ms);
        are_held
    }

    /// Takes the lock if there is one only and it is free soon, as it is for nearly every command.
    #[inline(always)]
    fn take_at_once(&mut self, shards: &[ShardIndex], access: Access) -> bool {
        debug_assert!(self.is_empty());
        let &[index] = shards else { return false };
        let Some(guard) = Guard::soon(&self.store.shards[index], access) else { return false };
        self.first = Some((index, guard));
        true
    }

    #[inline(never)]
    fn take_patiently(&mut self, shards: &[ShardIndex], access: Access) -> bool {
        let mut has_waited = false;
        let mut patience = || {
            has_waited = true;
            limits::LOCK_PATIENCE
        };
        let are_held = self.take(shards, |shard, _| {
            Guard::soon(shard, access).or_else(|| Guard::within(shard, access, patience()))
        });
        self.has_waited = has_waited;
        are_held
    }

    /// Takes all the locks that `acquire` gives, or none. Returns whether it took them. `acquire` is told whether others are held.
    fn take(
        &mut self,
        shards: &[ShardIndex],
        mut acquire: impl FnMut(&'s RwLock<Shard>, bool) -> Option<Guard<'s, Shard>>,
    ) -> bool {
        debug_assert!(self.is_empty() && shards.is_sorted_by(|one, other| one < other));
        for &index in shards {
            let Some(guard) = acquire(&self.store.shards[index], self.first.is_some()) else {
                self.unlock();
                return false;
            };
            match self.first {
                None => self.first = Some((index, guard)),
                Some(_) => self.rest.push((index, guard)),
            }
        }
        true
    }

    #[inline]
    fn begin(&mut self, access: Access, now_ms: u64) {
        self.access = access;
        self.now_ms = now_ms;
        self.expired_by_ms = if self.stream.obeys_master { 0 } else { self.store.expired_by_ms(now_ms) };
        let notes = self.uses.notes;
        self.uses = UseClock::at(self.store.uses_kept.get(), now_ms);
        self.uses.notes = notes;
        self.events.get_mut().want(self.store.event_classes());
        self.changes.expect_readers(self.store.records_are_read());
    }

    /// The first lock last: whoever waits for that finds the others free.
    #[inline]
    pub(super) fn unlock(&mut self) {
        if !self.rest.is_empty() {
            self.rest.clear();
        }
        self.first = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::clock::Clock;
    use crate::store::change::ChangeBuffer;
    use crate::store::sharded::Store;

    #[test]
    fn a_lock_that_cannot_be_had_is_not_waited_for_long() {
        let store = Store::new(2, 1, 1, Clock::manual(1_000));
        let mut hold = Hold::new(&store, ChangeBuffer::default());
        let reading = Hold::on(&store, &[1], Access::Read, ChangeBuffer::default());
        assert!(!hold.try_lock(&[0, 1], Access::Write, 7));
        // It released the lock that it had taken.
        assert!(hold.is_empty() && hold.try_lock(&[0], Access::Write, 7));
        hold.let_go();
        assert!(hold.try_lock(&[0, 1], Access::Read, 7), "two readers");
        assert_eq!(hold.now_ms(), 7);
        hold.let_go();
        drop(reading);
        assert!(hold.try_lock(&[0, 1], Access::Write, 7));
    }
}
