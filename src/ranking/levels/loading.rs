//! Loading ahead: the links of a look-up's chain, each to be asked for before the one after it is needed.

use std::mem::size_of;

use super::{Levels, Node};
use crate::ranking::arena::NONE;
use crate::ranking::block::SearchKey;
use crate::ranking::key::SortKey;
use crate::ranking::prefetch;

impl<K: SortKey> Levels<K> {
    /// The node just above the leaf where an entry just below `place` belongs. There must be a node.
    pub(in crate::ranking) fn lowest_node_at(&self, place: &SearchKey<'_, K>) -> u32 {
        let mut at = self.root;
        for _ in 1..self.height {
            let node = &self.nodes[at];
            at = node.children[node.child_at(place)];
        }
        at
    }

    /// The leaf beneath `node` where an entry just below `place` belongs.
    pub(in crate::ranking) fn leaf_beneath(&self, node: u32, place: &SearchKey<'_, K>) -> u32 {
        let node = &self.nodes[node];
        node.children[node.child_at(place)]
    }

    /// Starts loading a leaf: the line that says where its bytes are.
    pub(in crate::ranking) fn prefetch_leaf(&self, leaf: u32) {
        prefetch::line(&raw const self.leaves[leaf]);
    }

    /// Starts loading a leaf's bytes: tags, keys and members stand in different lines, and all are needed.
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

    /// Starts loading what a climb reads of the node above a leaf.
    pub(in crate::ranking) fn prefetch_parent_counts(&self, leaf: u32) {
        let parent = self.leaves[leaf].parent;
        if parent != NONE {
            prefetch::lines(&self.nodes[parent].children);
            prefetch::lines(&self.nodes[parent].spans);
        }
    }

    /// Starts loading a node: the lines that say where its arrays are.
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
