//! HRANDFIELD: fields drawn at random.

use super::read::living;
use super::{BASE, write};
use crate::commands::call::Call;
use crate::commands::call::draw::Draw;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::limits;
use crate::machine::chance::Chance;
use crate::resp::Protocol;
use crate::resp::reply::Reply;
use crate::store::{Living, Reader, Text};
use std::collections::HashSet;

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
        let drawn =
            living(keys, call.argument(1))?.and_then(|fields| with_repeats(&fields, 1, &mut chance).next());
        write(drawn.map(|(field, _)| field), reply);
        return Ok(());
    }
    let draw = Draw::parse(call, "withvalues", "fields")?;
    let Some(fields) = living(keys, call.argument(1))? else {
        reply.array(0);
        return Ok(());
    };
    let stored = keys.peek(call.argument(1)).map_or(0, |value| value.elements());
    call.announce(if draw.with_repeats { draw.count } else { stored.min(draw.count.saturating_mul(3)) })?;
    let drawn: Vec<Pair<'_>> = if draw.with_repeats {
        let mut bytes = 0;
        let drawn = with_repeats(&fields, draw.count, &mut chance);
        let drawn: Vec<_> = drawn.inspect(|(field, value)| bytes += field.len() + value.len()).collect();
        if bytes > limits::REPEATED_MEMBERS_BYTES {
            return Err(
                CommandError::text("ERR the fields take more than 64 MiB, draw fewer at a time").into()
            );
        }
        drawn
    } else {
        distinct(&fields, draw.count, &mut chance)
    };
    let in_pairs = draw.with_values && reply.protocol() == Protocol::Resp3;
    reply.array(if draw.with_values && !in_pairs { 2 * drawn.len() } else { drawn.len() });
    for (field, value) in drawn {
        if in_pairs {
            reply.array(2);
        }
        write(Some(field), reply);
        if draw.with_values {
            write(Some(value), reply);
        }
    }
    Ok(())
}

/// `count` fields, with repeats; no field of an empty hash.
fn with_repeats<'f>(
    fields: &Living<'f>,
    count: usize,
    chance: &mut Chance,
) -> impl Iterator<Item = Pair<'f>> {
    // Either each draw is cheap, or all fields are read once.
    let all: Vec<Pair<'f>> = if fields.draw(chance).is_some() { Vec::new() } else { fields.iter().collect() };
    (0..count).map_while(move |_| match all.len() {
        0 => fields.draw(chance),
        len => Some(all[chance.below(len as u64) as usize]),
    })
}

/// `count` different fields, or all if there are fewer. Every choice has the same probability.
fn distinct<'f>(fields: &Living<'f>, count: usize, chance: &mut Chance) -> Vec<Pair<'f>> {
    let len = fields.len();
    let count = count.min(len);
    if count <= len / 3 && fields.draw(chance).is_some() {
        let (mut seen, mut drawn) = (HashSet::new(), Vec::new());
        while drawn.len() < count {
            let Some(pair) = fields.draw(chance) else { break };
            if let (Text::Bytes(field), _) = pair
                && seen.insert(field)
            {
                drawn.push(pair);
            }
        }
        return drawn;
    }
    // Each field is taken with probability (fields still wanted) / (fields left)
    // (Knuth, The Art of Computer Programming 2, algorithm S).
    let (mut wanted, mut left) = (count as u64, len as u64);
    let taken = fields.iter().filter(|_| {
        let is_taken = chance.below(left) < wanted;
        left -= 1;
        wanted -= u64::from(is_taken);
        is_taken
    });
    taken.collect()
}
