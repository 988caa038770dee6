//! Gathers many changes of a ranking that is not read yet, and builds the ranking at the end.
//!
//! Inserting members into a large ranking one by one waits for memory many times. A gathering instead stores the changes in
//! the order of arrival (a new score, or the removal of a member), packed, in chunks of some hundreds. The last change of
//! each member, and the order of the members, are computed for many members at once. The invariant: of two entries with the
//! same member, the one in the later chunk, or later in its chunk, arrived later.
//!
//! Repeated changes of the same members would accumulate. A filter counts the different members, never too high. When there
//! are more than twice as many entries, only the last entry of each member is kept.
//!
//! A large ranking can be gathered in parts on several threads, each with the members that hash to it. [`assemble`] builds
//! the ranking from the parts.

mod assembling;
mod filter;
mod sorting;

pub use assembling::{SortedPart, assemble};

use super::member_hash::{MemberHasher, tag_of};

use super::{RankedMembers, Ranking, RankingBuilder, Score};
use filter::Filter;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use sorting::{ScoreBlock, ScoreRun, Sorted};

/// Fewest and most entries of a chunk. Between these limits the size is a fixed share of the packed entries.
const CHUNK_MIN: usize = 64;
const CHUNK_MAX: usize = 512;

/// A chunk of long members is closed early.
const CHUNK_BYTES: usize = 32 * 1024;

/// Entries that may accumulate beyond twice the number of members.
const SETTLE_MIN: usize = 1024;

/// Entries in the order of arrival.
#[derive(Debug)]
struct Chunk {
    block: ScoreBlock,
    /// Which entries are removals. Empty if none is.
    removed: Box<[bool]>,
}

/// The gathered changes of a ranking, or of a part of its members. See the module.
#[derive(Debug)]
pub struct Gathering {
    seed: u64,
    hasher: MemberHasher,
    chunks: Vec<Chunk>,
    /// The number of entries in `chunks`.
    packed: usize,
    /// The chunk that is not packed yet.
    open: ScoreRun,
    open_bytes: usize,
    open_removed: Vec<bool>,
    filter: Filter,
}

impl Gathering {
    /// A gathering without members, for a ranking with this `seed`.
    #[must_use]
    pub fn with_seed(seed: u64) -> Self {
        Self {
            seed,
            hasher: MemberHasher::with_seed(seed),
            chunks: Vec::new(),
            packed: 0,
            open: ScoreRun::default(),
            open_bytes: 0,
            open_removed: Vec::new(),
            filter: Filter::for_members(0),
        }
    }

    /// A gathering that begins with the members of `ranking`.
    #[must_use]
    pub fn of(seed: u64, ranking: &Ranking) -> Self {
        let mut gathering = Self::with_seed(seed);
        gathering.filter = Filter::for_members(ranking.len());
        ranking.visit(0..ranking.len(), super::Order::Ascending, |member, score| {
            gathering.push(member, Some(score));
        });
        gathering
    }

    /// Adds a change: the new score of the member, or its removal.
    pub fn push(&mut self, member: &[u8], score: Option<Score>) {
        let hash = self.hasher.hash(member);
        self.filter.note(hash);
        if score.is_none() || !self.open_removed.is_empty() {
            self.open_removed.resize(self.open.len(), false);
            self.open_removed.push(score.is_none());
        }
        self.open.push(score.unwrap_or_default(), member, tag_of(hash));
        self.open_bytes += member.len();
        let is_full = self.open.len() >= (self.packed / 16).clamp(CHUNK_MIN, CHUNK_MAX);
        if is_full || self.open_bytes > CHUNK_BYTES {
            self.close_chunk();
            if self.packed > 2 * self.filter.members() + SETTLE_MIN {
                self.settle();
            }
        }
    }

    /// The approximate number of members. It includes members that were removed recently, and may miss some of very many
    /// new ones.
    #[must_use]
    pub fn members(&self) -> usize {
        self.filter.members()
    }

    /// Calls `visit` with the changes that are still relevant, in their order: a member and its new score, `None` if it was
    /// removed.
    pub fn replay(mut self, mut visit: impl FnMut(&[u8], Option<Score>)) {
        self.close_chunk();
        let mut run = ScoreRun::default();
        for chunk in std::mem::take(&mut self.chunks) {
            run.clear();
            chunk.block.unpack(0..chunk.block.len(), &mut run);
            for i in 0..run.len() {
                let is_removed = chunk.removed.get(i).is_some_and(|&removed| removed);
                visit(run.member(i), (!is_removed).then(|| run.key(i)));
            }
        }
    }

    /// Builds the ranking.
    #[must_use]
    pub fn finish(mut self) -> Ranking {
        let mut builder = RankingBuilder::with_seed(self.seed);
        let mut run = ScoreRun::default();
        let last = self.take_last(&mut run);
        for (member, score) in Sorted::new(&run, last.iter().copied()).iter() {
            builder.push(member, score);
        }
        drop(run);
        builder.finish()
    }

