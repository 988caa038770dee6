//! Commands that change sorted sets.

use super::PREFETCHED_MEMBERS;
use super::bounds::{LexRange, RankRange, ScoreRange};
use super::lookahead;
use crate::commands::call::error::{CommandError, Outcome, Stop};
use crate::commands::call::{Call, parse_score};
use crate::commands::spec::{CommandSpec, Flag, Group, Handler, KeyFlag, Keys, Lookahead};
use crate::ranking::{Aim, Order, Score};
use crate::resp::reply::Reply;
use crate::store::{Board, Missing, Writer, WrongType};
use smallvec::SmallVec;
use std::ops::Range;

const BASE: CommandSpec = CommandSpec { group: Group::SortedSet, ..CommandSpec::BASE };

const fn one_key(access: &'static [KeyFlag]) -> Keys {
    Keys::Range { first: 1, last: 0, access }
}

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "zadd",
        syntax: "key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]",
        summary: "Gives members scores, adding those that are new",
        since: "1.2.0",
        complexity: "O(log N) for each member",
        arity: -4,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
        keys: one_key(&[KeyFlag::Rw, KeyFlag::Update]),
        lookahead: Some(Lookahead::Value(lookahead::updates)),
        run: Handler::Write(zadd),
        ..BASE
    },
    CommandSpec {
        name: "zincrby",
        syntax: "key increment member",
        summary: "Adds to a member's score",
        since: "1.2.0",
        complexity: "O(log N)",
        arity: 4,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
        keys: one_key(&[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Update]),
        lookahead: Some(Lookahead::Value(lookahead::increments)),
        run: Handler::Write(zincrby),
        ..BASE
    },
    CommandSpec {
        name: "zrem",
        syntax: "key member [member ...]",
        summary: "Removes members",
        since: "1.2.0",
        complexity: "O(log N) for each member",
        arity: -3,
        flags: &[Flag::Write, Flag::Fast],
        keys: one_key(&[KeyFlag::Rw, KeyFlag::Delete]),
        run: Handler::Write(zrem),
        ..BASE
    },
    CommandSpec {
        name: "zremrangebyrank",
        syntax: "key start stop",
        summary: "Removes the members of a range of ranks",
        since: "2.0.0",
        complexity: "O(log N + M) with M members removed",
        arity: 4,
        flags: &[Flag::Write],
        keys: one_key(&[KeyFlag::Rw, KeyFlag::Delete]),
        run: Handler::Write(zremrangebyrank),
        ..BASE
    },
    CommandSpec {
        name: "zremrangebyscore",
        syntax: "key min max",
        summary: "Removes the members of a range of scores",
        since: "1.2.0",
        complexity: "O(log N + M) with M members removed",
        arity: 4,
        flags: &[Flag::Write],
        keys: one_key(&[KeyFlag::Rw, KeyFlag::Delete]),
        run: Handler::Write(zremrangebyscore),
        ..BASE
    },
    CommandSpec {
        name: "zremrangebylex",
        syntax: "key min max",
        summary: "Removes the members of a lexicographic range, where all scores are equal",
        since: "2.8.9",
        complexity: "O(log N + M) with M members removed",
        arity: 4,
        flags: &[Flag::Write],
        keys: one_key(&[KeyFlag::Rw, KeyFlag::Delete]),
        run: Handler::Write(zremrangebylex),
        ..BASE
    },
];

/// When ZADD may touch a member.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::commands) struct Conditions {
    /// NX: only members that are not there.
    pub(in crate::commands) only_new: bool,
    /// XX: only members that are there.
    pub(in crate::commands) only_present: bool,
    /// GT: a present member only to a higher score.
    only_higher: bool,
    /// LT: a present member only to a lower score.
    only_lower: bool,
}

impl Conditions {
    /// Whether a member may be touched, by whether it is present.
    fn allow_presence(self, is_present: bool) -> bool {
        if is_present { !self.only_new } else { !self.only_present }
    }

    /// Whether a member's score may change from `current` to `wanted`. GT and LT do not apply to a new member.
    fn allow_score(self, current: Option<Score>, wanted: Score) -> bool {
        current.is_none_or(|current| {
            (!self.only_higher || wanted > current) && (!self.only_lower || wanted < current)
        })
    }

    fn allow(self, current: Option<Score>, wanted: Score) -> bool {
        self.allow_presence(current.is_some()) && self.allow_score(current, wanted)
    }
}

/// What is done with the scores in the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// They become the members' scores.
    Set,
    /// The one score is added to the one member's.
    Increment,
}

fn zadd(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    add(keys, call, reply, Mode::Set)
}

/// The same as ZADD INCR. As in Redis, it takes ZADD's options too.
fn zincrby(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    add(keys, call, reply, Mode::Increment)
}

/// ZADD, as of Redis 8.2: every score is read before the key's type is checked and before anything is changed.
fn add(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>, mut mode: Mode) -> Outcome {
    let mut conditions = Conditions::default();
    let mut counts_changes = false;
    let mut cursor = call.cursor(2);
    loop {
        if cursor.take_word("nx") {
            conditions.only_new = true;
        } else if cursor.take_word("xx") {
            conditions.only_present = true;
        } else if cursor.take_word("gt") {
            conditions.only_higher = true;
        } else if cursor.take_word("lt") {
            conditions.only_lower = true;
        } else if cursor.take_word("ch") {
            counts_changes = true;
        } else if cursor.take_word("incr") {
            mode = Mode::Increment;
        } else {
            break;
        }
    }
    let pairs = cursor.rest();
    if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
        return Err(CommandError::SYNTAX.into());
    }
    if conditions.only_new && conditions.only_present {
        return Err(CommandError::text("ERR XX and NX options at the same time are not compatible").into());
    }
    if usize::from(conditions.only_new)
        + usize::from(conditions.only_higher)
        + usize::from(conditions.only_lower)
        > 1
    {
        return Err(
            CommandError::text("ERR GT, LT, and/or NX options at the same time are not compatible").into()
        );
    }
    if mode == Mode::Increment && pairs.len() > 2 {
        return Err(CommandError::text("ERR INCR option supports a single increment-element pair").into());
    }
    let scores = pairs.iter().step_by(2).map(parse_score).collect::<Result<SmallVec<[Score; 8]>, _>>()?;
    let members = pairs.iter().skip(1).step_by(2);
    if mode == Mode::Increment {
        return increment(
            keys,
            call.argument(1),
            scores[0],
            pairs.get(1).unwrap_or_default(),
            conditions,
            reply,
        );
    }
    let counted = if counts_changes { Counted::Changed } else { Counted::Added };
    let count = put_scores(keys, call.argument(1), members.zip(scores.iter().copied()), conditions, counted)?;
    reply.count(count);
    Ok(())
}

