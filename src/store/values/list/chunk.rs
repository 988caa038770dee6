//! A chunk: consecutive elements of a list, packed in one allocation. Walks and replies can share a chunk; a writer copies a
//! shared chunk before it changes it.
//!
//! Invariant: the bytes `start..end` hold `count` elements, at most [`MOST_BYTES`] in all. Only a chunk of a single element
//! may be larger.

use super::item::Item;
use crate::machine::heap::allocation_bytes;
use crate::ranking::prefetch;
use std::ops::Range;
use triomphe::Arc;

/// Bytes of the reference counter in front of a shared allocation.
const COUNTER_BYTES: usize = size_of::<usize>();

/// The most bytes of a chunk's elements. Redis's default is as large. An insertion moves half of them on average.
const MOST_BYTES: usize = 8192 - COUNTER_BYTES;

/// Elements, packed.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    bytes: Arc<[u8]>,
    end: u32,
    start: u16,
    count: u16,
}

/// An end of a chunk or a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The end of the first element.
    Front,
    /// The end of the last element.
    Back,
}

impl End {
    /// The opposite end.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Front => Self::Back,
            Self::Back => Self::Front,
        }
    }
}

impl Default for Chunk {
    fn default() -> Self {
        Self { bytes: buffer(0), end: 0, start: 0, count: 0 }
    }
}

impl Chunk {
    /// A chunk of these encoded elements.
    fn of(elements: &[u8], count: usize) -> Self {
        let mut bytes = buffer(elements.len());
        let place = Arc::get_mut(&mut bytes).expect("made just now");
        place[..elements.len()].copy_from_slice(elements);
        Self { bytes, end: elements.len() as u32, start: 0, count: count as u16 }
    }

    /// A chunk without elements at an end of `chunks` others, with room for an eighth as many bytes as these may have: it need
    /// not grow often, and the list has an eighth of spare room at most.
    pub(super) fn beside(chunks: usize, end: End) -> Self {
        let bytes = buffer((chunks * MOST_BYTES / 8).min(MOST_BYTES));
        let at = match end {
            End::Front => bytes.len(),
            End::Back => 0,
        };
        Self { bytes, end: at as u32, start: at as u16, count: 0 }
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// Starts loading what a push or a pop at `end` touches: the reference counter, and the bytes of a short element on either side.
    pub(super) fn prefetch(&self, end: End) {
        let first = (*self.bytes).as_ptr();
        let at = first.wrapping_add(match end {
            End::Front => usize::from(self.start),
            End::Back => self.end as usize,
        });
        prefetch::line(first.wrapping_sub(COUNTER_BYTES));
        prefetch::around(at);
    }

    /// The size of its allocation, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        if self.bytes.is_empty() { 0 } else { allocation_bytes(COUNTER_BYTES + self.bytes.len()) }
    }

    /// The bytes of its encoded elements.
    pub(super) fn packed_bytes(&self) -> usize {
        self.range().len()
    }

    fn elements(&self) -> &[u8] {
        &self.bytes[self.range()]
    }

    fn range(&self) -> Range<usize> {
        usize::from(self.start)..self.end as usize
    }

    /// The offset of element `index` in the elements' bytes; for the number of elements, their end. O(chunk), from the
    /// nearer end.
    fn offset(&self, index: usize) -> usize {
        let elements = self.elements();
        if index <= self.len() / 2 {
            let mut at = 0;
            for _ in 0..index {
                at += Item::first(&elements[at..]).1;
            }
            at
        } else {
            let mut at = elements.len();
            for _ in index..self.len() {
                at -= Item::last_len(&elements[..at]);
            }
            at
        }
    }

