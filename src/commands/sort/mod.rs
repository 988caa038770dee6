//! SORT and SORT_RO: the elements of a list, a set or a sorted set in another order.
//!
//! | file | its subject |
//! |---|---|
//! | `request` | the options |
//! | `pattern` | keys that elements name, for BY and GET |
//! | `rows` | the elements with what they are sorted by |
//!
//! The keys that elements name are known only when the elements are read, so a request with such patterns holds all shards:
//! its result shows one moment, as in Redis. Other requests hold the shard of their key, and of the one that is stored.

pub(super) mod pattern;
mod request;
mod rows;

use super::call::Call;
use super::call::error::{CommandError, Outcome, Stop};
use super::call::name_list::NameList;
use super::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys, UnknownKeys};
use crate::ranking::Order;
use crate::resp::reply::Reply;
use crate::store::{Reader, Value, Writer};
use request::{SortForm, SortRequest};
use rows::{Collation, NotANumber, Rows};
use std::ops::Range;

const BASE: CommandSpec = CommandSpec {
    complexity: "O(N + M log M) with N elements and M of them sorted; O(M) for a part of a list or sorted set that is not sorted",
    arity: -2,
    categories: &["@set", "@sortedset", "@list", "@dangerous"],
    finds_keys: Some(request::finds_keys),
    ..CommandSpec::BASE
};

const SORTED_KEY: Keys = Keys::first(&[KeyFlag::Ro, KeyFlag::Access]);

const BY_PATTERN: UnknownKeys = UnknownKeys {
    note: "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort",
    access: &[KeyFlag::Ro, KeyFlag::Access],
};

const STORED: UnknownKeys = UnknownKeys {
    note: "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array",
    access: &[KeyFlag::Ow, KeyFlag::Update],
};

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "sort",
        syntax: "key [BY by-pattern] [LIMIT offset count] [GET get-pattern [GET get-pattern ...]] [ASC | DESC] [ALPHA] [STORE destination]",
        summary: "Sorts the elements of a list, a set or a sorted set, and returns or stores them",
        flags: &[Flag::Write, Flag::Denyoom],
        keys: Keys::WithDerived {
            declared: &SORTED_KEY,
            derived: request::destination,
            unknown: &[BY_PATTERN, STORED],
        },
        run: Handler::Write(sort),
        ..BASE
    },
    CommandSpec {
        name: "sort_ro",
        syntax: "key [BY by-pattern] [LIMIT offset count] [GET get-pattern [GET get-pattern ...]] [ASC | DESC] [ALPHA]",
        summary: "Sorts the elements of a list, a set or a sorted set, and returns them",
        since: "7.0.0",
        flags: &[Flag::Readonly],
        keys: Keys::WithDerived { declared: &SORTED_KEY, derived: |_, _| {}, unknown: &[BY_PATTERN] },
        run: Handler::Read(sort_ro),
        ..BASE
    },
];

/// SORT, as of Redis 8.2.
fn sort(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let request = SortRequest::parse(call, SortForm::Storing)?;
    let result = result(keys.source_reader(), &request, call)?;
    let Some(destination) = request.store else {
        write(result, reply);
        return Ok(());
    };
    keys.put_list(destination, "sortstore", result.iter().map(Option::unwrap_or_default));
    reply.count(result.len());
    Ok(())
}

/// SORT_RO, as of Redis 8.2.
fn sort_ro(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let request = SortRequest::parse(call, SortForm::ReadOnly)?;
    write(result(keys, &request, call)?, reply);
    Ok(())
}

fn write(result: NameList, reply: &mut Reply<'_>) {
    reply.array(result.len());
    reply.stream(result.len(), result);
}

