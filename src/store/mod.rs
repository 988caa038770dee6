//! Where is it? Key to hash slot to shard to value; the only locks; expiry.
//!
//! A [`Store`] is a power of two of shards, each one lock over the keys of its slots in every database. Whoever wants
//! a key takes a [`Hold`] on its shard: a read hold answers questions, a write hold also changes things, and it is
//! the only way to. Each change leaves a [`change`] behind, and when the hold ends its records go to the journal
//! before the lock is given back: the journal's order is the order of application, key by key.
//!
//! Knows nothing of requests, replies, files or threads but the one that frees large values (`reclaim`).

pub mod change;
mod hold;
mod kept;
mod keyspace;
mod members;
mod reclaim;
mod replay;
pub mod sink;
mod slot;
mod snapshot;
mod table;
mod value;

pub use change::DatabaseIndex;
pub use hold::{Hold, Lookups, Missing, RankingEdit, Reader, SetEdit, Writer};
pub use kept::{KeptResults, KeptStats};
pub use members::Members;
pub use replay::UnknownDatabase;
pub use sink::Seq;
pub use slot::{SLOTS, Slot};
pub use snapshot::Snapshot;
pub use value::{Kind, Value, WrongType};

use crate::clock::Clock;
use crate::limits;
use change::ChangeBuffer;
use keyspace::Keyspace;
use parking_lot::{RwLock, RwLockWriteGuard};
use reclaim::Reclaimer;
use sink::{ChangeSink, Forget};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// One lock's worth of keys: its slots' keys in each database.
struct Shard {
    keyspaces: Box<[Keyspace]>,
}

impl Shard {
    fn keyspace(&self, database: DatabaseIndex) -> &Keyspace {
        &self.keyspaces[database as usize]
    }

    fn keyspace_mut(&mut self, database: DatabaseIndex) -> &mut Keyspace {
        &mut self.keyspaces[database as usize]
    }
}

/// What a hold may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Look, beside other readers.
    Read,
    /// Change, alone.
    Write,
}

/// Number of a shard, below [`Store::shard_count`].
pub type ShardIndex = usize;

/// The keys of one database in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatabaseSize {
    /// Keys, those included that have expired and are not yet removed.
    pub keys: usize,
    /// Keys that expire.
    pub expiring_keys: usize,
    /// The sum of the times at which they do, in unix milliseconds.
    pub expiry_sum_ms: u128,
}

/// All keys of all databases.
pub struct Store {
    shards: Box<[RwLock<Shard>]>,
    databases: DatabaseIndex,
    clock: Clock,
    sink: OnceLock<Arc<dyn ChangeSink>>,
    reclaimer: Reclaimer,
    expired_keys: AtomicU64,
}

impl Store {
    /// A store of `shards` shards (a power of two) and `databases` databases; `seed` keys its hashes.
    ///
    /// # Panics
    /// If `shards` is not a power of two or `databases` is 0: both are checked when the configuration is read.
    #[must_use]
    pub fn new(shards: usize, databases: DatabaseIndex, seed: u64, clock: Clock) -> Self {
        assert!(shards.is_power_of_two() && shards <= usize::from(SLOTS) && databases > 0);
        let shard = || {
            let keyspaces = (0..databases).map(|_| Keyspace::with_seed(seed)).collect();
            RwLock::new(Shard { keyspaces })
        };
        Self {
            shards: std::iter::repeat_with(shard).take(shards).collect(),
            databases,
            clock,
            sink: OnceLock::new(),
            reclaimer: Reclaimer::start(),
            expired_keys: AtomicU64::new(0),
        }
    }

    /// From now on every record goes to `sink`. Called once, after recovery; later calls change nothing.
    pub fn attach(&self, sink: Arc<dyn ChangeSink>) {
        let _ = self.sink.set(sink);
    }

    /// The number of databases, numbered from 0.
    #[must_use]
    pub fn databases(&self) -> DatabaseIndex {
        self.databases
    }

    /// The number of shards.
    #[must_use]
    pub fn shard_count(&self) -> usize {
        self.shards.len()
    }

