//! RDB files in both directions, with real servers at the other end: what they write is imported to the bit, what rankd
//! writes they load; and what is wrong with a file is said.

mod aof;
pub(crate) mod data;
mod import;
mod save;
