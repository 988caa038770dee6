//! Copies of members with their scores: a window of an input, or a result before it is sent or stored.

use crate::ranking::Score;
use std::hash::{BuildHasher, Hasher};
use std::ops::Range;

use foldhash::quality::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Place;

/// A list of members with scores. The members' bytes are in one allocation.
#[derive(Debug)]
pub(in crate::commands) struct Entries<S = Score> {
    bytes: Vec<u8>,
    list: Vec<Entry<S>>,
}

impl<S> Default for Entries<S> {
    fn default() -> Self {
        Self { bytes: Vec::new(), list: Vec::new() }
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry<S> {
    score: S,
    start: usize,
    len: u32,
    /// While sorting: the bytes by which most members differ, see [`Entries::sort`].
    head: u64,
}

impl<S: Copy> Entry<S> {
    fn member(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start..self.start + self.len as usize]
    }
}

impl<S: Copy + Ord + Default> Entries<S> {
    /// The number of entries.
    pub(in crate::commands) fn len(&self) -> usize {
        self.list.len()
    }

    /// Adds an entry at the end.
    pub(in crate::commands) fn push(&mut self, member: &[u8], score: S) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(member);
        // A member came in a request, which is far shorter than 4 GiB (limits::MOST_BULK_BYTES).
        self.list.push(Entry { score, start, len: member.len() as u32, head: 0 });
    }

    /// Forgets all entries and keeps the memory.
    pub(in crate::commands) fn clear(&mut self) {
        self.bytes.clear();
        self.list.clear();
    }

    /// The entries in their order.
    pub(in crate::commands) fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], S)> + Clone {
        self.list.iter().map(|entry| (entry.member(&self.bytes), entry.score))
    }

    /// The entries at `places`.
    pub(in crate::commands) fn slice(&self, places: Range<usize>) -> impl Iterator<Item = (&[u8], S)> {
        self.list[places].iter().map(|entry| (entry.member(&self.bytes), entry.score))
    }

    /// The bytes of memory that the entries take.
    pub(in crate::commands) fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + self.list.capacity() * size_of::<Entry<S>>()
    }

    /// The members in their order.
    pub(in crate::commands) fn members(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.iter().map(|(member, _)| member)
    }

    /// Keeps the entries for which `change` returns a score, and gives them that score.
    pub(in crate::commands) fn filter_map(&mut self, mut change: impl FnMut(&[u8], S) -> Option<S>) {
        self.list.retain_mut(|entry| {
            let score = change(entry.member(&self.bytes), entry.score);
            entry.score = score.unwrap_or_default();
            score.is_some()
        });
    }

    /// Sorts the entries as a board does. Fast where parts of them are sorted already, such as copies from a board.
    pub(in crate::commands) fn sort(&mut self) {
        let Self { bytes, list } = self;
        // Names often begin alike (`user:0001`) and are far apart in memory. The bytes behind the shared beginning are copied
        // beside the score and mostly decide the comparison.
        let shared = shared_prefix(list.iter().map(|entry| entry.member(bytes)));
        for entry in &mut *list {
            let mut head = [0; 8];
            let rest = &entry.member(bytes)[shared..];
            let len = rest.len().min(head.len());
            head[..len].copy_from_slice(&rest[..len]);
            entry.head = u64::from_be_bytes(head);
        }
        list.sort_by(|one, other| {
            (one.score, one.head)
                .cmp(&(other.score, other.head))
                .then_with(|| one.member(bytes).cmp(other.member(bytes)))
        });
    }
}

/// The length of the prefix that all `members` share.
fn shared_prefix<'a>(mut members: impl Iterator<Item = &'a [u8]>) -> usize {
    let first = members.next().unwrap_or_default();
    members.fold(first.len(), |shared, member| {
        first[..shared].iter().zip(member).take_while(|(one, other)| one == other).count()
    })
}

/// Entries that are found by their members.
#[derive(Debug)]
pub(super) struct IndexedEntries<S = Score> {
    entries: Entries<S>,
    /// The members' hashes, each with the member's index in `entries`.
    index: HashTable<(u64, u32)>,
    hasher: FixedState,
}

impl<S: Copy + Ord + Default> IndexedEntries<S> {
    /// No entries, with room for `room`; the hash is keyed by `seed`.
    pub(super) fn new(room: usize, seed: u64) -> Self {
        let hasher = FixedState::with_seed(seed);
        Self { entries: Entries::default(), index: HashTable::with_capacity(room), hasher }
    }

    /// Adds `member` with `score`. If it is there already, its score becomes what `join` makes of its present score.
    pub(super) fn add(&mut self, member: &[u8], score: S, join: impl FnOnce(S) -> S) {
        let Self { entries, index, hasher } = self;
        let hash = hash(hasher, member);
        let is_it = |&(other, at): &(u64, u32)| {
            other == hash && entries.list[at as usize].member(&entries.bytes) == member
        };
        match index.entry(hash, is_it, |&(hash, _)| hash) {
            Place::Occupied(found) => {
                let entry = &mut entries.list[found.get().1 as usize];
                entry.score = join(entry.score);
            }
            Place::Vacant(place) => {
                place.insert((hash, entries.list.len() as u32));
                entries.push(member, score);
            }
        }
    }

    /// Whether `member` is there.
    pub(super) fn contains(&self, member: &[u8]) -> bool {
        let hash = hash(&self.hasher, member);
        let is_it = |&(other, at): &(u64, u32)| {
            other == hash && self.entries.list[at as usize].member(&self.entries.bytes) == member
        };
        self.index.find(hash, is_it).is_some()
    }

    /// The entries, in the order in which they were first added.
    pub(super) fn into_entries(self) -> Entries<S> {
        self.entries
    }
}

fn hash(hasher: &FixedState, member: &[u8]) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write(member);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::chance::Chance;

    /// Names that begin alike, are short, or hold zeros are sorted as by their bytes.
    #[test]
    fn entries_sort_like_a_board() {
        let mut chance = Chance::seeded(3);
        for prefix in ["", "user:"] {
            let (mut entries, mut expected) = (Entries::default(), Vec::new());
            for _ in 0..3_000 {
                let tail = (0..chance.below(8)).map(|_| chance.below(3) as u8 * 127);
                let member: Vec<u8> = prefix.bytes().chain(tail).collect();
                let score = Score::new(chance.below(3) as f64).expect("not NaN");
                entries.push(&member, score);
                expected.push((score, member));
            }
            entries.sort();
            expected.sort();
            let sorted: Vec<_> = entries.iter().map(|(member, score)| (score, member.to_vec())).collect();
            assert!(sorted == expected);
        }
    }
}
