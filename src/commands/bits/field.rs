//! BITFIELD and BITFIELD_RO: integers of any width within a string.

use super::integer::{OverflowMode, Width};
use super::{BASE, offset};
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, Cursor};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys, Lookahead};
use crate::commands::strings::patch::{Draft, patch_string, patches};
use crate::resp::reply::Reply;
use crate::store::{Reader, Writer};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "bitfield",
        syntax: "key [<GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset value | \
                 INCRBY encoding offset increment>> [<GET encoding offset | \
                 [OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset value | INCRBY encoding offset increment>> ...]]",
        summary: "Reads, sets and increments integers of any width within a string",
        since: "3.2.0",
        complexity: "O(1) for each subcommand",
        arity: -2,
        flags: &[Flag::Write, Flag::Denyoom],
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Update]),
        access_of_request: Some(access_of_bitfield),
        lookahead: Some(Lookahead::KEY),
        run: Handler::Write(bitfield),
        keys_note: Some("This command allows both access and modification of the key"),
        ..BASE
    },
    CommandSpec {
        name: "bitfield_ro",
        syntax: "key [GET encoding offset [GET encoding offset ...]]",
        summary: "Reads integers of any width within a string",
        since: "6.0.0",
        complexity: "O(1) for each subcommand",
        arity: -2,
        flags: &[Flag::Readonly, Flag::Fast],
        keys: Keys::first(&[KeyFlag::Ro, KeyFlag::Access]),
        lookahead: Some(Lookahead::KEY),
        run: Handler::Read(bitfield_ro),
        ..BASE
    },
];

/// What a subcommand does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Get,
    Set(i64),
    Increment(i64),
}

/// One subcommand, with the last OVERFLOW before it.
#[derive(Clone, Copy, Debug)]
struct Step {
    action: Action,
    width: Width,
    offset: usize,
    overflow: OverflowMode,
}

/// Reads the subcommands.
fn parse(call: &Call<'_>) -> Result<Vec<Step>, CommandError> {
    let mut steps = Vec::new();
    let mut overflow = OverflowMode::Wrap;
    let mut cursor = call.cursor(2);
    while cursor.remaining() > 0 {
        let left = cursor.remaining();
        if left > 1 && cursor.take_word("overflow") {
            overflow = parse_overflow(&mut cursor)?;
            continue;
        }
        let number: Option<fn(i64) -> Action> = if left > 2 && cursor.take_word("get") {
            None
        } else if left > 3 && cursor.take_word("set") {
            Some(Action::Set)
        } else if left > 3 && cursor.take_word("incrby") {
            Some(Action::Increment)
        } else {
            return Err(CommandError::SYNTAX);
        };
        let width = Width::parse(cursor.required()?)?;
        let offset = offset::parse_counted(cursor.required()?, width.bits(), call)?;
        let action = match number {
            None => Action::Get,
            Some(action) => action(cursor.integer()?),
        };
        steps.push(Step { action, width, offset, overflow });
    }
    Ok(steps)
}

fn parse_overflow(cursor: &mut Cursor<'_>) -> Result<OverflowMode, CommandError> {
    let words = [("wrap", OverflowMode::Wrap), ("sat", OverflowMode::Saturate), ("fail", OverflowMode::Fail)];
    let found = words.into_iter().find(|(word, _)| cursor.take_word(word));
    found.map(|(_, overflow)| overflow).ok_or(CommandError::text("ERR Invalid OVERFLOW type specified"))
}

fn bitfield_ro(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let steps = parse(call)?;
    if steps.iter().any(|step| step.action != Action::Get) {
        return Err(CommandError::text("ERR BITFIELD_RO only supports the GET subcommand").into());
    }
    get_all(keys, call, &steps, reply)
}

fn get_all(keys: Reader<'_>, call: &Call<'_>, steps: &[Step], reply: &mut Reply<'_>) -> Outcome {
    let draft = Draft::over(keys.string(call.argument(1))?.unwrap_or_default());
    reply.array(steps.len());
    steps.iter().for_each(|step| reply.integer(step.width.read(&draft, step.offset)));
    Ok(())
}

fn bitfield(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, steps) = (call.argument(1), parse(call)?);
    let written = steps.iter().filter(|step| step.action != Action::Get);
    let Some(last) = written.map(|step| step.width.last_byte(step.offset)).max() else {
        return get_all(keys.source_reader(), call, &steps, reply);
    };
    let string = keys.reader().string(key)?.unwrap_or_default();
    // The string grows to the last byte that a subcommand may write, even if the subcommand fails. Redis does the same.
    let grows = string.len() <= last;
    let mut has_changed = false;
    let mut draft = Draft::over(string);
    if grows {
        draft.set_byte(last, 0);
    }
    reply.array(steps.len());
    for Step { action, width, offset, overflow } in steps {
        let old = width.read(&draft, offset);
        let new = match action {
            Action::Get => {
                reply.integer(old);
                continue;
            }
            Action::Set(value) => width.of(value),
            Action::Increment(by) => i128::from(old) + i128::from(by),
        };
        match width.fit(new, overflow) {
            None => reply.null(),
            Some(new) => {
                reply.integer(if matches!(action, Action::Set(_)) { old } else { new });
                width.write(&mut draft, offset, new);
                has_changed |= grows || old != new;
            }
        }
    }
    if grows || has_changed {
        let rows = draft.into_rows();
        patch_string(keys, key, has_changed.then_some("setbit"), &patches(&rows))?;
    }
    Ok(())
}

/// BITFIELD writes its key unless all its subcommands read. As in Redis, a malformed subcommand counts as a write.
fn access_of_bitfield(call: &Call<'_>) -> &'static [KeyFlag] {
    let mut words = call.cursor(2);
    while words.remaining() > 0 {
        let left = words.remaining();
        if left > 2 && words.take_word("get") {
            words.nth(1);
        } else if left > 1 && words.take_word("overflow") {
            words.next();
        } else {
            return &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Update];
        }
    }
    &[KeyFlag::Ro, KeyFlag::Access]
}
