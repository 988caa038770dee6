//! Insertions and changes of entries, with the updates of the index for entries that change leaves.

use super::{BlockRanking, LeafHashes, leaf_hashes};
use crate::ranking::arena::NONE;
use crate::ranking::block::{SearchKey, Tie};
use crate::ranking::key::SortKey;
use crate::ranking::levels::Overflow;
use crate::ranking::member_hash::tag_of;
use crate::ranking::member_index::MemberIndex;
use crate::ranking::prefetch;

impl<K: SortKey> BlockRanking<K> {
    /// Adds a member that is absent.
    pub(super) fn add(&mut self, hash: u64, member: &[u8], key: K) {
        if let Some(index) = &mut self.index {
            index.make_room(hash, &mut LeafHashes::new(&self.levels, &self.hasher));
        }
        let leaf = self.levels.leaf_at(&SearchKey { key, tie: Tie::Above(member) });
        let at = self.levels.block(leaf).position(&SearchKey { key, tie: Tie::Below(member) });
        self.levels.insert(leaf, at, key, member, tag_of(hash));
        self.len += 1;
        if let Some(index) = &mut self.index {
            index.insert(hash, leaf);
        }
        self.split_if_overfull(Overflow { leaf, inserted_at: at });
    }

    /// Gives the member at entry `i` of `leaf` another key.
    pub(super) fn change(&mut self, hash: u64, member: &[u8], (leaf, i): (u32, usize), key: K) {
        let block = self.levels.block(leaf);
        // A key strictly between two keys of this leaf stays in it. Otherwise the levels above decide.
        let inside = block.key(0) < key && key < block.key(block.len() - 1);
        let target =
            if inside { leaf } else { self.levels.leaf_at(&SearchKey { key, tie: Tie::Above(member) }) };
        if target == leaf {
            let at = self.levels.block(leaf).position(&SearchKey { key, tie: Tie::Below(member) });
            let to = if at > i { at - 1 } else { at };
            self.levels.edit(leaf, |block| {
                if to == i {
                    block.set_key(i, key);
                } else {
                    block.remove(i..i + 1);
                    block.insert(to, key, member, tag_of(hash));
                }
            });
            return;
        }
        let at = self.levels.block(target).position(&SearchKey { key, tie: Tie::Below(member) });
        self.levels.remove(leaf, i..i + 1);
        self.levels.insert(target, at, key, member, tag_of(hash));
        if let Some(index) = &mut self.index {
            index.repoint(hash, leaf, target);
        }
        self.split_if_overfull(Overflow { leaf: target, inserted_at: at });
        self.mend(leaf);
    }

    fn split_if_overfull(&mut self, overflow: Overflow) {
        if !self.levels.is_overfull(overflow.leaf) {
            return;
        }
        let new = self.levels.split(overflow);
        if self.index.is_some() {
            self.repoint_all(overflow.leaf, new, new);
        } else {
            self.index = Some(Box::new(self.built_index()));
        }
    }

    /// Merges or removes the leaf if it has become too small.
    pub(super) fn mend(&mut self, leaf: u32) {
        if self.levels.block(leaf).len() == 0 && self.levels.only_leaf().is_none() {
            self.levels.remove_leaf(leaf);
        } else if let Some((below, above)) = self.levels.merge_partners(leaf) {
            self.repoint_all(above, below, above);
            self.levels.merge(below, above);
        }
        if self.levels.only_leaf().is_some() {
            self.index = None;
        }
    }

    /// Updates the index for the members now in `holder`, which moved from leaf `from` to leaf `to`.
    fn repoint_all(&mut self, from: u32, to: u32, holder: u32) {
        let Some(index) = &mut self.index else { return };
        let hashes = leaf_hashes(self.levels.block(holder), &self.hasher);
        for &hash in &hashes {
            prefetch::line(index.first_line(hash));
        }
        for hash in hashes {
            index.repoint(hash, from, to);
        }
    }

    /// An index of all members.
    pub(super) fn built_index(&self) -> MemberIndex {
        let mut index = MemberIndex::with_room_for(self.len);
        let mut leaf = self.levels.first();
        while leaf != NONE {
            let hashes = leaf_hashes(self.levels.block(leaf), &self.hasher);
            for &hash in &hashes {
                prefetch::line(index.first_line(hash));
            }
            for hash in hashes {
                index.insert(hash, leaf);
            }
            leaf = self.levels.leaf(leaf).next;
        }
        index
    }
}
