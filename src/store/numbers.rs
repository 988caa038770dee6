//! How databases and shards are numbered.

/// A number of a database, as SELECT takes it.
pub type DatabaseIndex = u32;

/// A number of a shard, below [`Store::shard_count`](super::Store::shard_count).
pub type ShardIndex = usize;

/// Shards of a server's store: enough that two threads seldom want the same one, few enough that DBSIZE can visit all.
pub const SHARDS: usize = 64;
