//! [`Excerpt`]: a range of a ranking as it stood at one moment, copied in its packed form.
//!
//! For whoever has to give the ranking back before the members can be used: bytes are copied in a fraction of the time
//! that it takes to write members out, and to a fraction of the memory.

use std::collections::VecDeque;
use std::mem::size_of;
use std::ops::Range;

use super::BlockRanking;
use crate::ranking::Order;
use crate::ranking::block::Block;
use crate::ranking::key::{Score, SortKey};
use crate::text::name_run::NameRun;

/// Members and keys copied out of a ranking.
#[derive(Debug)]
pub struct Excerpt<K: SortKey = Score> {
    /// What has not been shown yet: blocks in the order in which they are shown, and which of their entries.
    blocks: VecDeque<(Block<K>, Range<usize>)>,
    block_bytes: usize,
    order: Order,
}

impl<K: SortKey> BlockRanking<K> {
    /// Copies the members of ascending ranks `ranks`, to be shown from the low end or the high end as `order` says.
    /// O(log n + members copied), at a few nanoseconds a member.
    #[must_use]
    pub fn excerpt(&self, ranks: Range<usize>, order: Order) -> Excerpt<K> {
        let mut excerpt = Excerpt { blocks: VecDeque::new(), block_bytes: 0, order };
        self.visit_blocks(ranks, order, |block, entries| {
            let copy = block.trimmed();
            excerpt.block_bytes += copy.allocated_bytes();
            excerpt.blocks.push_back((copy, entries));
        });
        excerpt
    }
}

impl<K: SortKey> Excerpt<K> {
    /// Shows the members and keys of the next block, a run of them at a time, and frees it. Returns whether there are
    /// more.
    pub fn visit_block(&mut self, mut visit: impl FnMut(&NameRun<'_>, &[K])) -> bool {
        if let Some((block, entries)) = self.blocks.pop_front() {
            self.block_bytes -= block.allocated_bytes();
            block.visit_runs(entries, self.order, &mut visit);
        }
        !self.blocks.is_empty()
    }

    /// The bytes of memory that what has not been shown takes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.block_bytes + self.blocks.capacity() * size_of::<(Block<K>, Range<usize>)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranking::{RankedMembers, Ranking};

    fn members(ranking: &Ranking, ranks: Range<usize>, order: Order) -> Vec<(Vec<u8>, Score)> {
        let mut members = Vec::new();
        ranking.visit(ranks, order, |member, score| members.push((member.to_vec(), score)));
        members
    }

    #[test]
    fn an_excerpt_shows_what_was_there_after_it_is_gone() {
        for len in [0, 1, 50, 1000] {
            let mut ranking = Ranking::with_seed(1);
            for number in 0..len {
                let name = if number % 5 == 0 { format!("{number:x}-") } else { format!("user:{number:09}") };
                ranking.update(name.as_bytes(), |_| Score::new(f64::from(number * 7 % 64) / 4.0));
            }
            let len = ranking.len();
            let ranges =
                [0..len, 0..0, len / 3..len / 2, len / 2..len, len / 2..len / 2 + usize::from(len > 0)];
            let mut excerpts = Vec::new();
            for ranks in ranges {
                for order in [Order::Ascending, Order::Descending] {
                    let expected = members(&ranking, ranks.clone(), order);
                    excerpts.push((ranking.excerpt(ranks.clone(), order), expected));
                }
            }
            ranking.remove_range(0..len, |_, _| {});
            for (mut excerpt, expected) in excerpts {
                let mut shown = Vec::new();
                let mut bytes = excerpt.memory_bytes();
                while excerpt.visit_block(|members, scores| {
                    let mut scores = scores.iter();
                    members.for_each(&mut Vec::new(), |member| {
                        shown.push((member.to_vec(), *scores.next().expect("a score for each member")));
                    });
                }) {
                    assert!(excerpt.memory_bytes() < bytes, "what has been shown is freed");
                    bytes = excerpt.memory_bytes();
                }
                assert_eq!(shown, expected);
            }
        }
    }
}
