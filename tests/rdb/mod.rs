//! RDB files in both directions, with real servers at the other end: their files are imported exactly, they load the
//! files of rankd, and an error names what is wrong with a file.

mod aof;
pub(crate) mod data;
mod import;
mod payloads;
mod save;
mod streams;
