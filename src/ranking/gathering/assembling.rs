//! Assembles one ranking from parts, on several threads. A thread takes a stretch of the ranking and merges the entries of
//! all parts for it.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::sorting::{ScoreBlock, ScoreRun, Sorted};
use crate::ranking::block::{SearchKey, Tie};
use crate::ranking::{Ranking, RankingBuilder, Score};

/// Entries of a stretch: they fit the private cache of a processor. Tests use small stretches to have many.
const STRETCH: usize = if cfg!(test) { 300 } else { 64 * 1024 };

/// The members of a part, in order.
#[derive(Debug)]
pub struct SortedPart {
    leaves: Vec<ScoreBlock>,
    len: usize,
    /// How many leaves, from the first on, have been freed.
    freed: usize,
}

/// A position in a part: a leaf and an entry of it.
type PartPosition = (usize, usize);

impl SortedPart {
    pub(super) fn new(leaves: Vec<ScoreBlock>) -> Self {
        let len = leaves.iter().map(ScoreBlock::len).sum();
        Self { leaves, len, freed: 0 }
    }

    /// The position of the first entry that is not below (score, member).
    fn cut(&self, key: Score, member: &[u8]) -> PartPosition {
        let target = SearchKey { key, tie: Tie::Below(member) };
        let above = self.leaves.partition_point(|leaf| leaf.position(&target) > 0);
        match above.checked_sub(1) {
            Some(leaf) => (leaf, self.leaves[leaf].position(&target)),
            None => (0, 0),
        }
    }

    /// Frees the leaves before this one, which are no longer needed.
    fn free(&mut self, leaf: usize) {
        self.leaves[self.freed..leaf].fill_with(ScoreBlock::default);
        self.freed = leaf;
    }

    /// Appends the entries between two cuts to `run`.
    fn unpack(&self, from: PartPosition, to: PartPosition, run: &mut ScoreRun) {
        for leaf in from.0..=to.0 {
            let Some(block) = self.leaves.get(leaf) else { return };
            let start = if leaf == from.0 { from.1 } else { 0 };
            let end = if leaf == to.0 { to.1 } else { block.len() };
            block.unpack(start..end, run);
        }
    }
}

/// The ranking of all members of `parts`. A member must be in one part only. `seed` is that of the parts.
#[must_use]
pub fn assemble(seed: u64, mut parts: Vec<SortedPart>, threads: usize) -> Ranking {
    let cuts = cuts(&parts);
    let mut builder = RankingBuilder::with_seed(seed);
    let mut first = 0;
    // Enough stretches at a time that the threads finish together, and few enough that entries which are both in a part
    // and in a stretch take little memory.
    while first + 1 < cuts.len() {
        let last = (first + 4 * threads).min(cuts.len() - 1);
        for stretch in merged_stretches(&parts, &cuts[first..=last], threads) {
            stretch.into_iter().for_each(|leaf| builder.append(leaf));
        }
        for (part, &(leaf, _)) in parts.iter_mut().zip(&cuts[last]) {
            part.free(leaf);
        }
        first = last;
    }
    drop(parts);
    builder.finish()
}

/// The leaves of the stretches between neighbouring cuts.
fn merged_stretches(
    parts: &[SortedPart],
    cuts: &[Vec<PartPosition>],
    threads: usize,
) -> Vec<Vec<ScoreBlock>> {
    let next = AtomicUsize::new(0);
    let take_some = || {
        let mut run = ScoreRun::default();
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some([from, to]) = cuts.get(number..number + 2) else { return done };
            done.push((number, merged(parts, from, to, &mut run)));
        }
    };
    let mut stretches = vec![Vec::new(); cuts.len() - 1];
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(take_some)).collect();
        for thread in threads {
            // A panic of that thread is passed on.
            let done = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            done.into_iter().for_each(|(number, leaves)| stretches[number] = leaves);
        }
    });
    stretches
}

/// The positions in each part where stretches begin and end. Members are distributed to parts by hash, so the largest part
/// represents the whole ranking well.
fn cuts(parts: &[SortedPart]) -> Vec<Vec<PartPosition>> {
    let total: usize = parts.iter().map(|part| part.len).sum();
    let mut cuts = vec![vec![(0, 0); parts.len()]];
    if let Some(largest) = parts.iter().max_by_key(|part| part.len) {
        let stretches = (total / STRETCH).clamp(1, largest.leaves.len().max(1));
        let mut member = Vec::new();
        for number in 1..stretches {
            let leaf = &largest.leaves[number * largest.leaves.len() / stretches];
            member.clear();
            leaf.write_member(0, &mut member);
            cuts.push(parts.iter().map(|part| part.cut(leaf.key(0), &member)).collect());
        }
    }
    cuts.push(parts.iter().map(|part| (part.leaves.len(), 0)).collect());
    cuts
}

/// The leaves of one stretch. `run` is scratch memory.
fn merged(
    parts: &[SortedPart],
    from: &[PartPosition],
    to: &[PartPosition],
    run: &mut ScoreRun,
) -> Vec<ScoreBlock> {
    run.clear();
    for (part, (&from, &to)) in parts.iter().zip(from.iter().zip(to)) {
        part.unpack(from, to, run);
    }
    Sorted::new(run, 0..run.len() as u32).leaves()
}
