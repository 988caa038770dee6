//! The levels of a ranking: leaves of members in order, and above them nodes with the number of members under each child.
//!
//! This is a counted, blocked skip list in its deterministic form (Munro, Papadakis, Sedgewick, "Deterministic skip lists",
//! 1992), which is a B+ tree with counts: a block that overflows splits, and its first key is inserted into the level
//! above. Every child knows its parent, so the rank of a member is computed by a climb from its leaf without comparing
//! keys. The invariants:
//!
//! - `keys[i]` of a node is above every entry under child `i` and at most the lowest entry under the next one.
//! - `spans[i]` is the number of members under child `i`.
//! - Leaves form a doubly linked list in order. No leaf is empty unless it is the only one.
//!
//! The levels do not know hashes: the caller that moves a member between leaves updates the index.

mod check;
mod growth;
mod prefetching;
mod shrinkage;

use std::mem::size_of;

use super::arena::{Arena, NONE, with_same_room};
use super::block::{Block, SearchKey};
use super::key::{Score, SortKey, Whole};
use super::prefetch;
use crate::machine::heap::allocation_bytes;
pub(super) use growth::Overflow;

/// Most entries of a leaf.
pub(super) const LEAF_MAX: usize = 128;
/// A leaf of long members splits above this many bytes, so that an edit moves few bytes.
pub(super) const LEAF_BYTES_MAX: usize = 8 * 1024;
/// Most children of a node.
const NODE_MAX: usize = 64;

/// Members in order, in one block. The struct itself fits one cache line.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(super) struct Leaf<K: SortKey> {
    pub(super) block: Block<K>,
    parent: u32,
    pub(super) next: u32,
    pub(super) previous: u32,
}

const _: () = assert!(size_of::<Leaf<Score>>() == 64 && size_of::<Leaf<Whole>>() == 64);

impl<K: SortKey> Default for Leaf<K> {
    fn default() -> Self {
        Self { block: Block::default(), parent: NONE, next: NONE, previous: NONE }
    }
}

/// A block of an upper level.
#[derive(Debug)]
struct Node<K: SortKey> {
    keys: Block<K>,
    children: Vec<u32>,
    spans: Vec<u32>,
    parent: u32,
    /// 1 just above the leaves.
    height: u32,
}

impl<K: SortKey> Default for Node<K> {
    fn default() -> Self {
        Self { keys: Block::default(), children: Vec::new(), spans: Vec::new(), parent: NONE, height: 0 }
    }
}

impl<K: SortKey> Node<K> {
    fn new(height: u32, parent: u32) -> Self {
        let room = || Vec::with_capacity(NODE_MAX + 1);
        Self { keys: Block::default(), children: room(), spans: room(), parent, height }
    }

    /// The index of the child that contains `target`.
    fn child_at(&self, target: &SearchKey<'_, K>) -> usize {
        self.keys.position(target)
    }

    fn index_of(&self, child: u32) -> usize {
        // Eight at a time without a branch each.
        let (eights, rest) = self.children.as_chunks::<8>();
        for (n, eight) in eights.iter().enumerate() {
            let hits = eight.iter().enumerate().fold(0u32, |hits, (i, &c)| hits | u32::from(c == child) << i);
            if hits != 0 {
                return n * 8 + hits.trailing_zeros() as usize;
            }
        }
        let i = rest.iter().position(|&c| c == child).expect("a child is among its parent's children");
        eights.len() * 8 + i
    }

    /// Starts loading all arrays of a node just above the leaves. Nodes further up are few and usually cached.
    fn prefetch(&self) {
        if self.height == 1 {
            prefetch::lines(self.keys.data());
            prefetch::lines(&self.children);
            prefetch::lines(&self.spans);
        }
    }

    fn members_before(&self, i: usize) -> usize {
        self.spans[..i].iter().map(|&span| span as usize).sum()
    }

    /// The child that contains the member of rank `rank`, and how many members precede that child. The node has `len`
    /// members.
    fn child_of_rank(&self, rank: usize, len: usize) -> (usize, usize) {
        // From the nearer end: the first and the last members are requested most often.
        if rank < len / 2 {
            let (mut child, mut before) = (0, 0);
            while before + self.spans[child] as usize <= rank {
                before += self.spans[child] as usize;
                child += 1;
            }
            (child, before)
        } else {
            let mut child = self.spans.len() - 1;
            let mut before = len - self.spans[child] as usize;
            while before > rank {
                child -= 1;
                before -= self.spans[child] as usize;
            }
            (child, before)
        }
    }

    fn allocated_bytes(&self) -> usize {
        let numbers = |numbers: &Vec<u32>| allocation_bytes(numbers.capacity() * size_of::<u32>());
        self.keys.allocated_bytes() + numbers(&self.children) + numbers(&self.spans)
    }
}

