//! Builds a ranking from entries in order: packs leaf after leaf, and builds the index at the end.

use super::BlockRanking;
use super::leaf_hashes;
use crate::ranking::RankedMembers;
use crate::ranking::arena::NONE;
use crate::ranking::block::{Block, EntryRun};
use crate::ranking::key::{Score, SortKey};
use crate::ranking::levels::{LEAF_BYTES_MAX, LEAF_MAX};
use crate::ranking::member_hash::tag_of;
use crate::ranking::member_index::MemberIndex;
use crate::ranking::prefetch;

/// Entries of a new leaf. It has room, so that the first insertions do not split it.
pub(in crate::ranking) const LEAF_FILL: usize = LEAF_MAX * 7 / 8;

/// Most bytes of members in a new leaf.
pub(in crate::ranking) const LEAF_BYTES_FILL: usize = LEAF_BYTES_MAX / 2;

/// A ranking that is being built. O(1) for each member, about a tenth of the cost of an insertion.
#[derive(Debug)]
pub struct RankingBuilder<K: SortKey = Score> {
    ranking: BlockRanking<K>,
    run: EntryRun<K>,
    /// Bytes of the members in `run`.
    bytes: usize,
}

impl<K: SortKey> RankingBuilder<K> {
    /// Begins a ranking whose member hash is keyed by `seed`.
    #[must_use]
    pub fn with_seed(seed: u64) -> Self {
        Self { ranking: BlockRanking::with_seed(seed), run: EntryRun::default(), bytes: 0 }
    }

    /// Adds an entry. It must be above all earlier ones in (key, member) order. Its member must be new, unless
    /// [`RankingBuilder::finish_with_doubles`] follows.
    pub fn push(&mut self, member: &[u8], key: K) {
        // A leaf of long members must stay below the size at which it would split.
        let is_long = self.bytes + member.len() > LEAF_BYTES_FILL && self.run.len() > 0;
        if self.run.len() == LEAF_FILL || is_long {
            self.pack();
        }
        self.bytes += member.len();
        self.run.push(key, member, tag_of(self.ranking.hasher.hash(member)));
        self.ranking.len += 1;
    }

    /// Adds a leaf; its entries must be above all earlier ones.
    pub(in crate::ranking) fn append(&mut self, leaf: Block<K>) {
        self.ranking.len += leaf.len();
        self.ranking.levels.append(leaf);
    }

    /// The ranking of all entries.
    #[must_use]
    pub fn finish(mut self) -> BlockRanking<K> {
        if self.run.len() > 0 {
            self.pack();
        }
        if self.ranking.levels.only_leaf().is_none() {
            self.ranking.index = Some(Box::new(self.ranking.built_index()));
        }
        self.ranking
    }

    /// As [`RankingBuilder::finish`], of entries among which a member may be twice. Only one of its entries stays. `removed` gets the
    /// keys of the others. O(1) for each member, a twentieth of which wait for memory once more.
    #[must_use]
    pub fn finish_with_doubles(mut self, mut removed: impl FnMut(K)) -> BlockRanking<K> {
        if self.run.len() > 0 {
            self.pack();
        }
        let (index, mut doubles) = self.ranking.index_with_doubles();
        if self.ranking.levels.only_leaf().is_none() {
            self.ranking.index = Some(Box::new(index));
        }
        for (leaf, member) in &doubles {
            let tag = tag_of(self.ranking.hasher.hash(member));
            let block = self.ranking.levels.block(*leaf);
            let at = block.find(tag, member).expect("a double is in its leaf");
            removed(block.key(at));
            self.ranking.levels.remove(*leaf, at..at + 1);
            self.ranking.len -= 1;
        }
        doubles.dedup_by_key(|(leaf, _)| *leaf);
        for (leaf, _) in doubles {
            // The lowest entry of a member is no double, so there is another leaf.
            if self.ranking.levels.block(leaf).len() == 0 {
                self.ranking.levels.remove_leaf(leaf);
            }
        }
        if self.ranking.levels.only_leaf().is_some() {
            self.ranking.index = None;
        }
        self.ranking
    }

    fn pack(&mut self) {
        self.ranking.levels.append(Block::pack(&self.run, 0..self.run.len()));
        self.run.clear();
        self.bytes = 0;
    }
}

impl<K: SortKey> BlockRanking<K> {
    /// An index of all members, and the entries, by leaf and member, whose member an earlier entry has.
    fn index_with_doubles(&self) -> (MemberIndex, Vec<(u32, Vec<u8>)>) {
        let mut index = MemberIndex::with_room_for(self.len);
        let (mut doubles, mut member) = (Vec::new(), Vec::new());
        let mut leaf = self.levels.first();
        while leaf != NONE {
            let block = self.levels.block(leaf);
            let hashes = leaf_hashes(block, &self.hasher);
            for &hash in &hashes {
                prefetch::line(index.first_line(hash));
            }
            for (i, hash) in hashes.into_iter().enumerate() {
                member.clear();
                let is_double = index.find(hash, |other| {
                    if member.is_empty() {
                        block.write_member(i, &mut member);
                    }
                    let found = self.levels.block(other).find(tag_of(hash), &member)?;
                    (other != leaf || found < i).then_some(())
                });
                match is_double {
                    Some(()) => doubles.push((leaf, member.clone())),
                    None => index.insert(hash, leaf),
                }
            }
            leaf = self.levels.leaf(leaf).next;
        }
        (index, doubles)
    }
}
