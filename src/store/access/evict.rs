//! Eviction: keys are removed until enough memory is free. Which ones is chosen in [`crate::store::eviction`].
//!
//! One thread evicts at a time, and locks one shard at a time for a few microseconds, so no command waits long. A removal is
//! a Change like that of DEL. How much memory is enough, and how long a command may evict, is up to the caller.

use super::guard::Access;
use super::hold::Hold;
use crate::config::EvictionPolicy;
use crate::limits;
use crate::store::change::buffer::ChangeBuffer;
use crate::store::change::seq::Seq;
use crate::store::eviction::{Sampler, Victim, evictable};
use crate::store::keys::keyspace::Keyspace;
use crate::store::keys::uses::UseClock;
use crate::store::numbers::ShardIndex;
use crate::store::shard::Shard;
use crate::store::sharded::Store;
use smallvec::SmallVec;
use std::sync::atomic::Ordering;

/// Evicted keys between two looks at the clock. As Redis.
const KEYS_PER_LOOK: usize = 16;

/// Steps in a row that evict nothing before there is nothing to evict. A step can meet a shard that is empty by now or locked,
/// or keys that were used since they were sampled.
const FRUITLESS_STEPS: usize = 256;

/// How to evict.
#[derive(Clone, Copy, Debug)]
pub struct EvictionTerms {
    /// Which keys.
    pub policy: EvictionPolicy,
    /// Keys that are sampled for each that is evicted.
    pub samples: usize,
    /// When to stop, by [`Clock::monotonic_ns`](crate::machine::clock::Clock::monotonic_ns).
    pub end_ns: u64,
}

/// How an eviction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// There is enough memory.
    Enough,
    /// The time was over, or another thread evicts.
    OutOfTime,
    /// There is no key left that the policy evicts.
    NothingLeft,
}

/// The keyspaces of a shard, by their databases.
type Keyspaces<'s> = SmallVec<[&'s Keyspace; 16]>;

/// What came of a step.
enum Step {
    /// A key is gone; the record that says so.
    Evicted(Seq),
    Fruitless,
    NothingLeft,
}

impl Store {
    /// Evicts keys until there `is_enough` memory. Returns how it ended and the last record that it made. No lock of a shard
    /// may be held.
    pub fn evict(&self, terms: EvictionTerms, is_enough: impl Fn() -> bool) -> (Eviction, Seq) {
        let mut seq = Seq::default();
        if terms.policy == EvictionPolicy::NoEviction {
            return (if is_enough() { Eviction::Enough } else { Eviction::NothingLeft }, seq);
        }
        let Some(mut sampler) = self.evictor.sampler.try_lock_for(limits::LOCK_PATIENCE) else {
            return (Eviction::OutOfTime, seq);
        };
        if sampler.policy != terms.policy {
            // The candidates of another policy cannot be compared with those of this one.
            *sampler = Sampler::by(terms.policy);
        }
        let mut changes = ChangeBuffer::default();
        let (mut evicted, mut fruitless) = (0, 0);
        loop {
            if is_enough() {
                return (Eviction::Enough, seq);
            }
            let looks = fruitless > 0 || (evicted > 0 && evicted % KEYS_PER_LOOK == 0);
            if looks && self.clock.monotonic_ns() >= terms.end_ns {
                return (Eviction::OutOfTime, seq);
            }
            match self.evict_one(&mut sampler, terms.samples, &mut changes) {
                Step::Evicted(record) => {
                    seq = seq.max(record);
                    evicted += 1;
                    fruitless = 0;
                }
                Step::Fruitless if fruitless < FRUITLESS_STEPS => fruitless += 1,
                Step::Fruitless | Step::NothingLeft => return (Eviction::NothingLeft, seq),
            }
        }
    }

    fn evict_one(&self, sampler: &mut Sampler, samples: usize, changes: &mut ChangeBuffer) -> Step {
        let now_ms = self.clock.now_ms();
        let uses = UseClock::at(self.uses_kept.get(), now_ms);
        if !sampler.compares() {
            let Some(index) = self.draw_shard(sampler, now_ms) else { return Step::NothingLeft };
            let choose = |keyspaces: &Keyspaces<'_>| sampler.draw_victim(index, keyspaces);
            return self.evict_in(index, now_ms, changes, choose);
        }
        let (rounds, keys) = sampler.rounds(samples);
        let mut has_keys = true;
        for _ in 0..rounds {
            let drawn = self.draw_shard(sampler, now_ms);
            has_keys = drawn.is_some();
            let Some(index) = drawn else { break };
            if let Some(shard) = self.shards[index].try_read_for(limits::LOCK_PATIENCE) {
                sampler.sample(index, &shard.keyspaces().collect::<Keyspaces<'_>>(), keys, &uses);
            }
        }
        match sampler.take_best() {
            Some(candidate) => self.evict_in(candidate.shard, now_ms, changes, |keyspaces| {
                sampler.confirmed(candidate, keyspaces, &uses, |key| self.locate(key))
            }),
            None if has_keys => Step::Fruitless,
            None => Step::NothingLeft,
        }
    }

    fn draw_shard(&self, sampler: &mut Sampler, now_ms: u64) -> Option<ShardIndex> {
        let policy = sampler.policy;
        sampler.draw_shard(self.shards.len(), now_ms, |index| {
            let shard = self.shards[index].try_read()?;
            Some(shard.keyspaces().map(|keyspace| evictable(policy, keyspace)).sum())
        })
    }

    /// Locks the shard and evicts the key that `choose` names.
    fn evict_in(
        &self,
        index: ShardIndex,
        now_ms: u64,
        changes: &mut ChangeBuffer,
        choose: impl FnOnce(&Keyspaces<'_>) -> Option<Victim>,
    ) -> Step {
        let mut hold = Hold::new(self, std::mem::take(changes));
        let mut step = Step::Fruitless;
        if hold.try_lock(&[index], Access::Write, now_ms) {
            let keyspaces = hold.shard(index).into_iter().flat_map(Shard::keyspaces);
            // The store may have begun to follow a master since the key was chosen.
            let victim = choose(&keyspaces.collect()).filter(|_| !self.leaves_removal_to_master());
            if let Some(victim) = victim {
                let is_evicted = hold.writer(victim.database).evict(&victim.key);
                hold.end_record();
                self.evictor.evicted_keys.fetch_add(u64::from(is_evicted), Ordering::Relaxed);
                step = Step::Evicted(hold.let_go());
            }
        }
        (_, *changes) = hold.release();
        step
    }

    /// Keys evicted since the start or the last reset.
    #[must_use]
    pub fn evicted_keys(&self) -> u64 {
        self.evictor.evicted_keys.load(Ordering::Relaxed)
    }

    /// About the bytes of values that have been removed and are not freed yet.
    #[must_use]
    pub fn unfreed_bytes(&self) -> usize {
        self.reclaimer.pending_bytes()
    }

    /// How many removed values wait to be freed, and how many have been freed on another thread since the start or the
    /// last reset.
    #[must_use]
    pub fn freed_values(&self) -> (u64, u64) {
        self.reclaimer.counts()
    }

    /// Sets the counts of evicted, expired and freed keys to 0, as CONFIG RESETSTAT does.
    pub fn reset_counts(&self) {
        self.evictor.evicted_keys.store(0, Ordering::Relaxed);
        self.reclaimer.reset_freed();
        self.reset_expired();
    }
}
