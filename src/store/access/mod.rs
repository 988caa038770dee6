//! The ways to a key: from its name to its shard, under a lock, to read and to change it.

pub(super) mod hold;
pub(super) mod located;
pub(super) mod shards;
pub(super) mod slot;
pub(super) mod writer;
