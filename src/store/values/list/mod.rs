//! Lists: a sequence of chunks of packed elements, each with the number of its elements.
//!
//! An operation at an end is O(1). To find an element, the chunks' numbers of elements are added up from the nearer end. A
//! change in the middle changes one chunk. A full chunk is split, and small neighbours are joined. Walks and replies keep
//! references to chunks; a writer copies a shared chunk first (docs/decisions/0012-changes-that-are-not-absolute.md).

mod ahead;
pub(in crate::store) mod change;
mod chunk;
mod chunks;
mod edit;
pub(in crate::store::values) mod item;
mod reading;

use super::kinds::Element;
use super::kinds::{Kind, Value};
use super::stored::{Position, ReplayTarget, Stored, WalkOrder};
use crate::config::EventClasses;
use crate::machine::heap::allocation_bytes;
use crate::ranking::prefetch;
use change::ListChange;
use chunk::Chunk;
pub use chunk::End;
use chunks::Chunks;
use item::Item;
use std::collections::VecDeque;

/// A list of byte strings.
#[derive(Clone, Debug, Default)]
pub struct List {
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    One(Chunk),
    Many(Box<Chunks>),
}

impl Default for Form {
    fn default() -> Self {
        Self::One(Chunk::default())
    }
}

/// The position of an element.
#[derive(Clone, Copy, Debug)]
struct Place {
    chunk: usize,
    index: usize,
}

impl List {
    /// The number of elements. O(1).
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.form {
            Form::One(chunk) => chunk.len(),
            Form::Many(many) => many.len,
        }
    }

    /// Whether there is no element. O(1).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(in crate::store) fn push(&mut self, end: End, bytes: &[u8]) {
        let item = Item::of(bytes);
        let many = match &mut self.form {
            Form::One(chunk) => {
                if chunk.push(end, item) {
                    return;
                }
                self.many()
            }
            Form::Many(many) => many,
        };
        let chunk = many.end_mut(end);
        if !chunk.is_some_and(|chunk| chunk.push(end, item)) {
            let mut chunk = Chunk::beside(many.chunks.len(), end);
            chunk.push(end, item);
            many.add(end, chunk);
        }
        many.len += 1;
    }

    /// Removes `count` elements at an end, or all if there are fewer. O(chunks removed).
    #[inline]
    fn pop(&mut self, end: End, count: usize) {
        if count >= self.len() {
            *self = Self::default();
            return;
        }
        let many = match &mut self.form {
            Form::One(chunk) => return chunk.pop(end, count),
            Form::Many(many) => many,
        };
        many.len -= count;
        let mut left = count;
        while left > 0 {
            let chunk = many.end_mut(end).expect("the list has more elements than are removed");
            if chunk.len() > left {
                chunk.pop(end, left);
                break;
            }
            left -= chunk.len();
            many.remove(end);
        }
        self.settle();
    }

    /// Replaces element `index` by `bytes`, if it exists. Returns whether it exists.
    fn set(&mut self, index: usize, bytes: &[u8]) -> bool {
        if index >= self.len() {
            return false;
        }
        let place = self.place(index);
        self.splice(place, 1, &[Item::of(bytes)]);
        true
    }

    /// Inserts `bytes` before element `index`, or at the end if `index` is the length. Returns false for a larger index.
    fn insert(&mut self, index: usize, bytes: &[u8]) -> bool {
        if index > self.len() {
            return false;
        }
        if index == 0 || index == self.len() {
            self.push(if index == 0 { End::Front } else { End::Back }, bytes);
            return true;
        }
        let place = self.place(index);
        self.splice(place, 0, &[Item::of(bytes)]);
        true
    }

    /// Removes the elements at `indices`, which ascend and exist. O(n) for many; for few, the cost of finding them.
    fn remove(&mut self, indices: &[usize]) {
        let mut left = indices;
        // Backwards, because a removal does not change the indices before it.
        while let Some(&last) = left.last() {
            let place = self.place(last);
            let first = last - place.index;
            let (before, here) = left.split_at(left.partition_point(|&index| index < first));
            self.chunk_mut(place.chunk).remove(here.iter().map(|index| index - first));
            self.note_removal(place.chunk, here.len());
            left = before;
        }
        self.settle();
    }

    /// Replaces `removed` elements from `place` on, all in one chunk, by `items`.
    fn splice(&mut self, place: Place, removed: usize, items: &[Item<'_>]) {
        if self.chunk_mut(place.chunk).splice(place.index, removed, items) {
            if let Form::Many(many) = &mut self.form {
                many.len = many.len + items.len() - removed;
            }
            return;
        }
        // The chunk has no room. It is split at this place, and the new elements go in between.
        let many = self.many();
        let mut before = std::mem::take(&mut many.chunks[place.chunk]);
        let mut behind = before.split_off(place.index);
        behind.splice(0, removed, &[]);
        many.len = many.len + items.len() - removed;
        let mut parts = vec![before];
        for &item in items {
            let last = parts.last_mut().expect("one at least");
            if !(last.len() > 0 && last.push(End::Back, item)) {
                parts.push(Chunk::single(item));
            }
        }
        let last = parts.last_mut().expect("one at least");
        if !(last.len() > 0 && last.is_sparse_with(&behind) && last.absorb(&behind)) {
            parts.push(behind);
        }
        parts.retain(|chunk| chunk.len() > 0);
        many.chunks.remove(place.chunk);
        many.reserve();
        for (number, part) in parts.into_iter().enumerate() {
            many.chunks.insert(place.chunk + number, part);
        }
    }

    /// Updates the list after elements were removed from a chunk. Removes an empty chunk, and joins a small one with its
    /// neighbours.
    fn note_removal(&mut self, number: usize, removed: usize) {
        let Form::Many(many) = &mut self.form else { return };
        many.len -= removed;
        if many.chunks[number].len() == 0 {
            many.chunks.remove(number);
            return;
        }
        for first in [number, number.wrapping_sub(1)] {
            let Some(next) = many.chunks.get(first.wrapping_add(1)).cloned() else { continue };
            let Some(chunk) = many.chunks.get_mut(first) else { continue };
            if chunk.is_sparse_with(&next) && chunk.absorb(&next) {
                many.chunks.remove(first + 1);
            }
        }
    }

    /// Removes elements that equal `element`; `count` has the meaning of LREM's. Returns how many were removed.
    fn remove_equal(&mut self, count: i64, element: &[u8]) -> usize {
        let most = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
        let from = if count < 0 { End::Back } else { End::Front };
        let mut places = Vec::new();
        self.find(element, from, usize::MAX, |place| {
            places.push(place);
            places.len() < most
        });
        if from == End::Back {
            places.reverse();
        }
        self.remove(&places);
        places.len()
    }

    fn chunks(&self) -> usize {
        match &self.form {
            Form::One(_) => 1,
            Form::Many(many) => many.chunks.len(),
        }
    }

    fn chunk(&self, number: usize) -> &Chunk {
        match &self.form {
            Form::One(chunk) => chunk,
            Form::Many(many) => &many.chunks[number],
        }
    }

    fn chunk_mut(&mut self, number: usize) -> &mut Chunk {
        match &mut self.form {
            Form::One(chunk) => chunk,
            Form::Many(many) => &mut many.chunks[number],
        }
    }

    /// The position of element `index`. The length of the list gives the position after the last element.
    fn place(&self, index: usize) -> Place {
        let Form::Many(many) = &self.form else { return Place { chunk: 0, index } };
        if index <= many.len / 2 {
            let mut before = 0;
            for (number, chunk) in many.chunks.iter().enumerate() {
                if index < before + chunk.len() {
                    return Place { chunk: number, index: index - before };
                }
                before += chunk.len();
            }
        } else {
            let mut before = many.len;
            for (number, chunk) in many.chunks.iter().enumerate().rev() {
                before -= chunk.len();
                if index >= before {
                    return Place { chunk: number, index: index - before };
                }
            }
        }
        Place { chunk: many.chunks.len(), index: 0 }
    }

    /// Converts the list into the form of many chunks.
    fn many(&mut self) -> &mut Chunks {
        if let Form::One(chunk) = &mut self.form {
            let chunk = std::mem::take(chunk);
            let len = chunk.len();
            self.form = Form::Many(Box::new(Chunks { chunks: VecDeque::from([chunk]), len }));
        }
        let Form::Many(many) = &mut self.form else { unreachable!("converted above") };
        many
    }

    /// Converts the list back to the form of one chunk if it has one chunk or none.
    fn settle(&mut self) {
        if let Form::Many(many) = &mut self.form {
            if many.chunks.len() <= 1 {
                self.form = Form::One(many.chunks.pop_front().unwrap_or_default());
            } else if many.chunks.len() * 4 < many.chunks.capacity() {
                many.chunks.shrink_to(2 * many.chunks.len());
            }
        }
    }
}

