//! The backlog: the last bytes of the stream, from which a replica that was away for a short time goes on.
//!
//! It holds what this server spells itself and, on a replica, the bytes of the master's stream as they come, so the replicas of
//! a replica count the same offsets. It also holds what a connected replica has not been sent yet, beyond its own size: the
//! limit for that is the output limit of replicas, and the one copy serves all of them.

use std::collections::VecDeque;

/// Bytes of a chunk. Only whole chunks are freed.
const CHUNK_BYTES: usize = 64 * 1024;

/// Bytes with their offsets. The byte between the offsets `n` and `n + 1` is the byte number `n + 1` of the stream.
#[derive(Debug)]
pub struct Backlog {
    /// All of them are full but the last.
    chunks: VecDeque<Vec<u8>>,
    /// The offset in front of the first chunk.
    chunks_start: u64,
    /// The offset in front of the first byte that is served.
    start: u64,
    end: u64,
}

/// What INFO says of the backlog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BacklogFacts {
    /// Whether there is one.
    pub is_active: bool,
    /// Its size as configured, in bytes.
    pub size_bytes: u64,
    /// The number of its first byte; 0 without one.
    pub first_byte: u64,
    /// Bytes in it.
    pub len_bytes: u64,
}

impl Backlog {
    /// An empty backlog at `offset`.
    #[must_use]
    pub fn at(offset: u64) -> Self {
        Self { chunks: VecDeque::new(), chunks_start: offset, start: offset, end: offset }
    }

    /// The offset in front of its first byte.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.start
    }

    /// The offset behind its last byte.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Adds bytes at the end.
    pub fn append(&mut self, mut bytes: &[u8]) {
        self.end += bytes.len() as u64;
        while !bytes.is_empty() {
            match self.chunks.back_mut() {
                Some(chunk) if chunk.len() < CHUNK_BYTES => {
                    let (now, rest) = bytes.split_at(bytes.len().min(CHUNK_BYTES - chunk.len()));
                    chunk.extend_from_slice(now);
                    bytes = rest;
                }
                _ => self.chunks.push_back(Vec::with_capacity(CHUNK_BYTES)),
            }
        }
    }

    /// Forgets what lies more than `size_bytes` before the end, except what follows the offset `needed_from`.
    pub fn trim(&mut self, size_bytes: u64, needed_from: Option<u64>) {
        let kept_from = self.end.saturating_sub(size_bytes);
        self.start = self.start.max(needed_from.map_or(kept_from, |needed| needed.min(kept_from)));
        while self.chunks.front().is_some_and(|chunk| self.chunks_start + chunk.len() as u64 <= self.start) {
            let chunk = self.chunks.pop_front();
            self.chunks_start += chunk.map_or(0, |chunk| chunk.len() as u64);
        }
    }

    /// Appends up to `most` bytes that follow the offset `from` to `out`.
    ///
    /// # Panics
    /// If `from` is not between [`Backlog::start`] and [`Backlog::end`].
    pub fn copy_into(&self, from: u64, most: usize, out: &mut Vec<u8>) {
        assert!((self.start..=self.end).contains(&from), "the bytes are there");
        let mut skipped = (from - self.chunks_start) as usize;
        let mut left = most.min((self.end - from) as usize);
        let first = skipped / CHUNK_BYTES;
        skipped %= CHUNK_BYTES;
        for chunk in self.chunks.iter().skip(first) {
            let bytes = &chunk[skipped..];
            let bytes = &bytes[..bytes.len().min(left)];
            out.extend_from_slice(bytes);
            left -= bytes.len();
            skipped = 0;
            if left == 0 {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::chance::Chance;

    #[test]
    fn it_serves_the_last_bytes_and_those_that_are_needed() {
        let seed = Chance::from_system().next_u64();
        println!("seed {seed}");
        let mut chance = Chance::seeded(seed);
        let begin = chance.below(1 << 40);
        let mut backlog = Backlog::at(begin);
        let mut all = Vec::new();
        let mut needed = None;
        for _ in 0..400 {
            let piece: Vec<u8> = (0..chance.below(5000)).map(|_| chance.below(256) as u8).collect();
            backlog.append(&piece);
            all.extend_from_slice(&piece);
            match chance.below(8) {
                0 => needed = None,
                1 => needed = Some(backlog.start() + chance.below(backlog.end() - backlog.start() + 1)),
                _ => {}
            }
            backlog.trim(100_000, needed);
            assert_eq!(backlog.end(), begin + all.len() as u64);
            let kept = backlog.end() - backlog.start();
            assert!(kept >= 100_000.min(all.len() as u64) || backlog.start() > begin);
            assert!(needed.is_none_or(|needed| backlog.start() <= needed));
            if needed.is_none() {
                assert!(kept <= 100_000);
                assert!(backlog.chunks.len() <= 100_000 / CHUNK_BYTES + 2);
            }
            let (from, most) = (backlog.start() + chance.below(kept + 1), chance.below(200_000) as usize);
            let mut out = Vec::new();
            backlog.copy_into(from, most, &mut out);
            let expected = &all[(from - begin) as usize..];
            assert_eq!(out, expected[..expected.len().min(most)]);
        }
    }
}
