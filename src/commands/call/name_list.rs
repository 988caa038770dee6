//! [`NameList`]: keys or members, copied while their shard is locked and sent after that.

use crate::resp::reply::{Reply, ReplySource};
use std::collections::VecDeque;

/// Bytes of names in one allocation, which is freed once they are written.
const CHUNK_BYTES: usize = 16 * 1024;

/// A list of names in few allocations.
#[derive(Debug, Default)]
pub(in crate::commands) struct NameList {
    /// Each name behind its length.
    chunks: VecDeque<Vec<u8>>,
    len: usize,
    /// The sum of the chunks' capacities.
    chunk_bytes: usize,
}

/// The length in front of each name. A name comes from a request, where it is far below 4 GiB (limits::MOST_BULK_BYTES).
type NameLength = u32;

/// In place of the length of a name that is missing.
const NULL: NameLength = NameLength::MAX;

/// The names of a chunk.
struct Names<'l>(&'l [u8]);

impl<'l> Iterator for Names<'l> {
    type Item = Option<&'l [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let (length, names) = self.0.split_first_chunk()?;
        let length = NameLength::from_le_bytes(*length);
        if length == NULL {
            self.0 = names;
            return Some(None);
        }
        let (name, names) = names.split_at(length as usize);
        self.0 = names;
        Some(Some(name))
    }
}

impl NameList {
    /// The number of names.
    pub(in crate::commands) fn len(&self) -> usize {
        self.len
    }

    /// The names in their order, `None` for a null.
    pub(in crate::commands) fn iter(&self) -> impl Iterator<Item = Option<&[u8]>> {
        self.chunks.iter().flat_map(|chunk| Names(chunk))
    }

    /// Adds a name at the end.
    pub(in crate::commands) fn push(&mut self, name: &[u8]) {
        self.add(name.len() as NameLength, name);
    }

    /// Adds a null in place of a name.
    pub(in crate::commands) fn push_null(&mut self) {
        self.add(NULL, b"");
    }

    fn add(&mut self, length: NameLength, name: &[u8]) {
        let bytes = size_of::<NameLength>() + name.len();
        if self.chunks.back().is_none_or(|chunk| chunk.len() + bytes > CHUNK_BYTES) {
            // The first chunk grows by doubling, because most lists are short. The others are allocated at full size.
            let capacity = if self.chunks.is_empty() { bytes } else { bytes.max(CHUNK_BYTES) };
            self.chunks.push_back(Vec::with_capacity(capacity));
            self.chunk_bytes += capacity;
        }
        let chunk = self.chunks.back_mut().expect("one with room has just been seen to");
        let capacity = chunk.capacity();
        chunk.extend_from_slice(&length.to_le_bytes());
        chunk.extend_from_slice(name);
        self.chunk_bytes += chunk.capacity() - capacity;
        self.len += 1;
    }
}

impl ReplySource for NameList {
    fn write_more(&mut self, reply: &mut Reply<'_>) -> bool {
        let chunk = self.chunks.pop_front().unwrap_or_default();
        self.chunk_bytes -= chunk.capacity();
        for name in Names(&chunk) {
            match name {
                Some(name) => reply.bulk(name),
                None => reply.null(),
            }
        }
        !self.chunks.is_empty()
    }

    fn memory_bytes(&self) -> usize {
        self.chunk_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::Protocol;

    #[test]
    fn names_are_written_in_their_order_a_chunk_at_a_time() {
        for (count, bytes) in [(0, 0), (1, 0), (5000, 20), (3, 2 * CHUNK_BYTES), (9, CHUNK_BYTES / 2)] {
            let (mut names, mut expected) = (NameList::default(), Vec::new());
            for number in 0..count {
                let name = format!("{number:0>bytes$}");
                names.push(name.as_bytes());
                Reply::new(&mut expected, Protocol::Resp2).bulk(name.as_bytes());
            }
            assert_eq!(names.len(), count);
            let (mut out, mut kept_bytes) = (Vec::new(), names.memory_bytes());
            while names.write_more(&mut Reply::new(&mut out, Protocol::Resp2)) {
                assert!(names.memory_bytes() < kept_bytes, "what has been written is freed");
                kept_bytes = names.memory_bytes();
            }
            assert_eq!(out, expected);
        }
    }
}
