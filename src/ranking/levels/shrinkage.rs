//! Shrinkage: a block that is nearly empty merges with a neighbour under the same node, if there is room.
//!
//! So two neighbours under one node together fill more than three quarters of a block, or both are at least a quarter full.
//! No other balancing is necessary.

use super::{LEAF_BYTES_MAX, LEAF_MAX, Leaf, Levels, NODE_MAX};
use crate::ranking::arena::NONE;
use crate::ranking::block::{Block, EntryRun};
use crate::ranking::key::SortKey;

/// A leaf with fewer entries merges with a neighbour.
const LEAF_MIN: usize = LEAF_MAX / 4;
/// A node with fewer children merges with a neighbour.
const NODE_MIN: usize = NODE_MAX / 4;

impl<K: SortKey> Levels<K> {
    /// The two leaves to merge, lower first, if `leaf` is underfull and one of its neighbours has room.
    pub(in crate::ranking) fn merge_partners(&self, leaf: u32) -> Option<(u32, u32)> {
        let Leaf { block, parent, next, previous } = &self.leaves[leaf];
        if block.len() >= LEAF_MIN || *parent == NONE {
            return None;
        }
        let fits = |other: u32| {
            other != NONE && self.leaves[other].parent == *parent && {
                let other = self.block(other);
                other.len() + block.len() <= LEAF_MAX * 3 / 4
                    && other.used_bytes() + block.used_bytes() <= LEAF_BYTES_MAX * 3 / 4
            }
        };
        if fits(*next) { Some((leaf, *next)) } else { fits(*previous).then_some((*previous, leaf)) }
    }

    /// Moves all entries of `above` into `below`, its lower neighbour under the same node.
    pub(in crate::ranking) fn merge(&mut self, below: u32, above: u32) {
        let moved = self.block(above).clone();
        let count = moved.len() as u32;
        self.edit(below, |block| block.append(&moved));
        let parent = self.leaves[below].parent;
        let node = &mut self.nodes[parent];
        let (low, high) = (node.index_of(below), node.index_of(above));
        node.spans[low] += count;
        node.spans[high] -= count;
        self.remove_leaf(above);
    }

    /// Removes a leaf whose entries were removed or moved. It must not be the only one.
    pub(in crate::ranking) fn remove_leaf(&mut self, leaf: u32) {
        let Leaf { block, parent, next, previous } = self.leaves.remove(leaf);
        self.block_bytes -= block.allocated_bytes();
        match previous {
            NONE => self.first = next,
            _ => self.leaves[previous].next = next,
        }
        match next {
            NONE => self.last = previous,
            _ => self.leaves[next].previous = previous,
        }
        self.remove_child(parent, leaf);
    }

    fn remove_child(&mut self, node: u32, child: u32) {
        self.edit_node(node, |node| {
            let i = node.index_of(child);
            if node.keys.len() > 0 {
                // The first child has no key below it, so the key of the second one is removed.
                let key = i.saturating_sub(1);
                node.keys.remove(key..key + 1);
            }
            node.children.remove(i);
            node.spans.remove(i);
        });
        if self.nodes[node].children.is_empty() {
            let gone = self.nodes.remove(node);
            self.block_bytes -= gone.allocated_bytes();
            self.remove_child(gone.parent, node);
        } else if self.nodes[node].parent == NONE {
            self.lower_root();
        } else if self.nodes[node].children.len() < NODE_MIN {
            self.merge_node(node);
        }
    }

    /// Removes roots with only one child.
    fn lower_root(&mut self) {
        while self.height > 0 && self.nodes[self.root].children.len() == 1 {
            let root = self.nodes.remove(self.root);
            self.block_bytes -= root.allocated_bytes();
            self.height -= 1;
            self.root = root.children[0];
            self.set_parent(self.height, self.root, NONE);
        }
    }

    fn merge_node(&mut self, node: u32) {
        let parent = self.nodes[node].parent;
        let i = self.nodes[parent].index_of(node);
        let siblings = &self.nodes[parent].children;
        let len = |i: usize| siblings.get(i).map_or(NODE_MAX, |&n| self.nodes[n].children.len());
        let low = if len(i) + len(i + 1) <= NODE_MAX * 3 / 4 {
            i
        } else if i > 0 && len(i - 1) + len(i) <= NODE_MAX * 3 / 4 {
            i - 1
        } else {
            return;
        };
        let (below, above) = (siblings[low], siblings[low + 1]);
        let high = std::mem::take(&mut self.nodes[above]);
        self.block_bytes -= high.allocated_bytes();
        // The key between the two moves down from their parent.
        let mut keys = EntryRun::default();
        self.nodes[below].keys.unpack(0..self.nodes[below].keys.len(), &mut keys);
        self.nodes[parent].keys.unpack(low..low + 1, &mut keys);
        high.keys.unpack(0..high.keys.len(), &mut keys);
        self.edit_node(below, |node| {
            node.keys = Block::pack(&keys, 0..keys.len());
            node.children.extend(&high.children);
            node.spans.extend(&high.spans);
        });
        let moved: u32 = high.spans.iter().sum();
        for &child in &high.children {
            self.set_parent(high.height - 1, child, below);
        }
        self.nodes[parent].spans[low] += moved;
        self.nodes.remove(above);
        self.remove_child(parent, above);
    }
}
