//! A shard: the keys under one lock.

use super::change::DatabaseNumbering;
use super::change::seq::Seq;
use super::keys::interest::{Interests, Presence};
use super::keys::keyspace::{Entry, Keyspace};
use super::numbers::{DatabaseIndex, KeyspaceIndex};
use crossbeam::utils::CachePadded;
use parking_lot::RwLock;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};

/// The keys under one lock: those of its slots in each database.
pub(in crate::store) struct Shard {
    databases: Box<[Database]>,
    /// The database that has each keyspace.
    places: Box<[DatabaseIndex]>,
    /// The last record that changed one of the keys. A reply about these keys is sent only after its basis is safe,
    /// which is this record or an earlier one.
    pub(in crate::store) last_seq: Seq,
}

/// A shard behind its lock, on cache lines of its own: threads that use different shards do not take them from each other.
pub(in crate::store) type ShardLock = CachePadded<LockedShard>;

/// A shard behind its lock, and what is counted of it without the lock.
pub(in crate::store) struct LockedShard {
    lock: RwLock<Shard>,
    /// The records of its changes that nobody read. In the line of the lock, which whoever counts has anyway: a counter that
    /// threads shared took an eighth of their time.
    unread: AtomicU64,
}

impl LockedShard {
    pub(in crate::store) fn new(shard: Shard) -> Self {
        Self { lock: RwLock::new(shard), unread: AtomicU64::new(0) }
    }

    /// Counts records that nobody reads. The caller has the lock for writing.
    #[inline]
    pub(in crate::store) fn count_unread(&self, records: u64) {
        let before = self.unread.load(Ordering::Relaxed);
        self.unread.store(before + records, Ordering::Release);
    }

    /// How many records of changes of the shard nobody read.
    pub(in crate::store) fn unread(&self) -> u64 {
        self.unread.load(Ordering::Acquire)
    }
}

impl Deref for LockedShard {
    type Target = RwLock<Shard>;

    fn deref(&self) -> &RwLock<Shard> {
        &self.lock
    }
}

/// What a shard has of one database.
pub(in crate::store) struct Database {
    pub(in crate::store) keyspace: Keyspace,
    /// The number of the keyspace.
    pub(in crate::store) number: KeyspaceIndex,
    /// The clients that watch or wait for keys, whether or not the keys exist. They stay when the database gets another
    /// keyspace.
    pub(in crate::store) interests: Interests,
}

impl Shard {
    /// An empty shard. `seed` keys its hashes, and keys get the mark `first_mark` until commands make some.
    pub(in crate::store) fn new(databases: DatabaseIndex, seed: u64, first_mark: u32) -> Self {
        let database = |number| Database {
            keyspace: Keyspace::new(seed, first_mark),
            number,
            interests: Interests::with_seed(seed),
        };
        Self {
            databases: (0..databases).map(database).collect(),
            places: (0..databases).collect(),
            last_seq: Seq::default(),
        }
    }

    pub(in crate::store) fn keyspace(&self, database: DatabaseIndex) -> &Keyspace {
        &self.database(database).keyspace
    }

    pub(in crate::store) fn database(&self, database: DatabaseIndex) -> &Database {
        &self.databases[database as usize]
    }

    pub(in crate::store) fn database_mut(&mut self, database: DatabaseIndex) -> &mut Database {
        &mut self.databases[database as usize]
    }

    /// The keyspace with this number.
    pub(in crate::store) fn numbered(&self, number: KeyspaceIndex) -> &Keyspace {
        self.keyspace(self.places[number as usize])
    }

    pub(in crate::store) fn numbered_mut(&mut self, number: KeyspaceIndex) -> &mut Keyspace {
        &mut self.databases[self.places[number as usize] as usize].keyspace
    }

    /// The keyspace of each database. O(databases).
    pub(in crate::store) fn numbering(&self) -> DatabaseNumbering {
        let numbers = (0..).zip(self.databases.iter().map(|database| database.number));
        numbers.filter(|(database, number)| database != number).collect()
    }

    /// Two different databases.
    pub(in crate::store) fn pair_mut(
        &mut self,
        one: DatabaseIndex,
        other: DatabaseIndex,
    ) -> Option<(&mut Database, &mut Database)> {
        let [one, other] = self.databases.get_disjoint_mut([one as usize, other as usize]).ok()?;
        Some((one, other))
    }

