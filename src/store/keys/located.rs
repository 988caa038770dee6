//! The location of a key: its shard, and its hash there.

use crate::store::numbers::ShardIndex;
use crate::text::short;

/// A key with its shard and its hash. Computed once for a request and used for all its look-ups of the key.
#[derive(Clone, Copy, Debug)]
pub struct Located<'k> {
    pub(in crate::store) key: &'k [u8],
    pub(in crate::store) shard: ShardIndex,
    pub(in crate::store) hash: u64,
}

impl Located<'_> {
    /// The shard whose lock covers the key.
    #[must_use]
    pub fn shard(self) -> ShardIndex {
        self.shard
    }

    /// The same location for `key`, if that has the same bytes.
    #[must_use]
    #[inline]
    pub fn repeated(self, key: &[u8]) -> Option<Located<'_>> {
        short::are_equal(self.key, key).then_some(Located { key, ..self })
    }

    /// Whether both are looked for in one place. Two keys with one hash are rare, but possible.
    #[must_use]
    pub fn shares_place(self, other: Located<'_>) -> bool {
        (self.shard, self.hash) == (other.shard, other.hash)
    }

    /// Whether this is the location of exactly this slice, not only of equal bytes elsewhere.
    pub(in crate::store) fn is_of(self, key: &[u8]) -> bool {
        std::ptr::eq(self.key, key)
    }
}
