//! The keyed hash of members.

use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;

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
