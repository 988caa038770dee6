//! The store: it maps a key to its hash slot, the slot to a shard, and the key to its value. It has the only locks on
//! keys, and it removes expired keys.
//!
//! A [`Store`] consists of shards; their number is a power of two. Each shard is one lock over the keys of its slots in
//! every database. To use a key, a caller takes a [`Hold`] on its shard. A read hold gives read access; a write hold is
//! the only way to change a value. Each edit records a [`change`]. When the hold ends, its records go to the journal
//! before the locks are released. So the journal has the changes of each key in the order in which they were made.
//!
//! | folder or file | its subject |
//! |---|---|
//! | `sharded`, `shard`, `numbers` | the store, a shard, and the numbers of databases and shards |
//! | `access` | access to keys: from a name to a shard, locks, reading and writing |
//! | `keys` | one database's keys in one shard: the table of entries, their expiry, the clients interested in them |
//! | `values` | the types of values |
//! | `change` | Changes on their way to the journal and to other readers ([`change::feed`]), and their replay |
//! | `walk` | the walk over all keys, which checkpoints and dump files share, and the parallel loading at a start |
//! | `event`, `reclaim`, `damage` | keyspace events, freeing of large values, values that a panic has damaged |
//! | `libraries` | the libraries of functions, which belong to no key |
//! | `eviction` | the choice of keys to evict |
//!
//! The store does not know requests, replies or files. It has one thread, which frees large values (`reclaim`).

mod access;
pub mod change;
mod damage;
pub mod event;
mod eviction;
pub mod keys;
mod libraries;
mod numbers;
mod reclaim;
mod shard;
mod sharded;
mod values;
mod walk;

pub use access::adopt::Adoption;
pub use access::boards::{Closing, Creation};
pub use access::edit::Edit;
pub use access::evict::{Eviction, EvictionTerms};
pub use access::guard::Access;
pub use access::hold::Hold;
pub use access::libraries::LibraryChange;
pub use access::reader::{Lookups, Reader};
pub use access::shards::{Looking, RefusesClients, Shards};
pub use access::slot::{SLOTS, Slot};
pub use access::survey::{BoardSurvey, LargestBoard};
pub use access::writer::{HasPolicy, Missing, NewExpiry, Writer};
pub use change::basis::{Basis, OpenRecord};
pub use change::replay::UnknownDatabase;
pub use change::seq::Seq;
pub use damage::DAMAGE_TEXT;
pub use keys::cursor::CursorCode;
pub use keys::located::Located;
pub use keys::sizes::{KindSizes, LARGE_BOARD_MEMBERS};
pub use keys::small_bytes::SmallBytes;
pub use keys::uses::{Use, UsesKept};
pub use libraries::{FunctionLibraries, LibraryText};
pub use numbers::{DatabaseIndex, KeyspaceIndex, SHARDS, ShardIndex};
pub use shard::DatabaseSize;
pub use sharded::Store;
pub use values::*;
pub use walk::census::{Census, KindCount};
pub use walk::checkpoint::Snapshot;
pub use walk::loading::{Loader, LoaderSizes};
pub use walk::summing::{BoardSum, BoardSumStep, BoardTotals};
pub use walk::{Frozen, KeyHead, Length, Visitor, Walk};
