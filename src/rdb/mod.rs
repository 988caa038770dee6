//! What does Redis say? RDB files, and the values that DUMP gives, in both directions.
//!
//! A [`Loader`] turns a file into Changes, whoever wrote it, and makes them true in a store: RDB versions 1 to 15 (Redis up to 8.10) and Valkey's 80.
//! Keys of types that rankd has not are read past exactly and counted. [`write()`] writes what a walk over the store
//! tells. Both work on any stream; what becomes of the bytes is others' business, except that [`replace_file`] puts a
//! file in place whole or not at all.
//!
//! | file | its subject |
//! |---|---|
//! | `source` | lengths, strings and numbers, each with its place; the running checksum |
//! | `text` | a string piece by piece |
//! | `packed` | listpack, ziplist and intset: small values as one string |
//! | `lzf` | strings that were compressed |
//! | `form` | the types of values there are, and what each is made of |
//! | `read` | a file or a DUMP becomes Changes |
//! | `lists` | the same of lists |
//! | `tally` | what was read and what was left out |
//! | `foreign` | past values of other types |
//! | `write` | the way out |
//! | `file` | a file in place of another |
//!
//! Invariant: nothing that is read is believed. No memory is reserved because a length announces it; a packed value is
//! read element by element, also out of a compressed string, so that beside what is put into the store only one string is
//! in memory. Bytes that make no sense are an error with their place.

mod error;
mod file;
mod foreign;
mod form;
mod lists;
mod lzf;
mod packed;
mod read;
mod source;
mod tally;
#[cfg(test)]
mod tests;
mod text;
mod write;

pub use crate::rdb::error::{Error, Problem};
pub use crate::rdb::file::{replace_file, sweep};
pub use crate::rdb::read::Loader;
pub use crate::rdb::tally::{Miscount, Tally, number_of};
pub use crate::rdb::write::{Written, write};

use crc::{CRC_64_REDIS, Crc, Table};

/// The checksum of files and DUMP payloads.
static CHECKSUM: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// Opcodes: what may stand where a value's type is expected.
mod opcode {
    /// Templates of hashes (Redis 8.10).
    pub(super) const HASH_TEMPLATE: u8 = 242;
    /// What modules keep for the key that follows (Redis 8.6). Valkey: slots that are being moved here.
    pub(super) const KEY_DATA: u8 = 243;
    pub(super) const SLOT_IMPORT: u8 = 243;
    pub(super) const SLOT_INFO: u8 = 244;
    pub(super) const FUNCTION: u8 = 245;
    pub(super) const FUNCTION_BEFORE_RELEASE: u8 = 246;
    pub(super) const MODULE_AUX: u8 = 247;
    pub(super) const IDLE: u8 = 248;
    pub(super) const FREQUENCY: u8 = 249;
    pub(super) const AUX: u8 = 250;
    pub(super) const RESIZE_DATABASE: u8 = 251;
    pub(super) const EXPIRE_MS: u8 = 252;
    pub(super) const EXPIRE_S: u8 = 253;
    pub(super) const SELECT_DATABASE: u8 = 254;
    pub(super) const END: u8 = 255;
}

/// A length's two highest bits.
mod length {
    /// Six bits follow in the same byte.
    pub(super) const SIX_BITS: u8 = 0;
    /// Fourteen: six in this byte and the next one's eight.
    pub(super) const FOURTEEN_BITS: u8 = 1;
    /// The next four or eight bytes, as the whole byte says.
    pub(super) const BYTES: u8 = 2;
    /// No length but a string in a special form.
    pub(super) const SPECIAL: u8 = 3;
    pub(super) const FOUR_BYTES: u8 = 0x80;
    pub(super) const EIGHT_BYTES: u8 = 0x81;
    pub(super) const INTEGER_8: u8 = 0;
    pub(super) const INTEGER_16: u8 = 1;
    pub(super) const INTEGER_32: u8 = 2;
    pub(super) const COMPRESSED: u8 = 3;
}
