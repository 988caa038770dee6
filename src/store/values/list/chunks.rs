//! The chunks of a list that has several.

use super::chunk::{Chunk, End};
use std::collections::VecDeque;

/// The chunks, and the number of all their elements.
#[derive(Clone, Debug)]
pub(super) struct Chunks {
    /// No chunk is empty.
    pub(super) chunks: VecDeque<Chunk>,
    pub(super) len: usize,
}

impl Chunks {
    /// The chunk at an end.
    pub(super) fn end(&self, end: End) -> Option<&Chunk> {
        match end {
            End::Front => self.chunks.front(),
            End::Back => self.chunks.back(),
        }
    }

    /// As [`Chunks::end`], to change it.
    pub(super) fn end_mut(&mut self, end: End) -> Option<&mut Chunk> {
        match end {
            End::Front => self.chunks.front_mut(),
            End::Back => self.chunks.back_mut(),
        }
    }

    /// Adds a chunk at an end.
    pub(super) fn add(&mut self, end: End, chunk: Chunk) {
        self.reserve();
        match end {
            End::Front => self.chunks.push_front(chunk),
            End::Back => self.chunks.push_back(chunk),
        }
    }

    /// Removes the chunk at an end.
    pub(super) fn remove(&mut self, end: End) -> Option<Chunk> {
        match end {
            End::Front => self.chunks.pop_front(),
            End::Back => self.chunks.pop_back(),
        }
    }

    /// Reserves room for two chunks and an eighth more. Doubling would waste more memory.
    pub(super) fn reserve(&mut self) {
        if self.chunks.len() + 2 > self.chunks.capacity() {
            self.chunks.reserve_exact(2 + self.chunks.len() / 8);
        }
    }
}