impl<K: SortKey> Clone for Node<K> {
    /// The copy has the same room, which is counted.
    fn clone(&self) -> Self {
        let Self { ref keys, ref children, ref spans, .. } = *self;
        let (children, spans) = (with_same_room(children), with_same_room(spans));
        Self { keys: keys.clone(), children, spans, ..*self }
    }
}

/// All leaves and the levels above them.
#[derive(Clone, Debug)]
pub(super) struct Levels<K: SortKey> {
    leaves: Arena<Leaf<K>>,
    nodes: Arena<Node<K>>,
    root: u32,
    /// 0 while the root is a leaf.
    height: u32,
    first: u32,
    last: u32,
    /// The total size of the allocations of leaves and nodes.
    block_bytes: usize,
}

impl<K: SortKey> Levels<K> {
    pub(super) fn new() -> Self {
        let mut leaves = Arena::new();
        let root = leaves.insert(Leaf::default());
        Self { leaves, nodes: Arena::new(), root, height: 0, first: root, last: root, block_bytes: 0 }
    }

    pub(super) fn leaf(&self, leaf: u32) -> &Leaf<K> {
        &self.leaves[leaf]
    }

    pub(super) fn block(&self, leaf: u32) -> &Block<K> {
        &self.leaves[leaf].block
    }

    /// The leaf, if there is only one.
    pub(super) fn only_leaf(&self) -> Option<u32> {
        (self.height == 0).then_some(self.root)
    }

    pub(super) fn first(&self) -> u32 {
        self.first
    }

    /// The leaf for an entry just below `target`.
    pub(super) fn leaf_at(&self, target: &SearchKey<'_, K>) -> u32 {
        let mut at = self.root;
        for _ in 0..self.height {
            let node = &self.nodes[at];
            node.prefetch();
            at = node.children[node.child_at(target)];
        }
        self.prefetch_block(at);
        at
    }

    /// The number of members below `target`.
    pub(super) fn position(&self, target: &SearchKey<'_, K>) -> usize {
        let mut at = self.root;
        let mut before = 0;
        for _ in 0..self.height {
            let node = &self.nodes[at];
            node.prefetch();
            let child = node.child_at(target);
            before += node.members_before(child);
            at = node.children[child];
        }
        self.prefetch_block(at);
        before + self.block(at).position(target)
    }

    /// The leaf and the entry in it of rank `rank`, which must be below `len`, the number of members.
    pub(super) fn select(&self, rank: usize, len: usize) -> (u32, usize) {
        let mut at = self.root;
        let (mut rest, mut beneath) = (rank, len);
        for _ in 0..self.height {
            let node = &self.nodes[at];
            let (child, before) = node.child_of_rank(rest, beneath);
            rest -= before;
            beneath = node.spans[child] as usize;
            at = node.children[child];
        }
        (at, rest)
    }

    /// The number of members in the leaves before `leaf`.
    pub(super) fn members_before(&self, leaf: u32) -> usize {
        let mut before = 0;
        let (mut child, mut parent) = (leaf, self.leaves[leaf].parent);
        while parent != NONE {
            let node = &self.nodes[parent];
            before += node.members_before(node.index_of(child));
            (child, parent) = (parent, node.parent);
        }
        before
    }

    /// Inserts an entry into `leaf` at `i`, its position in order. The leaf may be overfull afterwards.
    pub(super) fn insert(&mut self, leaf: u32, i: usize, key: K, member: &[u8], tag: u8) {
        self.edit(leaf, |block| block.insert(i, key, member, tag));
        self.change_spans(leaf, |span| span + 1);
    }

    /// Removes entries of `leaf`, which may be underfull or empty afterwards.
    pub(super) fn remove(&mut self, leaf: u32, entries: std::ops::Range<usize>) {
        let count = entries.len() as u32;
        self.edit(leaf, |block| block.remove(entries));
        self.change_spans(leaf, |span| span - count);
    }

    /// Changes the block of a leaf; the number of its entries must stay the same.
    pub(super) fn edit(&mut self, leaf: u32, edit: impl FnOnce(&mut Block<K>)) {
        let block = &mut self.leaves[leaf].block;
        self.block_bytes -= block.allocated_bytes();
        edit(block);
        self.block_bytes += block.allocated_bytes();
    }

    fn change_spans(&mut self, leaf: u32, change: impl Fn(u32) -> u32) {
        let (mut child, mut parent) = (leaf, self.leaves[leaf].parent);
        while parent != NONE {
            let node = &mut self.nodes[parent];
            let i = node.index_of(child);
            node.spans[i] = change(node.spans[i]);
            (child, parent) = (parent, node.parent);
        }
    }

    /// Drops about a thousand blocks; false if none was left. After this the levels can only be dropped.
    pub(super) fn drop_chunk(&mut self) -> bool {
        self.leaves.drop_chunk() || self.nodes.drop_chunk()
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.block_bytes + self.leaves.allocated_bytes() + self.nodes.allocated_bytes()
    }
}
