//! What does Redis say? RDB files, and the values that DUMP gives, in both directions.
//!
//! An [`RdbReader`] turns a file into Changes and applies them to a store. It reads RDB versions 1 to 15 (Redis up to
//! 8.10) and Valkey's 80. Keys of types that rankd does not have are skipped exactly and counted. [`write()`] writes
//! what a walk over the store visits. Both work on any stream; only [`replace_file`] knows files, and replaces one as
//! a whole or not at all.
//!
//! | file | its subject |
//! |---|---|
//! | `source` | lengths and numbers, each with its place; the running checksum |
//! | `strings` | the strings between them |
//! | `string_reader` | a string piece by piece |
//! | `packed` | listpack, ziplist and intset: small values as one string |
//! | `lzf` | strings that were compressed |
//! | `value_form` | the types of values there are, and what each is made of |
//! | `read`, `values` | a file or a DUMP becomes Changes |
//! | `hashes` | the forms of hashes |
//! | `lists` | the forms of lists |
//! | `streams`, `stream_writer` | the forms of streams, read, and the one that is written |
//! | `producers` | ids under which producers have added entries to streams |
//! | `tally` | what was read and what was left out |
//! | `boards` | boards with a policy, which other servers do not have |
//! | `foreign` | skipping values of other types |
//! | `write`, `value_writer`, `encoding` | a walk over the store becomes a file |
//! | `payload` | the value of DUMP, by itself |
//! | `functions` | the libraries of FUNCTION DUMP, by themselves |
//! | `file` | replacing a file as a whole |
//!
//! Invariant: no length in the bytes is trusted. Memory grows only with the bytes that come. A packed value is read
//! element by element, also out of a compressed string, so that beside the store's contents only one string is in
//! memory. Malformed bytes are an error with its offset.

mod boards;
mod encoding;
mod error;
mod file;
mod foreign;
pub mod functions;
mod hashes;
mod lists;
mod lzf;
mod packed;
pub mod payload;
mod producers;
mod read;
mod source;
mod stream_writer;
mod streams;
mod string_reader;
mod strings;
mod tally;
#[cfg(test)]
mod tests;
mod value_form;
mod value_writer;
mod values;
mod write;

pub use crate::rdb::error::{Error, Problem};
pub use crate::rdb::file::{replace_file, sweep};
pub use crate::rdb::read::RdbReader;
pub use crate::rdb::tally::{LoadTally, Miscount, number_of};
pub use crate::rdb::write::{Written, write, write_for_replicas};

use crc::{CRC_64_REDIS, Crc, Table};

/// The checksum of files and DUMP payloads.
static CHECKSUM: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// The newest versions that are understood.
const REDIS_VERSION: u32 = 15;
const VALKEY_VERSION: u32 = 80;

fn is_known(version: u32) -> bool {
    (1..=REDIS_VERSION).contains(&version) || version == VALKEY_VERSION
}

/// Opcodes: codes that may come in place of a value type.
mod opcode {
    /// Templates of hashes (Redis 8.10).
    pub(super) const HASH_TEMPLATE: u8 = 242;
    /// Data of modules for the key that follows (Redis 8.6). In Valkey: slots that are being moved here.
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
    /// Not a length: a string in a special form follows.
    pub(super) const SPECIAL: u8 = 3;
    pub(super) const FOUR_BYTES: u8 = 0x80;
    pub(super) const EIGHT_BYTES: u8 = 0x81;
    pub(super) const INTEGER_8: u8 = 0;
    pub(super) const INTEGER_16: u8 = 1;
    pub(super) const INTEGER_32: u8 = 2;
    pub(super) const COMPRESSED: u8 = 3;
}
