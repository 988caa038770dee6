//! Commands that combine several sorted sets and sets: ZUNION, ZINTER, ZDIFF, their STORE forms, and ZINTERCARD.
//!
//! The inputs are read as a snapshot, so their shards are locked until the result is sorted. docs/compatibility.md has the
//! figures.

use super::algebra;
use super::algebra::{Input, Weighed, WeighedInput};
use super::entries::Entries;
use super::summand::{Aggregate, Summand, Units};
use crate::commands::call::error::{CommandError, Outcome, Stop};
use crate::commands::call::points::PointsReply;
use crate::commands::call::{Call, parse_score, text};
use crate::commands::spec::{CommandSpec, Flag, Group, Handler, KeyFlag, Keys};
use crate::resp::reply::{Reply, ReplySource};
use crate::store::{Board, Points, Reader, SubmitError, Writer};
use std::ops::ControlFlow;

/// Bytes of members that are written at a time, unless one member is longer. Small, so that the pieces of a large reply have
/// about the same size.
const WRITTEN_AT_ONCE_BYTES: usize = 8 * 1024;

const READ: CommandSpec = CommandSpec {
    group: Group::SortedSet,
    since: "6.2.0",
    flags: &[Flag::Readonly],
    keys: Keys::Counted { count: 1, access: &[KeyFlag::Ro, KeyFlag::Access] },
    arity: -3,
    ..CommandSpec::BASE
};

const STORE: CommandSpec = CommandSpec {
    group: Group::SortedSet,
    since: "2.0.0",
    flags: &[Flag::Write, Flag::Denyoom],
    keys: Keys::Store { sources: &Keys::Counted { count: 2, access: &[KeyFlag::Ro, KeyFlag::Access] } },
    arity: -4,
    ..CommandSpec::BASE
};

const UNION_COST: &str = "O(N) + O(M log M) with N members in all inputs and M in the result";
const INTERSECTION_COST: &str =
    "O(N * K) + O(M log M) with N members in the smallest of K inputs and M in the result";
const DIFFERENCE_COST: &str = "O(N) + O(M log M) with N members in all inputs and M in the result";

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "zunion",
        syntax: "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX | COUNT>] \
                 [WITHSCORES]",
        summary: "Returns the members of any of several sorted sets",
        complexity: UNION_COST,
        run: Handler::Read(|keys, call, reply| send(keys, call, reply, Operation::Union)),
        ..READ
    },
    CommandSpec {
        name: "zinter",
        syntax: "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX | COUNT>] \
                 [WITHSCORES]",
        summary: "Returns the members of all of several sorted sets",
        complexity: INTERSECTION_COST,
        run: Handler::Read(|keys, call, reply| send(keys, call, reply, Operation::Intersection)),
        ..READ
    },
    CommandSpec {
        name: "zdiff",
        syntax: "numkeys key [key ...] [WITHSCORES]",
        summary: "Returns the members of the first sorted set that are in no other",
        complexity: DIFFERENCE_COST,
        run: Handler::Read(|keys, call, reply| send(keys, call, reply, Operation::Difference)),
        ..READ
    },
    CommandSpec {
        name: "zunionstore",
        syntax: "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] \
                 [AGGREGATE <SUM | MIN | MAX | COUNT>]",
        summary: "Stores the members of any of several sorted sets",
        complexity: UNION_COST,
        run: Handler::Write(|keys, call, reply| store(keys, call, reply, Operation::Union)),
        ..STORE
    },
    CommandSpec {
        name: "zinterstore",
        syntax: "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] \
                 [AGGREGATE <SUM | MIN | MAX | COUNT>]",
        summary: "Stores the members of all of several sorted sets",
        complexity: INTERSECTION_COST,
        run: Handler::Write(|keys, call, reply| store(keys, call, reply, Operation::Intersection)),
        ..STORE
    },
    CommandSpec {
        name: "zdiffstore",
        syntax: "destination numkeys key [key ...]",
        summary: "Stores the members of the first sorted set that are in no other",
        since: "6.2.0",
        complexity: DIFFERENCE_COST,
        run: Handler::Write(|keys, call, reply| store(keys, call, reply, Operation::Difference)),
        ..STORE
    },
    CommandSpec {
        name: "zintercard",
        syntax: "numkeys key [key ...] [LIMIT limit]",
        summary: "Counts the members of all of several sorted sets",
        since: "7.0.0",
        complexity: "O(N * K) with N members in the smallest of K inputs",
        run: Handler::Read(zintercard),
        ..READ
    },
];

