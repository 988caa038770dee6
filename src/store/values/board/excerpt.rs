//! A range of a board as of one moment.

use super::keys::{KeyRules, Scores};
use super::ranked::AnyExcerpt;
use super::{Board, Content};
use crate::ranking::{Excerpt, Order};
use crate::text::name_run::NameRun;
use std::ops::Range;

impl Board {
    /// Copies the members with ascending ranks `ranks` in their compact form; the copy will be read in the direction
    /// `order`. O(log n + members copied), a few nanoseconds a member.
    #[must_use]
    pub fn excerpt(&self, ranks: Range<usize>, order: Order) -> BoardExcerpt {
        BoardExcerpt(match &self.0 {
            Content::Plain(ranking) => Copied::Plain(ranking.excerpt(ranks, order)),
            Content::Ruled(ruled) => Copied::Ruled(ruled.members.excerpt(ranks, order), ruled.key_rules()),
        })
    }
}

/// A range of a board as of one moment, copied in its packed form ([`Excerpt`]).
#[derive(Debug)]
pub struct BoardExcerpt(Copied);

#[derive(Debug)]
enum Copied {
    Plain(Excerpt),
    Ruled(AnyExcerpt, KeyRules),
}

impl BoardExcerpt {
    /// Visits the members and scores of the next block in runs, and frees the block. Returns whether more follow.
    pub fn visit_block(&mut self, mut visit: impl FnMut(&NameRun<'_>, Scores<'_>)) -> bool {
        match &mut self.0 {
            Copied::Plain(excerpt) => {
                excerpt.visit_block(|names, scores| visit(names, Scores::Floats(scores)))
            }
            Copied::Ruled(excerpt, rules) => excerpt.visit_block(*rules, &mut visit),
        }
    }

    /// The memory of the blocks that have not been visited, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        match &self.0 {
            Copied::Plain(excerpt) => excerpt.memory_bytes(),
            Copied::Ruled(excerpt, _) => excerpt.memory_bytes(),
        }
    }
}
