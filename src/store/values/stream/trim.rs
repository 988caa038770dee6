//! How a stream is trimmed.

use super::id::StreamId;

/// What is left of a stream that is trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrimTarget {
    /// So many of its last entries.
    Len(usize),
    /// The entries from this id on.
    From(StreamId),
}

/// How a stream is trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    /// What is left.
    pub target: TrimTarget,
    /// Whether only whole blocks are removed.
    pub is_approximate: bool,
    /// Most entries that are removed; 0 for no bound.
    pub limit: usize,
}