    /// The shard of `key`. O(key length).
    #[must_use]
    pub fn shard_of(&self, key: &[u8]) -> ShardIndex {
        usize::from(Slot::of(key).number()) & (self.shards.len() - 1)
    }

    /// The clock by which keys expire.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Keys removed because their time had come, since start.
    #[must_use]
    pub fn expired_keys(&self) -> u64 {
        self.expired_keys.load(Ordering::Relaxed)
    }

    /// The size of a database, shard by shard: exact while nobody writes.
    #[must_use]
    pub fn size(&self, database: DatabaseIndex) -> DatabaseSize {
        let mut size = DatabaseSize::default();
        for shard in &self.shards {
            let shard = shard.read();
            let keyspace = shard.keyspace(database);
            size.keys += keyspace.len();
            size.expiring_keys += keyspace.expiring_len();
            size.expiry_sum_ms += keyspace.expiry_sum_ms();
        }
        size
    }

    /// Visits about `count` keys of `database` from `cursor` on; returns where to go on, 0 at the end. A key that is
    /// there throughout a walk is visited at least once. Takes one shard's lock at a time, for reading.
    pub fn scan(
        &self,
        database: DatabaseIndex,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(&[u8], Kind),
    ) -> u64 {
        let now_ms = self.clock.now_ms();
        let mut shard_index = (cursor >> table::CURSOR_BITS) as usize;
        let mut place = cursor & ((1 << table::CURSOR_BITS) - 1);
        let mut seen = 0;
        while let Some(shard) = self.shards.get(shard_index) {
            let shard = shard.read();
            place = shard.keyspace(database).scan(place, count - seen, |entry| {
                seen += 1;
                if !entry.is_expired(now_ms) {
                    visit(&entry.key, entry.value.kind());
                }
            });
            if place == 0 {
                shard_index += 1;
            }
            if seen >= count {
                break;
            }
        }
        if shard_index >= self.shards.len() { 0 } else { (shard_index as u64) << table::CURSOR_BITS | place }
    }

    /// Removes every key of `database`, or of all if `None`, in one moment and one record. Returns its number.
    pub fn flush(&self, database: Option<DatabaseIndex>) -> Seq {
        // All locks, in ascending order as everywhere, so that no other order of events can be told.
        let mut guards: Vec<RwLockWriteGuard<'_, Shard>> = self.shards.iter().map(RwLock::write).collect();
        let mut record = ChangeBuffer::default();
        match database {
            Some(database) => record.flush_database(database),
            None => record.flush_all(),
        }
        record.end_record();
        for shard in &mut guards {
            self.flush_shard(shard, database);
        }
        self.append(&record, self.clock.now_ms())
    }

    fn flush_shard(&self, shard: &mut Shard, database: Option<DatabaseIndex>) {
        for (index, keyspace) in shard.keyspaces.iter_mut().enumerate() {
            if database.is_none_or(|wanted| wanted as usize == index) && keyspace.len() > 0 {
                self.reclaimer.free_keyspace(keyspace.take());
            }
        }
    }

    /// Removes keys of one shard whose time has come, at most [`limits::EXPIRED_PER_STEP`] of them. Returns whether
    /// there may be more.
    pub fn remove_expired(&self, shard: ShardIndex) -> bool {
        let now_ms = self.clock.now_ms();
        let due = |keyspace: &Keyspace| keyspace.first_expiry_ms().is_some_and(|at_ms| at_ms <= now_ms);
        if !self.shards[shard].read().keyspaces.iter().any(due) {
            return false;
        }
        let mut hold = Hold::on(self, &[shard], Access::Write, ChangeBuffer::default());
        let mut left = limits::EXPIRED_PER_STEP;
        for database in 0..self.databases {
            while left > 0 && hold.writer(database).remove_one_expired(shard) {
                left -= 1;
            }
        }
        left == 0
    }

    fn append(&self, records: &ChangeBuffer, now_ms: u64) -> Seq {
        self.sink.get().map_or_else(|| Forget.append(now_ms, records), |sink| sink.append(now_ms, records))
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("shards", &self.shards.len())
            .field("databases", &self.databases)
            .finish()
    }
}
