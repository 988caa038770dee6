//! The invariants of the levels, checked by walking all of them.

use super::{Levels, NODE_MAX};
use crate::ranking::arena::NONE;
use crate::ranking::block::{SearchKey, Tie};
use crate::ranking::key::SortKey;

impl<K: SortKey> Levels<K> {
    /// Panics if an invariant is violated; returns the number of members.
    pub(in crate::ranking) fn check_invariants(&self) -> usize {
        let mut leaves = Vec::new();
        let mut nodes = 0;
        let mut bytes = 0;
        let members = self.check_beneath(self.height, self.root, NONE, &mut leaves, &mut nodes, &mut bytes);
        assert_eq!(self.leaves.in_use(), leaves.len());
        assert_eq!(self.nodes.in_use(), nodes);
        assert_eq!((leaves.first(), leaves.last()), (Some(&self.first), Some(&self.last)));
        for pair in leaves.windows(2) {
            assert_eq!((self.leaves[pair[0]].next, self.leaves[pair[1]].previous), (pair[1], pair[0]));
            let (below, above) = (self.block(pair[0]), self.block(pair[1]));
            let mut lowest = Vec::new();
            above.write_member(0, &mut lowest);
            let target = SearchKey { key: above.key(0), tie: Tie::Below(&lowest) };
            assert_eq!(below.position(&target), below.len(), "leaves out of order");
            assert!(below.len() > 0 && above.len() > 0, "an empty leaf");
        }
        assert_eq!(self.block_bytes, bytes);
        members
    }

    fn check_beneath(
        &self,
        height: u32,
        at: u32,
        parent: u32,
        leaves: &mut Vec<u32>,
        nodes: &mut usize,
        bytes: &mut usize,
    ) -> usize {
        if height == 0 {
            let leaf = &self.leaves[at];
            assert_eq!(leaf.parent, parent);
            leaf.block.check_invariants();
            leaves.push(at);
            *bytes += leaf.block.allocated_bytes();
            return leaf.block.len();
        }
        let node = &self.nodes[at];
        assert_eq!((node.parent, node.height), (parent, height));
        assert_eq!((node.keys.len() + 1, node.spans.len()), (node.children.len(), node.children.len()));
        assert!(!node.children.is_empty() && node.children.len() <= NODE_MAX);
        assert!(parent != NONE || node.children.len() > 1, "a root with one child");
        node.keys.check_invariants();
        *nodes += 1;
        *bytes += node.allocated_bytes();
        let mut members = 0;
        for (i, &child) in node.children.iter().enumerate() {
            let first_leaf = leaves.len();
            let beneath = self.check_beneath(height - 1, child, at, leaves, nodes, bytes);
            assert_eq!(node.spans[i] as usize, beneath, "a span is wrong");
            members += beneath;
            if i > 0 {
                // Neighbouring leaves are in order, so it is enough to check the two leaves beside the key.
                let mut key = Vec::new();
                node.keys.write_member(i - 1, &mut key);
                let target = SearchKey { key: node.keys.key(i - 1), tie: Tie::Below(&key) };
                let below = self.block(leaves[first_leaf - 1]);
                assert_eq!(below.position(&target), below.len(), "a key at or below the leaf before it");
                assert_eq!(self.block(leaves[first_leaf]).position(&target), 0, "a key above its child");
            }
        }
        members
    }
}
