//! Commands that take pending entries from other consumers: XCLAIM, XAUTOCLAIM.

use super::entries::{write_entry, write_id};
use super::ids::{self, parse_start};
use super::{BASE, no_key_or_group};
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::text;
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::resp::integer;
use crate::resp::reply::Reply;
use crate::store::{Delivery, Edit, GroupPosition, Missing, Stream, StreamId, Writer};

const CLAIM: CommandSpec = CommandSpec {
    complexity: "O(log N) for each entry",
    arity: -6,
    flags: &[Flag::Write, Flag::Fast],
    tips: &["nondeterministic_output"],
    ..BASE
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "xclaim",
        syntax: "key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]",
        summary: "Makes pending entries those of another consumer",
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Update]),
        run: Handler::Write(xclaim),
        ..CLAIM
    },
    CommandSpec {
        name: "xautoclaim",
        syntax: "key group consumer min-idle-time start [COUNT count] [JUSTID]",
        summary: "Makes entries that have been pending for long those of another consumer",
        since: "6.2.0",
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Delete]),
        run: Handler::Write(xautoclaim),
        ..CLAIM
    },
];

/// The options of XCLAIM.
#[derive(Default)]
struct ClaimOptions {
    ids: Vec<StreamId>,
    delivered_ms: Option<i64>,
    retries: Option<u64>,
    forces: bool,
    ids_only: bool,
    last: StreamId,
}

impl ClaimOptions {
    fn parse(call: &Call<'_>, now_ms: u64) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut cursor = call.cursor(5);
        while let Some(id) = cursor.clone().next().and_then(|id| ids::parse(id, 0).ok()) {
            options.ids.push(id);
            cursor.next();
        }
        let invalid =
            |option: &str| CommandError::new(format!("ERR Invalid {option} option argument for XCLAIM"));
        while let Some(word) = cursor.clone().next() {
            let has_more = cursor.remaining() > 1;
            let mut number = |option: &str| -> Result<Option<i64>, CommandError> {
                if !(has_more && cursor.take_word(option)) {
                    return Ok(None);
                }
                let text = cursor.next().unwrap_or_default();
                integer::parse(text).map(Some).ok_or_else(|| invalid(option))
            };
            if let Some(idle_ms) = number("IDLE")? {
                options.delivered_ms = Some(now_ms.cast_signed().wrapping_sub(idle_ms));
            } else if let Some(at_ms) = number("TIME")? {
                options.delivered_ms = Some(at_ms);
            } else if let Some(retries) = number("RETRYCOUNT")? {
                options.retries = u64::try_from(retries).ok();
            } else if cursor.take_word("FORCE") {
                options.forces = true;
            } else if cursor.take_word("JUSTID") {
                options.ids_only = true;
            } else if has_more && cursor.take_word("LASTID") {
                options.last = ids::parse(cursor.required()?, 0)?;
            } else {
                return Err(CommandError::new(format!("ERR Unrecognized XCLAIM option '{}'", text(word))));
            }
        }
        Ok(options)
    }

    /// When the entries were delivered, as the request says it. A time that cannot be is the present.
    fn delivered_ms(&self, now_ms: u64) -> u64 {
        // -1 is Redis's way of saying that no time was given.
        let given = self.delivered_ms.and_then(|at_ms| u64::try_from(at_ms).ok());
        given.filter(|&at_ms| at_ms <= now_ms).unwrap_or(now_ms)
    }
}

fn idle_ms(now_ms: u64, delivery: Delivery) -> i64 {
    now_ms.cast_signed().saturating_sub(delivery.at_ms.cast_signed())
}

fn xclaim(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, group, consumer) = (call.argument(1), call.argument(2), call.argument(3));
    let now_ms = keys.reader().now_ms();
    let stream = keys.reader().get::<Stream>(key)?;
    if stream.is_none_or(|stream| stream.group(group).is_none()) {
        return Err(no_key_or_group(key, group).into());
    }
    let min_idle_ms = parse_idle(call, "XCLAIM")?;
    let options = ClaimOptions::parse(call, now_ms)?;
    call.announce(options.ids.len())?;
    keys.edit::<Stream, _>(key, Missing::Skip, None, |stream| {
        let position = stream.group(group).map(crate::store::ConsumerGroup::position).unwrap_or_default();
        if options.last > position.last {
            stream.move_group(group, GroupPosition { last: options.last, ..position });
        }
        see_consumer(stream, group, consumer, now_ms);
        let claimed = claim(stream, (group, consumer), &options, min_idle_ms, now_ms);
        write_claimed(stream, &claimed, options.ids_only, reply);
    })?;
    Ok(())
}

