//! A board read from its best member on, as leaderboards show it: place 0 is the best.
//!
//! What "best" means is decided here and nowhere above: the questions of leaderboards (LB.TOP, LB.RANK and the others) use
//! places and scores alone.

use super::{Board, BoardExcerpt, Points, Scores};
use crate::ranking::{Bound, Order};
use crate::text::name_run::NameRun;
use std::ops::Range;

/// A board in the order of its places.
///
/// `n` below is the number of members. Ranges of places must satisfy `start <= end <= len`.
#[derive(Clone, Copy, Debug)]
pub struct BestFirst<'b> {
    board: &'b Board,
    /// The direction in which the best members come first.
    order: Order,
}

impl<'b> BestFirst<'b> {
    /// The places of `board`. O(1).
    #[must_use]
    pub fn of(board: &'b Board) -> Self {
        Self { board, order: board.best_first() }
    }

    /// The number of members. O(1).
    #[must_use]
    pub fn len(self) -> usize {
        self.board.len()
    }

    /// Whether there is no member. O(1).
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.board.is_empty()
    }

    /// The member's place, and its score. O(log n).
    #[must_use]
    pub fn place(self, member: &[u8]) -> Option<(usize, Points)> {
        self.board.rank(member, self.order)
    }

    /// As [`Board::prefetch_members`], for members whose places will be read.
    pub fn prefetch_places<'a>(self, members: impl Iterator<Item = &'a [u8]> + Clone) {
        self.board.prefetch_ranks(members);
    }

    /// The number of members whose score is better. O(log n).
    #[must_use]
    pub fn better_than(self, score: Points) -> usize {
        match self.order {
            Order::Ascending => self.board.position(Bound::BelowScore(score)),
            Order::Descending => self.len() - self.board.position(Bound::AboveScore(score)),
        }
    }

    /// The number of members whose score is not worse. O(log n).
    #[must_use]
    pub fn up_to(self, score: Points) -> usize {
        match self.order {
            Order::Ascending => self.board.position(Bound::AboveScore(score)),
            Order::Descending => self.len() - self.board.position(Bound::BelowScore(score)),
        }
    }

    /// Whether who reached a score first is better.
    #[must_use]
    pub fn has_moments(self) -> bool {
        self.board.has_moments()
    }

    /// When the member reached its score, in unix milliseconds. O(1).
    #[must_use]
    pub fn reached_ms(self, member: &[u8]) -> Option<u64> {
        self.board.attained(member).map(|attained| attained.moment.unix_ms())
    }

    /// The place that a new member with this score would get: behind its equals, if who reached a score first is better.
    /// Otherwise the order of names decides among equals, and this is the first of the places that it could get. O(log n).
    #[must_use]
    pub fn place_of_new(self, score: Points) -> usize {
        if self.board.has_moments() { self.up_to(score) } else { self.better_than(score) }
    }

    /// Calls `visit` for the members at `places`, the best first. O(log n + members visited).
    pub fn visit(self, places: Range<usize>, visit: impl FnMut(&[u8], Points)) {
        self.board.visit(self.ranks(places), self.order, visit);
    }

    /// As [`BestFirst::visit`], but `visit` gets a run of members and scores at a time.
    pub fn visit_runs(self, places: Range<usize>, visit: impl FnMut(&NameRun<'_>, Scores<'_>)) {
        self.board.visit_runs(self.ranks(places), self.order, visit);
    }

    /// A copy of the members at `places`, as of [`Board::excerpt`].
    #[must_use]
    pub fn excerpt(self, places: Range<usize>) -> BoardExcerpt {
        self.board.excerpt(self.ranks(places), self.order)
    }

    /// The ascending ranks of `places`.
    fn ranks(self, places: Range<usize>) -> Range<usize> {
        match self.order {
            Order::Ascending => places,
            Order::Descending => self.len() - places.end..self.len() - places.start,
        }
    }
}

/// Counts the different scores in front of places. The places must be asked for in ascending order.
#[derive(Clone, Copy, Debug)]
pub struct ScoreSteps<'b> {
    board: BestFirst<'b>,
    /// The members in front of this place have been counted.
    at: usize,
    counted: usize,
    last: Option<Points>,
}

/// The fewest members that are looked at before the count may leap over equal scores.
const FEWEST_STEPS: usize = 32;

impl<'b> ScoreSteps<'b> {
    /// Begins at the best place.
    #[must_use]
    pub fn new(board: BestFirst<'b>) -> Self {
        Self { board, at: 0, counted: 0, last: None }
    }

    /// The number of different scores in front of `place`. It reads the members in between, and leaps over those that share
    /// a score where they are many. Before each part it calls `announce` with the number of members of the part.
    ///
    /// # Errors
    /// Those of `announce`.
    pub fn before<E>(
        &mut self,
        place: usize,
        mut announce: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<usize, E> {
        let mut steps = FEWEST_STEPS;
        while self.at < place {
            let end = place.min(self.at + steps);
            announce(end - self.at)?;
            let (mut counted, mut last) = (0, self.last);
            self.board.visit_runs(self.at..end, |_, scores| {
                for index in 0..scores.len() {
                    let score = scores.at(index);
                    counted += usize::from(last != Some(score));
                    last = Some(score);
                }
            });
            (self.at, self.last) = (end, last);
            self.counted += counted;
            if counted <= 1 {
                let leap = last.map_or(end, |score| self.board.up_to(score));
                self.at = leap.clamp(end, place);
                steps = FEWEST_STEPS;
            } else {
                steps = (steps * 2).min(crate::limits::MEMBERS_PER_LOCK);
            }
        }
        Ok(self.counted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::chance::Chance;
    use crate::ranking::{RankedMembers, Score};
    use crate::store::values::stored::Stored;
    use std::convert::Infallible;

    /// Runs of equal scores of every length, from one member to thousands.
    #[test]
    fn different_scores_are_counted_in_front_of_every_place() {
        let mut chance = Chance::seeded(4);
        for longest in [1, 3, 40, 900] {
            let mut board = Board::with_seed(1);
            let (mut number, mut score) = (0, 0);
            while number < 5_000 {
                for _ in 0..=chance.below(longest) {
                    board
                        .ranking_mut()
                        .unwrap()
                        .update(format!("m{number}").as_bytes(), |_| Score::new(f64::from(score)));
                    number += 1;
                }
                score += 1;
            }
            let board = BestFirst::of(&board);
            let mut scores = Vec::new();
            board.visit(0..board.len(), |_, score| scores.push(score));
            let before = |place: usize| {
                let mut before = scores[..place].to_vec();
                before.dedup();
                before.len()
            };
            let (mut steps, mut place) = (ScoreSteps::new(board), 0);
            while place < board.len() {
                let counted = steps.before(place, |_| Ok::<_, Infallible>(())).unwrap();
                assert_eq!(counted, before(place), "{place} of {}", board.len());
                place += chance.below(300) as usize;
            }
            let mut looked_at = 0;
            let all = ScoreSteps::new(board).before(board.len(), |members| {
                looked_at += members;
                Ok::<_, Infallible>(())
            });
            assert_eq!(all, Ok(before(board.len())));
            assert!(longest < 900 || looked_at < 5_000 / 2, "it read {looked_at} members and leapt over few");
            assert!(ScoreSteps::new(board).before(board.len(), |_| Err(())).is_err());
        }
    }
}