/// Which members of a ZADD or GEOADD are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Counted {
    /// Those that were not there.
    Added,
    /// CH: those that were not there or had another score.
    Changed,
}

/// Gives members scores, as ZADD does, and returns how many were counted.
pub(in crate::commands) fn put_scores<'a>(
    keys: &mut Writer<'_, '_>,
    key: &[u8],
    entries: impl ExactSizeIterator<Item = (&'a [u8], Score)> + Clone,
    conditions: Conditions,
    counted: Counted,
) -> Result<usize, WrongType> {
    let missing = if conditions.only_present { Missing::Skip } else { Missing::Create };
    let count = keys.edit::<Board, _>(key, missing, "zadd", |board| {
        let mut count = 0;
        let are_many = entries.len() > 1;
        let mut ahead = entries.clone().map(|(member, score)| (member, Aim::Score(score)));
        for (index, (member, score)) in entries.enumerate() {
            if index % PREFETCHED_MEMBERS == 0 && are_many {
                board.prefetch_updates(ahead.clone().take(PREFETCHED_MEMBERS));
                ahead.nth(PREFETCHED_MEMBERS - 1);
            }
            let updated = board.update(member, |current| conditions.allow(current, score).then_some(score));
            count += usize::from(match counted {
                Counted::Added => updated.before.is_none() && updated.after.is_some(),
                Counted::Changed => updated.before != updated.after,
            });
        }
        count
    })?;
    Ok(count.unwrap_or(0))
}

/// Adds `amount` to one member's score. Replies with the new score, or with null if the conditions forbid it.
fn increment(
    keys: &mut Writer<'_, '_>,
    key: &[u8],
    amount: Score,
    member: &[u8],
    conditions: Conditions,
    reply: &mut Reply<'_>,
) -> Outcome {
    let missing = if conditions.only_present { Missing::Skip } else { Missing::Create };
    let result = keys.edit::<Board, _>(key, missing, "zincr", |board| {
        let (mut is_nan, mut is_allowed) = (false, false);
        let updated = board.update(member, |current| {
            // In Redis's order: NX and XX, then NaN, then GT and LT.
            if !conditions.allow_presence(current.is_some()) {
                return None;
            }
            let wanted = Score::new(current.map_or(0.0, Score::get) + amount.get());
            is_nan = wanted.is_none();
            is_allowed = wanted.is_some_and(|wanted| conditions.allow_score(current, wanted));
            wanted.filter(|_| is_allowed)
        });
        if is_nan {
            return Err(CommandError::text("ERR resulting score is not a number (NaN)"));
        }
        Ok(updated.after.filter(|_| is_allowed))
    })?;
    match result.transpose()?.flatten() {
        Some(score) => reply.double(score.get()),
        None => reply.null(),
    }
    Ok(())
}

fn zrem(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let members = call.cursor(2);
    let removed = keys.edit::<Board, _>(call.argument(1), Missing::Skip, "zrem", |board| {
        let mut removed = 0;
        let mut ahead = members.clone();
        for (index, member) in members.clone().enumerate() {
            if index % PREFETCHED_MEMBERS == 0 {
                board.prefetch_members(ahead.clone().take(PREFETCHED_MEMBERS));
                ahead.nth(PREFETCHED_MEMBERS - 1);
            }
            removed += usize::from(board.remove(member).is_some());
        }
        removed
    })?;
    reply.count(removed.unwrap_or(0));
    Ok(())
}

fn zremrangebyrank(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let range = RankRange::parse(call.argument(2), call.argument(3))?;
    remove_range(keys, call, reply, "zremrangebyrank", |board| Ok(range.resolve(board.len())))
}

fn zremrangebyscore(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let range = ScoreRange::parse(call.argument(2), call.argument(3))?;
    remove_range(keys, call, reply, "zremrangebyscore", |board| Ok(range.resolve(board)))
}

fn zremrangebylex(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let range = LexRange::parse(call.argument(2), call.argument(3))?;
    remove_range(keys, call, reply, "zremrangebylex", |board| {
        call.announce(range.cost(board))?;
        Ok(range.resolve(board, Order::Ascending, 0))
    })
}

fn remove_range(
    keys: &mut Writer<'_, '_>,
    call: &Call<'_>,
    reply: &mut Reply<'_>,
    event: &'static str,
    range: impl FnOnce(&Board) -> Result<Range<usize>, Stop>,
) -> Outcome {
    let removed = keys.edit::<Board, _>(call.argument(1), Missing::Skip, event, |board| {
        let ranks = range(board)?;
        let removed = ranks.len();
        call.announce(removed)?;
        board.remove_range(ranks);
        Ok::<_, Stop>(removed)
    })?;
    reply.count(removed.transpose()?.unwrap_or(0));
    Ok(())
}