    pub(super) fn get(&self, index: usize) -> Item<'_> {
        Item::first(&self.elements()[self.offset(index)..]).0
    }

    /// The element at an end, if there is one.
    #[inline]
    pub(super) fn at_end(&self, end: End) -> Option<Item<'_>> {
        let elements = self.elements();
        (!elements.is_empty()).then(|| match end {
            End::Front => Item::first(elements).0,
            End::Back => Item::last(elements).0,
        })
    }

    /// The elements from `index` on.
    pub(super) fn iter_from(&self, index: usize) -> impl Iterator<Item = Item<'_>> {
        let mut rest = &self.elements()[self.offset(index)..];
        std::iter::from_fn(move || {
            (!rest.is_empty()).then(|| {
                let (item, len) = Item::first(rest);
                rest = &rest[len..];
                item
            })
        })
    }

    /// The elements before `index`, backwards.
    pub(super) fn iter_back_from(&self, index: usize) -> impl Iterator<Item = Item<'_>> {
        let mut rest = &self.elements()[..self.offset(index)];
        std::iter::from_fn(move || {
            (!rest.is_empty()).then(|| {
                let (item, len) = Item::last(rest);
                rest = &rest[..rest.len() - len];
                item
            })
        })
    }

    /// Adds an element at an end. Returns false and changes nothing if the chunk has no room for it.
    #[inline]
    pub(super) fn push(&mut self, end: End, item: Item<'_>) -> bool {
        let len = item.encoded_len();
        if self.count == 0 && len > MOST_BYTES / 2 {
            *self = Self::single(item);
            return true;
        }
        let Some(place) = self.extend(end, len) else { return false };
        item.encode(place);
        self.count += 1;
        true
    }

    /// Removes `count` elements at an end. The chunk must have more.
    #[inline]
    pub(super) fn pop(&mut self, end: End, count: usize) {
        match end {
            // Fits into 16 bits: a chunk of several elements is within the limit.
            End::Front => self.start += self.offset(count) as u16,
            End::Back => self.end = (self.range().start + self.offset(self.len() - count)) as u32,
        }
        self.count -= count as u16;
        self.shrink();
    }

    /// Shrinks the allocation if little of it is used.
    #[inline]
    fn shrink(&mut self) {
        const LITTLE_BYTES: usize = 128;
        if self.bytes.len() > LITTLE_BYTES && self.packed_bytes() * 4 < self.bytes.len() {
            self.fit();
        }
    }

    #[inline(never)]
    fn fit(&mut self) {
        *self = Self::of(self.elements(), self.len());
    }

    /// Replaces `removed` elements from `index` on by `items`. Returns false and changes nothing if the chunk has no room for
    /// them.
    pub(super) fn splice(&mut self, index: usize, removed: usize, items: &[Item<'_>]) -> bool {
        let (from, to) = (self.offset(index), self.offset(index + removed));
        let added: usize = items.iter().map(|item| item.encoded_len()).sum();
        let (old, count) = (self.elements().len(), self.len() - removed + items.len());
        let len = old - (to - from) + added;
        let is_single = count == 1;
        if len > MOST_BYTES && !is_single {
            return false;
        }
        if added > to - from && self.extend(End::Back, added - (to - from)).is_none() {
            if !is_single {
                return false;
            }
            *self = Self::single(items[0]);
            return true;
        }
        let start = usize::from(self.start);
        let elements = &mut unshared(&mut self.bytes)[start..];
        elements.copy_within(to..old, from + added);
        let mut at = from;
        for item in items {
            let len = item.encoded_len();
            item.encode(&mut elements[at..at + len]);
            at += len;
        }
        self.end = (start + len) as u32;
        self.count = count as u16;
        self.shrink();
        true
    }

    /// Removes the elements at `indices`, which ascend. O(chunk).
    pub(super) fn remove(&mut self, indices: impl Iterator<Item = usize>) {
        let (elements, mut indices) = (self.elements(), indices.peekable());
        let mut kept = Vec::with_capacity(elements.len());
        let (mut at, mut count) = (0, 0);
        for index in 0..self.len() {
            let len = Item::first(&elements[at..]).1;
            if indices.next_if_eq(&index).is_none() {
                kept.extend_from_slice(&elements[at..at + len]);
                count += 1;
            }
            at += len;
        }
        *self = Self::of(&kept, count);
    }

    /// A chunk of one element.
    pub(super) fn single(item: Item<'_>) -> Self {
        let len = item.encoded_len();
        let mut bytes = buffer(len);
        item.encode(&mut Arc::get_mut(&mut bytes).expect("made just now")[..len]);
        Self { bytes, end: len as u32, start: 0, count: 1 }
    }

    /// Removes the elements from `index` on and returns them as a chunk.
    pub(super) fn split_off(&mut self, index: usize) -> Self {
        let at = self.offset(index);
        let taken = Self::of(&self.elements()[at..], self.len() - index);
        *self = Self::of(&self.elements()[..at], index);
        taken
    }

    /// Appends the elements of the next chunk. Returns false and changes nothing if there is no room for all of them.
    pub(super) fn absorb(&mut self, next: &Self) -> bool {
        let added = next.elements();
        let Some(place) = self.extend(End::Back, added.len()) else { return false };
        place.copy_from_slice(added);
        self.count += next.count;
        true
    }

    /// Whether the elements of this and another chunk together fill at most half a chunk.
    pub(super) fn is_sparse_with(&self, other: &Self) -> bool {
        self.packed_bytes() + other.packed_bytes() <= MOST_BYTES / 2
    }

    /// Adds `len` bytes at an end, and returns them, unshared. Returns `None` and changes nothing if that would exceed the
    /// bound.
    #[inline(always)]
    fn extend(&mut self, end: End, len: usize) -> Option<&mut [u8]> {
        let range = self.range();
        if range.len() + len > MOST_BYTES {
            return None;
        }
        let has_room = match end {
            End::Front => range.start >= len,
            End::Back => self.bytes.len() - range.end >= len,
        };
        if !(has_room && self.bytes.is_unique()) {
            self.make_room(end, len);
        }
        let at = match end {
            End::Front => {
                self.start -= len as u16;
                usize::from(self.start)
            }
            End::Back => {
                self.end += len as u32;
                self.end as usize - len
            }
        };
        Some(&mut unshared(&mut self.bytes)[at..at + len])
    }

    /// Moves the elements so that there is room for `len` bytes more at an end, in an allocation that is not shared.
    #[inline(never)]
    fn make_room(&mut self, end: End, len: usize) {
        let range = self.range();
        let used = range.len();
        // Three quarters of the spare room go to the end that grows; all of it in a large allocation.
        let place = |capacity: usize| {
            let spare = capacity - used - len;
            let other_end = if used > MOST_BYTES / 4 { 0 } else { spare / 4 };
            match end {
                End::Front => len + spare - other_end,
                End::Back => other_end,
            }
        };
        let start;
        // With little spare room left, the elements would soon be moved again. A larger allocation costs less.
        let fits = used + len <= self.bytes.len() && (self.bytes.len() - used - len) * 8 >= used;
        match Arc::get_mut(&mut self.bytes).filter(|_| fits) {
            Some(bytes) => {
                start = place(bytes.len());
                bytes.copy_within(range, start);
            }
            None => {
                let mut longer = buffer(used + len);
                start = place(longer.len());
                let bytes = Arc::get_mut(&mut longer).expect("made just now");
                bytes[start..start + used].copy_from_slice(&self.bytes[range]);
                self.bytes = longer;
            }
        }
        self.start = start as u16;
        self.end = (start + used) as u32;
    }

    pub(super) fn check(&self) {
        let count = self.iter_from(0).count();
        assert!(count == self.len() && self.iter_back_from(self.len()).count() == count);
        assert!(count == 1 || self.elements().len() <= MOST_BYTES);
    }
}

/// A buffer for at least `len` bytes that fills the allocator's size class.
fn buffer(len: usize) -> Arc<[u8]> {
    static ZEROS: [u8; MOST_BYTES] = [0; MOST_BYTES];
    let len = allocation_bytes(COUNTER_BYTES + len) - COUNTER_BYTES;
    // The bytes of an iterator would be taken one by one.
    ZEROS.get(..len).map_or_else(|| vec![0; len].into(), Arc::from)
}

/// The bytes, to be changed. Shared ones are copied first.
#[inline(always)]
fn unshared(bytes: &mut Arc<[u8]>) -> &mut [u8] {
    if !bytes.is_unique() {
        *bytes = Arc::from(&**bytes);
    }
    Arc::get_mut(bytes).expect("nobody else has them")
}
