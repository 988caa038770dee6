//! The numbers by which Changes are told apart in the journal, but for those of values, which stand with their types
//! (`store/values/*/change.rs`). docs/journal-format.md lists them all; a number is never given to another Change.

pub(in crate::store) const SET_EXPIRY: u8 = 6;
pub(in crate::store) const DROP_KEY: u8 = 7;
pub(in crate::store) const FLUSH_DATABASE: u8 = 8;
pub(in crate::store) const FLUSH_ALL: u8 = 9;
pub(in crate::store) const CONTINUED: u8 = 10;
