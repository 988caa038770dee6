//! Sorts the entries of one run into the order of a ranking.
//!
//! Comparing members would load their bytes from memory. So each entry also has the first eight bytes after the common
//! prefix, and nearly all comparisons compare two numbers.

use crate::ranking::Score;
use crate::ranking::block;
use crate::ranking::blocked::{LEAF_BYTES_FILL, LEAF_FILL};
use std::cmp::Ordering;

/// A block with the scores of a sorted set.
pub(super) type ScoreBlock = block::Block<Score>;

/// A run of entries with the scores of a sorted set.
pub(super) type ScoreRun = block::EntryRun<Score>;

/// Entries of `run`, in order.
pub(super) struct Sorted<'r> {
    run: &'r ScoreRun,
    entries: Vec<SortEntry>,
}

#[derive(Clone, Copy)]
struct SortEntry {
    score: Score,
    /// The first eight bytes of the member after the common prefix, as a number.
    bytes: u64,
    number: u32,
}

impl<'r> Sorted<'r> {
    /// Sorts the entries that have these numbers.
    pub(super) fn new(run: &'r ScoreRun, numbers: impl Iterator<Item = u32> + Clone) -> Self {
        let shared = shared_bytes(numbers.clone().map(|number| run.member(number as usize)));
        let entry = |number| {
            let rest = &run.member(number as usize)[shared..];
            let bytes = rest.first_chunk().copied().unwrap_or_else(|| {
                let mut bytes = [0; 8];
                bytes[..rest.len()].copy_from_slice(rest);
                bytes
            });
            SortEntry { score: run.key(number as usize), bytes: u64::from_be_bytes(bytes), number }
        };
        let mut entries: Vec<_> = numbers.map(entry).collect();
        // The stable sort is used because it merges ranges that are already in order.
        entries.sort_by(|one, other| {
            let by_numbers = one.score.cmp(&other.score).then(one.bytes.cmp(&other.bytes));
            by_numbers.then_with(|| by_members(run, one, other))
        });
        Self { run, entries }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], Score)> {
        self.entries.iter().map(|entry| (self.run.member(entry.number as usize), entry.score))
    }

    /// Packs the entries into leaves.
    pub(super) fn leaves(&self) -> Vec<ScoreBlock> {
        let mut leaves = Vec::with_capacity(self.entries.len() / LEAF_FILL + 1);
        let mut leaf = ScoreRun::default();
        let mut bytes = 0;
        for entry in &self.entries {
            let number = entry.number as usize;
            let member = self.run.member(number);
            let is_long = bytes + member.len() > LEAF_BYTES_FILL && leaf.len() > 0;
            if leaf.len() == LEAF_FILL || is_long {
                leaves.push(ScoreBlock::pack(&leaf, 0..leaf.len()));
                leaf.clear();
                bytes = 0;
            }
            bytes += member.len();
            leaf.push(entry.score, member, self.run.tag(number));
        }
        if leaf.len() > 0 {
            leaves.push(ScoreBlock::pack(&leaf, 0..leaf.len()));
        }
        leaves
    }
}

#[cold]
fn by_members(run: &ScoreRun, one: &SortEntry, other: &SortEntry) -> Ordering {
    run.member(one.number as usize).cmp(run.member(other.number as usize))
}

/// The length of the common prefix of all members.
fn shared_bytes<'a>(mut members: impl Iterator<Item = &'a [u8]>) -> usize {
    let Some(mut shared) = members.next() else { return 0 };
    for member in members {
        if !member.starts_with(shared) {
            let same = shared.iter().zip(member).take_while(|(one, other)| one == other).count();
            shared = &shared[..same];
        }
    }
    shared.len()
}
