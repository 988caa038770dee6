//! Batches: the cache misses of many operations overlap.
//!
//! An operation on a large ranking is a chain of loads, each of which depends on the one before: the index bucket, the leaf,
//! its bytes; then the node above it; for an update also the node, leaf and bytes at the new position. A batch does each
//! step of the chain for all its members before the next step, so that many loads are in flight at the same time. The
//! results are not kept: the operations that follow do the same steps again, but without waiting.

use super::BlockRanking;
use crate::ranking::arena::NONE;
use crate::ranking::block::{SearchKey, Tie};
use crate::ranking::key::SortKey;
use crate::ranking::member_hash::tag_of;
use crate::ranking::member_index::MemberIndex;
use crate::ranking::{Aim, RankedMembers, prefetch};

/// Members of a round: about as many as the loads that a processor can have in flight.
const WIDTH: usize = 32;

/// The members of one round, with their hashes and leaves.
struct Round<'a> {
    members: [&'a [u8]; WIDTH],
    hashes: [u64; WIDTH],
    leaves: [u32; WIDTH],
    len: usize,
}

impl<'a> Round<'a> {
    fn new() -> Self {
        Self { members: [&[]; WIDTH], hashes: [0; WIDTH], leaves: [NONE; WIDTH], len: 0 }
    }

    fn push(&mut self, member: &'a [u8]) {
        self.members[self.len] = member;
        self.len += 1;
    }

    fn is_full(&self) -> bool {
        self.len == WIDTH
    }

    /// The leaves that the first step found. They can be wrong, and absent members have none.
    fn found(&self) -> impl Iterator<Item = (usize, u32)> {
        self.leaves[..self.len].iter().copied().enumerate().filter(|&(_, leaf)| leaf != NONE)
    }
}

impl<K: SortKey> BlockRanking<K> {
    /// Calls `warm` with rounds of members.
    fn in_rounds<'a>(
        &self,
        members: impl Iterator<Item = &'a [u8]>,
        mut warm: impl FnMut(&mut Round<'a>, &MemberIndex),
    ) {
        // A ranking of one leaf needs only one load.
        let Some(index) = &self.index else { return };
        let mut round = Round::new();
        for member in members {
            round.push(member);
            if round.is_full() {
                warm(&mut round, index);
                round = Round::new();
            }
        }
        if round.len > 0 {
            warm(&mut round, index);
        }
    }

    /// Loads index buckets, then leaves, then their bytes.
    fn warm_entries(&self, round: &mut Round<'_>, index: &MemberIndex) {
        let len = round.len;
        for (hash, member) in round.hashes.iter_mut().zip(&round.members[..len]) {
            *hash = self.hasher.hash(member);
            prefetch::line(index.first_line(*hash));
        }
        for (leaf, &hash) in round.leaves.iter_mut().zip(&round.hashes[..len]) {
            if let Some(candidate) = index.first_candidate(hash) {
                *leaf = candidate;
                self.levels.prefetch_leaf(candidate);
            }
        }
        for (_, leaf) in round.found() {
            self.levels.prefetch_block(leaf);
        }
    }

    pub(super) fn warm_scores<'a>(&self, members: impl Iterator<Item = &'a [u8]>) {
        self.in_rounds(members, |round, index| self.warm_entries(round, index));
    }

    /// Calls `visit` with the key of each member.
    pub(super) fn scores_in_rounds<'a>(
        &self,
        members: impl Iterator<Item = &'a [u8]>,
        mut visit: impl FnMut(Option<K>),
    ) {
        let Some(_) = &self.index else {
            return members.for_each(|member| visit(self.score(member)));
        };
        self.in_rounds(members, |round, index| {
            self.warm_entries(round, index);
            for i in 0..round.len {
                let (hash, member) = (round.hashes[i], round.members[i]);
                let found = match round.leaves[i] {
                    NONE => None,
                    leaf => self.levels.block(leaf).find(tag_of(hash), member).map(|at| (leaf, at)),
                };
                // The first step is wrong for a few members whose bucket has another member with the same tag.
                let found = found.or_else(|| self.locate(hash, member));
                visit(found.map(|(leaf, at)| self.levels.block(leaf).key(at)));
            }
        });
    }

    pub(super) fn warm_ranks<'a>(&self, members: impl Iterator<Item = &'a [u8]>) {
        self.in_rounds(members, |round, index| {
            self.warm_entries(round, index);
            self.warm_parents(round);
        });
    }

    /// Loads the nodes above the leaves, which a climb reads.
    fn warm_parents(&self, round: &Round<'_>) {
        round.found().for_each(|(_, leaf)| self.levels.prefetch_parent(leaf));
        round.found().for_each(|(_, leaf)| self.levels.prefetch_parent_counts(leaf));
    }

    pub(super) fn warm_updates<'a>(&self, updates: impl Iterator<Item = (&'a [u8], Aim<K>)> + Clone) {
        let aims = updates.clone().map(|(_, aim)| aim);
        let aims = std::cell::RefCell::new(aims);
        self.in_rounds(updates.map(|(member, _)| member), |round, index| {
            self.warm_entries(round, index);
            self.warm_parents(round);
            let mut keys = [K::default(); WIDTH];
            let mut aims = aims.borrow_mut();
            for (i, key) in keys[..round.len].iter_mut().enumerate() {
                *key = match aims.next() {
                    Some(Aim::Score(key)) => key,
                    Some(Aim::Increment(increment)) => self.incremented(round, i, increment),
                    None => K::default(),
                };
            }
            self.warm_targets(round, &keys[..round.len]);
        });
    }

    /// The key of member `i` of the round after the increment.
    fn incremented(&self, round: &Round<'_>, i: usize, increment: K::Increment) -> K {
        let before = match round.leaves[i] {
            NONE => None,
            leaf => {
                let block = self.levels.block(leaf);
                block.find(tag_of(round.hashes[i]), round.members[i]).map(|i| block.key(i))
            }
        };
        before.unwrap_or_default().plus(increment)
    }

    /// Loads the new positions of the members: the nodes above, the leaves, then the bytes of the leaves.
    fn warm_targets(&self, round: &Round<'_>, keys: &[K]) {
        let target = |i: usize, key: &K| SearchKey { key: *key, tie: Tie::Above(round.members[i]) };
        let mut at = [NONE; WIDTH];
        for (i, key) in keys.iter().enumerate() {
            at[i] = self.levels.lowest_node_at(&target(i, key));
            self.levels.prefetch_node(at[i]);
        }
        for &node in &at[..keys.len()] {
            self.levels.prefetch_node_content(node);
        }
        for (i, key) in keys.iter().enumerate() {
            at[i] = self.levels.leaf_beneath(at[i], &target(i, key));
            self.levels.prefetch_leaf(at[i]);
        }
        for &leaf in &at[..keys.len()] {
            self.levels.prefetch_block(leaf);
        }
    }
}
