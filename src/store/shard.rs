//! One lock's worth of keys.

use super::change::seq::Seq;
use super::keys::interest::Interests;
use super::keys::keyspace::Keyspace;
use super::numbers::DatabaseIndex;

/// One lock's worth of keys: its slots' keys in each database.
pub(in crate::store) struct Shard {
    databases: Box<[(Keyspace, Interests)]>,
    /// The last record that changed one of the keys. No caller is told of them before what they rest on is safe, which is
    /// no more than up to here.
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

    /// The clients that watch or wait for keys of `database`, there or not.
    pub(in crate::store) fn interests(&self, database: DatabaseIndex) -> &Interests {
        &self.databases[database as usize].1
    }

    /// Keys of `database`, and the clients that watch or wait for some.
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

    /// Puts what `other` holds in place of everything, and that into `other`. Clients that watch or wait for keys are not
    /// told: to them the two must be the same.
    pub(in crate::store) fn swap_keys(&mut self, other: &mut Self) {
        for ((keyspace, _), (other, _)) in self.databases.iter_mut().zip(&mut other.databases) {
            std::mem::swap(keyspace, other);
        }
    }

    /// Removes every key of `database`, or of all if `None`, and gives what was there to `free`.
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

/// The keys of one database in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatabaseSize {
    /// Keys, those included that have expired and are not yet removed.
    pub keys: usize,
    /// Keys of whose value elements expire.
    pub dated_keys: usize,
    /// Keys that expire.
    pub expiring_keys: usize,
    /// The sum of the times at which they do, in unix milliseconds.
    pub expiry_sum_ms: u128,
}

impl DatabaseSize {
    pub(in crate::store) fn add(&mut self, keyspace: &Keyspace) {
        self.keys += keyspace.len();
        self.dated_keys += keyspace.dated_len();
        self.expiring_keys += keyspace.expiring_len();
        self.expiry_sum_ms += keyspace.expiry_sum_ms();
    }
}
