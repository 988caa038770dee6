//! Sets. Friend lists are stored as sets.

use super::call::Call;
use super::call::error::Outcome;
use super::call::name_list::NameList;
use super::spec::{CommandSpec, Flag, Group, Handler, KeyFlag, Keys, Lookahead};
use crate::resp::reply::Reply;
use crate::store::{Members, Missing, Reader, Writer};

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
        lookahead: Some(Lookahead::Key),
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
        lookahead: Some(Lookahead::Key),
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
        lookahead: Some(Lookahead::Key),
        run: Handler::Read(sismember),
        ..BASE
    },
    CommandSpec {
        name: "scard",
        syntax: "key",
        summary: "Returns the number of members of a set",
        arity: 2,
        flags: &[Flag::Readonly, Flag::Fast],
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro] },
        lookahead: Some(Lookahead::Key),
        run: Handler::Read(scard),
        ..BASE
    },
];

fn sadd(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let added = keys.edit::<Members, _>(call.argument(1), Missing::Create, "sadd", |set| {
        call.cursor(2).filter(|member| set.insert(member)).count()
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
        let mut members = NameList::default();
        set.for_each(|member| members.push(member));
        reply.leave(members);
    } else {
        set.for_each(|member| reply.bulk(member));
    }
    Ok(())
}

fn sismember(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let found = keys.get::<Members>(call.argument(1))?.is_some_and(|set| set.contains(call.argument(2)));
    reply.integer(i64::from(found));
    Ok(())
}

fn scard(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.count(keys.get::<Members>(call.argument(1))?.map_or(0, Members::len));
    Ok(())
}