    /// The sorted members of this part, for [`assemble`]. Several parts may use the same scratch memory in turn.
    #[must_use]
    pub fn sort(mut self, Scratch(run): &mut Scratch) -> SortedPart {
        run.clear();
        let last = self.take_last(run);
        SortedPart::new(Sorted::new(run, last.iter().copied()).leaves())
    }

    fn close_chunk(&mut self) {
        let len = self.open.len();
        if len == 0 {
            return;
        }
        let block = ScoreBlock::pack(&self.open, 0..len).trimmed();
        self.chunks.push(Chunk { block, removed: std::mem::take(&mut self.open_removed).into() });
        self.packed += len;
        self.open.clear();
        self.open_bytes = 0;
    }

    /// Keeps the last entry of each member only.
    fn settle(&mut self) {
        let mut run = ScoreRun::default();
        let last = self.take_last(&mut run);
        self.filter = Filter::for_members(last.len());
        for &number in &last {
            self.filter.note(self.hasher.hash(run.member(number as usize)));
        }
        self.packed = last.len();
        let leaves = Sorted::new(&run, last.iter().copied()).leaves();
        self.chunks = leaves.into_iter().map(|block| Chunk { block, removed: Box::default() }).collect();
    }

    /// Moves all entries into `run`, which must be empty. Returns the numbers of the last entries of members that exist, in
    /// the order of arrival, which may already be the order of the ranking.
    fn take_last(&mut self, run: &mut ScoreRun) -> Vec<u32> {
        self.close_chunk();
        let mut removed = Vec::new();
        for chunk in std::mem::take(&mut self.chunks) {
            chunk.block.unpack(0..chunk.block.len(), run);
            if !chunk.removed.is_empty() {
                removed.resize(run.len() - chunk.removed.len(), false);
                removed.extend_from_slice(&chunk.removed);
            }
        }
        self.packed = 0;
        let run = &*run;
        let expected = run.len().min(self.filter.members() * 5 / 4);
        let mut found = HashTable::<u32>::with_capacity(expected);
        let mut last = Vec::with_capacity(expected);
        for i in (0..run.len()).rev() {
            let member = run.member(i);
            let same = |&other: &u32| run.member(other as usize) == member;
            let rehash = |&other: &u32| self.hasher.hash(run.member(other as usize));
            let number = u32::try_from(i).expect("a part has fewer than 2^32 entries");
            if let Entry::Vacant(vacant) = found.entry(self.hasher.hash(member), same, rehash) {
                vacant.insert(number);
                if !removed.get(i).is_some_and(|&removed| removed) {
                    last.push(number);
                }
            }
        }
        last.reverse();
        last
    }
}

/// Reusable scratch memory.
#[derive(Debug, Default)]
pub struct Scratch(ScoreRun);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::chance::Chance;
    use crate::ranking::Order;
    use std::collections::BTreeMap;

    const SEED: u64 = 5;

    /// Names that blocks encode as numbers and as text, some of which are prefixes of others, and a few long ones.
    fn member(number: u64) -> Vec<u8> {
        match number % 7 {
            0 => format!("{number}").into_bytes(),
            1 => vec![0; number as usize % 50],
            2 => format!("player-{}-{}", number, "x".repeat(number as usize % 90)).into_bytes(),
            _ => format!("user:{number:09}").into_bytes(),
        }
    }

    #[test]
    fn a_ranking_gathered_whole_or_in_parts_has_the_last_scores() {
        for seed in 0..12 {
            let mut chance = Chance::seeded(seed);
            let members = 1 + chance.below(6_000);
            let mut scores = BTreeMap::new();
            let mut whole = Gathering::with_seed(SEED);
            let count = 1 + chance.below(5) as usize;
            let mut parts: Vec<_> = (0..count).map(|_| Gathering::with_seed(SEED)).collect();
            for _ in 0..chance.below(30_000) {
                let number = chance.below(members);
                let member = member(number);
                let score = match chance.below(10) {
                    0 => None,
                    1 => Score::new(f64::INFINITY),
                    2 => Score::new(chance.below(1000) as f64 / 8.0),
                    _ => Score::new(chance.below(300) as f64),
                };
                whole.push(&member, score);
                parts[whole.hasher.hash(&member) as usize % count].push(&member, score);
                match score {
                    Some(score) => scores.insert(member, score),
                    None => scores.remove(&member),
                };
            }
            let mut expected: Vec<_> = scores.into_iter().map(|(member, score)| (score, member)).collect();
            expected.sort();
            let mut replayed = Gathering::with_seed(SEED);
            let again = std::mem::replace(&mut whole, Gathering::with_seed(SEED));
            again.replay(|member, score| {
                replayed.push(member, score);
                whole.push(member, score);
            });
            let mut scratch = Scratch::default();
            let parts: Vec<_> = parts.into_iter().map(|part| part.sort(&mut scratch)).collect();
            let built = [whole.finish(), replayed.finish(), assemble(SEED, parts, count)];
            for ranking in built {
                ranking.check_invariants();
                let mut entries = Vec::new();
                ranking.visit(0..ranking.len(), Order::Ascending, |member, score| {
                    entries.push((score, member.to_vec()));
                });
                assert!(entries == expected, "seed {seed}");
            }
        }
    }
}
