//! Commands that read a hash: fields, values, their number and lengths.

use super::{BASE, write};
use crate::commands::call::Call;
use crate::commands::call::error::Outcome;
use crate::commands::call::name_list::NameList;
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::resp::reply::Reply;
use crate::store::{Fields, Living, Reader, Text, WrongType};

const ACCESS: Keys = Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro, KeyFlag::Access] };

/// Of one field, or of the number of all.
const SHORT: CommandSpec = CommandSpec {
    since: "2.0.0",
    arity: 3,
    flags: &[Flag::Readonly, Flag::Fast],
    keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro] },
    ..BASE
};

/// Of all fields.
const WHOLE: CommandSpec = CommandSpec {
    syntax: "key",
    since: "2.0.0",
    complexity: "O(N)",
    arity: 2,
    flags: &[Flag::Readonly],
    tips: &["nondeterministic_output_order"],
    keys: ACCESS,
    ..BASE
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "hget",
        syntax: "key field",
        summary: "Returns the value of a field",
        keys: ACCESS,
        run: Handler::Read(hget),
        ..SHORT
    },
    CommandSpec {
        name: "hmget",
        syntax: "key field [field ...]",
        summary: "Returns the values of fields",
        complexity: "O(1) for each field",
        arity: -3,
        keys: ACCESS,
        run: Handler::Read(hmget),
        ..SHORT
    },
    CommandSpec {
        name: "hexists",
        syntax: "key field",
        summary: "Returns whether a field exists in a hash",
        run: Handler::Read(hexists),
        ..SHORT
    },
    CommandSpec {
        name: "hstrlen",
        syntax: "key field",
        summary: "Returns the length of a field's value in bytes",
        since: "3.2.0",
        run: Handler::Read(hstrlen),
        ..SHORT
    },
    CommandSpec {
        name: "hlen",
        syntax: "key",
        summary: "Returns the number of fields of a hash",
        arity: 2,
        run: Handler::Read(hlen),
        ..SHORT
    },
    CommandSpec {
        name: "hgetall",
        summary: "Returns all fields of a hash with their values",
        run: Handler::Read(|keys, call, reply| list(keys, call, reply, Part::Both)),
        ..WHOLE
    },
    CommandSpec {
        name: "hkeys",
        summary: "Returns all fields of a hash",
        run: Handler::Read(|keys, call, reply| list(keys, call, reply, Part::Fields)),
        ..WHOLE
    },
    CommandSpec {
        name: "hvals",
        summary: "Returns the values of all fields of a hash",
        run: Handler::Read(|keys, call, reply| list(keys, call, reply, Part::Values)),
        ..WHOLE
    },
];

/// The fields of the hash at `key` that have not expired.
pub(super) fn living<'h>(keys: Reader<'h>, key: &[u8]) -> Result<Option<Living<'h>>, WrongType> {
    Ok(keys.get::<Fields>(key)?.map(|fields| fields.at(keys.expired_by_ms())))
}

fn value<'h>(keys: Reader<'h>, call: &Call<'_>) -> Result<Option<Text<'h>>, WrongType> {
    Ok(living(keys, call.argument(1))?.and_then(|fields| fields.get(call.argument(2))))
}

fn hget(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    write(value(keys, call)?, reply);
    Ok(())
}

fn hmget(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let fields = living(keys, call.argument(1))?;
    let wanted = call.cursor(2);
    call.announce(wanted.remaining())?;
    reply.array(wanted.remaining());
    wanted.for_each(|field| write(fields.and_then(|fields| fields.get(field)), reply));
    Ok(())
}

fn hexists(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.integer(i64::from(value(keys, call)?.is_some()));
    Ok(())
}

fn hstrlen(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.count(value(keys, call)?.map_or(0, Text::len));
    Ok(())
}

/// As in Redis, a field that has expired counts until it is removed.
fn hlen(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.count(keys.get::<Fields>(call.argument(1))?.map_or(0, Fields::len));
    Ok(())
}

/// What is listed of each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Fields,
    Values,
    Both,
}

fn list(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>, part: Part) -> Outcome {
    let fields = living(keys, call.argument(1))?;
    let stored = keys.peek(call.argument(1)).map_or(0, |value| value.elements());
    call.announce(if part == Part::Both { 2 * stored } else { stored })?;
    let len = fields.map_or(0, |fields| fields.len());
    let words = if part == Part::Both {
        reply.map(len);
        2 * len
    } else {
        reply.array(len);
        len
    };
    let Some(fields) = fields else { return Ok(()) };
    let each = |see: &mut dyn FnMut(Text<'_>)| {
        for (field, value) in fields.iter() {
            if part != Part::Values {
                see(field);
            }
            if part != Part::Fields {
                see(value);
            }
        }
    };
    if reply.streams(words) {
        let (mut names, mut digits) = (NameList::default(), itoa::Buffer::new());
        each(&mut |text| names.push(text.bytes(&mut digits)));
        reply.leave(names);
    } else {
        each(&mut |text| write(Some(text), reply));
    }
    Ok(())
}