/// Claims the entries that XCLAIM names. Returns their ids.
fn claim(
    stream: &mut Edit<'_, '_, Stream>,
    (group, consumer): (&[u8], &[u8]),
    options: &ClaimOptions,
    min_idle_ms: i64,
    now_ms: u64,
) -> Vec<StreamId> {
    let at_ms = options.delivered_ms(now_ms);
    let mut claimed = Vec::new();
    for &id in &options.ids {
        let pending =
            stream.group(group).and_then(|group| group.pending_at(id)).map(|(_, delivery)| delivery);
        if stream.get(id).is_none() {
            if pending.is_some() {
                stream.acknowledge(group, std::iter::once(id));
            }
            continue;
        }
        let before = match pending {
            Some(delivery) if min_idle_ms > 0 && idle_ms(now_ms, delivery) < min_idle_ms => continue,
            Some(delivery) => delivery.count,
            None if options.forces => 1,
            None => continue,
        };
        let count = match options.retries {
            Some(retries) => retries,
            None if options.ids_only => before,
            None => before.saturating_add(1),
        };
        stream.deliver(group, consumer, &[(id, Delivery { at_ms, count })]);
        claimed.push(id);
    }
    if !claimed.is_empty() {
        stream.note_active(group, consumer, now_ms);
    }
    claimed
}

fn xautoclaim(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    /// Entries that are looked at for each that may be claimed.
    const LOOKED_AT: usize = 10;
    const MOST: usize = i64::MAX as usize / size_of::<StreamId>();
    let (key, group, consumer) = (call.argument(1), call.argument(2), call.argument(3));
    let min_idle_ms = parse_idle(call, "XAUTOCLAIM")?;
    let start = parse_start(call.argument(5))?;
    let (mut count, mut ids_only, mut cursor) = (100, false, call.cursor(6));
    while cursor.remaining() > 0 {
        if cursor.remaining() > 1 && cursor.take_word("COUNT") {
            let given = integer::parse(cursor.required()?).and_then(|count| usize::try_from(count).ok());
            let not_positive = CommandError::text("ERR COUNT must be > 0");
            count = given.filter(|count| (1..=MOST).contains(count)).ok_or(not_positive)?;
        } else if cursor.take_word("JUSTID") {
            ids_only = true;
        } else {
            return Err(CommandError::SYNTAX.into());
        }
    }
    let members = keys.reader().get::<Stream>(key)?.and_then(|stream| stream.group(group));
    let pending_len = members.ok_or_else(|| no_key_or_group(key, group))?.pending_len();
    call.announce(count.saturating_mul(LOOKED_AT).min(pending_len))?;
    let now_ms = keys.reader().now_ms();
    keys.edit::<Stream, _>(key, Missing::Skip, None, |stream| {
        see_consumer(stream, group, consumer, now_ms);
        let (mut claimed, mut gone, mut next) = (Vec::new(), Vec::new(), StreamId::MIN);
        if let Some(members) = stream.group(group) {
            let (mut left, mut find) = (count, stream.finder());
            let pending = members.pending(None, start, StreamId::MAX);
            for (looked_at, (id, _, delivery)) in pending.enumerate() {
                if left == 0 || looked_at == count.saturating_mul(LOOKED_AT) {
                    next = id;
                    break;
                }
                if find(id).is_none() {
                    gone.push(id);
                    left -= 1;
                } else if min_idle_ms == 0 || idle_ms(now_ms, delivery) >= min_idle_ms {
                    let count = delivery.count.saturating_add(u64::from(!ids_only));
                    claimed.push((id, Delivery { at_ms: now_ms, count }));
                    left -= 1;
                }
            }
        }
        stream.acknowledge(group, gone.iter().copied());
        if !claimed.is_empty() {
            stream.note_active(group, consumer, now_ms);
            stream.deliver(group, consumer, &claimed);
        }
        reply.array(3);
        write_id(next, reply);
        let claimed: Vec<StreamId> = claimed.into_iter().map(|(id, _)| id).collect();
        write_claimed(stream, &claimed, ids_only, reply);
        reply.array(gone.len());
        gone.into_iter().for_each(|id| write_id(id, reply));
    })?;
    Ok(())
}

fn parse_idle(call: &Call<'_>, command: &str) -> Result<i64, CommandError> {
    let invalid = || CommandError::new(format!("ERR Invalid min-idle-time argument for {command}"));
    Ok(integer::parse(call.argument(4)).ok_or_else(invalid)?.max(0))
}

/// Notes that the consumer has asked for entries. A missing one is made (event `xgroup-createconsumer`).
fn see_consumer(stream: &mut Edit<'_, '_, Stream>, group: &[u8], consumer: &[u8], now_ms: u64) {
    if stream.see_consumer(group, consumer, now_ms) {
        stream.is_also("xgroup-createconsumer");
    }
}

fn write_claimed(stream: &Stream, ids: &[StreamId], ids_only: bool, reply: &mut Reply<'_>) {
    reply.array(ids.len());
    let mut find = stream.finder();
    for &id in ids {
        match if ids_only { None } else { find(id) } {
            Some(entry) => write_entry(entry, reply),
            None => write_id(id, reply),
        }
    }
}