/// How inputs are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

impl Operation {
    /// The event of storing its result.
    fn stored_event(self) -> &'static str {
        match self {
            Self::Union => "zunionstore",
            Self::Intersection => "zinterstore",
            Self::Difference => "zdiffstore",
        }
    }
}

/// What is done with the result. Each has options of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    Sent,
    Stored,
    Counted,
}

/// Everything a request asks for.
struct Combination<'h> {
    operation: Operation,
    /// The smallest first, but for a difference.
    inputs: Vec<Input<'h>>,
    aggregate: Aggregate,
    with_scores: bool,
    /// How many members are counted at most.
    limit: usize,
}

impl<'h> Combination<'h> {
    /// Reads a request whose number of keys is the argument at `count_at`. The order of the checks is Redis 8.2's, so that of
    /// two mistakes the same one is reported: a key of the wrong type before any option.
    fn parse(
        keys: Reader<'h>,
        call: &Call<'_>,
        count_at: usize,
        operation: Operation,
        output: Output,
    ) -> Result<Self, Stop> {
        let mut cursor = call.cursor(count_at);
        let stated = cursor.integer()?;
        let Some(count) = usize::try_from(stated).ok().filter(|&count| count > 0) else {
            let name = text(call.argument(0)).to_ascii_lowercase();
            return Err(CommandError::new(format!(
                "ERR at least 1 input key is needed for '{name}' command"
            ))
            .into());
        };
        if count > cursor.remaining() {
            return Err(CommandError::SYNTAX.into());
        }
        let named = cursor.by_ref().take(count);
        let mut inputs = named.map(|key| Input::at(keys, key)).collect::<Result<Vec<_>, _>>()?;
        let is_weighed = operation != Operation::Difference && output != Output::Counted;
        let (mut aggregate, mut with_scores, mut limit) = (Aggregate::Sum, false, 0);
        while cursor.remaining() > 0 {
            if is_weighed && cursor.remaining() > count && cursor.take_word("weights") {
                for input in &mut inputs {
                    let weight = parse_score(cursor.required()?);
                    let not_a_float = |_| CommandError::text("ERR weight value is not a float");
                    input.weight = weight.map_err(not_a_float)?.get();
                }
            } else if is_weighed && cursor.remaining() > 1 && cursor.take_word("aggregate") {
                aggregate = if cursor.take_word("sum") {
                    Aggregate::Sum
                } else if cursor.take_word("min") {
                    Aggregate::Min
                } else if cursor.take_word("max") {
                    Aggregate::Max
                } else if cursor.take_word("count") {
                    Aggregate::Count
                } else {
                    return Err(CommandError::SYNTAX.into());
                };
            } else if output == Output::Sent && cursor.take_word("withscores") {
                with_scores = true;
            } else if output == Output::Counted && cursor.remaining() > 1 && cursor.take_word("limit") {
                let wanted = cursor.non_negative();
                limit = wanted.map_err(|_| CommandError::text("ERR LIMIT can't be negative"))?;
            } else {
                return Err(CommandError::SYNTAX.into());
            }
        }
        call.announce(inputs.iter().map(Input::len).sum())?;
        if operation != Operation::Difference {
            inputs.sort_by_key(Input::len);
        }
        let limit = if limit == 0 { usize::MAX } else { limit };
        Ok(Self { operation, inputs, aggregate, with_scores, limit })
    }

    /// The result, in the order of a board.
    ///
    /// # Errors
    /// If an exact score is out of range.
    fn result(&self) -> Result<Combined, CommandError> {
        match Weighed::of(&self.inputs) {
            Weighed::Floats(inputs) => Ok(Combined::Floats(self.entries(&inputs))),
            Weighed::Exact(digits, inputs) => {
                let entries = self.entries(&inputs);
                let is_in_range = entries.iter().all(|(_, units)| units.score().is_some());
                is_in_range.then_some(Combined::Exact(digits, entries)).ok_or(SubmitError::Overflow.into())
            }
        }
    }

