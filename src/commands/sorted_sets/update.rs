//! Commands that change sorted sets.

use super::PREFETCHED_MEMBERS;
use super::bounds::{LexRange, RankRange, ScoreRange};
use super::lookahead;
use crate::commands::call::error::{CommandError, Outcome, Stop};
use crate::commands::call::points::PointsReply;
use crate::commands::call::{Call, parse_score};
use crate::commands::spec::{CommandSpec, Flag, Group, Handler, KeyFlag, Keys, Lookahead};
use crate::ranking::{Aim, Order, Score};
use crate::resp::double;
use crate::resp::reply::Reply;
use crate::resp::request::Arguments;
use crate::store::{
    Board, Conditions, Edit, Keep, Missing, PlainEdit, Points, Submit, SubmitError, SubmitStatus,
    WantedPoints, Writer,
};
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
    let key = call.argument(1);
    let scores = pairs.iter().step_by(2).map(parse_score).collect::<Result<SmallVec<[Score; 8]>, _>>();
    let scores = scores.map_err(|error| unreadable(keys, key, pairs).unwrap_or(error))?;
    if mode == Mode::Increment {
        return increment(keys, key, scores[0], pairs, conditions, reply);
    }
    let counted = if counts_changes { Counted::Changed } else { Counted::Added };
    let submit = Submit { keep: Keep::Latest, conditions, at_ms: None, now_ms: keys.reader().now_ms() };
    let missing = if conditions.only_present { Missing::Skip } else { Missing::Create };
    begin_templated(keys, key, missing, &submit, pairs)?;
    let count = keys.edit::<Board, _>(key, missing, "zadd", |board| match board.plain() {
        Some(plain) => {
            let entries = pairs.iter().skip(1).step_by(2).zip(scores.iter().copied());
            Ok(put_scores(plain, entries, conditions, counted))
        }
        None => put_points(board, &submit, pairs, counted),
    })?;
    reply.count(count.transpose()?.unwrap_or(0));
    Ok(())
}

/// What is wrong with scores that are no doubles, if the key holds a board that has others, or would hold one.
#[cold]
fn unreadable(keys: &Writer<'_, '_>, key: &[u8], pairs: Arguments<'_>) -> Option<CommandError> {
    let templated = keys.templated_board(key);
    let present = || keys.reader().get::<Board>(key).ok().flatten();
    let board = templated.as_ref().or_else(present)?;
    let error = pairs.iter().step_by(2).find_map(|text| board.read_points(text, double::parse).err());
    error.map(CommandError::from)
}

/// Makes a missing key the board of its template, if the pairs can be taken there.
fn begin_templated(
    keys: &mut Writer<'_, '_>,
    key: &[u8],
    missing: Missing,
    submit: &Submit,
    pairs: Arguments<'_>,
) -> Result<(), CommandError> {
    if missing == Missing::Create
        && let Some(board) = keys.templated_board(key)
    {
        wanted_points(&board, submit, pairs)?;
        keys.begin_board(key, board);
    }
    Ok(())
}

/// The scores that pairs want on a board with a policy.
fn wanted_points(board: &Board, submit: &Submit, pairs: Arguments<'_>) -> Result<WantedPoints, CommandError> {
    let given = pairs.iter().step_by(2).map(|text| board.read_points(text, double::parse));
    let given = given.collect::<Result<WantedPoints, _>>()?;
    let members = pairs.iter().skip(1).step_by(2);
    Ok(submit.prepare(board, members.zip(given))?)
}

/// Gives members of a board with a policy scores. Everything is read and checked before anything changes.
fn put_points(
    board: &mut Edit<'_, '_, Board>,
    submit: &Submit,
    pairs: Arguments<'_>,
    counted: Counted,
) -> Result<usize, CommandError> {
    let wanted = wanted_points(board, submit, pairs)?;
    let members = pairs.iter().skip(1).step_by(2);
    let mut ahead = members.clone();
    let mut count = 0;
    for (index, (member, wanted)) in members.zip(wanted).enumerate() {
        if index % PREFETCHED_MEMBERS == 0 && pairs.len() > 2 {
            board.prefetch_members(ahead.clone().take(PREFETCHED_MEMBERS));
            ahead.nth(PREFETCHED_MEMBERS - 1);
        }
        let submitted = board.submit(submit, member, wanted);
        count += usize::from(match counted {
            Counted::Added => submitted.before.is_none() && submitted.after.is_some(),
            Counted::Changed => submitted.status == SubmitStatus::Applied,
        });
    }
    Ok(count)
}

