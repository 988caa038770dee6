//! Sets, as of Redis 8.2.3. Friend lists are stored as sets.

pub(super) mod combine;
pub(super) mod random;
pub(super) mod scan;

use super::call::Call;
use super::call::error::Outcome;
use super::call::name_list::NameList;
use super::spec::{CommandSpec, Flag, Group, Handler, KeyFlag, Keys, Lookahead};
use crate::resp::reply::Reply;
use crate::resp::request::Arguments;
use crate::store::{Members, Missing, Reader, Text, Value, Writer};

const BASE: CommandSpec = CommandSpec { group: Group::Set, ..CommandSpec::BASE };

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "sadd",
        syntax: "key member [member ...]",
        summary: "Adds members to a set",
        complexity: "O(1) for each member",
        arity: -3,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Insert] },
        lookahead: Some(Lookahead::KEY),
        run: Handler::Write(sadd),
        ..BASE
    },
    CommandSpec {
        name: "srem",
        syntax: "key member [member ...]",
        summary: "Removes members from a set",
        complexity: "O(1) for each member",
        arity: -3,
        flags: &[Flag::Write, Flag::Fast],
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Delete] },
        lookahead: Some(Lookahead::KEY),
        run: Handler::Write(srem),
        ..BASE
    },
    CommandSpec {
        name: "smembers",
        syntax: "key",
        summary: "Returns all members of a set",
        complexity: "O(N)",
        arity: 2,
        flags: &[Flag::Readonly],
        tips: &["nondeterministic_output_order"],
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro, KeyFlag::Access] },
        run: Handler::Read(smembers),
        ..BASE
    },
    CommandSpec {
        name: "sismember",
        syntax: "key member",
        summary: "Returns whether a member is in a set",
        arity: 3,
        flags: &[Flag::Readonly, Flag::Fast],
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro] },
        lookahead: Some(Lookahead::Part(&[load_place, load_member])),
        run: Handler::Read(sismember),
        ..BASE
    },
    CommandSpec {
        name: "smismember",
        syntax: "key member [member ...]",
        summary: "Tells which of several members are in a set",
        since: "6.2.0",
        complexity: "O(1) for each member",
        arity: -3,
        flags: &[Flag::Readonly, Flag::Fast],
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro, KeyFlag::Access] },
        lookahead: Some(Lookahead::KEY),
        run: Handler::Read(smismember),
        ..BASE
    },
    CommandSpec {
        name: "smove",
        syntax: "source destination member",
        summary: "Moves a member from one set to another",
        arity: 4,
        flags: &[Flag::Write, Flag::Fast],
        keys: Keys::Pair {
            first: &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Delete],
            second: &[KeyFlag::Rw, KeyFlag::Insert],
        },
        run: Handler::Write(smove),
        ..BASE
    },
    CommandSpec {
        name: "scard",
        syntax: "key",
        summary: "Returns the number of members of a set",
        arity: 2,
        flags: &[Flag::Readonly, Flag::Fast],
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro] },
        lookahead: Some(Lookahead::KEY),
        run: Handler::Read(scard),
        ..BASE
    },
];

fn sadd(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let bounds = call.config.set_bounds;
    let added = keys.edit::<Members, _>(call.argument(1), Missing::Create, "sadd", |set| {
        set.expect(call.argument(2), call.arguments.len() - 2, bounds);
        call.cursor(2).filter(|member| set.insert(member, bounds)).count()
    })?;
    reply.count(added.unwrap_or(0));
    Ok(())
}

fn srem(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let removed = keys.edit::<Members, _>(call.argument(1), Missing::Skip, "srem", |set| {
        call.cursor(2).filter(|member| set.remove(member)).count()
    })?;
    reply.count(removed.unwrap_or(0));
    Ok(())
}

fn smembers(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Some(set) = keys.get::<Members>(call.argument(1))? else {
        reply.set(0);
        return Ok(());
    };
    call.announce(set.len())?;
    reply.set(set.len());
    if reply.streams(set.len()) {
        let (mut members, mut digits) = (NameList::default(), itoa::Buffer::new());
        set.iter().for_each(|member| members.push(member.bytes(&mut digits)));
        reply.leave(members);
    } else {
        set.iter().for_each(|member| write(member, reply));
    }
    Ok(())
}

/// Loads ahead where argument 2 is looked for.
fn load_place(value: &Value, request: Arguments<'_>) {
    if let (Value::Set(set), Some(member)) = (value, request.get(2)) {
        set.prefetch_place(Text::of(member));
    }
}

/// Loads ahead what tells whether argument 2 is a member.
fn load_member(value: &Value, request: Arguments<'_>) {
    if let (Value::Set(set), Some(member)) = (value, request.get(2)) {
        set.prefetch_member(Text::of(member));
    }
}

fn sismember(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let found = keys.get::<Members>(call.argument(1))?.is_some_and(|set| set.contains(call.argument(2)));
    reply.integer(i64::from(found));
    Ok(())
}

fn smismember(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let set = keys.get::<Members>(call.argument(1))?;
    let members = call.cursor(2);
    call.announce(members.remaining())?;
    reply.array(members.remaining());
    for member in members {
        reply.integer(i64::from(set.is_some_and(|set| set.contains(member))));
    }
    Ok(())
}

/// As in Redis, the destination's type does not matter while there is no source.
fn smove(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (source, destination, member) = (call.argument(1), call.argument(2), call.argument(3));
    let reader = keys.reader();
    let mut is_there = false;
    if let Some(set) = reader.get::<Members>(source)? {
        reader.get::<Members>(destination)?;
        is_there = set.contains(member);
    }
    if is_there && source != destination {
        let bounds = call.config.set_bounds;
        keys.edit::<Members, _>(source, Missing::Skip, "srem", |set| set.remove(member))?;
        keys.edit::<Members, _>(destination, Missing::Create, "sadd", |set| set.insert(member, bounds))?;
    }
    reply.integer(i64::from(is_there));
    Ok(())
}

fn scard(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.count(keys.get::<Members>(call.argument(1))?.map_or(0, Members::len));
    Ok(())
}

/// A member as a bulk string.
fn write(member: Text<'_>, reply: &mut Reply<'_>) {
    reply.bulk(member.bytes(&mut itoa::Buffer::new()));
}
