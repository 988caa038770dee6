//! Unions, intersections and differences of sorted sets and sets.
//!
//! Inputs are visited a window at a time. What a window's members will touch in the other inputs is loaded ahead, so that a
//! look-up costs little more than a visit. Results are not sorted.

use super::entries::{Entries, IndexedEntries};
use crate::commands::call::error::CommandError;
use crate::machine::chance::Chance;
use crate::ranking::{Order, Score};
use crate::store::{Board, Members, Reader, Value};
use std::ops::ControlFlow;

/// Members visited at a time: about as many as a processor can have loads outstanding.
const WINDOW: usize = 32;

/// How the scores that a member has in several inputs become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregate {
    /// Their sum.
    Sum,
    /// The lowest.
    Min,
    /// The highest.
    Max,
    /// The sum of the weights of the inputs that hold the member, whatever its scores.
    Count,
}

impl Aggregate {
    /// What a member with this score contributes from an input of this weight. NaN for 0 times infinity.
    fn weighted(self, weight: f64, score: Score) -> f64 {
        if self == Self::Count { weight } else { weight * score.get() }
    }

    /// `total` aggregated with `value`. As in Redis, a sum that would be NaN (infinity less infinity) is 0, so the order of
    /// the inputs matters, and a value that is NaN does not change the lowest or the highest.
    fn join(self, total: Score, value: f64) -> Score {
        let total = total.get();
        score_or_zero(match self {
            Self::Sum | Self::Count => total + value,
            Self::Min if value < total => value,
            Self::Max if value > total => value,
            Self::Min | Self::Max => total,
        })
    }
}

fn score_or_zero(value: f64) -> Score {
    Score::new(value).unwrap_or_default()
}

/// A sorted set, a set or nothing, and how much its scores weigh.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'h> {
    source: Source<'h>,
    /// Scores are multiplied by it.
    pub(super) weight: f64,
}

#[derive(Clone, Copy, Debug)]
enum Source<'h> {
    Missing,
    Board(&'h Board),
    /// Each member has score 1.
    Set(&'h Members),
}

/// The score of every member of a set.
const SET_SCORE: f64 = 1.0;

impl<'h> Input<'h> {
    /// The value at `key`, with weight 1.
    pub(super) fn at(keys: Reader<'h>, key: &[u8]) -> Result<Self, CommandError> {
        let source = match keys.value(key) {
            None => Source::Missing,
            Some(Value::SortedSet(board)) => Source::Board(board),
            Some(Value::Set(members)) => Source::Set(members),
            Some(_) => return Err(CommandError::WRONG_TYPE),
        };
        Ok(Self { source, weight: 1.0 })
    }

    /// The number of members.
    pub(super) fn len(&self) -> usize {
        match self.source {
            Source::Missing => 0,
            Source::Board(board) => board.len(),
            Source::Set(members) => members.len(),
        }
    }

    fn score(&self, member: &[u8]) -> Option<Score> {
        match self.source {
            Source::Missing => None,
            Source::Board(board) => board.score(member),
            Source::Set(members) => members.contains(member).then(|| score_or_zero(SET_SCORE)),
        }
    }

    fn prefetch<'a>(&self, members: impl Iterator<Item = &'a [u8]> + Clone) {
        if let Source::Board(board) = self.source {
            board.prefetch_members(members);
        }
    }

    /// Calls `visit` with copies of all members, a window at a time, until it returns `Break`.
    fn for_each_window(&self, mut visit: impl FnMut(&mut Entries) -> ControlFlow<()>) {
        let mut window = Entries::default();
        match self.source {
            Source::Missing => {}
            Source::Board(board) => {
                for start in (0..board.len()).step_by(WINDOW) {
                    window.clear();
                    let end = board.len().min(start + WINDOW);
                    board.visit(start..end, Order::Ascending, |member, score| window.push(member, score));
                    if visit(&mut window).is_break() {
                        return;
                    }
                }
            }
            Source::Set(members) => {
                let (mut rest, mut digits) = (members.iter().peekable(), itoa::Buffer::new());
                while rest.peek().is_some() {
                    window.clear();
                    let next = rest.by_ref().take(WINDOW);
                    next.for_each(|member| window.push(member.bytes(&mut digits), score_or_zero(SET_SCORE)));
                    if visit(&mut window).is_break() {
                        return;
                    }
                }
            }
        }
    }
}

/// The members of any of `inputs`. O(n) in the members of all inputs.
pub(super) fn union(inputs: &[Input<'_>], aggregate: Aggregate) -> Entries {
    let [input] = inputs else { return indexed_union(inputs, aggregate).into_entries() };
    // A single input needs no look-ups. Its copy is mostly sorted already.
    let mut union = Entries::default();
    input.for_each_window(|window| {
        let weighted = |score| score_or_zero(aggregate.weighted(input.weight, score));
        window.iter().for_each(|(member, score)| union.push(member, weighted(score)));
        ControlFlow::Continue(())
    });
    union
}

fn indexed_union(inputs: &[Input<'_>], aggregate: Aggregate) -> IndexedEntries {
    let room = inputs.iter().map(Input::len).max().unwrap_or(0);
    let mut union = IndexedEntries::new(room, Chance::drawn().next_u64());
    for input in inputs {
        input.for_each_window(|window| {
            for (member, score) in window.iter() {
                let value = score_or_zero(aggregate.weighted(input.weight, score));
                union.add(member, value, |total| aggregate.join(total, value.get()));
            }
            ControlFlow::Continue(())
        });
    }
    union
}

/// Calls `visit` with windows of the members that all `inputs` have, until it returns `Break`. O(n * inputs) in the members
/// of the first input, which should be the smallest.
pub(super) fn intersect(
    inputs: &[Input<'_>],
    aggregate: Aggregate,
    mut visit: impl FnMut(&Entries) -> ControlFlow<()>,
) {
    let Some((first, others)) = inputs.split_first() else { return };
    first.for_each_window(|window| {
        window.filter_map(|_, score| Some(score_or_zero(aggregate.weighted(first.weight, score))));
        for other in others {
            other.prefetch(window.members());
            window.filter_map(|member, total| {
                let score = other.score(member)?;
                Some(aggregate.join(total, aggregate.weighted(other.weight, score)))
            });
        }
        visit(window)
    });
}

/// The members of the first of `inputs` that no other has, with their scores in the first. O(n * inputs) in the members of
/// the first, or O(n) in the members of all inputs, whichever is less.
pub(super) fn difference(inputs: &[Input<'_>]) -> Entries {
    let mut difference = Entries::default();
    let Some((first, others)) = inputs.split_first() else { return difference };
    let probes = first.len().saturating_mul(others.len());
    let all = inputs.iter().map(Input::len).sum::<usize>();
    // If there are many small inputs, their union is made first, so that each member is looked up once.
    let joined = (probes > 2 * all).then(|| indexed_union(others, Aggregate::Count));
    first.for_each_window(|window| {
        match &joined {
            Some(joined) => window.filter_map(|member, score| (!joined.contains(member)).then_some(score)),
            None => {
                for other in others {
                    other.prefetch(window.members());
                    window.filter_map(|member, score| other.score(member).is_none().then_some(score));
                }
            }
        }
        window.iter().for_each(|(member, score)| difference.push(member, score));
        ControlFlow::Continue(())
    });
    difference
}