impl Stored for List {
    const KIND: Kind = Kind::List;
    const EVENTS: EventClasses = EventClasses::LIST;

    type Change<'a> = ListChange<'a>;

    fn with_seed(_: u64) -> Self {
        Self::default()
    }

    fn into_value(self) -> Value {
        Value::List(Box::new(self))
    }

    fn of(value: &Value) -> Option<&Self> {
        if let Value::List(list) = value { Some(list) } else { None }
    }

    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::List(list) = value { Some(list) } else { None }
    }

    fn elements(&self) -> usize {
        self.len()
    }

    /// O(samples). The first chunks stand for all, because most chunks have about the same size.
    fn memory_bytes(&self, samples: usize) -> usize {
        let content = match &self.form {
            Form::One(chunk) => chunk.heap_bytes(),
            Form::Many(many) => {
                let sampled = samples.clamp(1, many.chunks.len());
                let bytes: usize = many.chunks.iter().take(sampled).map(Chunk::heap_bytes).sum();
                let places = allocation_bytes(many.chunks.capacity() * size_of::<Chunk>());
                allocation_bytes(size_of::<Chunks>()) + places + bytes * many.chunks.len() / sampled
            }
        };
        allocation_bytes(size_of::<Self>()) + content
    }

    fn allocations(&self) -> usize {
        self.chunks()
    }

    fn prefetch(&self) {
        prefetch::line(&raw const *self);
    }

    fn check(&self) {
        if let Form::Many(many) = &self.form {
            assert!(many.chunks.iter().map(Chunk::len).sum::<usize>() == many.len);
            assert!(many.chunks.iter().all(|chunk| chunk.len() > 0));
        }
        (0..self.chunks()).for_each(|number| self.chunk(number).check());
    }

    fn apply<'a>(key: &mut dyn ReplayTarget, changes: impl Iterator<Item = ListChange<'a>> + Clone) -> usize {
        changes.for_each(|change| change.apply(key));
        0
    }

    fn of_this_moment(&self) -> Option<Value> {
        Some(self.copy())
    }

    fn copy(&self) -> Value {
        self.clone().into_value()
    }

    fn walk(
        &self,
        from: Option<&Position>,
        most: usize,
        _: WalkOrder,
        see: &mut dyn FnMut(Element<'_>),
    ) -> Option<Position> {
        let start = Position::place(from)? as usize;
        let end = self.len().min(start.saturating_add(most));
        self.visit(start.min(end)..end, |element| {
            see(Element::Listed(element));
            true
        });
        (end < self.len()).then_some(Position::Place(end as u64))
    }
}

#[cfg(test)]
mod tests;
