//! What a script needs of a hold: further locks, for a key that its request did not declare, and to leave without a record when
//! the server stops.

use super::guard::{Access, Guard};
use super::hold::Hold;
use crate::limits;
use crate::store::numbers::ShardIndex;
use crate::store::shard::Shard;
use crate::store::sharded::Store;
use parking_lot::RwLock;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

impl<'s> Hold<'s> {
    /// Forgets the changes that have not been recorded. The values keep them, so this is for a server that stops, and the store is
    /// abandoned ([`Store::is_abandoned`]) if there are any.
    pub fn abandon(&mut self) {
        if !self.changes.is_empty() {
            self.store.is_abandoned.store(true, Ordering::SeqCst);
            self.changes.clear();
        }
    }

    /// Takes the locks of further `shards`, besides those that are held and as they are held. Meanwhile [`Hold::lock`] gives back
    /// what it has taken where it has to wait. Waits at most `patience`, because two holds that are extended may wait for each
    /// other. Returns false if it took none.
    #[must_use]
    pub fn extend(&mut self, shards: &[ShardIndex], patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let _extending = Extending::begin(self.store);
        let mut taken: Vec<(ShardIndex, Guard<'s, Shard>)> = Vec::new();
        for &index in shards.iter().filter(|&&index| !self.covers(&[index], Access::Read)) {
            let shard = &self.store.shards[index];
            let guard = match self.access() {
                Access::Read => shard.try_read_until(deadline).map(Guard::Read),
                Access::Write => shard.try_write_until(deadline).map(Guard::Write),
            };
            let Some(guard) = guard else { return false };
            taken.push((index, guard));
        }
        self.rest.extend(taken);
        self.rest.sort_unstable_by_key(|(index, _)| *index);
        if self.first.is_none() && !self.rest.is_empty() {
            self.first = Some(self.rest.remove(0));
            // Before it had a lock, nobody waited for it.
            self.changes.expect_readers(self.store.records_are_read());
        }
        true
    }
}

impl Store {
    /// Whether the store has half of what a script was to change, because the server stops. Nothing may be shown or recorded of it
    /// any more. Exact for everything that is read under a lock before it is asked.
    #[must_use]
    #[inline]
    pub fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::SeqCst)
    }

    /// Waits for the lock of a shard. `None` if the caller holds others, and a hold is being extended meanwhile: it may wait for a
    /// lock that the caller has, while the caller waits for one of its.
    pub(super) fn acquire<'s>(
        &'s self,
        shard: &'s RwLock<Shard>,
        access: Access,
        holds_others: bool,
    ) -> Option<Guard<'s, Shard>> {
        if !holds_others {
            return Some(match access {
                Access::Read => Guard::Read(shard.read()),
                Access::Write => Guard::Write(shard.write()),
            });
        }
        let mut slice = limits::FIRST_LOCK_SLICE;
        loop {
            let guard = Guard::within(shard, access, slice);
            if guard.is_some() || self.extending.load(Ordering::SeqCst) > 0 {
                return guard;
            }
            // Each slice lets waiting readers in front of a writer, so those that follow must be longer than what they do.
            slice = (2 * slice).min(limits::LONGEST_LOCK_SLICE);
        }
    }
}

/// A hold is being extended.
struct Extending<'s>(&'s Store);

impl<'s> Extending<'s> {
    fn begin(store: &'s Store) -> Self {
        store.extending.fetch_add(1, Ordering::SeqCst);
        Self(store)
    }
}

impl Drop for Extending<'_> {
    fn drop(&mut self) {
        self.0.extending.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::clock::Clock;
    use crate::store::change::ChangeBuffer;
    use std::sync::atomic::{AtomicBool, AtomicUsize};

    /// Readers that take turns, so that one of them always has the lock, each longer than the first slice.
    #[test]
    fn readers_one_after_the_other_do_not_keep_a_writer_out() {
        const ROUNDS: usize = 200;
        let store = Store::new(2, 1, 1, Clock::manual(1_000));
        let (entered, is_in) = (AtomicUsize::new(0), AtomicBool::new(false));
        let read = || {
            for _ in 0..ROUNDS {
                let _guard = store.shards[1].read();
                let mine = entered.fetch_add(1, Ordering::SeqCst) + 1;
                let until = Instant::now() + 3 * limits::FIRST_LOCK_SLICE;
                while entered.load(Ordering::SeqCst) == mine && Instant::now() < until {
                    std::thread::yield_now();
                }
                if is_in.load(Ordering::SeqCst) {
                    return;
                }
            }
        };
        std::thread::scope(|threads| {
            threads.spawn(read);
            threads.spawn(read);
            let mut hold = Hold::new(&store, ChangeBuffer::default());
            hold.lock(&[0, 1], Access::Write);
            is_in.store(true, Ordering::SeqCst);
        });
        let entered = entered.load(Ordering::SeqCst);
        assert!(entered < ROUNDS, "{entered} readers were let in before the writer");
    }
}