/// Which members of a ZADD or GEOADD are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Counted {
    /// Those that were not there.
    Added,
    /// CH: those that were not there or had another score.
    Changed,
}

/// Gives members of a board without a policy scores, as ZADD does, and returns how many were counted.
pub(in crate::commands) fn put_scores<'a>(
    mut board: PlainEdit<'_, '_>,
    entries: impl ExactSizeIterator<Item = (&'a [u8], Score)> + Clone,
    conditions: Conditions,
    counted: Counted,
) -> usize {
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
}

/// Adds the one amount of `pairs`, which is `amount` as a double, to the one member's score. Replies with the new score, or
/// with null if the conditions forbid it or a full board has no place for the member.
fn increment(
    keys: &mut Writer<'_, '_>,
    key: &[u8],
    amount: Score,
    pairs: Arguments<'_>,
    conditions: Conditions,
    reply: &mut Reply<'_>,
) -> Outcome {
    let missing = if conditions.only_present { Missing::Skip } else { Missing::Create };
    let member = pairs.get(1).unwrap_or_default();
    let submit = Submit { keep: Keep::Sum, conditions, at_ms: None, now_ms: keys.reader().now_ms() };
    begin_templated(keys, key, missing, &submit, pairs)?;
    let result = keys.edit::<Board, _>(key, missing, "zincr", |board| match board.plain() {
        Some(plain) => add_amount(plain, member, amount, conditions),
        None => {
            let amount = board.read_points(pairs.get(0).unwrap_or_default(), double::parse)?;
            let before = board.score(member);
            let wanted = submit.prepare(board, std::iter::once((member, amount)))?;
            let Some(&wanted) = wanted.first().filter(|&&wanted| conditions.allow(before, wanted)) else {
                return Ok(None);
            };
            Ok(board.submit(&submit, member, wanted).after.map(|after| after.points))
        }
    })?;
    match result.transpose()?.flatten() {
        Some(score) => reply.points(score),
        None => reply.null(),
    }
    Ok(())
}

/// Adds to a score of a board without a policy. `None` if the conditions forbid it.
fn add_amount(
    mut board: PlainEdit<'_, '_>,
    member: &[u8],
    amount: Score,
    conditions: Conditions,
) -> Result<Option<Points>, CommandError> {
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
    Ok(updated.after.filter(|_| is_allowed).map(Points::Float))
}

/// Refuses a change of an archive.
///
/// # Errors
/// If the board is one.
pub(super) fn check_open(board: &Board) -> Result<(), CommandError> {
    if board.is_closed() { Err(SubmitError::Closed.into()) } else { Ok(()) }
}

fn zrem(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let members = call.cursor(2);
    let removed = keys.edit::<Board, _>(call.argument(1), Missing::Skip, "zrem", |board| {
        check_open(board)?;
        let mut removed = 0;
        let mut ahead = members.clone();
        for (index, member) in members.clone().enumerate() {
            if index % PREFETCHED_MEMBERS == 0 {
                board.prefetch_members(ahead.clone().take(PREFETCHED_MEMBERS));
                ahead.nth(PREFETCHED_MEMBERS - 1);
            }
            removed += usize::from(board.remove(member).is_some());
        }
        Ok::<_, CommandError>(removed)
    })?;
    reply.count(removed.transpose()?.unwrap_or(0));
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
        Ok(range.resolve(board, Order::Ascending, 0)?)
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
        check_open(board)?;
        let ranks = range(board)?;
        let removed = ranks.len();
        call.announce(removed)?;
        board.remove_range(ranks);
        Ok::<_, Stop>(removed)
    })?;
    reply.count(removed.transpose()?.unwrap_or(0));
    Ok(())
}
