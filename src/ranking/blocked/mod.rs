//! [`BlockRanking`]: the ranking the server uses, made of [`super::levels`] and [`super::member_index`].
//!
//! A member is found by its hash: the index gives its leaf, and the tags of the leaf find it there. A key or a rank is found
//! by a descent through the levels. The invariant of this file is that both agree: the index holds the leaf of every
//! member, except that a ranking of one leaf has no index and is searched directly. When entries change leaves (moves,
//! splits, merges), the index is updated in the same step. When the index may rebuild itself, it agrees with the leaves.

mod batches;
mod building;
mod excerpt;
mod upkeep;

pub use building::RankingBuilder;
pub(super) use building::{LEAF_BYTES_FILL, LEAF_FILL};
pub use excerpt::Excerpt;

use std::mem::size_of;
use std::ops::Range;

use super::arena::NONE;
use super::block::{Block, EntryRun, SearchKey, Tie};
use super::key::{Score, SortKey};
use super::levels::{Leaf, Levels};
use super::member_hash::{MemberHasher, place_of, tag_of};
use super::member_index::{MemberHashes, MemberIndex};
use super::prefetch;
use super::{Aim, Bound, Order, RankedMembers, Updated};
use crate::machine::heap::allocation_bytes;
use crate::text::name_run::NameRun;

/// Index segments dropped in one step.
const SEGMENTS_A_STEP: usize = 64;

/// The rest of a ranking that is being dropped in steps.
type Remains<K> = Box<(Levels<K>, Option<Box<MemberIndex>>)>;

/// A ranking that stores its members in packed blocks. A clone copies blocks and index as they are, which takes a few
/// nanoseconds a member.
#[derive(Clone, Debug)]
pub struct BlockRanking<K: SortKey = Score> {
    levels: Levels<K>,
    /// `None` while there is only one leaf.
    index: Option<Box<MemberIndex>>,
    len: usize,
    hasher: MemberHasher,
    /// The parts that [`RankedMembers::drop_step`] has not dropped yet.
    remains: Option<Remains<K>>,
}

/// Gives the index the hashes of the members in the leaves.
struct LeafHashes<'a, K: SortKey> {
    levels: &'a Levels<K>,
    hasher: &'a MemberHasher,
    member: Vec<u8>,
}

impl<'a, K: SortKey> LeafHashes<'a, K> {
    fn new(levels: &'a Levels<K>, hasher: &'a MemberHasher) -> Self {
        Self { levels, hasher, member: Vec::new() }
    }
}

impl<K: SortKey> MemberHashes for LeafHashes<'_, K> {
    fn prefetch_soon(&self, leaf: u32) {
        self.levels.prefetch_leaf(leaf);
    }

    fn prefetch(&self, leaf: u32) {
        self.levels.prefetch_block(leaf);
    }

    fn hashes(&mut self, leaf: u32, tag: u8, out: &mut Vec<u64>) {
        let block = self.levels.block(leaf);
        for i in memchr::memchr_iter(tag, block.tags()) {
            self.member.clear();
            block.write_member(i, &mut self.member);
            out.push(self.hasher.hash(&self.member));
        }
    }
}

impl<K: SortKey> BlockRanking<K> {
    fn locate(&self, hash: u64, member: &[u8]) -> Option<(u32, usize)> {
        let probe = |leaf| {
            self.levels.prefetch_block(leaf);
            self.levels.block(leaf).find(tag_of(hash), member).map(|i| (leaf, i))
        };
        match &self.index {
            Some(index) => index.find(hash, probe),
            None => probe(self.levels.first()),
        }
    }

    /// Calls `visit` with each block that has members of the ascending ranks `ranks`, and with the range of these entries.
    /// `order` decides at which end it begins.
    fn visit_blocks(
        &self,
        ranks: Range<usize>,
        order: Order,
        mut visit: impl FnMut(&Block<K>, Range<usize>),
    ) {
        assert!(ranks.start <= ranks.end && ranks.end <= self.len, "ranks {ranks:?} of {}", self.len);
        let mut rest = ranks.len();
        if rest == 0 {
            return;
        }
        match order {
            Order::Ascending => {
                let (mut at, mut start) = self.levels.select(ranks.start, self.len);
                while rest > 0 {
                    let leaf = self.levels.leaf(at);
                    let end = leaf.block.len().min(start + rest);
                    if rest > end - start {
                        self.prefetch_block_and_leaf(leaf.next, |next| next.next);
                    }
                    visit(&leaf.block, start..end);
                    rest -= end - start;
                    (at, start) = (leaf.next, 0);
                }
            }
            Order::Descending => {
                let (mut at, last) = self.levels.select(ranks.end - 1, self.len);
                let mut end = last + 1;
                while rest > 0 {
                    let leaf = self.levels.leaf(at);
                    let start = end.saturating_sub(rest);
                    if rest > end - start {
                        self.prefetch_block_and_leaf(leaf.previous, |previous| previous.previous);
                    }
                    visit(&leaf.block, start..end);
                    rest -= end - start;
                    if rest > 0 {
                        at = leaf.previous;
                        end = self.levels.block(at).len();
                    }
                }
            }
        }
    }

