//! The hash index of a ranking: a directory of segments, and the segments.

mod directory;
mod segment;

pub(super) use directory::MemberIndex;
pub(super) use segment::MemberHashes;
