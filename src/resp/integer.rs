//! Integers as requests spell them.

pub use crate::text::integer::parse;
