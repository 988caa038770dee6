//! Unions, intersections and differences of sorted sets and sets.
//!
//! Inputs are visited a window at a time. What a window's members will touch in the other inputs is loaded ahead, so that a
//! look-up costs little more than a visit. Results are not sorted.

use super::entries::{Entries, IndexedEntries};
use super::summand::{Aggregate, Summand, Units, WholeWeight, common_digits};
use crate::commands::call::error::CommandError;
use crate::machine::chance::Chance;
use crate::ranking::{Order, Score};
use crate::store::{Board, Members, Reader, Value};
use std::ops::ControlFlow;

/// Members visited at a time: about as many as a processor can have loads outstanding.
const WINDOW: usize = 32;

/// A sorted set, a set or nothing, and how much its scores weigh.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'h> {
    source: Source<'h>,
    /// Scores are multiplied by it.
    pub(super) weight: f64,
}

/// An input with the scores and the weight that a computation uses.
#[derive(Clone, Copy, Debug)]
pub(super) struct WeighedInput<'h, S: Summand> {
    source: Source<'h>,
    weight: S::Weight,
    /// The score of a member of a set.
    set_score: S,
}

/// The inputs as all of them are computed with.
#[derive(Debug)]
pub(super) enum Weighed<'h> {
    /// As doubles.
    Floats(Vec<WeighedInput<'h, Score>>),
    /// Exactly, with so many digits: all boards have such scores, and all weights are whole.
    Exact(u8, Vec<WeighedInput<'h, Units>>),
}

impl<'h> Weighed<'h> {
    /// `inputs` as they can be computed with.
    pub(super) fn of(inputs: &[Input<'h>]) -> Self {
        let types = inputs.iter().filter_map(|input| match input.source {
            Source::Board(board) => Some(board.score_type()),
            Source::Missing | Source::Set(_) => None,
        });
        let exact = common_digits(types).and_then(|digits| {
            let of = |input: &Input<'h>| {
                let weight = WholeWeight::of(input.weight, digits)?;
                Some(WeighedInput { source: input.source, weight, set_score: Units::of_whole(1, digits) })
            };
            Some(Self::Exact(digits, inputs.iter().map(of).collect::<Option<_>>()?))
        });
        exact.unwrap_or_else(|| Self::Floats(as_floats(inputs)))
    }
}

/// `inputs` with doubles for scores.
pub(super) fn as_floats<'h>(inputs: &[Input<'h>]) -> Vec<WeighedInput<'h, Score>> {
    let set_score = Score::of_term(SET_SCORE);
    inputs.iter().map(|&Input { source, weight }| WeighedInput { source, weight, set_score }).collect()
}

#[derive(Clone, Copy, Debug)]
enum Source<'h> {
    Missing,
    Board(&'h Board),
    /// Each member has score 1.
    Set(&'h Members),
}

/// The score of every member of a set, as a double.
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
}

impl<S: Summand> WeighedInput<'_, S> {
    fn len(&self) -> usize {
        match self.source {
            Source::Missing => 0,
            Source::Board(board) => board.len(),
            Source::Set(members) => members.len(),
        }
    }

    fn score(&self, member: &[u8]) -> Option<S> {
        match self.source {
            Source::Missing => None,
            Source::Board(board) => board.score(member).map(S::of),
            Source::Set(members) => members.contains(member).then_some(self.set_score),
        }
    }

    fn prefetch<'a>(&self, members: impl Iterator<Item = &'a [u8]> + Clone) {
        if let Source::Board(board) = self.source {
            board.prefetch_members(members);
        }
    }

    /// Calls `visit` with copies of all members, a window at a time, until it returns `Break`.
    fn for_each_window(&self, mut visit: impl FnMut(&mut Entries<S>) -> ControlFlow<()>) {
        let mut window = Entries::default();
        match self.source {
            Source::Missing => {}
            Source::Board(board) => {
                for start in (0..board.len()).step_by(WINDOW) {
                    window.clear();
                    let end = board.len().min(start + WINDOW);
                    board.visit(start..end, Order::Ascending, |member, points| {
                        window.push(member, S::of(points));
                    });
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
                    next.for_each(|member| window.push(member.bytes(&mut digits), self.set_score));
                    if visit(&mut window).is_break() {
                        return;
                    }
                }
            }
        }
    }
}

/// The members of any of `inputs`. O(n) in the members of all inputs.
pub(super) fn union<S: Summand>(inputs: &[WeighedInput<'_, S>], aggregate: Aggregate) -> Entries<S> {
    let [input] = inputs else { return indexed_union(inputs, aggregate).into_entries() };
    // A single input needs no look-ups. Its copy is mostly sorted already.
    let mut union = Entries::default();
    input.for_each_window(|window| {
        let weighted = |score: S| S::of_term(score.weighted(aggregate, input.weight));
        window.iter().for_each(|(member, score)| union.push(member, weighted(score)));
        ControlFlow::Continue(())
    });
    union
}

fn indexed_union<S: Summand>(inputs: &[WeighedInput<'_, S>], aggregate: Aggregate) -> IndexedEntries<S> {
    let room = inputs.iter().map(WeighedInput::len).max().unwrap_or(0);
    let mut union = IndexedEntries::new(room, Chance::drawn().next_u64());
    for input in inputs {
        input.for_each_window(|window| {
            for (member, score) in window.iter() {
                let value = S::of_term(score.weighted(aggregate, input.weight));
                union.add(member, value, |total| total.join(aggregate, value.term()));
            }
            ControlFlow::Continue(())
        });
    }
    union
}

/// Calls `visit` with windows of the members that all `inputs` have, until it returns `Break`. O(n * inputs) in the members
/// of the first input, which should be the smallest.
pub(super) fn intersect<S: Summand>(
    inputs: &[WeighedInput<'_, S>],
    aggregate: Aggregate,
    mut visit: impl FnMut(&Entries<S>) -> ControlFlow<()>,
) {
    let Some((first, others)) = inputs.split_first() else { return };
    first.for_each_window(|window| {
        window.filter_map(|_, score| Some(S::of_term(score.weighted(aggregate, first.weight))));
        for other in others {
            other.prefetch(window.members());
            window.filter_map(|member, total| {
                let score = other.score(member)?;
                Some(total.join(aggregate, score.weighted(aggregate, other.weight)))
            });
        }
        visit(window)
    });
}

/// The members of the first of `inputs` that no other has, with their scores in the first. O(n * inputs) in the members of
/// the first, or O(n) in the members of all inputs, whichever is less.
pub(super) fn difference<S: Summand>(inputs: &[WeighedInput<'_, S>]) -> Entries<S> {
    let mut difference = Entries::default();
    let Some((first, others)) = inputs.split_first() else { return difference };
    let probes = first.len().saturating_mul(others.len());
    let all = inputs.iter().map(WeighedInput::len).sum::<usize>();
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
