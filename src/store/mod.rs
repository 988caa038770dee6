//! Where is it? Key to hash slot to shard to value; the only locks; expiry.
//!
//! A [`Store`] is a power of two of shards, each one lock over the keys of its slots in every database. Whoever wants
//! a key takes a [`Hold`] on its shard: a read hold answers questions, a write hold also changes things, and it is
//! the only way to. Each change leaves a [`change`] behind, and when the hold ends its records go to the journal
//! before the lock is given back: the journal's order is the order of application, key by key.
//!
//! | folder or file | its subject |
//! |---|---|
//! | `sharded`, `shard`, `numbers` | the store, one lock's worth of it, and how the parts are numbered |
//! | `access` | the ways to a key: from its name to its shard, under a lock, to read and to change it |
//! | `keys` | one database's keys in one shard: the table of entries, what expires when, who waits for what |
//! | `values` | what a key holds |
//! | `change` | what became true, on its way to the journal and to further readers ([`change::feed`]), and back |
//! | `walk` | the walk over everything, which checkpoint and dump file share, and a start's way back in bulk |
//! | `event`, `reclaim`, `damage` | keyspace events, large values being freed, values that a panic has damaged |
//!
//! Knows nothing of requests, replies, files or threads but the one that frees large values (`reclaim`).

mod access;
pub mod change;
mod damage;
pub mod event;
pub mod keys;
mod numbers;
mod reclaim;
mod shard;
mod sharded;
mod values;
mod walk;

pub use access::edit::Edit;
pub use access::hold::{Access, Hold};
pub use access::reader::{Lookups, Reader};
pub use access::shards::{Looking, Shards};
pub use access::slot::{SLOTS, Slot};
pub use access::writer::{Missing, Writer};
pub use change::basis::{Basis, OpenRecord};
pub use change::replay::UnknownDatabase;
pub use change::seq::Seq;
pub use keys::cursor::CursorCode;
pub use keys::located::Located;
pub use keys::small_bytes::SmallBytes;
pub use numbers::{DatabaseIndex, SHARDS, ShardIndex};
pub use shard::DatabaseSize;
pub use sharded::Store;
pub use values::*;
pub use walk::census::{Census, KindCount};
pub use walk::checkpoint::Snapshot;
pub use walk::loading::{Loader, LoaderSizes};
pub use walk::{Frozen, KeyHead, Length, Visitor, Walk};
