//! Commands that remove elements at an end: LPOP, RPOP, LMPOP, and their three blocking forms.

use super::{AT_BACK, AT_FRONT, BASE, parse_end};
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::multi_pop::MultiPop;
use crate::commands::call::timeout::parse_timeout;
use crate::commands::call::{Call, parse_count};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::commands::state::wish::{Attempt, Wish};
use crate::resp::reply::Reply;
use crate::store::{Edit, End, Kind, List, Missing, Writer};

const POP: CommandSpec = CommandSpec {
    syntax: "key [count]",
    complexity: "O(N) with N elements returned",
    arity: -2,
    flags: &[Flag::Write, Flag::Fast],
    keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Delete] },
    ..BASE
};

const BLOCKING_POP: CommandSpec = CommandSpec {
    syntax: "key [key ...] timeout",
    since: "2.0.0",
    complexity: "O(K) with K keys",
    arity: -3,
    flags: &[Flag::Write, Flag::Blocking],
    keys: Keys::Range { first: 1, last: -2, access: &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Delete] },
    ..BASE
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "lpop",
        summary: "Removes and returns elements from the front of a list",
        lookahead: Some(AT_FRONT),
        run: Handler::Write(|keys, call, reply| pop(keys, call, reply, End::Front)),
        ..POP
    },
    CommandSpec {
        name: "rpop",
        summary: "Removes and returns elements from the end of a list",
        lookahead: Some(AT_BACK),
        run: Handler::Write(|keys, call, reply| pop(keys, call, reply, End::Back)),
        ..POP
    },
    CommandSpec {
        name: "lmpop",
        syntax: "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
        summary: "Removes and returns elements from an end of the first list that has any",
        since: "7.0.0",
        complexity: "O(K + N) with K keys and N elements returned",
        arity: -4,
        flags: &[Flag::Write],
        keys: Keys::Counted { count: 1, access: &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Delete] },
        run: Handler::Write(lmpop),
        ..BASE
    },
    CommandSpec {
        name: "blpop",
        summary: "Removes and returns the first element of the first list that has any, or waits",
        run: Handler::Blocking(|call| blocking_pop(call, End::Front)),
        ..BLOCKING_POP
    },
    CommandSpec {
        name: "brpop",
        summary: "Removes and returns the last element of the first list that has any, or waits",
        run: Handler::Blocking(|call| blocking_pop(call, End::Back)),
        ..BLOCKING_POP
    },
    CommandSpec {
        name: "blmpop",
        syntax: "timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
        summary: "Removes and returns elements as LMPOP does, or waits for some to come",
        since: "7.0.0",
        complexity: "O(K + N) with K keys and N elements returned",
        arity: -5,
        keys: Keys::Counted { count: 2, access: &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Delete] },
        run: Handler::Blocking(blmpop),
        ..BLOCKING_POP
    },
];

/// The event of a removal at an end.
pub(super) fn event(end: End) -> &'static str {
    match end {
        End::Front => "lpop",
        End::Back => "rpop",
    }
}

/// Writes up to `count` elements at an end, as an array from that end on, and removes them.
fn take_array(list: &mut Edit<'_, '_, List>, end: End, count: usize, reply: &mut Reply<'_>) {
    let count = count.min(list.len());
    reply.array(count);
    let write = |element: &[u8]| reply.bulk(element);
    list.visit_from(end, count, write);
    list.pop(end, count);
}

/// Writes the element at an end and removes it.
fn take_one(list: &mut Edit<'_, '_, List>, end: End, reply: &mut Reply<'_>) {
    list.peek(end, |element| reply.bulk(element));
    list.pop(end, 1);
}

fn pop(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>, end: End) -> Outcome {
    let name = event(end);
    if call.arguments.len() > 3 {
        return Err(CommandError::arity(name).into());
    }
    let count = call.arguments.get(2).map(parse_count).transpose()?;
    if let Some(count) = count {
        let len = keys.reader().get::<List>(call.argument(1))?.map_or(0, List::len);
        call.announce(count.min(len))?;
    }
    let taken = keys.edit::<List, _>(call.argument(1), Missing::Skip, name, |list| match count {
        Some(count) => take_array(list, end, count, reply),
        None => take_one(list, end, reply),
    })?;
    match (taken, count) {
        (Some(()), _) => {}
        (None, Some(_)) => reply.null_array(),
        (None, None) => reply.null(),
    }
    Ok(())
}

fn lmpop(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let MultiPop { key_count, end, count } = MultiPop::parse(call, 1, parse_end)?;
    for key in call.cursor(2).take(key_count) {
        if let Some(list) = keys.reader().get::<List>(key)? {
            call.announce(count.min(list.len()))?;
        }
        if take_several(keys, key, end, count, reply)? {
            return Ok(());
        }
    }
    reply.null_array();
    Ok(())
}

/// Takes up to `count` elements from `key` and replies with it and them. Returns whether there is such a key.
fn take_several(
    keys: &mut Writer<'_, '_>,
    key: &[u8],
    end: End,
    count: usize,
    reply: &mut Reply<'_>,
) -> Result<bool, CommandError> {
    let taken = keys.edit::<List, _>(key, Missing::Skip, event(end), |list| {
        reply.array(2);
        reply.bulk(key);
        take_array(list, end, count, reply);
    })?;
    Ok(taken.is_some())
}

fn blocking_pop(call: &Call<'_>, end: End) -> Result<Wish, CommandError> {
    let last = call.arguments.len() - 1;
    Ok(Wish {
        patience: parse_timeout(call, last)?,
        needs_value: false,
        elements: None,
        keys: call.cursor(1).take(last - 1).map(Into::into).collect(),
        kind: Kind::List,
        destination: None,
        attempt: Attempt::First(Box::new(move |keys, key, reply| {
            let taken = keys.edit::<List, _>(key, Missing::Skip, event(end), |list| {
                reply.array(2);
                reply.bulk(key);
                take_one(list, end, reply);
            })?;
            Ok(taken.is_some())
        })),
    })
}

fn blmpop(call: &Call<'_>) -> Result<Wish, CommandError> {
    let MultiPop { key_count, end, count } = MultiPop::parse(call, 2, parse_end)?;
    Ok(Wish {
        patience: parse_timeout(call, 1)?,
        needs_value: false,
        elements: None,
        keys: call.cursor(3).take(key_count).map(Into::into).collect(),
        kind: Kind::List,
        destination: None,
        attempt: Attempt::First(Box::new(move |keys, key, reply| take_several(keys, key, end, count, reply))),
    })
}
