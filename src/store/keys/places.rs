//! The shards of a command's keys, remembered from the taking of its locks to its look-ups.

use crate::store::numbers::ShardIndex;
use smallvec::SmallVec;
use std::cell::Cell;

/// The shards of the keys of one command, in the order in which the command has them. A slot takes longer to compute than
/// all the rest of a look-up of a short key that is in the processor's cache.
#[derive(Debug, Default)]
pub(in crate::store) struct KeyPlaces {
    places: SmallVec<[(*const [u8], ShardIndex); 4]>,
    /// The key that is probably asked for next.
    next: Cell<usize>,
}

impl KeyPlaces {
    /// The keys are those of another command from now on.
    #[inline]
    pub(in crate::store) fn clear(&mut self) {
        self.places.clear();
    }

    /// The next key of the command is in `shard`. The key stays where it is until [`KeyPlaces::clear`].
    pub(in crate::store) fn push(&mut self, key: &[u8], shard: ShardIndex) {
        self.places.push((key, shard));
        self.next.set(0);
    }

    /// The shard of exactly this slice, if it is the key behind the one that was asked for last.
    #[inline]
    pub(in crate::store) fn shard_of(&self, key: &[u8]) -> Option<ShardIndex> {
        let next = self.next.get();
        let (known, shard) = *self.places.get(next)?;
        if !std::ptr::eq(known, key) {
            return None;
        }
        self.next.set(if next + 1 < self.places.len() { next + 1 } else { 0 });
        Some(shard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_slices_are_known_in_their_order() {
        let names = b"onetwo".to_vec();
        let (one, two) = names.split_at(3);
        let mut places = KeyPlaces::default();
        places.push(one, 7);
        places.push(two, 9);
        for _ in 0..2 {
            assert_eq!(places.shard_of(two), None);
            assert_eq!(places.shard_of(&one[..2]), None);
            assert_eq!(places.shard_of(b"one"), None);
            assert_eq!(places.shard_of(one), Some(7));
            assert_eq!(places.shard_of(two), Some(9));
        }
        places.clear();
        assert_eq!(places.shard_of(one), None);
    }
}
