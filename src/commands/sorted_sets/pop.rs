//! Commands that pop members from either end: ZPOPMIN, ZPOPMAX, ZMPOP, and their blocking forms.

use super::update::check_open;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::multi_pop::MultiPop;
use crate::commands::call::points::PointsReply;
use crate::commands::call::timeout::parse_timeout;
use crate::commands::call::{Call, parse_count};
use crate::commands::spec::{CommandSpec, Flag, Group, Handler, KeyFlag, Keys};
use crate::commands::state::wish::{Attempt, Wish};
use crate::ranking::Order;
use crate::resp::reply::Reply;
use crate::store::{Board, Kind, Missing, Writer};
use std::ops::Range;

const BASE: CommandSpec = CommandSpec {
    group: Group::SortedSet,
    since: "5.0.0",
    flags: &[Flag::Write, Flag::Fast],
    keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Delete] },
    complexity: "O(log N + M) with M members removed",
    arity: -2,
    ..CommandSpec::BASE
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "zpopmin",
        syntax: "key [count]",
        summary: "Removes and returns the members with the lowest scores",
        run: Handler::Write(|keys, call, reply| pop(keys, call, reply, Order::Ascending)),
        ..BASE
    },
    CommandSpec {
        name: "zpopmax",
        syntax: "key [count]",
        summary: "Removes and returns the members with the highest scores",
        run: Handler::Write(|keys, call, reply| pop(keys, call, reply, Order::Descending)),
        ..BASE
    },
    CommandSpec {
        name: "zmpop",
        syntax: "numkeys key [key ...] <MIN | MAX> [COUNT count]",
        summary: "Removes and returns members with the lowest or highest scores of the first sorted set that has any",
        since: "7.0.0",
        complexity: "O(K) + O(log N + M) with K keys and M members removed",
        arity: -4,
        flags: &[Flag::Write],
        keys: Keys::Counted { count: 1, access: &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Delete] },
        run: Handler::Write(zmpop),
        ..BASE
    },
    CommandSpec {
        name: "bzpopmin",
        syntax: "key [key ...] timeout",
        summary: "Removes and returns the member with the lowest score of the first sorted set that has any, or waits",
        complexity: "O(log N)",
        arity: -3,
        flags: &[Flag::Write, Flag::Blocking, Flag::Fast],
        keys: Keys::Range { first: 1, last: -2, access: &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Delete] },
        run: Handler::Blocking(|call| bzpop(call, Order::Ascending)),
        ..BASE
    },
    CommandSpec {
        name: "bzpopmax",
        syntax: "key [key ...] timeout",
        summary: "Removes and returns the member with the highest score of the first sorted set that has any, or waits",
        complexity: "O(log N)",
        arity: -3,
        flags: &[Flag::Write, Flag::Blocking, Flag::Fast],
        keys: Keys::Range { first: 1, last: -2, access: &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Delete] },
        run: Handler::Blocking(|call| bzpop(call, Order::Descending)),
        ..BASE
    },
    CommandSpec {
        name: "bzmpop",
        syntax: "timeout numkeys key [key ...] <MIN | MAX> [COUNT count]",
        summary: "Removes and returns members as ZMPOP does, or waits for some to come",
        since: "7.0.0",
        complexity: "O(K) + O(log N + M) with K keys and M members removed",
        arity: -5,
        flags: &[Flag::Write, Flag::Blocking],
        keys: Keys::Counted { count: 2, access: &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Delete] },
        run: Handler::Blocking(bzmpop),
        ..BASE
    },
];

