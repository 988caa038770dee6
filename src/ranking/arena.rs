//! Items addressed by 32-bit numbers, stored in chunks, so that growth moves at most one chunk.
//!
//! A freed number is reused. The invariant: a number is either in use or in `free`, never both.

use std::mem::size_of;
use std::ops::{Index, IndexMut};

use crate::machine::heap::allocation_bytes;

/// Items of a chunk: a few hundred KiB of the largest item type.
const CHUNK_BITS: u32 = 10;
const CHUNK_LEN: usize = 1 << CHUNK_BITS;

/// A number that is never that of an item.
pub(super) const NONE: u32 = u32::MAX;

/// Items with 32-bit numbers.
#[derive(Debug)]
pub(super) struct Arena<T> {
    chunks: Vec<Vec<T>>,
    free: Vec<u32>,
}

impl<T: Clone> Clone for Arena<T> {
    /// The chunks of the copy have the same room.
    fn clone(&self) -> Self {
        Self { chunks: self.chunks.iter().map(with_same_room).collect(), free: self.free.clone() }
    }
}

/// A copy with the same capacity.
pub(super) fn with_same_room<T: Clone>(items: &Vec<T>) -> Vec<T> {
    let mut copy = Vec::with_capacity(items.capacity());
    copy.extend_from_slice(items);
    copy
}

impl<T: Default> Arena<T> {
    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new(), free: Vec::new() }
    }

    pub(super) fn insert(&mut self, item: T) -> u32 {
        if let Some(number) = self.free.pop() {
            self[number] = item;
            return number;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK_LEN) {
            // The first chunk grows by doubling, because most rankings have one item. Others are allocated at full size.
            let capacity = if self.chunks.is_empty() { 1 } else { CHUNK_LEN };
            if self.chunks.is_empty() {
                self.chunks.reserve_exact(1);
            }
            self.chunks.push(Vec::with_capacity(capacity));
        }
        let full_chunks = self.chunks.len() - 1;
        let chunk = &mut self.chunks[full_chunks];
        if chunk.len() == chunk.capacity() {
            chunk.reserve_exact(chunk.len());
        }
        chunk.push(item);
        u32::try_from(full_chunks * CHUNK_LEN + chunk.len() - 1).expect("fewer than 2^32 items")
    }

    /// Takes the item out and frees its number.
    pub(super) fn remove(&mut self, number: u32) -> T {
        self.free.push(number);
        std::mem::take(&mut self[number])
    }

    /// Drops the items of the last chunk; false if there was none. After this the arena can only be dropped.
    pub(super) fn drop_chunk(&mut self) -> bool {
        self.free = Vec::new();
        self.chunks.pop().is_some()
    }

    /// How many numbers are in use, for checks.
    pub(super) fn in_use(&self) -> usize {
        self.chunks.iter().map(Vec::len).sum::<usize>() - self.free.len()
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        let items = match self.chunks.as_slice() {
            [] => 0,
            [first, rest @ ..] => {
                allocation_bytes(first.capacity() * size_of::<T>())
                    + rest.len() * allocation_bytes(CHUNK_LEN * size_of::<T>())
            }
        };
        items
            + allocation_bytes(self.chunks.capacity() * size_of::<Vec<T>>())
            + allocation_bytes(self.free.capacity() * size_of::<u32>())
    }
}

impl<T> Index<u32> for Arena<T> {
    type Output = T;

    fn index(&self, number: u32) -> &T {
        &self.chunks[(number >> CHUNK_BITS) as usize][number as usize % CHUNK_LEN]
    }
}

impl<T> IndexMut<u32> for Arena<T> {
    fn index_mut(&mut self, number: u32) -> &mut T {
        &mut self.chunks[(number >> CHUNK_BITS) as usize][number as usize % CHUNK_LEN]
    }
}
