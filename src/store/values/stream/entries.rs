//! Adding, removing and trimming entries.

use super::Stream;
use super::block::EntryBlock;
use super::id::StreamId;
use super::trim::{Trim, TrimTarget};
use crate::config::StreamBounds;
use crate::limits;
use crate::store::values::words::Text;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What was trimmed off.
#[derive(Debug, Default)]
pub(super) struct Trimmed {
    /// The number of entries.
    pub(super) count: usize,
    /// No entry up to this one is left.
    pub(super) up_to: StreamId,
    /// The blocks that were removed as a whole.
    pub(super) blocks: Vec<Arc<EntryBlock>>,
}

/// Room for a block that follows none.
const FIRST_ROOM_BYTES: usize = 64;

fn bytes_of<'f>(fields: impl Iterator<Item = (&'f [u8], &'f [u8])>) -> usize {
    fields.map(|(name, value)| name.len() + value.len()).sum()
}

impl Stream {
    /// Whether an entry with these fields is too large for a stream.
    pub fn is_too_large<'f>(fields: impl Iterator<Item = (&'f [u8], &'f [u8])>) -> bool {
        bytes_of(fields) > limits::STREAM_ENTRY_BYTES
    }

    /// Adds an entry, or does nothing if there is one with this id. O(1) where the id is higher than all others.
    pub(super) fn insert<'f>(
        &mut self,
        id: StreamId,
        fields: impl Iterator<Item = (&'f [u8], &'f [u8])> + Clone,
        bounds: StreamBounds,
    ) {
        let highest = match self.tail_last() {
            None => self.blocks.last_key_value().map(|(_, block)| block.last),
            highest => highest,
        };
        if highest.is_some_and(|highest| highest >= id) {
            return self.insert_between(id, fields);
        }
        let bytes = bytes_of(fields.clone());
        let mut room = FIRST_ROOM_BYTES;
        if !self.tail.is_unused() && self.tail.is_full_for(bytes, bounds) {
            // The next block will be about as long.
            room = self.tail.len_bytes();
            self.close_tail();
        }
        if self.tail.is_unused() {
            self.tail =
                Arc::new(EntryBlock::begin(id, fields.clone().map(|(name, _)| name), room.max(bytes)));
        }
        Arc::make_mut(&mut self.tail).push(id, fields);
        self.len += 1;
    }

    /// The highest id that was put into the tail; `None` if none was.
    fn tail_last(&self) -> Option<StreamId> {
        (!self.tail.is_unused()).then_some(self.tail.last)
    }

    fn close_tail(&mut self) {
        let mut full = std::mem::take(&mut self.tail);
        if let Some(full) = Arc::get_mut(&mut full) {
            full.close();
        }
        self.blocks.insert(full.base(), full);
    }

    /// Adds an entry that is not the last. Only a replay does so: an entry comes again that is in the stream already, or that a
    /// later Change removes.
    fn insert_between<'f>(
        &mut self,
        id: StreamId,
        fields: impl Iterator<Item = (&'f [u8], &'f [u8])> + Clone,
    ) {
        let is_in_tail = !self.tail.is_unused() && id >= self.tail.base();
        let block = if is_in_tail {
            Some(&mut self.tail)
        } else {
            self.blocks.range_mut(..=id).next_back().map(|(_, block)| block)
        };
        let bytes = bytes_of(fields.clone());
        match block {
            Some(block) if block.last >= id => {
                if block.get(id).is_none() {
                    let block = Arc::clone(block);
                    self.split(&block, is_in_tail, id, fields);
                    self.len += 1;
                }
                return;
            }
            Some(block) if !block.is_full_for(bytes, StreamBounds::DEFAULT) => {
                Arc::make_mut(block).push(id, fields);
            }
            _ => {
                let mut block = EntryBlock::begin(id, fields.clone().map(|(name, _)| name), bytes);
                block.push(id, fields);
                self.blocks.insert(id, Arc::new(block));
            }
        }
        self.len += 1;
    }

    /// Makes `block` anew, with one more entry between those that it has.
    fn split<'f>(
        &mut self,
        block: &EntryBlock,
        is_tail: bool,
        id: StreamId,
        fields: impl Iterator<Item = (&'f [u8], &'f [u8])> + Clone,
    ) {
        type Owned = (StreamId, Vec<(Vec<u8>, Vec<u8>)>);
        let mut digits = itoa::Buffer::new();
        let mut entries: Vec<Owned> = block
            .iter()
            .map(|entry| {
                let mut copy = |text: Text<'_>| text.bytes(&mut digits).to_vec();
                (entry.id, entry.pairs().map(|(name, value)| (copy(name), copy(value))).collect())
            })
            .collect();
        let place = entries.partition_point(|(other, _)| *other < id);
        entries.insert(place, (id, fields.map(|(name, value)| (name.to_vec(), value.to_vec())).collect()));
        if !is_tail {
            self.blocks.remove(&block.base());
        }
        let mut packed = EntryBlock::default();
        for (id, fields) in &entries {
            let fields = fields.iter().map(|(name, value)| (&**name, &**value));
            let bytes = bytes_of(fields.clone());
            if packed.live > 0 && packed.is_full_for(bytes, StreamBounds::DEFAULT) {
                packed.close();
                self.blocks.insert(packed.base(), Arc::new(std::mem::take(&mut packed)));
            }
            if packed.live == 0 {
                packed = EntryBlock::begin(*id, fields.clone().map(|(name, _)| name), bytes);
            }
            packed.push(*id, fields);
        }
        if is_tail {
            self.tail = Arc::new(packed);
        } else {
            self.blocks.insert(packed.base(), Arc::new(packed));
        }
    }

    /// Removes the entry with this id; returns whether it was there. O(log n).
    pub(super) fn remove(&mut self, id: StreamId) -> bool {
        let is_in_tail = self.tail.live > 0 && id >= self.tail.base();
        let block = if is_in_tail {
            &mut self.tail
        } else {
            let Some((_, block)) = self.blocks.range_mut(..=id).next_back() else { return false };
            block
        };
        if id > block.last || block.get(id).is_none() {
            return false;
        }
        let block = Arc::make_mut(block);
        block.remove(id);
        self.len -= 1;
        if block.live == 0 {
            let base = block.base();
            if is_in_tail {
                self.tail = Arc::default();
            } else {
                self.blocks.remove(&base);
            }
        }
        true
    }

    /// Removes entries at the front. O(blocks removed).
    pub(super) fn trim(&mut self, trim: Trim) -> Trimmed {
        let mut trimmed = Trimmed::default();
        while let Some(block) = self.first_block() {
            let (live, last) = (block.live as usize, block.last);
            let is_whole = match trim.target {
                TrimTarget::Len(len) if self.len <= len => break,
                TrimTarget::Len(len) => self.len - live >= len,
                TrimTarget::From(id) => last < id,
            };
            if trim.limit > 0 && trimmed.count + live > trim.limit {
                break;
            }
            if is_whole {
                trimmed.blocks.push(self.pop_block());
                trimmed.up_to = last;
                self.len -= live;
                trimmed.count += live;
                continue;
            }
            if !trim.is_approximate {
                let (removed, up_to) = self.trim_block(trim.target);
                trimmed.count += removed;
                trimmed.up_to = trimmed.up_to.max(up_to);
            }
            break;
        }
        trimmed
    }

    /// Removes entries of the first block. Returns how many, and the last of them. As in Redis, a block stays of which that
    /// leaves nothing, because it had entries behind the target that were removed by themselves.
    fn trim_block(&mut self, target: TrimTarget) -> (usize, StreamId) {
        let most = match target {
            TrimTarget::Len(len) => self.len - len,
            TrimTarget::From(_) => usize::MAX,
        };
        let is_removed = |id: StreamId| match target {
            TrimTarget::Len(_) => true,
            TrimTarget::From(first) => id < first,
        };
        let Some(block) = self.first_block_mut() else { return (0, StreamId::MIN) };
        let (removed, up_to) = Arc::make_mut(block).remove_front(is_removed, most);
        self.len -= removed;
        (removed, up_to)
    }

    /// The ids that trimming removes if entries that some group has not acknowledged stay, ascending. As in Redis, it stops
    /// behind the first block that would be removed in part. O(n).
    pub(super) fn acknowledged_ahead(&self, target: TrimTarget) -> Vec<StreamId> {
        let (mut ids, mut len) = (Vec::new(), self.len);
        for block in self.all_blocks() {
            let is_whole = match target {
                TrimTarget::Len(left) if len <= left => break,
                TrimTarget::Len(left) => len - block.live as usize >= left,
                TrimTarget::From(id) => block.last < id,
            };
            for id in block.iter().map(|entry| entry.id) {
                let is_enough = match target {
                    TrimTarget::Len(left) => len <= left,
                    TrimTarget::From(first) => id >= first,
                };
                if is_enough {
                    break;
                }
                if !self.is_referenced(id) {
                    ids.push(id);
                    len -= 1;
                }
            }
            if !is_whole {
                break;
            }
        }
        ids
    }

    fn first_block(&self) -> Option<&EntryBlock> {
        let first = self.blocks.first_key_value().map(|(_, block)| &**block);
        first.or((!self.tail.is_unused()).then_some(&*self.tail))
    }

    fn first_block_mut(&mut self) -> Option<&mut Arc<EntryBlock>> {
        match self.blocks.first_entry() {
            Some(first) => Some(first.into_mut()),
            None => Some(&mut self.tail).filter(|tail| !tail.is_unused()),
        }
    }

    fn pop_block(&mut self) -> Arc<EntryBlock> {
        match self.blocks.pop_first() {
            Some((_, block)) => block,
            None => std::mem::take(&mut self.tail),
        }
    }

    /// A stream of blocks that are not needed any more, for another thread to free.
    pub(super) fn of_blocks(blocks: Vec<Arc<EntryBlock>>) -> Self {
        let blocks: BTreeMap<_, _> = blocks.into_iter().map(|block| (block.base(), block)).collect();
        Self { blocks, ..Self::default() }
    }
}
