//! Growth: a block that overflows splits, and the key between its halves is inserted into the level above.

use super::{LEAF_BYTES_MAX, LEAF_MAX, Leaf, Levels, NODE_MAX, Node};
use crate::ranking::arena::NONE;
use crate::ranking::block::{Block, EntryRun};
use crate::ranking::key::SortKey;

/// A longer member in a separator is cut to the bytes that are needed to separate.
const SEPARATOR_BYTES: usize = 64;

/// The position of the entry that made a leaf overflow. It decides where to split: insertions at one end leave nearly full
/// blocks behind.
#[derive(Clone, Copy, Debug)]
pub(in crate::ranking) struct Overflow {
    pub(in crate::ranking) leaf: u32,
    pub(in crate::ranking) inserted_at: usize,
}

/// A new child, and the key that separates it from the one before.
struct Separated<K> {
    key: K,
    member: Vec<u8>,
    child: u32,
    span: u32,
}

impl<K: SortKey> Levels<K> {
    /// Whether a leaf has too many entries or bytes.
    pub(in crate::ranking) fn is_overfull(&self, leaf: u32) -> bool {
        let block = self.block(leaf);
        block.len() > LEAF_MAX || (block.used_bytes() > LEAF_BYTES_MAX && block.len() > 1)
    }

    /// Splits an overfull leaf and returns the new one, which holds its upper entries.
    pub(in crate::ranking) fn split(&mut self, Overflow { leaf, inserted_at }: Overflow) -> u32 {
        let len = self.block(leaf).len();
        let at = if leaf == self.last && inserted_at + 1 == len {
            len - len.div_ceil(8)
        } else if leaf == self.first && inserted_at == 0 {
            len.div_ceil(8)
        } else {
            len / 2
        };
        let mut above = Block::default();
        self.edit(leaf, |block| above = block.split_off(at));
        let moved = above.len() as u32;
        let new = self.link_after(leaf, above);
        self.shrink_span(leaf, moved);
        self.adopt(leaf, new);
        new
    }

    /// Adds a leaf after the last one.
    pub(in crate::ranking) fn append(&mut self, block: Block<K>) {
        if self.block(self.last).len() == 0 {
            let last = self.last;
            self.edit(last, |own| *own = block);
            return;
        }
        let last = self.last;
        let count = block.len() as u32;
        let new = self.link_after(last, block);
        // The counts change as if the entries had first been in the last leaf and then been split off.
        self.change_spans(last, |span| span + count);
        self.shrink_span(last, count);
        self.adopt(last, new);
    }

    /// Makes `block` a leaf that follows `leaf` in the list and is not under a node yet.
    fn link_after(&mut self, leaf: u32, block: Block<K>) -> u32 {
        let next = self.leaves[leaf].next;
        self.block_bytes += block.allocated_bytes();
        let new = self.leaves.insert(Leaf { block, parent: NONE, next, previous: leaf });
        self.leaves[leaf].next = new;
        if next == NONE {
            self.last = new;
        } else {
            self.leaves[next].previous = new;
        }
        new
    }

    /// Subtracts `count` from the span of the leaf only; the total of its parent does not change.
    fn shrink_span(&mut self, leaf: u32, count: u32) {
        let parent = self.leaves[leaf].parent;
        if parent != NONE {
            let node = &mut self.nodes[parent];
            let i = node.index_of(leaf);
            node.spans[i] -= count;
        }
    }

    /// Inserts the leaf `new`, which follows `leaf`, into the levels above.
    fn adopt(&mut self, leaf: u32, new: u32) {
        let (key, member) = self.separator(leaf, new);
        let span = self.block(new).len() as u32;
        if self.leaves[leaf].parent == NONE {
            self.grow_root(leaf, self.block(leaf).len() as u32);
        }
        let parent = self.leaves[leaf].parent;
        self.insert_child(parent, leaf, &Separated { key, member, child: new, span });
    }

    /// The key that separates two neighbouring leaves: the first entry of the upper one, cut if it is long.
    fn separator(&self, leaf: u32, new: u32) -> (K, Vec<u8>) {
        let (below, above) = (self.block(leaf), self.block(new));
        let key = above.key(0);
        let mut member = Vec::new();
        above.write_member(0, &mut member);
        if member.len() > SEPARATOR_BYTES {
            let shared = if below.key(below.len() - 1) < key {
                None
            } else {
                let mut last = Vec::new();
                below.write_member(below.len() - 1, &mut last);
                Some(last.iter().zip(&member).take_while(|(a, b)| a == b).count())
            };
            // The first byte that differs makes the cut member greater than the one below. If the keys differ, no
            // byte is needed.
            member.truncate(shared.map_or(0, |shared| shared + 1));
        }
        (key, member)
    }

    /// Adds a new root above the present one.
    fn grow_root(&mut self, child: u32, span: u32) {
        self.height += 1;
        let mut node = Node::new(self.height, NONE);
        node.children.push(child);
        node.spans.push(span);
        self.block_bytes += node.allocated_bytes();
        self.root = self.nodes.insert(node);
        self.set_parent(self.height - 1, child, self.root);
    }

    pub(super) fn set_parent(&mut self, child_height: u32, child: u32, parent: u32) {
        if child_height == 0 {
            self.leaves[child].parent = parent;
        } else {
            self.nodes[child].parent = parent;
        }
    }

    /// Adds a child after `before`, and splits the node and those above it if necessary.
    fn insert_child(&mut self, node: u32, before: u32, new: &Separated<K>) {
        let at = self.nodes[node].index_of(before);
        let height = self.nodes[node].height;
        self.edit_node(node, |node| {
            node.keys.insert(at, new.key, &new.member, 0);
            node.children.insert(at + 1, new.child);
            node.spans.insert(at + 1, new.span);
        });
        self.set_parent(height - 1, new.child, node);
        if self.nodes[node].children.len() > NODE_MAX {
            self.split_node(node, at + 1);
        }
    }

    pub(super) fn edit_node(&mut self, node: u32, edit: impl FnOnce(&mut Node<K>)) {
        let node = &mut self.nodes[node];
        self.block_bytes -= node.allocated_bytes();
        edit(node);
        self.block_bytes += node.allocated_bytes();
    }

    fn split_node(&mut self, node: u32, inserted_at: usize) {
        let Node { children, height, .. } = &self.nodes[node];
        let (len, height) = (children.len(), *height);
        let at = if inserted_at + 1 == len { len - len / 8 } else { len / 2 };
        let mut above = Node::new(height, NONE);
        let mut between = EntryRun::default();
        self.edit_node(node, |node| {
            // The key between the halves moves to the level above.
            node.keys.unpack(at - 1..at, &mut between);
            above.keys = node.keys.split_off(at);
            node.keys.remove(at - 1..at);
            above.children.extend(node.children.drain(at..));
            above.spans.extend(node.spans.drain(at..));
        });
        self.block_bytes += above.allocated_bytes();
        let span: u32 = above.spans.iter().sum();
        let moved = above.children.clone();
        let new = self.nodes.insert(above);
        for child in moved {
            self.set_parent(height - 1, child, new);
        }
        if self.nodes[node].parent == NONE {
            let own = self.nodes[node].spans.iter().sum();
            self.grow_root(node, own);
        } else {
            let parent = self.nodes[node].parent;
            let i = self.nodes[parent].index_of(node);
            self.nodes[parent].spans[i] -= span;
        }
        let parent = self.nodes[node].parent;
        let new = Separated { key: between.key(0), member: between.member(0).to_vec(), child: new, span };
        self.insert_child(parent, node, &new);
    }
}
