//! Builds a ranking from entries in order: packs leaf after leaf, and builds the index at the end.

use super::BlockRanking;
use crate::ranking::RankedMembers;
use crate::ranking::block::{Block, EntryRun};
use crate::ranking::key::{Score, SortKey};
use crate::ranking::levels::{LEAF_BYTES_MAX, LEAF_MAX};
use crate::ranking::member_hash::tag_of;

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

    /// Adds an entry. It must be above all earlier ones in (key, member) order, and its member must be new.
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

    fn pack(&mut self) {
        self.ranking.levels.append(Block::pack(&self.run, 0..self.run.len()));
        self.run.clear();
        self.bytes = 0;
    }
}
