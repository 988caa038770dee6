//! Hash slots: which of 16384 parts a key belongs to, as in Redis Cluster (CRC16, the `{tag}` rule).

/// Number of hash slots. As Redis Cluster.
pub const SLOTS: u16 = 16384;

/// A hash slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(u16);

impl Slot {
    /// The slot of `key`. O(key length).
    #[must_use]
    pub fn of(key: &[u8]) -> Self {
        Self(redis_protocol::redis_keyslot(key))
    }

    /// The slot's number, below [`SLOTS`].
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Slot;

    #[test]
    fn slots_are_those_of_redis_cluster() {
        assert_eq!(Slot::of(b"foo").number(), 12182);
        assert_eq!(Slot::of(b"{user1000}.following"), Slot::of(b"{user1000}.followers"));
        assert_eq!(Slot::of(b"foo{}{bar}").number(), 8363);
        assert_eq!(Slot::of(b"foo{{bar}}zap").number(), 4015);
    }
}