    fn entries<S: Summand>(&self, inputs: &[WeighedInput<'_, S>]) -> Entries<S> {
        let mut entries = match self.operation {
            Operation::Union => algebra::union(inputs, self.aggregate),
            Operation::Difference => algebra::difference(inputs),
            Operation::Intersection => {
                let mut common = Entries::default();
                algebra::intersect(inputs, self.aggregate, |window| {
                    window.iter().for_each(|(member, score)| common.push(member, score));
                    ControlFlow::Continue(())
                });
                common
            }
        };
        entries.sort();
        entries
    }
}

/// A result.
#[derive(Debug)]
enum Combined {
    Floats(Entries),
    /// With so many digits. All are in range.
    Exact(u8, Entries<Units>),
}

impl Combined {
    fn len(&self) -> usize {
        match self {
            Self::Floats(entries) => entries.len(),
            Self::Exact(_, entries) => entries.len(),
        }
    }
}

fn send(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>, operation: Operation) -> Outcome {
    let combination = Combination::parse(keys, call, 1, operation, Output::Sent)?;
    let (result, with_scores) = (combination.result()?, combination.with_scores);
    let len = result.len();
    if with_scores {
        reply.scored_list(len);
    } else {
        reply.array(len);
    }
    reply.stream(len, Sent { result, written: 0, with_scores });
    Ok(())
}

/// A result that is written while it is sent.
#[derive(Debug)]
struct Sent {
    result: Combined,
    /// How many of its members are written.
    written: usize,
    with_scores: bool,
}

impl ReplySource for Sent {
    fn write_more(&mut self, reply: &mut Reply<'_>) -> bool {
        let rest = self.written..self.result.len();
        match &self.result {
            Combined::Floats(entries) => {
                let entries = entries.slice(rest).map(|(member, score)| (member, Points::Float(score)));
                self.written += write_some(entries, self.with_scores, reply);
            }
            Combined::Exact(digits, entries) => {
                let entries = entries.slice(rest).map(|(member, units)| {
                    let units = units.score().unwrap_or_default();
                    (member, Points::Exact { digits: *digits, units })
                });
                self.written += write_some(entries, self.with_scores, reply);
            }
        }
        self.written < self.result.len()
    }

    fn memory_bytes(&self) -> usize {
        match &self.result {
            Combined::Floats(entries) => entries.memory_bytes(),
            Combined::Exact(_, entries) => entries.memory_bytes(),
        }
    }
}

/// Writes the first of `entries`. Returns how many.
fn write_some<'e>(
    entries: impl Iterator<Item = (&'e [u8], Points)>,
    with_scores: bool,
    reply: &mut Reply<'_>,
) -> usize {
    let (mut bytes, mut written) = (0, 0);
    for (member, points) in entries {
        if with_scores {
            reply.scored_points(member, points);
        } else {
            reply.bulk(member);
        }
        written += 1;
        bytes += member.len() + size_of::<f64>();
        if bytes >= WRITTEN_AT_ONCE_BYTES {
            break;
        }
    }
    written
}

fn store(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>, operation: Operation) -> Outcome {
    let reader = keys.source_reader();
    let (seed, now_ms) = (reader.seed(), reader.now_ms());
    let result = Combination::parse(reader, call, 2, operation, Output::Stored)?.result()?;
    let board = match &result {
        Combined::Floats(entries) => Board::from_sorted(seed, entries.iter()),
        Combined::Exact(digits, entries) => {
            let units = entries.iter().map(|(member, units)| (member, units.score().unwrap_or_default()));
            Board::from_exact(seed, *digits, now_ms, units)
        }
    };
    keys.put_board(call.argument(1), operation.stored_event(), board)?;
    reply.count(result.len());
    Ok(())
}

fn zintercard(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Combination { inputs, aggregate, limit, .. } =
        Combination::parse(keys, call, 1, Operation::Intersection, Output::Counted)?;
    let mut count = 0;
    let inputs = algebra::as_floats(&inputs);
    algebra::intersect(&inputs, aggregate, |window| {
        count += window.len();
        if count < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    reply.count(count.min(limit));
    Ok(())
}
