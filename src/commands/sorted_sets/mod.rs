//! Sorted sets: commands that change them, that take members off their ends, that read single members, ranges, or
//! members at random, that walk them, and that combine several.

mod algebra;
pub(super) mod bounds;
pub(super) mod combine;
mod entries;
mod lookahead;
pub(super) mod pop;
pub(super) mod random;
pub(super) mod range;
pub(super) mod read;
pub(super) mod scan;
pub(super) mod update;

/// Members looked up ahead of their use, so that their memory is loaded at once. Beyond a few dozen the processor has
/// no more loads to overlap.
pub(super) const PREFETCHED_MEMBERS: usize = 16;
