//! The candidates for eviction: the best of the keys that were sampled so far.

use crate::store::numbers::{DatabaseIndex, ShardIndex};

/// Candidates that are kept. As Redis.
const CANDIDATES: usize = 16;

/// A key that may be evicted next.
#[derive(Debug)]
pub(in crate::store) struct Candidate {
    /// The higher, the sooner it is evicted.
    pub(super) score: u64,
    pub(in crate::store) shard: ShardIndex,
    pub(super) database: DatabaseIndex,
    pub(super) key: Box<[u8]>,
}

/// The best keys so far, by ascending score, each once.
#[derive(Debug, Default)]
pub(super) struct Pool {
    candidates: Vec<Candidate>,
}

impl Pool {
    /// Adds a key if it is better than the worst candidate, or there is room.
    pub(super) fn offer(&mut self, score: u64, shard: ShardIndex, database: DatabaseIndex, key: &[u8]) {
        let is_it = |other: &Candidate| other.database == database && *other.key == *key;
        if let Some(known) = self.candidates.iter().position(is_it) {
            self.candidates.remove(known);
        }
        let place = self.candidates.partition_point(|other| other.score < score);
        if self.candidates.len() == CANDIDATES {
            if place == 0 {
                return;
            }
            self.candidates.remove(0);
            self.candidates.insert(place - 1, Candidate { score, shard, database, key: key.into() });
        } else {
            self.candidates.insert(place, Candidate { score, shard, database, key: key.into() });
        }
    }

    /// Takes the best candidate.
    pub(super) fn pop(&mut self) -> Option<Candidate> {
        self.candidates.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_what_was_offered_come_first_and_once() {
        let mut pool = Pool::default();
        for score in [7, 3, 99, 50, 3, 1].into_iter().chain(20..60) {
            pool.offer(score, 0, 0, format!("key:{score}").as_bytes());
        }
        pool.offer(2, 0, 0, b"key:99");
        let mut taken = Vec::new();
        while let Some(candidate) = pool.pop() {
            taken.push(candidate.score);
        }
        let mut expected: Vec<u64> = (45..60).rev().collect();
        expected.push(2);
        assert_eq!(taken, expected);
    }
}
