//! Sorted sets: commands that change them, that read single members, and that read ranges.

pub(super) mod bounds;
pub(super) mod lookahead;
pub(super) mod range;
pub(super) mod read;
pub(super) mod update;

/// Members looked up ahead of their use, so that their memory is loaded at once. Beyond a few dozen the processor has
/// no more loads to overlap.
pub(super) const PREFETCHED_MEMBERS: usize = 16;
