//! Wide rankings: they are so large that every lane gathers a part of them.
//!
//! A member belongs to the part that its hash selects, so the changes of one member stay in order. The reading thread
//! collects the changes for each part until it sends them. It alone knows which rankings are wide.

use crate::ranking::{Score, SortedPart, assemble};
use crate::store::change::KeyPlace;
use crate::store::numbers::KeyspaceIndex;
use crate::store::sharded::Store;
use hashbrown::HashTable;
use std::collections::HashMap;

/// The number of parts of a ranking. There are more parts than lanes, so that the work on one part stays in a
/// processor's cache.
const PARTS: usize = 64;

/// Bytes of changes that are sent to a part at once.
pub(super) const PART_BYTES: usize = 8 * 1024;

/// A flag in the length of a removed member. Lengths are far below it.
const REMOVED: u32 = 1 << 31;

/// The number of a wide ranking. Numbers are not reused.
pub(super) type WideNumber = u32;

/// Changes of members in one part of a wide ranking.
pub(super) struct PartBatch {
    pub(super) number: WideNumber,
    pub(super) part: usize,
    bytes: Vec<u8>,
}

/// All wide rankings.
#[derive(Default)]
pub(super) struct WideBoards {
    boards: HashTable<WideBoard>,
    next: WideNumber,
}

/// A wide ranking, and the changes that are not sent to its parts yet.
pub(super) struct WideBoard {
    number: WideNumber,
    /// The hash of the key.
    hash: u64,
    keyspace: KeyspaceIndex,
    key: Box<[u8]>,
    parts: [Vec<u8>; PARTS],
}

impl WideBoards {
    pub(super) fn is_empty(&self) -> bool {
        self.boards.is_empty()
    }

    /// The wide ranking at `key`, whose hash is `hash`.
    pub(super) fn find(&mut self, hash: u64, keyspace: KeyspaceIndex, key: &[u8]) -> Option<&mut WideBoard> {
        self.boards.find_mut(hash, |board| board.is_at(keyspace, key))
    }

    pub(super) fn add(&mut self, hash: u64, keyspace: KeyspaceIndex, key: Box<[u8]>) -> &mut WideBoard {
        let number = self.next;
        self.next += 1;
        let parts = std::array::from_fn(|_| Vec::new());
        let board = WideBoard { number, hash, keyspace, key, parts };
        self.boards.insert_unique(hash, board, |board| board.hash).into_mut()
    }

    /// Removes the ranking at this key, if it is wide. Returns its number.
    pub(super) fn remove(&mut self, hash: u64, keyspace: KeyspaceIndex, key: &[u8]) -> Option<WideNumber> {
        self.take_out(hash, (keyspace, key)).map(|board| board.number)
    }

    /// Brings the ranking at a place, if it is wide, to another place, which has none. Each place has its hash with it.
    pub(super) fn relocate(&mut self, from: (u64, KeyPlace<'_>), to: (u64, KeyPlace<'_>)) {
        let Some(board) = self.take_out(from.0, from.1) else { return };
        let (hash, (keyspace, key)) = to;
        let board = WideBoard { hash, keyspace, key: key.into(), ..board };
        self.boards.insert_unique(hash, board, |board| board.hash);
    }

    fn take_out(&mut self, hash: u64, (keyspace, key): KeyPlace<'_>) -> Option<WideBoard> {
        let found = self.boards.find_entry(hash, |board| board.is_at(keyspace, key));
        found.ok().map(|found| found.remove().0)
    }

    /// Removes the rankings in this keyspace, or all if `None`. Returns their numbers.
    pub(super) fn forget(&mut self, keyspace: Option<KeyspaceIndex>) -> Vec<WideNumber> {
        let is_gone = |board: &mut WideBoard| keyspace.is_none_or(|keyspace| board.keyspace == keyspace);
        self.boards.extract_if(is_gone).map(|board| board.number).collect()
    }

    /// Takes all changes that are not sent yet.
    pub(super) fn take_rest(&mut self) -> Vec<PartBatch> {
        let boards = self.boards.iter_mut();
        let batches = boards.flat_map(|board| (0..PARTS).map(|part| board.take(part)));
        batches.filter(|batch| !batch.bytes.is_empty()).collect()
    }

    /// Assembles the rankings and puts them into the store.
    pub(super) fn finish(
        self,
        store: &Store,
        mut parts: HashMap<WideNumber, Vec<SortedPart>>,
        threads: usize,
    ) {
        for board in self.boards {
            let parts = parts.remove(&board.number).unwrap_or_default();
            store.put_gathered(board.keyspace, &board.key, assemble(store.seed(), parts, threads));
        }
    }
}

impl WideBoard {
    fn is_at(&self, keyspace: KeyspaceIndex, key: &[u8]) -> bool {
        self.keyspace == keyspace && *self.key == *key
    }

    /// Notes a member's new score, or its removal if `None`. Returns a batch when there is enough for one. `hash` is
    /// the hash of the member.
    pub(super) fn push(&mut self, hash: u64, member: &[u8], score: Option<Score>) -> Option<PartBatch> {
        let part = (hash >> 32) as usize % PARTS;
        let bytes = &mut self.parts[part];
        if bytes.capacity() == 0 {
            bytes.reserve_exact(PART_BYTES + 64);
        }
        let len = u32::try_from(member.len()).expect("members are shorter than a record");
        match score {
            Some(score) => {
                bytes.extend_from_slice(&len.to_le_bytes());
                bytes.extend_from_slice(&score.get().to_le_bytes());
            }
            None => bytes.extend_from_slice(&(len | REMOVED).to_le_bytes()),
        }
        bytes.extend_from_slice(member);
        (bytes.len() >= PART_BYTES).then(|| self.take(part))
    }

    fn take(&mut self, part: usize) -> PartBatch {
        PartBatch { number: self.number, part, bytes: std::mem::take(&mut self.parts[part]) }
    }
}

impl PartBatch {
    /// Calls `visit` with the changes that were [pushed](WideBoard::push).
    pub(super) fn read(&self, mut visit: impl FnMut(&[u8], Option<Score>)) {
        let mut bytes = &self.bytes[..];
        while let Some((len, rest)) = bytes.split_first_chunk() {
            let len = u32::from_le_bytes(*len);
            let (score, rest) = if len & REMOVED == 0 {
                let (score, rest) = rest.split_first_chunk().expect("written by this process");
                (Score::new(f64::from_le_bytes(*score)), rest)
            } else {
                (None, rest)
            };
            let (member, rest) = rest.split_at((len & !REMOVED) as usize);
            visit(member, score);
            bytes = rest;
        }
    }
}
