//! The ways to a key: from its name to its shard, under a lock, to read and to change it.

pub(super) mod adopt;
pub(in crate::store) mod boards;
mod damaged;
pub(super) mod edit;
pub(super) mod evict;
mod extension;
mod following;
pub(super) mod guard;
pub(super) mod hold;
pub(super) mod key_shards;
pub(super) mod libraries;
mod locate;
mod locking;
mod publishing;
pub(super) mod reader;
mod relocate;
mod removal;
mod serving;
pub(super) mod shards;
pub(super) mod slot;
pub(super) mod survey;
mod swapping;
mod use_notes;
pub(super) mod writer;
