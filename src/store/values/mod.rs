//! What a key holds: one file for each type.

pub(super) mod members;
pub(super) mod value;
