//! The keyed hash of members.

use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;

/// The bits of a hash that order members in the index; the tag comes from the others.
pub(super) const PLACE_BITS: u32 = 48;

/// The part of the key that all rankings of a process share, drawn from the first seed: the tables behind it are too
/// large to have one a ranking.
static SHARED: OnceLock<SharedSeed> = OnceLock::new();

/// Hashes members under a seed, so that names cannot be chosen to collide.
#[derive(Clone, Debug)]
pub(super) struct MemberHasher(SeedableRandomState);

impl MemberHasher {
    pub(super) fn with_seed(seed: u64) -> Self {
        Self(SeedableRandomState::with_seed(seed, SHARED.get_or_init(|| SharedSeed::from_u64(seed))))
    }

    #[inline]
    pub(super) fn hash(&self, member: &[u8]) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(member);
        hasher.finish()
    }
}

/// The byte of a hash that a block keeps of each member.
#[inline]
pub(super) fn tag_of(hash: u64) -> u8 {
    hash as u8
}

/// Where a hash stands in the order of the index: what scan cursors are made of. With 48 bits there is room beside it
/// in any number that a client can hold.
#[inline]
pub(super) fn place_of(hash: u64) -> u64 {
    hash >> (u64::BITS - PLACE_BITS)
}
