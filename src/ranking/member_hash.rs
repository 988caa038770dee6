//! The keyed hash of members, and the parts of a hash that the index and the blocks use.

use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;

/// The high bits of a hash order members in the index; the tag is one of the low bytes.
pub(super) const PLACE_BITS: u32 = 48;

/// The part of the hash key that all rankings of a process share, drawn from the first seed. Its tables are too large for
/// one in each ranking.
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

/// The place of a hash in the order of the index; scan cursors are made from it. It has 48 bits, so a client can hold a
/// cursor in a double or a signed integer.
#[inline]
pub(super) fn place_of(hash: u64) -> u64 {
    hash >> (u64::BITS - PLACE_BITS)
}
