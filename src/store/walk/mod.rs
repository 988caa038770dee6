//! Walks over everything the store holds, and the way back in bulk.

pub(super) mod checkpoint;
pub(super) mod export;
pub(super) mod loading;
