//! Commands that move an element to another list or to the other end of the same list: LMOVE, RPOPLPUSH, and their
//! blocking forms.

use super::{BASE, parse_end, pop, push};
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::timeout::parse_timeout;
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::commands::state::wish::{Attempt, Wish};
use crate::config::EventClasses;
use crate::resp::reply::Reply;
use crate::store::{End, Kind, List, Missing, Writer};

const MOVE: CommandSpec = CommandSpec {
    flags: &[Flag::Write, Flag::Denyoom],
    keys: Keys::Pair {
        first: &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Delete],
        second: &[KeyFlag::Rw, KeyFlag::Insert],
    },
    ..BASE
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "lmove",
        syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT>",
        summary: "Takes an element off an end of a list and adds it at an end of another",
        since: "6.2.0",
        arity: 5,
        run: Handler::Write(|keys, call, reply| move_one(keys, call, reply, Ends::parse(call)?)),
        ..MOVE
    },
    CommandSpec {
        name: "rpoplpush",
        syntax: "source destination",
        summary: "Takes the last element off a list and adds it at the front of another",
        since: "1.2.0",
        arity: 3,
        run: Handler::Write(|keys, call, reply| move_one(keys, call, reply, Ends::BACK_TO_FRONT)),
        ..MOVE
    },
    CommandSpec {
        name: "blmove",
        syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout",
        summary: "Moves an element as LMOVE does, or waits for one to come",
        since: "6.2.0",
        arity: 6,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Blocking],
        run: Handler::Blocking(|call| blocking_move(call, Ends::parse(call)?, 5)),
        ..MOVE
    },
    CommandSpec {
        name: "brpoplpush",
        syntax: "source destination timeout",
        summary: "Moves an element as RPOPLPUSH does, or waits for one to come",
        since: "2.2.0",
        arity: 4,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Blocking],
        run: Handler::Blocking(|call| blocking_move(call, Ends::BACK_TO_FRONT, 3)),
        ..MOVE
    },
];

/// The end from which the element is removed, and the end at which it is added.
#[derive(Clone, Copy)]
struct Ends {
    from: End,
    to: End,
}

impl Ends {
    const BACK_TO_FRONT: Self = Self { from: End::Back, to: End::Front };

    fn parse(call: &Call<'_>) -> Result<Self, CommandError> {
        Ok(Self { from: parse_end(call.argument(3))?, to: parse_end(call.argument(4))? })
    }
}

fn move_one(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>, ends: Ends) -> Outcome {
    if !take(keys, [call.argument(1), call.argument(2)], ends, reply)? {
        reply.null();
    }
    Ok(())
}

/// Moves an element and replies with it. Returns whether there was one.
fn take(
    keys: &mut Writer<'_, '_>,
    [source, destination]: [&[u8]; 2],
    Ends { from, to }: Ends,
    reply: &mut Reply<'_>,
) -> Result<bool, CommandError> {
    let Some(list) = keys.reader().get::<List>(source)? else { return Ok(false) };
    keys.reader().get::<List>(destination)?;
    let mut element = Vec::new();
    list.visit_from(from, 1, |bytes| element.extend_from_slice(bytes));
    if source == destination {
        keys.edit::<List, _>(source, Missing::Skip, push::event(to), |list| {
            list.pop(from, 1);
            list.push(to, &element);
        })?;
        keys.notify(EventClasses::LIST, pop::event(from), source);
    } else {
        // As in Redis, the event of the addition comes first.
        keys.edit::<List, _>(destination, Missing::Create, push::event(to), |list| list.push(to, &element))?;
        keys.edit::<List, _>(source, Missing::Skip, pop::event(from), |list| list.pop(from, 1))?;
    }
    reply.bulk(&element);
    Ok(true)
}

fn blocking_move(call: &Call<'_>, ends: Ends, timeout_at: usize) -> Result<Wish, CommandError> {
    let destination: Box<[u8]> = call.argument(2).into();
    Ok(Wish {
        patience: parse_timeout(call, timeout_at)?,
        needs_value: false,
        elements: None,
        keys: vec![call.argument(1).into()],
        kind: Kind::List,
        destination: Some(destination.clone()),
        attempt: Attempt::First(Box::new(move |keys, key, reply| {
            take(keys, [key, &destination], ends, reply)
        })),
    })
}