    /// Starts loading the block of leaf `next`, which is visited next, and the leaf after it, which `beyond` returns.
    fn prefetch_block_and_leaf(&self, next: u32, beyond: impl FnOnce(&Leaf<K>) -> u32) {
        self.levels.prefetch_block(next);
        let beyond = beyond(self.levels.leaf(next));
        if beyond != NONE {
            self.levels.prefetch_leaf(beyond);
        }
    }
}

/// The hashes of all members of a block.
fn leaf_hashes<K: SortKey>(block: &Block<K>, hasher: &MemberHasher) -> Vec<u64> {
    let mut member = Vec::new();
    let hash = |i| {
        member.clear();
        block.write_member(i, &mut member);
        hasher.hash(&member)
    };
    (0..block.len()).map(hash).collect()
}

#[cfg(test)]
impl<K: SortKey> BlockRanking<K> {
    /// Breaks an invariant, for tests of the handling of damaged values.
    pub(crate) fn damage(&mut self) {
        self.len += 1;
    }
}

impl<K: SortKey> RankedMembers for BlockRanking<K> {
    type Key = K;

    fn with_seed(seed: u64) -> Self {
        let hasher = MemberHasher::with_seed(seed);
        Self { levels: Levels::new(), index: None, len: 0, hasher, remains: None }
    }

