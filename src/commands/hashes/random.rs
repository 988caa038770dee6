//! HRANDFIELD: fields drawn at random.

use super::read::living;
use super::{BASE, write};
use crate::commands::call::Call;
use crate::commands::call::draw::{Draw, distinct, with_repeats};
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::limits;
use crate::machine::chance::Chance;
use crate::resp::Protocol;
use crate::resp::reply::Reply;
use crate::store::{Reader, Text};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "hrandfield",
    syntax: "key [count [WITHVALUES]]",
    summary: "Returns fields drawn at random",
    since: "6.2.0",
    complexity: "O(N) with N fields returned; O(M) with M fields of a hash of up to 512, or if that is a third of them",
    arity: -2,
    flags: &[Flag::Readonly],
    tips: &["nondeterministic_output"],
    keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro, KeyFlag::Access] },
    run: Handler::Read(hrandfield),
    ..BASE
}];

/// A field and its value.
type Pair<'f> = (Text<'f>, Text<'f>);

fn hrandfield(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut chance = Chance::drawn();
    if call.arguments.len() == 2 {
        let drawn = living(keys, call.argument(1))?.and_then(|fields| {
            with_repeats(1, fields.iter(), |chance| fields.draw(chance), &mut chance).pop()
        });
        write(drawn.map(|(field, _)| field), reply);
        return Ok(());
    }
    let wanted = Draw::parse(call, Some("withvalues"), "fields")?;
    let Some(fields) = living(keys, call.argument(1))? else {
        reply.array(0);
        return Ok(());
    };
    let stored = keys.peek(call.argument(1)).map_or(0, |value| value.elements());
    call.announce(if wanted.with_repeats {
        wanted.count
    } else {
        stored.min(wanted.count.saturating_mul(3))
    })?;
    let draw = |chance: &mut Chance| fields.draw(chance);
    let drawn: Vec<Pair<'_>> = if wanted.with_repeats {
        with_repeats(wanted.count, fields.iter(), draw, &mut chance)
    } else {
        distinct(wanted.count, fields.len(), fields.iter(), draw, |(field, _)| field, &mut chance)
    };
    let bytes = || drawn.iter().map(|(field, value)| field.len() + value.len()).sum::<usize>();
    if wanted.with_repeats && bytes() > limits::REPEATED_MEMBERS_BYTES {
        return Err(CommandError::text("ERR the fields take more than 64 MiB, draw fewer at a time").into());
    }
    let in_pairs = wanted.with_values && reply.protocol() == Protocol::Resp3;
    reply.array(if wanted.with_values && !in_pairs { 2 * drawn.len() } else { drawn.len() });
    for (field, value) in drawn {
        if in_pairs {
            reply.array(2);
        }
        write(Some(field), reply);
        if wanted.with_values {
            write(Some(value), reply);
        }
    }
    Ok(())
}
