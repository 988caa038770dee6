//! The shards of the keys of one command, so that each is computed once: to lock it, and to look the key up.

use crate::store::numbers::ShardIndex;
use smallvec::SmallVec;
use std::cell::Cell;

/// The shards of a command's keys, in the order in which it names them. A key is known by its place in the request, where it is
/// as long as the command runs: its address and its length, because an empty key may be at the address of the one behind it.
#[derive(Debug, Default)]
pub struct KeyShards {
    shards: SmallVec<[((usize, usize), ShardIndex); 16]>,
    /// The position of the key that is probably looked up next.
    next: Cell<usize>,
}

impl KeyShards {
    /// Forgets the command before; the next one notes its keys.
    pub(super) fn begin(&mut self) {
        self.shards.clear();
        self.next.set(0);
    }

    /// Forgets the command before: what is at the addresses of its keys may be something else.
    #[inline]
    pub(super) fn forget(&mut self) {
        self.next.set(usize::MAX);
    }

    /// Notes the shard of the command's next key.
    pub fn note(&mut self, key: &[u8], shard: ShardIndex) {
        self.shards.push((place_of(key), shard));
    }

    /// The shard of `key`, if keys are looked up in their order.
    pub(super) fn next(&self, key: &[u8]) -> Option<ShardIndex> {
        let next = self.next.get();
        let (place, shard) = *self.shards.get(next)?;
        (place == place_of(key)).then(|| {
            self.next.set(next + 1);
            shard
        })
    }
}

/// The address and the length of `key`.
fn place_of(key: &[u8]) -> (usize, usize) {
    (key.as_ptr().addr(), key.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_known_for_the_keys_of_the_command_in_their_order() {
        let request = *b"one two three";
        let [one, two, three] = [&request[..3], &request[4..7], &request[8..]];
        let mut known = KeyShards::default();
        known.begin();
        known.note(one, 1);
        known.note(two, 2);
        assert_eq!(known.next(three), None);
        assert_eq!((known.next(one), known.next(two)), (Some(1), Some(2)));
        assert_eq!(known.next(three), None);
        // The next command has another key at the same address.
        known.begin();
        known.note(two, 3);
        assert_eq!(known.next(two), Some(3));
        // An empty key has the address of the one behind it.
        known.begin();
        known.note(&one[..0], 2);
        assert_eq!((known.next(one), known.next(&one[..0])), (None, Some(2)));
        known.begin();
        known.note(one, 0);
        known.forget();
        assert_eq!(known.next(one), None);
    }
}
