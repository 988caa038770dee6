//! One database's keys in one shard: the table of entries, their expiry, and the clients interested in them.

pub(super) mod cursor;
mod drawing;
mod expiries;
pub mod interest;
mod key_name;
pub(super) mod keyspace;
pub(super) mod located;
mod segment;
pub(super) mod sizes;
pub(super) mod small_bytes;
pub(super) mod table;
pub(super) mod uses;
