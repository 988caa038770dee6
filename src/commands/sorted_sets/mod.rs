//! Sorted sets: commands that change them, pop members, read single members, ranges or random members, scan them, and
//! combine several.

mod algebra;
pub(super) mod bounds;
pub(super) mod combine;
pub(super) mod entries;
pub(super) mod lookahead;
pub(super) mod pop;
pub(super) mod random;
pub(super) mod range;
pub(super) mod read;
pub(super) mod scan;
mod summand;
pub(super) mod update;

/// Members that are looked up together, so that the processor loads their memory at the same time. It cannot overlap more
/// than a few dozen loads.
pub(super) const PREFETCHED_MEMBERS: usize = 16;