/// Removes the first `count` members of the board at `key`, counted in `order`. `show` is called with their ranks before
/// that. Returns whether the board has members.
fn take(
    keys: &mut Writer<'_, '_>,
    key: &[u8],
    order: Order,
    count: usize,
    show: impl FnOnce(&Board, Range<usize>),
) -> Result<bool, CommandError> {
    let event = match order {
        Order::Ascending => "zpopmin",
        Order::Descending => "zpopmax",
    };
    let taken = keys.edit::<Board, _>(key, Missing::Skip, event, |board| {
        check_open(board)?;
        let len = board.len();
        let wanted = count.min(len);
        let ranks = match order {
            Order::Ascending => 0..wanted,
            Order::Descending => len - wanted..len,
        };
        if len > 0 {
            show(board, ranks.clone());
            board.remove_range(ranks);
        }
        Ok::<_, CommandError>(len > 0)
    })?;
    Ok(taken.transpose()?.unwrap_or(false))
}

/// Without a count the reply is one flat pair, in RESP3 as well.
fn pop(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>, order: Order) -> Outcome {
    if call.arguments.len() > 3 {
        return Err(CommandError::SYNTAX.into());
    }
    let count = call.arguments.get(2).map(parse_count).transpose()?;
    let has_members = take(keys, call.argument(1), order, count.unwrap_or(1), |board, ranks| {
        if count.is_some() {
            reply.scored_list(ranks.len());
            board.visit_runs(ranks, order, |members, scores| reply.scores_run(members, scores));
        } else {
            reply.array(ranks.len() * 2);
            board.visit(ranks, order, |member, score| {
                reply.bulk(member);
                reply.points(score);
            });
        }
    })?;
    if !has_members {
        reply.array(0);
    }
    Ok(())
}

fn zmpop(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let MultiPop { key_count, end: order, count } = MultiPop::parse(call, 1, parse_end)?;
    for key in call.cursor(2).take(key_count) {
        if take_several(keys, key, order, count, reply)? {
            return Ok(());
        }
    }
    reply.null_array();
    Ok(())
}

/// Takes up to `count` members from `key` and replies with it and them. Returns whether the board has members.
fn take_several(
    keys: &mut Writer<'_, '_>,
    key: &[u8],
    order: Order,
    count: usize,
    reply: &mut Reply<'_>,
) -> Result<bool, CommandError> {
    take(keys, key, order, count, |board, ranks| {
        reply.array(2);
        reply.bulk(key);
        reply.array(ranks.len());
        board.visit(ranks, order, |member, score| {
            reply.array(2);
            reply.bulk(member);
            reply.points(score);
        });
    })
}

/// The reply is flat in both protocols: key, member, score.
fn bzpop(call: &Call<'_>, order: Order) -> Result<Wish, CommandError> {
    let last = call.arguments.len() - 1;
    Ok(Wish {
        patience: parse_timeout(call, last)?,
        needs_value: false,
        elements: None,
        keys: call.cursor(1).take(last - 1).map(Into::into).collect(),
        kind: Kind::SortedSet,
        destination: None,
        attempt: Attempt::First(Box::new(move |keys, key, reply| {
            take(keys, key, order, 1, |board, ranks| {
                reply.array(3);
                reply.bulk(key);
                board.visit(ranks, order, |member, score| {
                    reply.bulk(member);
                    reply.points(score);
                });
            })
        })),
    })
}

fn bzmpop(call: &Call<'_>) -> Result<Wish, CommandError> {
    let MultiPop { key_count, end: order, count } = MultiPop::parse(call, 2, parse_end)?;
    Ok(Wish {
        patience: parse_timeout(call, 1)?,
        needs_value: false,
        elements: None,
        keys: call.cursor(3).take(key_count).map(Into::into).collect(),
        kind: Kind::SortedSet,
        destination: None,
        attempt: Attempt::First(Box::new(move |keys, key, reply| {
            take_several(keys, key, order, count, reply)
        })),
    })
}

/// Reads MIN or MAX as the order in which the members to take come first.
fn parse_end(text: &[u8]) -> Result<Order, CommandError> {
    if text.eq_ignore_ascii_case(b"min") {
        Ok(Order::Ascending)
    } else if text.eq_ignore_ascii_case(b"max") {
        Ok(Order::Descending)
    } else {
        Err(CommandError::SYNTAX)
    }
}
