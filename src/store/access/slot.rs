//! Hash slots: each key belongs to one of 16384, as in Redis Cluster (CRC16, the `{tag}` rule).

use crc::{CRC_16_XMODEM, Crc, Table};
use memchr::memchr;

/// The number of hash slots, as in Redis Cluster.
pub const SLOTS: u16 = 16384;

/// Sixteen bytes a step, because every request computes the slots of its keys.
static CHECKSUM: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_XMODEM);

/// A hash slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(u16);

impl Slot {
    /// The slot of `key`. O(key length).
    #[must_use]
    pub fn of(key: &[u8]) -> Self {
        Self(CHECKSUM.checksum(tag(key).unwrap_or(key)) % SLOTS)
    }

    /// The slot's number, below [`SLOTS`].
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }
}

/// The bytes between the first `{` of `key` and the next `}`, unless there are none.
fn tag(key: &[u8]) -> Option<&[u8]> {
    let rest = &key[memchr(b'{', key)? + 1..];
    let tag = &rest[..memchr(b'}', rest)?];
    (!tag.is_empty()).then_some(tag)
}

#[cfg(test)]
mod tests {
    use super::Slot;
    use crate::machine::chance::Chance;

    #[test]
    fn slots_are_those_of_redis_cluster() {
        assert_eq!(Slot::of(b"foo").number(), 12182);
        assert_eq!(Slot::of(b"{user1000}.following"), Slot::of(b"{user1000}.followers"));
        assert_eq!(Slot::of(b"foo{}{bar}").number(), 8363);
        assert_eq!(Slot::of(b"foo{{bar}}zap").number(), 4015);
    }

    #[test]
    fn slots_are_those_that_clients_find() {
        let mut chance = Chance::seeded(1);
        for len in 1..80 {
            for _ in 0..200 {
                let key: Vec<u8> = (0..len).map(|_| b"{}ab\0\xff"[chance.below(6) as usize]).collect();
                let slot = redis_protocol::redis_keyslot(&key);
                assert_eq!(Slot::of(&key).number(), slot, "{}", key.escape_ascii());
            }
        }
    }
}
