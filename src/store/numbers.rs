//! The numbers of databases, keyspaces and shards.

/// The number of a database, as SELECT takes it.
pub type DatabaseIndex = u32;

/// The number of a keyspace, below the number of databases. Each database has the keyspace of the same number until SWAPDB
/// gives it another one. Changes name keyspaces, so that no SWAPDB makes an older Change wrong.
pub type KeyspaceIndex = u32;

/// The number of a shard, below [`Store::shard_count`](super::Store::shard_count).
pub type ShardIndex = usize;

/// The number of shards of a server's store. With so many, two threads seldom want the same one; so few can all be
/// visited by DBSIZE.
pub const SHARDS: usize = 64;
