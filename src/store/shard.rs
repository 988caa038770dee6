//! A shard: the keys under one lock.

use super::change::seq::Seq;
use super::keys::interest::Interests;
use super::keys::keyspace::{Entry, Keyspace};
use super::numbers::DatabaseIndex;

/// The keys under one lock: those of its slots in each database.
pub(in crate::store) struct Shard {
    databases: Box<[(Keyspace, Interests)]>,
    /// The last record that changed one of the keys. A reply about these keys is sent only after its basis is safe,
    /// which is this record or an earlier one.
    pub(in crate::store) last_seq: Seq,
}

impl Shard {
    pub(in crate::store) fn new(databases: DatabaseIndex, seed: u64) -> Self {
        let database = |_| (Keyspace::with_seed(seed), Interests::with_seed(seed));
        Self { databases: (0..databases).map(database).collect(), last_seq: Seq::default() }
    }

    pub(in crate::store) fn keyspace(&self, database: DatabaseIndex) -> &Keyspace {
        &self.databases[database as usize].0
    }

    pub(in crate::store) fn keyspace_mut(&mut self, database: DatabaseIndex) -> &mut Keyspace {
        &mut self.databases[database as usize].0
    }

    /// The clients that watch or wait for keys of `database`, whether or not the keys exist.
    pub(in crate::store) fn interests(&self, database: DatabaseIndex) -> &Interests {
        &self.databases[database as usize].1
    }

    /// The keys of `database`, and the clients that watch or wait for keys.
    pub(in crate::store) fn of_mut(&mut self, database: DatabaseIndex) -> (&mut Keyspace, &mut Interests) {
        let (keyspace, interests) = &mut self.databases[database as usize];
        (keyspace, interests)
    }

    pub(in crate::store) fn keyspaces(&self) -> impl Iterator<Item = &Keyspace> {
        self.databases.iter().map(|(keyspace, _)| keyspace)
    }

    pub(in crate::store) fn all_interests(&self) -> impl Iterator<Item = &Interests> {
        self.databases.iter().map(|(_, interests)| interests)
    }

    /// Swaps all keys with those of `other`. Does not notify clients that watch or wait for keys: for them the two must
    /// be the same.
    pub(in crate::store) fn swap_keys(&mut self, other: &mut Self) {
        for ((keyspace, _), (other, _)) in self.databases.iter_mut().zip(&mut other.databases) {
            std::mem::swap(keyspace, other);
        }
    }

    /// Removes every key of `database`, or of all databases if `None`, and gives the contents to `free`.
    pub(in crate::store) fn flush(
        &mut self,
        database: Option<DatabaseIndex>,
        mut free: impl FnMut(Keyspace),
    ) {
        for (index, (keyspace, interests)) in self.databases.iter_mut().enumerate() {
            if database.is_none_or(|wanted| wanted as usize == index) && keyspace.len() > 0 {
                interests.note_flush(|key| keyspace.holds(key));
                free(keyspace.take());
            }
        }
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
