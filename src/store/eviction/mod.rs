//! The choice of keys to evict.
//!
//! As in Redis, the keys are not in an order of their uses. Some are sampled, the best of those are kept as candidates
//! ([`pool`]), and the best candidate is evicted; so the choice gets better with each step. Each sample is drawn in one
//! shard. The shards are drawn by their numbers of keys. This file knows no lock and removes nothing: that is
//! `src/store/access/evict.rs`. `docs/decisions/0020-eviction.md` has the measurements.

mod pool;

use super::keys::keyspace::{Entry, Keyspace};
use super::keys::located::Located;
use super::keys::uses::{Use, UseClock};
use super::numbers::{DatabaseIndex, ShardIndex};
use crate::config::EvictionPolicy;
use crate::machine::chance::Chance;
use parking_lot::Mutex;
use pool::{Candidate, Pool};
use std::sync::atomic::AtomicU64;

/// How long the numbers of keys in the shards are taken to be right, in milliseconds.
const LENS_MS: u64 = 100;

/// The evictions of a store.
#[derive(Debug, Default)]
pub(super) struct Evictor {
    /// Held by the thread that evicts.
    pub(super) sampler: Mutex<Sampler>,
    pub(super) evicted_keys: AtomicU64,
}

/// What is known of the keys that a policy may evict.
#[derive(Debug, Default)]
pub(super) struct Sampler {
    pub(super) policy: EvictionPolicy,
    pool: Pool,
    /// Keys that the policy may evict, by shard, as of `lens_ms`.
    lens: Vec<usize>,
    lens_ms: u64,
    chance: Option<Chance>,
}

/// A key that was chosen.
pub(super) struct Victim {
    pub(super) database: DatabaseIndex,
    pub(super) key: Box<[u8]>,
}

impl Sampler {
    pub(super) fn by(policy: EvictionPolicy) -> Self {
        Self { policy, ..Self::default() }
    }

    /// Whether keys are compared with each other. If not, the first that is drawn is evicted.
    pub(super) fn compares(&self) -> bool {
        !matches!(self.policy, EvictionPolicy::VolatileRandom | EvictionPolicy::AllkeysRandom)
    }

    /// How many shards to sample, and how many keys in each. Of each shard those that mostly expire first are known: there more
    /// samples mean more shards.
    pub(super) fn rounds(&self, samples: usize) -> (usize, usize) {
        if self.policy == EvictionPolicy::VolatileTtl { (samples, 1) } else { (1, samples) }
    }

    /// The best candidate so far, which is in the shard. It is none any more.
    pub(super) fn take_best(&mut self) -> Option<Candidate> {
        self.pool.pop()
    }

    /// The key of the candidate, if it still serves: one that was used since it was sampled does not.
    pub(super) fn confirmed(
        &self,
        candidate: Candidate,
        keyspaces: &[&Keyspace],
        uses: &UseClock,
        locate: impl for<'k> Fn(&'k [u8]) -> Located<'k>,
    ) -> Option<Victim> {
        let Candidate { database, key, score, .. } = candidate;
        let entry = keyspaces[database as usize].get(locate(&key))?;
        (self.score(entry, uses)? >= score).then_some(Victim { database, key })
    }

    /// Any key of the shard with the number `index` and these keyspaces that the policy may evict.
    pub(super) fn draw_victim(&mut self, index: ShardIndex, keyspaces: &[&Keyspace]) -> Option<Victim> {
        let database = self.draw_database(index, keyspaces)?;
        let entry = self.draw_key(keyspaces[database])?;
        Some(Victim { database: database as DatabaseIndex, key: entry.key.into() })
    }

    /// Adds keys of the shard to the candidates.
    pub(super) fn sample(
        &mut self,
        index: ShardIndex,
        keyspaces: &[&Keyspace],
        keys: usize,
        uses: &UseClock,
    ) {
        let Some(database) = self.draw_database(index, keyspaces) else { return };
        for _ in 0..keys {
            if let Some(entry) = self.draw_key(keyspaces[database])
                && let Some(score) = self.score(entry, uses)
            {
                self.pool.offer(score, index, database as DatabaseIndex, entry.key);
            }
        }
    }

    /// How well the key serves to be evicted: the higher, the better. `None` if the policy does not evict it.
    fn score(&self, entry: Entry<'_>, uses: &UseClock) -> Option<u64> {
        match self.policy {
            EvictionPolicy::VolatileTtl => return entry.expire_at_ms().map(|at_ms| u64::MAX - at_ms),
            policy if policy.is_volatile() => entry.expire_at_ms()?,
            _ => 0,
        };
        Some(match uses.read(entry.mark.get()) {
            Use::Idle { ms } => ms,
            Use::Frequency(uses) => u64::from(u8::MAX - uses),
        })
    }

    /// A key that the policy may evict.
    fn draw_key<'s>(&mut self, keyspace: &'s Keyspace) -> Option<Entry<'s>> {
        match self.policy {
            EvictionPolicy::VolatileTtl => keyspace.draw_expiring_soon(self.chance()),
            policy if policy.is_volatile() => keyspace.draw_expiring(self.chance()),
            _ => keyspace.draw(self.chance()),
        }
    }

    /// A database with keys in the shard, each as likely as it has many.
    fn draw_database(&mut self, index: ShardIndex, keyspaces: &[&Keyspace]) -> Option<usize> {
        let policy = self.policy;
        let lens = keyspaces.iter().map(|keyspace| evictable(policy, keyspace));
        let drawn = draw_weighted(lens, self.chance());
        if drawn.is_none() {
            self.lens[index] = 0;
        }
        drawn
    }

    /// A shard that has keys to evict, each as likely as it has many. `None` if no shard has. `count` counts the keys of a
    /// shard ([`evictable`]), if it can.
    pub(super) fn draw_shard(
        &mut self,
        shards: usize,
        now_ms: u64,
        count: impl Fn(ShardIndex) -> Option<usize>,
    ) -> Option<ShardIndex> {
        let is_recent = now_ms.abs_diff(self.lens_ms) < LENS_MS;
        if is_recent && let Some(shard) = self.draw_known_shard() {
            return Some(shard);
        }
        self.lens_ms = now_ms;
        self.lens.resize(shards, 0);
        for (index, len) in self.lens.iter_mut().enumerate() {
            // A shard that is in use has as many keys as before, and at least one.
            *len = count(index).unwrap_or((*len).max(1));
        }
        self.draw_known_shard()
    }

    fn draw_known_shard(&mut self) -> Option<ShardIndex> {
        let chance = self.chance.get_or_insert_with(Chance::drawn);
        draw_weighted(self.lens.iter().copied(), chance)
    }

    fn chance(&mut self) -> &mut Chance {
        self.chance.get_or_insert_with(Chance::drawn)
    }
}

/// How many keys the policy may evict.
pub(super) fn evictable(policy: EvictionPolicy, keyspace: &Keyspace) -> usize {
    if policy.is_volatile() { keyspace.expiring_len() } else { keyspace.len() }
}

/// An index, each as likely as its weight; `None` if all weights are 0.
fn draw_weighted(mut weights: impl Iterator<Item = usize> + Clone, chance: &mut Chance) -> Option<usize> {
    let total: usize = weights.clone().sum();
    if total == 0 {
        return None;
    }
    let mut left = chance.below(total as u64) as usize;
    weights.position(|weight| {
        let is_here = left < weight;
        left = left.saturating_sub(weight);
        is_here
    })
}
