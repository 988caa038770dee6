//! SPOP and SRANDMEMBER: members drawn at random.

use super::{BASE, write};
use crate::commands::call::draw::{Draw, distinct, with_repeats};
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::name_list::NameList;
use crate::commands::call::{Call, parse_count};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::config::EventClasses;
use crate::limits;
use crate::machine::chance::Chance;
use crate::resp::reply::Reply;
use crate::store::{Members, Missing, Reader, SetForm, Text, Writer};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "spop",
        syntax: "key [count]",
        summary: "Removes and returns members drawn at random",
        complexity: "O(N) with N members returned",
        arity: -2,
        flags: &[Flag::Write, Flag::Fast],
        tips: &["nondeterministic_output"],
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Delete] },
        run: Handler::Write(spop),
        ..BASE
    },
    CommandSpec {
        name: "srandmember",
        syntax: "key [count]",
        summary: "Returns members drawn at random",
        complexity: "O(N) with N members returned; O(M) with M members of a compact set, or if N is a third of them",
        arity: -2,
        flags: &[Flag::Readonly],
        tips: &["nondeterministic_output"],
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro, KeyFlag::Access] },
        run: Handler::Read(srandmember),
        ..BASE
    },
];

fn spop(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, mut chance) = (call.argument(1), Chance::drawn());
    if call.arguments.len() == 2 {
        let taken = keys.edit::<Members, _>(key, Missing::Skip, "spop", |set| {
            set.take_drawn(&mut chance, |member| reply.bulk(member))
        })?;
        if taken.is_none() {
            reply.null();
        }
        return Ok(());
    }
    if call.arguments.len() > 3 {
        return Err(CommandError::SYNTAX.into());
    }
    let count = parse_count(call.argument(2))?;
    let set = keys.reader().get::<Members>(key)?;
    let len = set.map_or(0, Members::len);
    call.announce(count.min(len))?;
    let mut taken = NameList::default();
    if let Some(set) = set
        && count >= len
    {
        let mut digits = itoa::Buffer::new();
        set.iter().for_each(|member| taken.push(member.bytes(&mut digits)));
        // One Change removes the set, however many members it had.
        keys.notify(EventClasses::SET, "spop", key);
        keys.remove(key);
    } else {
        keys.edit::<Members, _>(key, Missing::Skip, "spop", |set| {
            while taken.len() < count && set.take_drawn(&mut chance, |member| taken.push(member)) {}
        })?;
    }
    reply.set(taken.len());
    reply.stream(taken.len(), taken);
    Ok(())
}

fn srandmember(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut chance = Chance::drawn();
    if call.arguments.len() == 2 {
        match keys.get::<Members>(call.argument(1))?.and_then(|set| set.draw(&mut chance)) {
            Some(member) => write(member, reply),
            None => reply.null(),
        }
        return Ok(());
    }
    if call.arguments.len() > 3 {
        return Err(CommandError::SYNTAX.into());
    }
    let Draw { count, with_repeats: repeats, .. } = Draw::parse(call, None, "members")?;
    let Some(set) = keys.get::<Members>(call.argument(1))? else {
        reply.array(0);
        return Ok(());
    };
    call.announce(if repeats { count } else { set.len().min(count.saturating_mul(3)) })?;
    // In a compact set each draw is a walk: all members are read once instead.
    let draw = |chance: &mut Chance| match set.form() {
        SetForm::Hashed => set.draw(chance),
        SetForm::Integers | SetForm::Packed => None,
    };
    let drawn: Vec<Text<'_>> = if repeats {
        with_repeats(count, set.iter(), draw, &mut chance)
    } else {
        distinct(count, set.len(), set.iter(), draw, |member| member, &mut chance)
    };
    if repeats && drawn.iter().map(|member| member.len()).sum::<usize>() > limits::REPEATED_MEMBERS_BYTES {
        return Err(CommandError::text("ERR the members take more than 64 MiB, draw fewer at a time").into());
    }
    reply.array(drawn.len());
    if reply.streams(drawn.len()) {
        let (mut names, mut digits) = (NameList::default(), itoa::Buffer::new());
        drawn.into_iter().for_each(|member| names.push(member.bytes(&mut digits)));
        reply.leave(names);
    } else {
        drawn.into_iter().for_each(|member| write(member, reply));
    }
    Ok(())
}