    /// Exchanges the keyspaces of two databases. Does not notify clients that watch or wait for keys.
    pub(in crate::store) fn swap_databases(&mut self, one: DatabaseIndex, other: DatabaseIndex) {
        let Some((one, other)) = self.pair_mut(one, other) else { return };
        std::mem::swap(&mut one.keyspace, &mut other.keyspace);
        std::mem::swap(&mut one.number, &mut other.number);
        let numbers = [one.number, other.number];
        self.places.swap(numbers[0] as usize, numbers[1] as usize);
    }

    /// Counts the sizes of all values anew. O(keys).
    pub(in crate::store) fn recount_sizes(&mut self) {
        self.databases.iter_mut().for_each(|database| database.keyspace.recount_sizes());
    }

    pub(in crate::store) fn keyspaces(&self) -> impl Iterator<Item = &Keyspace> + Clone {
        self.databases.iter().map(|database| &database.keyspace)
    }

    pub(in crate::store) fn all_interests(&self) -> impl Iterator<Item = &Interests> {
        self.databases.iter().map(|database| &database.interests)
    }

    /// Swaps all keys with those of `other`, database by database. Does not notify clients that watch or wait for keys: for
    /// them the two must be the same.
    pub(in crate::store) fn swap_keys(&mut self, other: &mut Self) {
        for (database, other) in self.databases.iter_mut().zip(&mut other.databases) {
            std::mem::swap(&mut database.keyspace, &mut other.keyspace);
            database.keyspace.recount_sizes();
        }
    }

    /// Takes all keys of `other`, database by database, in place of none. Returns the keys that are there now and that clients
    /// wait for.
    pub(in crate::store) fn take_keys(&mut self, other: &mut Self) -> Vec<(DatabaseIndex, Box<[u8]>)> {
        let mut awaited = Vec::new();
        for (index, (database, other)) in (0..).zip(self.databases.iter_mut().zip(&mut other.databases)) {
            std::mem::swap(&mut database.keyspace, &mut other.keyspace);
            let Database { keyspace, interests, .. } = database;
            let presence =
                |key: &[u8]| if keyspace.holds(key) { Presence::Present } else { Presence::Missing };
            awaited.extend(
                interests.note_swap(|_| Presence::Missing, presence).into_iter().map(|key| (index, key)),
            );
        }
        awaited
    }

    /// Removes every key of `database`, or of all databases if `None`, and gives the contents to `free`. Calls `lost` with the
    /// keys whose value a waiting client needs.
    pub(in crate::store) fn flush(
        &mut self,
        database: Option<DatabaseIndex>,
        mut free: impl FnMut(Keyspace),
        mut lost: impl FnMut(DatabaseIndex, &[u8]),
    ) {
        for (index, Database { keyspace, interests, .. }) in (0..).zip(&mut self.databases) {
            if database.is_none_or(|wanted| wanted == index) && keyspace.len() > 0 {
                interests.note_flush(|key| keyspace.holds(key), |key| lost(index, key));
                free(keyspace.take());
            }
        }
    }

    /// As [`Shard::flush`], by the number of the keyspace.
    pub(in crate::store) fn flush_numbered(
        &mut self,
        number: Option<KeyspaceIndex>,
        free: impl FnMut(Keyspace),
    ) {
        self.flush(number.map(|number| self.places[number as usize]), free, |_, _| ());
    }
}

/// The number of keys of one database, and of those that expire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatabaseSize {
    /// The number of keys, including expired keys that are not removed yet.
    pub keys: usize,
    /// Keys of whose value elements expire.
    pub dated_keys: usize,
    /// The number of keys that expire.
    pub expiring_keys: usize,
    /// The sum of the times at which keys expire, in unix milliseconds.
    pub expiry_sum_ms: u128,
}

impl DatabaseSize {
    /// About the bytes of the tables that find the keys.
    #[must_use]
    pub fn table_bytes(&self) -> usize {
        self.keys * Entry::PLACE_BYTES
    }

    /// About the bytes of the order in which keys and elements expire, without the names in it.
    #[must_use]
    pub fn expiry_bytes(&self) -> usize {
        (self.expiring_keys + self.dated_keys) * size_of::<(u64, Box<[u8]>)>()
    }

    pub(in crate::store) fn add(&mut self, keyspace: &Keyspace) {
        self.keys += keyspace.len();
        self.dated_keys += keyspace.dated_len();
        self.expiring_keys += keyspace.expiring_len();
        self.expiry_sum_ms += keyspace.expiry_sum_ms();
    }
}
