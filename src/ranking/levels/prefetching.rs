//! Prefetching: the memory that each step of a look-up reads, requested before the step.

use std::mem::size_of;

use super::{Levels, Node};
use crate::ranking::arena::NONE;
use crate::ranking::block::SearchKey;
use crate::ranking::key::SortKey;
use crate::ranking::prefetch;

impl<K: SortKey> Levels<K> {
    /// The node just above the leaf for an entry just below `target`. There must be a node.
    pub(in crate::ranking) fn lowest_node_at(&self, target: &SearchKey<'_, K>) -> u32 {
        let mut at = self.root;
        for _ in 1..self.height {
            let node = &self.nodes[at];
            at = node.children[node.child_at(target)];
        }
        at
    }

    /// The leaf under `node` for an entry just below `target`.
    pub(in crate::ranking) fn leaf_beneath(&self, node: u32, target: &SearchKey<'_, K>) -> u32 {
        let node = &self.nodes[node];
        node.children[node.child_at(target)]
    }

    /// Starts loading a leaf: the line with the address of its bytes.
    pub(in crate::ranking) fn prefetch_leaf(&self, leaf: u32) {
        prefetch::line(&raw const self.leaves[leaf]);
    }

    /// Starts loading the bytes of a leaf: tags, keys and members are in different lines, and all are needed.
    pub(in crate::ranking) fn prefetch_block(&self, leaf: u32) {
        prefetch::lines(self.block(leaf).data());
    }

    /// Starts loading the node above a leaf.
    pub(in crate::ranking) fn prefetch_parent(&self, leaf: u32) {
        let parent = self.leaves[leaf].parent;
        if parent != NONE {
            self.prefetch_node(parent);
        }
    }

    /// Starts loading the arrays of the node above a leaf that a climb reads.
    pub(in crate::ranking) fn prefetch_parent_counts(&self, leaf: u32) {
        let parent = self.leaves[leaf].parent;
        if parent != NONE {
            prefetch::lines(&self.nodes[parent].children);
            prefetch::lines(&self.nodes[parent].spans);
        }
    }

    /// Starts loading a node: the lines with the addresses of its arrays.
    pub(in crate::ranking) fn prefetch_node(&self, node: u32) {
        let node = &raw const self.nodes[node];
        prefetch::line(node);
        prefetch::line(node.wrapping_byte_add(size_of::<Node<K>>() - 1));
    }

    /// Starts loading a node's arrays.
    pub(in crate::ranking) fn prefetch_node_content(&self, node: u32) {
        self.nodes[node].prefetch();
    }
}