/// What a request returns or stores, `None` where a pattern gives nothing.
fn result(keys: Reader<'_>, request: &SortRequest<'_>, call: &Call<'_>) -> Result<NameList, Stop> {
    let value = keys.value(call.argument(1));
    match value {
        None | Some(Value::List(_) | Value::Set(_) | Value::SortedSet(_)) => {}
        Some(Value::String(_) | Value::Hash(_) | Value::Stream(_)) => {
            return Err(CommandError::WRONG_TYPE.into());
        }
    }
    let mut rows = Rows::default();
    let window = match value {
        None => 0..0,
        Some(value) => {
            let elements = value.elements();
            let window = request.window(elements);
            // A set has no order of its own, and one that is stored must not depend on the order of hashes.
            let is_set = matches!(value, Value::Set(_));
            if request.is_unsorted && !(is_set && request.store.is_some()) {
                let looked_at = if is_set { elements } else { window.len() };
                call.announce(looked_at.saturating_mul(request.columns()))?;
                let taken = take_part(value, &window, request.order, &mut rows);
                if taken { 0..rows.len() } else { window }
            } else {
                call.announce(elements.saturating_mul(request.columns()))?;
                value.visit(&mut |element| rows.push(element.name()));
                let by = if request.is_unsorted { SortKey::OwnText } else { SortKey::of(request) };
                weigh(&mut rows, by, keys).map_err(|NotANumber| {
                    CommandError::text("ERR One or more scores can't be converted into double")
                })?;
                let collation = if request.store.is_some() { Collation::Bytes } else { Collation::UpToNul };
                rows.sort(request.order, collation, window.clone());
                window
            }
        }
    };
    let mut result = NameList::default();
    let mut buffer = Vec::new();
    for at in window {
        let element = rows.element(at);
        if request.gets.is_empty() {
            result.push(element);
        }
        for pattern in &request.gets {
            pattern.resolve(element, keys, &mut buffer, |text| match text {
                Some(text) => result.push(text),
                None => result.push_null(),
            });
        }
    }
    Ok(result)
}

/// Takes elements in the value's own order: those of `window` of a list or a sorted set, and then it returns true; all of a
/// set.
fn take_part(value: &Value, window: &Range<usize>, order: Order, rows: &mut Rows) -> bool {
    let turned = |len: usize| len - window.end..len - window.start;
    match value {
        Value::List(list) => {
            let range = if order == Order::Descending { turned(list.len()) } else { window.clone() };
            list.visit(range, |element| {
                rows.push(element);
                true
            });
            if order == Order::Descending {
                rows.reverse();
            }
            true
        }
        Value::SortedSet(board) => {
            let ranks = if order == Order::Descending { turned(board.len()) } else { window.clone() };
            board.visit(ranks, order, |member, _| rows.push(member));
            true
        }
        value => {
            value.visit(&mut |element| rows.push(element.name()));
            false
        }
    }
}

/// What elements are sorted by.
#[derive(Clone, Copy, Debug)]
enum SortKey<'c> {
    OwnNumber,
    OwnText,
    Number(pattern::Pattern<'c>),
    Text(pattern::Pattern<'c>),
}

impl<'c> SortKey<'c> {
    fn of(request: &SortRequest<'c>) -> Self {
        match (request.by, request.is_alpha) {
            (None, false) => Self::OwnNumber,
            (None, true) => Self::OwnText,
            (Some(pattern), false) => Self::Number(pattern),
            (Some(pattern), true) => Self::Text(pattern),
        }
    }
}

fn weigh(rows: &mut Rows, by: SortKey<'_>, keys: Reader<'_>) -> Result<(), NotANumber> {
    let (mut element, mut buffer) = (Vec::new(), Vec::new());
    // As in Redis, all keys are looked up before an error is told.
    let mut outcome = Ok(());
    for at in 0..rows.len() {
        let mut copied = |rows: &Rows| {
            element.clear();
            element.extend_from_slice(rows.element(at));
        };
        let weighed = match by {
            SortKey::OwnNumber => rows.weigh_by_own_number(at),
            SortKey::OwnText => {
                rows.weigh_by_own_text(at);
                Ok(())
            }
            SortKey::Number(pattern) => {
                copied(rows);
                pattern.resolve(&element, keys, &mut buffer, |text| rows.weigh_by_number(at, text))
            }
            SortKey::Text(pattern) => {
                copied(rows);
                pattern.resolve(&element, keys, &mut buffer, |text| rows.weigh_by_text(at, text));
                Ok(())
            }
        };
        outcome = outcome.and(weighed);
    }
    outcome
}
