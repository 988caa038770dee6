//! The numbers of the Changes in the journal, except those of values, which are in the folders of the types
//! (`store/values/*/change.rs`). docs/journal-format.md lists them all. A number is never used for another Change.

pub(in crate::store) const SET_EXPIRY: u8 = 6;
pub(in crate::store) const DROP_KEY: u8 = 7;
pub(in crate::store) const FLUSH_DATABASE: u8 = 8;
pub(in crate::store) const FLUSH_ALL: u8 = 9;
pub(in crate::store) const CONTINUED: u8 = 10;
pub(in crate::store) const NUMBER: u8 = 25;
pub(in crate::store) const RENAME: u8 = 26;
pub(in crate::store) const MOVE: u8 = 27;
pub(in crate::store) const TEMPLATE: u8 = 43;
pub(in crate::store) const LIBRARY: u8 = 44;
pub(in crate::store) const DROP_LIBRARY: u8 = 45;
pub(in crate::store) const FOLLOW: u8 = 46;
pub(in crate::store) const REACH: u8 = 47;
