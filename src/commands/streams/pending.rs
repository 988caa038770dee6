//! XPENDING and XACK: what a group has delivered, and that it was acknowledged.

use super::entries::write_id;
use super::ids::{self, parse_start, parse_stop};
use super::{BASE, no_key_or_group};
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::limits;
use crate::resp::reply::Reply;
use crate::store::{Consumer, ConsumerGroup, Missing, Reader, Stream, StreamId, Writer};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "xpending",
        syntax: "key group [[IDLE min-idle-time] start end count [consumer]]",
        summary: "Returns what a group has delivered and what is not acknowledged",
        complexity: "O(N) with N entries returned or, with IDLE, looked at; O(C) with C consumers for the summary",
        arity: -3,
        flags: &[Flag::Readonly],
        tips: &["nondeterministic_output"],
        keys: Keys::first(&[KeyFlag::Ro, KeyFlag::Access]),
        run: Handler::Read(xpending),
        ..BASE
    },
    CommandSpec {
        name: "xack",
        syntax: "key group id [id ...]",
        summary: "Acknowledges entries: they are not pending any more",
        complexity: "O(log N) for each id",
        arity: -4,
        flags: &[Flag::Write, Flag::Fast],
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Update]),
        run: Handler::Write(xack),
        ..BASE
    },
];

/// Which pending entries are asked for.
struct Selection<'c> {
    min_idle_ms: i64,
    from: StreamId,
    to: StreamId,
    count: usize,
    consumer: Option<&'c [u8]>,
}

impl<'c> Selection<'c> {
    /// Reads what is behind the group. `None` if there is nothing.
    fn parse(call: &Call<'c>) -> Result<Option<Self>, CommandError> {
        let words = call.arguments.len();
        if words == 3 {
            return Ok(None);
        }
        if !(6..=9).contains(&words) {
            return Err(CommandError::SYNTAX);
        }
        let mut cursor = call.cursor(3);
        let mut min_idle_ms = 0;
        if cursor.take_word("IDLE") {
            min_idle_ms = cursor.integer()?;
            if words < 8 {
                return Err(CommandError::SYNTAX);
            }
        }
        let (start, stop) = (cursor.required()?, cursor.required()?);
        let count = usize::try_from(cursor.integer()?).unwrap_or(0);
        let (from, to) = (parse_start(start)?, parse_stop(stop)?);
        // As in Redis, a further word is ignored where IDLE could have been.
        let consumer = cursor.next();
        Ok(Some(Self { min_idle_ms, from, to, count, consumer }))
    }
}

fn xpending(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let selection = Selection::parse(call)?;
    let (key, name) = (call.argument(1), call.argument(2));
    let group = keys.get::<Stream>(key)?.and_then(|stream| stream.group(name));
    let group = group.ok_or_else(|| no_key_or_group(key, name))?;
    let Some(selection) = selection else {
        write_summary(group, reply);
        return Ok(());
    };
    let consumer = match selection.consumer.map(|name| group.consumer(name)) {
        Some(None) => {
            reply.array(0);
            return Ok(());
        }
        consumer => consumer.flatten(),
    };
    let all = consumer.map_or(group.pending_len(), Consumer::pending_len);
    let looked_at = if selection.min_idle_ms > 0 { all } else { selection.count.min(all) };
    if looked_at > limits::ELEMENTS_ON_THREAD {
        call.announce(looked_at)?;
    }
    let now_ms = keys.now_ms();
    let idle_ms = |at_ms: u64| now_ms.cast_signed().saturating_sub(at_ms.cast_signed());
    let found: Vec<_> = group
        .pending(consumer, selection.from, selection.to)
        .filter(|(.., delivery)| {
            selection.min_idle_ms == 0 || idle_ms(delivery.at_ms) >= selection.min_idle_ms
        })
        .take(selection.count)
        .collect();
    reply.array(found.len());
    for (id, consumer, delivery) in found {
        reply.array(4);
        write_id(id, reply);
        reply.bulk(consumer.name());
        reply.integer(idle_ms(delivery.at_ms).max(0));
        reply.integer(delivery.count.cast_signed());
    }
    Ok(())
}

/// Writes how much is pending, from where to where, and for whom.
fn write_summary(group: &ConsumerGroup, reply: &mut Reply<'_>) {
    reply.array(4);
    reply.count(group.pending_len());
    let Some((first, last)) = group.pending_ends() else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    write_id(first, reply);
    write_id(last, reply);
    let busy = || group.consumers().filter(|consumer| consumer.pending_len() > 0);
    reply.array(busy().count());
    for consumer in busy() {
        reply.array(2);
        reply.bulk(consumer.name());
        reply.bulk_integer(consumer.pending_len() as i64);
    }
}

fn xack(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, group) = (call.argument(1), call.argument(2));
    if keys.reader().get::<Stream>(key)?.is_none_or(|stream| stream.group(group).is_none()) {
        reply.integer(0);
        return Ok(());
    }
    let ids = call.cursor(3).map(|id| ids::parse(id, 0)).collect::<Result<Vec<_>, _>>()?;
    call.announce(ids.len())?;
    let count = keys
        .edit::<Stream, _>(key, Missing::Skip, None, |stream| stream.acknowledge(group, ids.into_iter()))?;
    reply.count(count.unwrap_or(0));
    Ok(())
}
