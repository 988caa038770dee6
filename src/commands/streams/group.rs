//! XGROUP: groups of consumers and their consumers.

use super::{BASE, ids, no_group};
use crate::commands::admin::help;
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{CommandSpec, Flag, Group, Handler, KeyFlag, Keys};
use crate::resp::reply::Reply;
use crate::store::{GroupPosition, Missing, Stream, StreamId, Writer};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "xgroup",
    summary: "Commands about groups of consumers",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: SUBCOMMANDS,
    ..BASE
}];

const SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "create",
        syntax: "key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read]",
        summary: "Makes a group of consumers",
        arity: -5,
        flags: &[Flag::Write, Flag::Denyoom],
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Insert]),
        run: Handler::Write(create),
        ..BASE
    },
    CommandSpec {
        name: "setid",
        syntax: "key group <id | $> [ENTRIESREAD entries-read]",
        summary: "Sets up to where a group has read",
        arity: -5,
        flags: &[Flag::Write],
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Update]),
        run: Handler::Write(setid),
        ..BASE
    },
    CommandSpec {
        name: "destroy",
        syntax: "key group",
        summary: "Removes a group of consumers",
        complexity: "O(1)",
        arity: 4,
        flags: &[Flag::Write],
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Delete]),
        run: Handler::Write(destroy),
        ..BASE
    },
    CommandSpec {
        name: "createconsumer",
        syntax: "key group consumer",
        summary: "Makes a consumer of a group",
        since: "6.2.0",
        arity: 5,
        flags: &[Flag::Write, Flag::Denyoom],
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Insert]),
        run: Handler::Write(createconsumer),
        ..BASE
    },
    CommandSpec {
        name: "delconsumer",
        syntax: "key group consumer",
        summary: "Removes a consumer of a group, and what is pending for it",
        complexity: "O(N log M) with N entries pending for it and M for the group",
        arity: 5,
        flags: &[Flag::Write],
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Delete]),
        run: Handler::Write(delconsumer),
        ..BASE
    },
    CommandSpec {
        group: Group::Stream,
        run: Handler::Admin(|_, _, reply| help::help("xgroup", reply)),
        ..help::HELP
    },
];

/// What CREATE and SETID say behind the group's name.
struct Position<'c> {
    id: &'c [u8],
    makes_stream: bool,
    entries_read: Option<u64>,
}

impl<'c> Position<'c> {
    fn parse(call: &Call<'c>, creates: bool) -> Result<Self, CommandError> {
        let mut position = Self { id: call.argument(3), makes_stream: false, entries_read: None };
        let mut cursor = call.cursor(4);
        while cursor.remaining() > 0 {
            if creates && cursor.take_word("MKSTREAM") {
                position.makes_stream = true;
            } else if cursor.remaining() > 1 && cursor.take_word("ENTRIESREAD") {
                position.entries_read = match cursor.integer()? {
                    -1 => None,
                    read => Some(u64::try_from(read).map_err(|_| {
                        CommandError::text("ERR value for ENTRIESREAD must be positive or -1")
                    })?),
                };
            } else {
                return Err(help::unknown_subcommand_or_arity("xgroup", call.argument(0)));
            }
        }
        Ok(position)
    }

    fn of(&self, stream: Option<&Stream>) -> Result<GroupPosition, CommandError> {
        let last = match self.id {
            b"$" => stream.map_or(StreamId::MIN, |stream| stream.head().last),
            id => ids::parse(id, 0)?,
        };
        Ok(self.at(last, stream))
    }

    /// As in Redis, a group has read no more entries than were added.
    fn at(&self, last: StreamId, stream: Option<&Stream>) -> GroupPosition {
        let added = stream.map_or(0, |stream| stream.head().added);
        GroupPosition { last, entries_read: self.entries_read.map(|read| read.min(added)) }
    }
}

fn no_key() -> CommandError {
    CommandError::text(
        "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to \
         create an empty stream automatically.",
    )
}

/// The stream at the key, which has the group.
fn stream_with_group<'k>(
    keys: &'k Writer<'_, '_>,
    key: &[u8],
    group: &[u8],
) -> Result<&'k Stream, CommandError> {
    let stream = keys.reader().get::<Stream>(key)?.ok_or_else(no_key)?;
    if stream.group(group).is_some() { Ok(stream) } else { Err(no_group(key, group)) }
}

/// Refuses a request with a number of arguments that is none of `counts`. As in Redis, this comes late.
fn refuse_beyond(call: &Call<'_>, counts: &[usize]) -> Result<(), CommandError> {
    if counts.contains(&call.arguments.len()) {
        return Ok(());
    }
    Err(help::unknown_subcommand_or_arity("xgroup", call.argument(0)))
}

fn create(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, group) = (call.argument(1), call.argument(2));
    let asked = Position::parse(call, true)?;
    let stream = keys.reader().get::<Stream>(key)?;
    if stream.is_none() && !asked.makes_stream {
        return Err(no_key().into());
    }
    refuse_beyond(call, &[4, 5, 6, 7])?;
    let position = asked.of(stream)?;
    if stream.is_some_and(|stream| stream.group(group).is_some()) {
        return Err(CommandError::text("BUSYGROUP Consumer Group name already exists").into());
    }
    let is_new = stream.is_none();
    keys.edit::<Stream, _>(key, Missing::Create, "xgroup-create", |stream| {
        if is_new {
            stream.make();
        }
        stream.make_group(group, position);
    })?;
    reply.ok();
    Ok(())
}

fn setid(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, group) = (call.argument(1), call.argument(2));
    let asked = Position::parse(call, false)?;
    let stream = stream_with_group(keys, key, group)?;
    refuse_beyond(call, &[4, 6])?;
    let last = match asked.id {
        b"$" => stream.head().last,
        id => ids::parse_end(id, 0)?,
    };
    let position = asked.at(last, Some(stream));
    keys.edit::<Stream, _>(key, Missing::Skip, "xgroup-setid", |stream| stream.move_group(group, position))?;
    reply.ok();
    Ok(())
}

fn destroy(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, group) = (call.argument(1), call.argument(2));
    if keys.reader().get::<Stream>(key)?.is_none() {
        return Err(no_key().into());
    }
    let is_gone =
        keys.edit::<Stream, _>(key, Missing::Skip, "xgroup-destroy", |stream| stream.drop_group(group))?;
    reply.integer(i64::from(is_gone == Some(true)));
    Ok(())
}

fn createconsumer(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, group, consumer) = (call.argument(1), call.argument(2), call.argument(3));
    let is_new = stream_with_group(keys, key, group)?
        .group(group)
        .is_some_and(|members| members.consumer(consumer).is_none());
    let now_ms = keys.reader().now_ms();
    if is_new {
        keys.edit::<Stream, _>(key, Missing::Skip, "xgroup-createconsumer", |stream| {
            stream.see_consumer(group, consumer, now_ms)
        })?;
    }
    reply.integer(i64::from(is_new));
    Ok(())
}

fn delconsumer(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, group, consumer) = (call.argument(1), call.argument(2), call.argument(3));
    let stream = stream_with_group(keys, key, group)?;
    let pending = stream.group(group).and_then(|group| group.consumer(consumer));
    call.announce(pending.map_or(0, crate::store::Consumer::pending_len))?;
    let count = keys.edit::<Stream, _>(key, Missing::Skip, "xgroup-delconsumer", |stream| {
        stream.drop_consumer(group, consumer)
    })?;
    reply.count(count.flatten().unwrap_or(0));
    Ok(())
}
