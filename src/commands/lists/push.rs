//! Commands that add elements at an end: LPUSH, RPUSH, LPUSHX, RPUSHX.

use super::{AT_BACK, AT_FRONT, BASE};
use crate::commands::call::Call;
use crate::commands::call::error::Outcome;
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::resp::reply::Reply;
use crate::store::{End, List, Missing, Writer};

const PUSH: CommandSpec = CommandSpec {
    syntax: "key element [element ...]",
    complexity: "O(1) for each element",
    arity: -3,
    flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
    keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Insert] },
    ..BASE
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "lpush",
        summary: "Adds elements at the front of a list",
        lookahead: Some(AT_FRONT),
        run: Handler::Write(|keys, call, reply| push(keys, call, reply, End::Front, Missing::Create)),
        ..PUSH
    },
    CommandSpec {
        name: "rpush",
        summary: "Adds elements at the end of a list",
        lookahead: Some(AT_BACK),
        run: Handler::Write(|keys, call, reply| push(keys, call, reply, End::Back, Missing::Create)),
        ..PUSH
    },
    CommandSpec {
        name: "lpushx",
        summary: "Adds elements at the front of a list that exists",
        since: "2.2.0",
        lookahead: Some(AT_FRONT),
        run: Handler::Write(|keys, call, reply| push(keys, call, reply, End::Front, Missing::Skip)),
        ..PUSH
    },
    CommandSpec {
        name: "rpushx",
        summary: "Adds elements at the end of a list that exists",
        since: "2.2.0",
        lookahead: Some(AT_BACK),
        run: Handler::Write(|keys, call, reply| push(keys, call, reply, End::Back, Missing::Skip)),
        ..PUSH
    },
];

/// The event for elements added at an end.
pub(super) fn event(end: End) -> &'static str {
    match end {
        End::Front => "lpush",
        End::Back => "rpush",
    }
}

fn push(
    keys: &mut Writer<'_, '_>,
    call: &Call<'_>,
    reply: &mut Reply<'_>,
    end: End,
    missing: Missing,
) -> Outcome {
    let len = keys.edit::<List, _>(call.argument(1), missing, event(end), |list| {
        call.cursor(2).for_each(|element| list.push(end, element));
        list.len()
    })?;
    reply.count(len.unwrap_or(0));
    Ok(())
}