    fn from_sorted<'a>(seed: u64, entries: impl Iterator<Item = (&'a [u8], K)>) -> Self {
        let mut builder = RankingBuilder::with_seed(seed);
        entries.for_each(|(member, key)| builder.push(member, key));
        builder.finish()
    }

    fn len(&self) -> usize {
        self.len
    }

    fn score(&self, member: &[u8]) -> Option<K> {
        let (leaf, i) = self.locate(self.hasher.hash(member), member)?;
        Some(self.levels.block(leaf).key(i))
    }

    fn scores<'a>(&self, members: impl Iterator<Item = &'a [u8]>, visit: impl FnMut(Option<K>)) {
        self.scores_in_rounds(members, visit);
    }

    fn update(&mut self, member: &[u8], decide: impl FnOnce(Option<K>) -> Option<K>) -> Updated<K> {
        let hash = self.hasher.hash(member);
        let found = self.locate(hash, member);
        let before = found.map(|(leaf, i)| self.levels.block(leaf).key(i));
        let Some(after) = decide(before) else { return Updated { before, after: before } };
        match found {
            Some(_) if before == Some(after) => {}
            Some(found) => self.change(hash, member, found, after),
            None => self.add(hash, member, after),
        }
        Updated { before, after: Some(after) }
    }

    fn remove(&mut self, member: &[u8]) -> Option<K> {
        let hash = self.hasher.hash(member);
        let (leaf, i) = self.locate(hash, member)?;
        let key = self.levels.block(leaf).key(i);
        self.levels.remove(leaf, i..i + 1);
        self.len -= 1;
        if let Some(index) = &mut self.index {
            index.remove(hash, leaf);
            index.give_back_room(hash, &mut LeafHashes::new(&self.levels, &self.hasher));
        }
        self.mend(leaf);
        Some(key)
    }

    fn rank(&self, member: &[u8], order: Order) -> Option<(usize, K)> {
        let (leaf, i) = self.locate(self.hasher.hash(member), member)?;
        let ascending = self.levels.members_before(leaf) + i;
        let rank = match order {
            Order::Ascending => ascending,
            Order::Descending => self.len - 1 - ascending,
        };
        Some((rank, self.levels.block(leaf).key(i)))
    }

    fn position(&self, bound: Bound<'_, K>) -> usize {
        let at = |key: K, tie| self.levels.position(&SearchKey { key, tie });
        let lowest = || {
            let block = self.levels.block(self.levels.first());
            (block.len() > 0).then(|| block.key(0))
        };
        match bound {
            Bound::BelowScore(key) => at(key, Tie::Lowest),
            Bound::AboveScore(key) => at(key, Tie::Highest),
            Bound::BelowEntry(key, member) => at(key, Tie::Below(member)),
            Bound::AboveEntry(key, member) => at(key, Tie::Above(member)),
            Bound::BelowMember(member) => lowest().map_or(0, |key| at(key, Tie::Below(member))),
            Bound::AboveMember(member) => lowest().map_or(0, |key| at(key, Tie::Above(member))),
        }
    }

    fn visit(&self, ranks: Range<usize>, order: Order, mut visit: impl FnMut(&[u8], K)) {
        let mut scratch = Vec::new();
        self.visit_runs(ranks, order, |members, keys| {
            let mut keys = keys.iter();
            members.for_each(&mut scratch, |member| {
                let key = keys.next().expect("as many keys as members");
                visit(member, *key);
            });
        });
    }

    fn visit_runs(&self, ranks: Range<usize>, order: Order, mut visit: impl FnMut(&NameRun<'_>, &[K])) {
        self.visit_blocks(ranks, order, |block, entries| block.visit_runs(entries, order, &mut visit));
    }

    fn remove_range(&mut self, ranks: Range<usize>, mut removed: impl FnMut(&[u8], K)) {
        assert!(ranks.start <= ranks.end && ranks.end <= self.len, "ranks {ranks:?} of {}", self.len);
        let mut rest = ranks.len();
        while rest > 0 {
            let (leaf, start) = self.levels.select(ranks.start, self.len);
            let block = self.levels.block(leaf);
            let end = block.len().min(start + rest);
            let mut gone = EntryRun::default();
            block.unpack(start..end, &mut gone);
            let hashes: Vec<u64> = (0..gone.len()).map(|i| self.hasher.hash(gone.member(i))).collect();
            self.levels.remove(leaf, start..end);
            self.len -= hashes.len();
            rest -= hashes.len();
            if let Some(index) = &mut self.index {
                for &hash in &hashes {
                    prefetch::line(index.first_line(hash));
                }
                for &hash in &hashes {
                    index.remove(hash, leaf);
                }
                for &hash in &hashes {
                    index.give_back_room(hash, &mut LeafHashes::new(&self.levels, &self.hasher));
                }
            }
            self.mend(leaf);
            for i in 0..gone.len() {
                removed(gone.member(i), gone.key(i));
            }
        }
    }

    /// Scans in the order of member hashes, which no operation changes.
    fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], K)) -> u64 {
        let mut member = Vec::new();
        let Some(index) = &self.index else {
            // A ranking of one leaf is returned at once, as Redis does with its small encoding.
            let block = self.levels.block(self.levels.first());
            for i in 0..block.len() {
                member.clear();
                block.write_member(i, &mut member);
                if place_of(self.hasher.hash(&member)) >= cursor {
                    visit(&member, block.key(i));
                }
            }
            return 0;
        };
        let mut blocks = LeafHashes::new(&self.levels, &self.hasher);
        let mut found = Vec::new();
        let mut visited = 0;
        let mut cursor = cursor;
        while visited < count.max(1) {
            found.clear();
            let next = index.visit_bucket(cursor, &mut blocks, |hash, leaf| found.push((hash, leaf)));
            visited += found.len();
            // Two members with the same hash in one block are found twice by their tag: visit each entry once.
            found.sort_unstable();
            found.dedup();
            for &(hash, leaf) in &found {
                let block = self.levels.block(leaf);
                for i in memchr::memchr_iter(tag_of(hash), block.tags()) {
                    member.clear();
                    block.write_member(i, &mut member);
                    if self.hasher.hash(&member) == hash {
                        visit(&member, block.key(i));
                    }
                }
            }
            match next {
                Some(next) => cursor = next,
                None => return 0,
            }
        }
        cursor
    }

    fn prefetch<'a>(&self, members: impl Iterator<Item = &'a [u8]> + Clone) {
        self.warm_scores(members);
    }

    fn prefetch_ranks<'a>(&self, members: impl Iterator<Item = &'a [u8]> + Clone) {
        self.warm_ranks(members);
    }

    fn prefetch_updates<'a>(&self, updates: impl Iterator<Item = (&'a [u8], Aim<K>)> + Clone) {
        self.warm_updates(updates);
    }

    fn drop_step(&mut self) -> bool {
        if self.len > 0 {
            let levels = std::mem::replace(&mut self.levels, Levels::new());
            self.remains = Some(Box::new((levels, self.index.take())));
            self.len = 0;
        }
        let Some(remains) = &mut self.remains else { return true };
        let (levels, index) = &mut **remains;
        let left =
            levels.drop_chunk() || index.as_mut().is_some_and(|index| index.drop_segments(SEGMENTS_A_STEP));
        if !left {
            self.remains = None;
        }
        !left
    }

    fn memory_bytes(&self) -> usize {
        let index = |index: &Option<Box<MemberIndex>>| {
            let own = allocation_bytes(size_of::<MemberIndex>());
            index.as_ref().map_or(0, |index| own + index.allocated_bytes())
        };
        allocation_bytes(size_of::<Self>()) + self.levels.allocated_bytes() + index(&self.index)
    }

    fn check_invariants(&self) {
        assert_eq!(self.levels.check_invariants(), self.len);
        assert_eq!(self.index.is_none(), self.levels.only_leaf().is_some());
        let mut leaf = self.levels.first();
        while leaf != NONE {
            let block = self.levels.block(leaf);
            for (i, hash) in leaf_hashes(block, &self.hasher).into_iter().enumerate() {
                assert_eq!(block.tags()[i], tag_of(hash));
            }
            leaf = self.levels.leaf(leaf).next;
        }
        if let Some(index) = &self.index {
            assert_eq!(index.len(), self.len);
            index.check_invariants(&mut LeafHashes::new(&self.levels, &self.hasher));
        }
    }
}
