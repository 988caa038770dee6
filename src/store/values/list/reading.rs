//! Reads of a list: elements by index, ranges, searches, and excerpts that stay valid without the lock.

use super::chunk::{Chunk, End};
use super::item::Item;
use super::{Chunks, Form, List, Place};
use std::collections::VecDeque;
use std::ops::Range;

impl List {
    /// Calls `see` with element `index`, if it exists. O(chunks) from the nearer end.
    pub fn get<R>(&self, index: usize, see: impl FnOnce(&[u8]) -> R) -> Option<R> {
        (index < self.len()).then(|| {
            let place = self.place(index);
            self.chunk(place.chunk).get(place.index).spell(see)
        })
    }

    /// Calls `see` with the elements in `range` until it returns false.
    pub fn visit(&self, range: Range<usize>, mut see: impl FnMut(&[u8]) -> bool) {
        let mut left = range.len();
        let mut place = self.place(range.start);
        while left > 0 && place.chunk < self.chunks() {
            for item in self.chunk(place.chunk).iter_from(place.index).take(left) {
                if !item.spell(&mut see) {
                    return;
                }
                left -= 1;
            }
            place = Place { chunk: place.chunk + 1, index: 0 };
        }
    }

    /// Calls `see` with the element at an end, if there is one. O(1).
    pub fn peek(&self, end: End, see: impl FnOnce(&[u8])) {
        let chunk = match &self.form {
            Form::One(chunk) => Some(chunk),
            Form::Many(many) => many.end(end),
        };
        if let Some(item) = chunk.and_then(|chunk| chunk.at_end(end)) {
            item.spell(see);
        }
    }

    /// Calls `see` with `count` elements, beginning at an end.
    pub fn visit_from(&self, end: End, count: usize, mut see: impl FnMut(&[u8])) {
        let mut left = count;
        for number in 0..self.chunks() {
            if left == 0 {
                return;
            }
            match end {
                End::Front => self.chunk(number).iter_from(0).take(left).for_each(|item| {
                    item.spell(&mut see);
                    left -= 1;
                }),
                End::Back => {
                    let chunk = self.chunk(self.chunks() - 1 - number);
                    chunk.iter_back_from(chunk.len()).take(left).for_each(|item| {
                        item.spell(&mut see);
                        left -= 1;
                    });
                }
            }
        }
    }

    /// Calls `see` with the index of each element that equals `element`, until it returns false. Compares at most `most`
    /// elements, beginning at an end. O(most).
    pub fn find(&self, element: &[u8], from: End, most: usize, mut see: impl FnMut(usize) -> bool) {
        let wanted = Item::of(element);
        let mut seen = 0;
        let mut look = |item: Item<'_>, len: usize| {
            let place = if from == End::Front { seen } else { len - 1 - seen };
            seen += 1;
            seen <= most && (item != wanted || see(place))
        };
        let (len, chunks) = (self.len(), self.chunks());
        for number in 0..chunks {
            let goes_on = match from {
                End::Front => self.chunk(number).iter_from(0).all(|item| look(item, len)),
                End::Back => {
                    let chunk = self.chunk(chunks - 1 - number);
                    chunk.iter_back_from(chunk.len()).all(|item| look(item, len))
                }
            };
            if !goes_on {
                return;
            }
        }
    }

    /// The elements in `range` as a list of their own, which later writes do not change. It shares the chunks. O(chunks).
    #[must_use]
    pub fn excerpt(&self, range: Range<usize>) -> Self {
        if range.is_empty() {
            return Self::default();
        }
        let (first, last) = (self.place(range.start), self.place(range.end - 1));
        let mut chunks: VecDeque<Chunk> =
            (first.chunk..=last.chunk).map(|number| self.chunk(number).clone()).collect();
        let behind = self.chunk(last.chunk).len() - last.index - 1;
        for (end, count) in [(End::Back, behind), (End::Front, first.index)] {
            let chunk = match end {
                End::Front => chunks.front_mut(),
                End::Back => chunks.back_mut(),
            };
            if count > 0 {
                chunk.expect("the range is not empty").pop(end, count);
            }
        }
        Self { form: Form::Many(Box::new(Chunks { chunks, len: range.len() })) }
    }

    /// Calls `see` with the elements of the first chunk, then frees the chunk. Returns whether there are more elements.
    pub fn drain_chunk(&mut self, mut see: impl FnMut(&[u8])) -> bool {
        let chunk = match &mut self.form {
            Form::One(chunk) => std::mem::take(chunk),
            Form::Many(many) => {
                let chunk = many.chunks.pop_front().unwrap_or_default();
                many.len -= chunk.len();
                chunk
            }
        };
        chunk.iter_from(0).for_each(|item| item.spell(&mut see));
        !self.is_empty()
    }

    /// The bytes of the encoded elements, which are as many in Redis. O(chunks).
    #[must_use]
    pub fn packed_bytes(&self) -> usize {
        (0..self.chunks()).map(|number| self.chunk(number).packed_bytes()).sum()
    }
}
