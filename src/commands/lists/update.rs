//! Commands that replace, insert and remove elements by index or value: LSET, LINSERT, LREM, LTRIM.

use super::{BASE, parse_signed_count, place, places};
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, parse_integer};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys, Lookahead};
use crate::resp::reply::Reply;
use crate::store::{End, List, Missing, Writer};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "lset",
        syntax: "key index element",
        summary: "Replaces the element at an index",
        complexity: "O(S / 500) with S elements to the nearer end",
        arity: 4,
        flags: &[Flag::Write, Flag::Denyoom],
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Update] },
        lookahead: Some(Lookahead::KEY),
        run: Handler::Write(lset),
        ..BASE
    },
    CommandSpec {
        name: "linsert",
        syntax: "key <BEFORE | AFTER> pivot element",
        summary: "Inserts an element before or after another one",
        since: "2.2.0",
        complexity: "O(N) with N elements before the other one",
        arity: 5,
        flags: &[Flag::Write, Flag::Denyoom],
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Insert] },
        lookahead: Some(Lookahead::KEY),
        run: Handler::Write(linsert),
        ..BASE
    },
    CommandSpec {
        name: "lrem",
        syntax: "key count element",
        summary: "Removes elements that equal a value",
        complexity: "O(N)",
        arity: 4,
        flags: &[Flag::Write],
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Delete] },
        lookahead: Some(Lookahead::KEY),
        run: Handler::Write(lrem),
        ..BASE
    },
    CommandSpec {
        name: "ltrim",
        syntax: "key start stop",
        summary: "Removes the elements outside a range of indices",
        complexity: "O(N / 500) with N elements removed",
        arity: 4,
        flags: &[Flag::Write],
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Delete] },
        lookahead: Some(Lookahead::KEY),
        run: Handler::Write(ltrim),
        ..BASE
    },
];

fn lset(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = call.argument(1);
    let Some(list) = keys.reader().get::<List>(key)? else {
        return Err(CommandError::text("ERR no such key").into());
    };
    let index = parse_integer(call.argument(2))?;
    let Some(place) = place(index, list.len()) else {
        return Err(CommandError::text("ERR index out of range").into());
    };
    keys.edit::<List, _>(key, Missing::Skip, "lset", |list| list.set(place, call.argument(3)))?;
    reply.ok();
    Ok(())
}

fn linsert(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let side = call.argument(2);
    let side = if side.eq_ignore_ascii_case(b"after") {
        End::Back
    } else if side.eq_ignore_ascii_case(b"before") {
        End::Front
    } else {
        return Err(CommandError::SYNTAX.into());
    };
    let (key, pivot) = (call.argument(1), call.argument(3));
    let Some(list) = keys.reader().get::<List>(key)? else {
        reply.integer(0);
        return Ok(());
    };
    call.announce(list.len())?;
    let mut found = None;
    list.find(pivot, End::Front, usize::MAX, |place| {
        found = Some(place);
        false
    });
    let Some(place) = found else {
        reply.integer(-1);
        return Ok(());
    };
    let len = keys.edit::<List, _>(key, Missing::Skip, "linsert", |list| {
        list.insert_beside((place, side, pivot), call.argument(4));
        list.len()
    })?;
    reply.count(len.unwrap_or(0));
    Ok(())
}

fn lrem(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let count = parse_signed_count(call.argument(2))?;
    let key = call.argument(1);
    call.announce(keys.reader().get::<List>(key)?.map_or(0, List::len))?;
    let removed =
        keys.edit::<List, _>(key, Missing::Skip, "lrem", |list| list.remove_equal(count, call.argument(3)))?;
    reply.count(removed.unwrap_or(0));
    Ok(())
}

fn ltrim(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (start, stop) = (parse_integer(call.argument(2))?, parse_integer(call.argument(3))?);
    keys.edit::<List, _>(call.argument(1), Missing::Skip, "ltrim", |list| {
        let kept = places(start, stop, list.len());
        list.trim(kept);
    })?;
    reply.ok();
    Ok(())
}
