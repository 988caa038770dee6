//! Entries in a range of ids, and excerpts that stay valid without the lock.

use super::Stream;
use super::block::EntryBlock;
use super::entry::StreamEntry;
use super::id::StreamId;
use crate::ranking::Order;
use std::collections::VecDeque;
use std::ops::Bound;
use std::sync::Arc;

impl Stream {
    /// Its blocks, ascending.
    pub(super) fn all_blocks(&self) -> impl DoubleEndedIterator<Item = &Arc<EntryBlock>> {
        let tail = (self.tail.live > 0).then_some(&self.tail);
        self.blocks.values().chain(tail)
    }

    /// The blocks that can have entries from `from` to `to`, ascending.
    fn blocks_of(&self, from: StreamId, to: StreamId) -> impl DoubleEndedIterator<Item = &Arc<EntryBlock>> {
        let begins_in_tail = self.tail.live > 0 && from >= self.tail.base();
        let start = if begins_in_tail {
            None
        } else {
            let before = self.blocks.range(..=from).next_back();
            Some(before.filter(|(_, block)| block.last >= from).map_or(from, |(base, _)| *base))
        };
        let full = start.filter(|start| *start <= to).map(|start| self.blocks.range(start..=to));
        let tail = (self.tail.live > 0 && self.tail.base() <= to).then_some(&self.tail);
        full.into_iter().flatten().map(|(_, block)| block).chain(tail)
    }

    /// The entry with this id. O(log n).
    #[must_use]
    pub fn get(&self, id: StreamId) -> Option<StreamEntry<'_>> {
        self.block_of(id)?.get(id)
    }

    /// The block in which the entry with this id is, if there is one. O(log n).
    fn block_of(&self, id: StreamId) -> Option<&EntryBlock> {
        if self.tail.live > 0 && id >= self.tail.base() {
            return Some(&self.tail);
        }
        self.blocks.range(..=id).next_back().map(|(_, block)| &**block)
    }

    /// Looks up one entry after the other, as [`Stream::get`] does. While the ids ascend, a block is read only once.
    pub fn finder<'s>(&'s self) -> impl FnMut(StreamId) -> Option<StreamEntry<'s>> {
        let mut rest = None;
        move |id| {
            if !matches!(&rest, Some((asked, last, _)) if *asked <= id && id <= *last) {
                let block = self.block_of(id)?;
                rest = Some((id, block.last, block.iter().peekable()));
            }
            let (asked, _, entries) = rest.as_mut()?;
            *asked = id;
            while entries.next_if(|entry| entry.id < id).is_some() {}
            entries.peek().copied().filter(|entry| entry.id == id)
        }
    }

    /// The first entry. O(log n).
    #[must_use]
    pub fn first(&self) -> Option<StreamEntry<'_>> {
        self.all_blocks().find_map(|block| block.iter().next())
    }

    /// The last entry. O(log n).
    #[must_use]
    pub fn last(&self) -> Option<StreamEntry<'_>> {
        self.all_blocks().rev().find_map(|block| block.iter().last())
    }

    /// The entries from `from` to `to`, both included, ascending. O(log n) to the first.
    pub fn range(&self, from: StreamId, to: StreamId) -> impl Iterator<Item = StreamEntry<'_>> {
        self.blocks_of(from, to)
            .flat_map(|block| block.iter())
            .skip_while(move |entry| entry.id < from)
            .take_while(move |entry| entry.id <= to)
    }

    /// As [`Stream::range`], descending.
    pub fn range_back(&self, from: StreamId, to: StreamId) -> impl Iterator<Item = StreamEntry<'_>> {
        self.blocks_of(from, to)
            .rev()
            .flat_map(|block| block.iter().collect::<Vec<_>>().into_iter().rev())
            .skip_while(move |entry| entry.id > to)
            .take_while(move |entry| entry.id >= from)
    }

    /// The first or last `most` entries from `from` to `to`, as of this moment. It shares the blocks. O(blocks).
    #[must_use]
    pub fn excerpt(&self, from: StreamId, to: StreamId, order: Order, most: usize) -> StreamExcerpt {
        let (mut blocks, mut len) = (VecDeque::new(), 0);
        let mut take = |block: &Arc<EntryBlock>| {
            len += block.len_within(from, to);
            blocks.push_back(Arc::clone(block));
            len < most
        };
        match order {
            Order::Ascending => self.blocks_of(from, to).all(&mut take),
            Order::Descending => self.blocks_of(from, to).rev().all(&mut take),
        };
        StreamExcerpt { blocks, from, to, order, left: len.min(most) }
    }

    /// Whether there is an entry behind `id`. O(1), but for a stream whose last entries were removed.
    #[must_use]
    pub fn has_behind(&self, id: StreamId) -> bool {
        self.head.last > id && self.last().is_some_and(|last| last.id > id)
    }

    /// Its first block that has an id behind `after`, if any, and those that follow it, for a walk.
    pub(super) fn blocks_behind(&self, after: Option<StreamId>) -> impl Iterator<Item = &Arc<EntryBlock>> {
        let from = after.unwrap_or(StreamId::MIN);
        let before = self.blocks.range(..=from).next_back().map(|(base, _)| *base);
        let start = before.map_or(Bound::Unbounded, Bound::Included);
        let tail = (self.tail.live > 0).then_some(&self.tail);
        self.blocks.range((start, Bound::Unbounded)).map(|(_, block)| block).chain(tail)
    }
}

/// Entries of a stream as of a moment, which later writes do not change.
#[derive(Debug)]
pub struct StreamExcerpt {
    /// Those that are left, in the order in which they are returned.
    blocks: VecDeque<Arc<EntryBlock>>,
    from: StreamId,
    to: StreamId,
    order: Order,
    left: usize,
}

impl StreamExcerpt {
    /// How many entries are left.
    #[must_use]
    pub fn len(&self) -> usize {
        self.left
    }

    /// Whether no entry is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// Takes the entries of a block out of it, and calls `see` with each. Returns whether more are left.
    pub fn take_block(&mut self, mut see: impl FnMut(StreamEntry<'_>)) -> bool {
        let Some(block) = self.blocks.pop_front() else { return false };
        let (from, to) = (self.from, self.to);
        let mut entries: Vec<_> = block.iter().filter(|entry| from <= entry.id && entry.id <= to).collect();
        if self.order == Order::Descending {
            entries.reverse();
        }
        entries.truncate(self.left);
        self.left -= entries.len();
        entries.into_iter().for_each(&mut see);
        self.left > 0
    }

    /// The memory that it keeps from being freed.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.blocks.iter().map(|block| block.memory_bytes()).sum()
    }
}
