//! Ids under which producers add entries, so that a request that is sent again adds nothing: the options of XADD, and the commands
//! XCFGSET and XIDMPRECORD.

use super::{BASE, ids};
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, Cursor};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys, Lookahead};
use crate::config::ProducerBounds;
use crate::limits;
use crate::resp::reply::Reply;
use crate::store::{Missing, Stream, Writer};
use std::borrow::Cow;
use std::ops::RangeInclusive;
use twox_hash::XxHash3_128;

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "xcfgset",
        syntax: "key [IDMP-DURATION duration] [IDMP-MAXSIZE maxsize]",
        summary: "Sets for how long and how many ids of producers a stream keeps",
        since: "8.6.0",
        complexity: "O(1)",
        arity: -2,
        flags: &[Flag::Write, Flag::Fast],
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Update]),
        lookahead: Some(Lookahead::KEY),
        run: Handler::Write(xcfgset),
        ..BASE
    },
    CommandSpec {
        name: "xidmprecord",
        syntax: "key producer-id idempotent-id id",
        summary: "Notes the id under which a producer has added an entry",
        since: "8.6.2",
        complexity: "O(1)",
        arity: 5,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Update]),
        lookahead: Some(Lookahead::KEY),
        run: Handler::Write(xidmprecord),
        ..BASE
    },
];

/// The id of a request of a producer.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestId<'c> {
    pub(super) producer: &'c [u8],
    /// `None`: it is made of the fields and values.
    id: Option<&'c [u8]>,
}

impl<'c> RequestId<'c> {
    /// Moves past IDMP or IDMPAUTO and what belongs to it, if that comes next. `before` is what an earlier option has said.
    ///
    /// # Errors
    /// A name or an id is empty, or there are two such options.
    pub(super) fn take(cursor: &mut Cursor<'c>, before: Option<Self>) -> Result<Option<Self>, CommandError> {
        let makes_id = cursor.remaining() > 1 && cursor.take_word("IDMPAUTO");
        let has_id = !makes_id && cursor.remaining() > 2 && cursor.take_word("IDMP");
        if !makes_id && !has_id {
            return Ok(None);
        }
        if before.is_some() {
            return Err(CommandError::text("ERR syntax error, IDMP/IDMPAUTO specified multiple times"));
        }
        let option = if makes_id { "IDMPAUTO" } else { "IDMP" };
        let mut text = |what| {
            let empty =
                || CommandError::new(format!("ERR syntax error, {option} requires a non-empty {what} ID"));
            Some(cursor.required()?).filter(|text| !text.is_empty()).ok_or_else(empty)
        };
        let producer = text("producer")?;
        let id = if makes_id { None } else { Some(text("idempotent")?) };
        Ok(Some(Self { producer, id }))
    }

    /// The id itself, of a request with these fields. O(bytes of the fields) if it is made of them.
    pub(super) fn id<'f>(self, fields: impl Iterator<Item = (&'f [u8], &'f [u8])>) -> Cow<'c, [u8]> {
        match self.id {
            Some(id) => Cow::Borrowed(id),
            None => Cow::Owned(id_of_fields(fields).to_vec()),
        }
    }
}

/// The id that fields with their values give an entry, whatever their order. It is Redis's: the ids of a stream that has come from
/// there, or goes there, stay good.
fn id_of_fields<'f>(fields: impl Iterator<Item = (&'f [u8], &'f [u8])>) -> [u8; 16] {
    let mut pair = Vec::new();
    let ([mut low_sum, mut high_sum], mut joined) = ([0_u64; 2], 0_u128);
    for (name, value) in fields {
        pair.clear();
        pair.extend_from_slice(name);
        // It keeps apart what joins to the same bytes.
        pair.extend_from_slice(&(name.len() as u64).to_le_bytes());
        pair.extend_from_slice(value);
        let hash = XxHash3_128::oneshot(&pair);
        low_sum = low_sum.wrapping_add(hash as u64);
        high_sum = high_sum.wrapping_add((hash >> 64) as u64);
        joined ^= hash;
    }
    let low = low_sum ^ ((joined >> 64) as u64).rotate_left(1);
    let high = high_sum ^ (joined as u64).rotate_left(1);
    (u128::from(high) << 64 | u128::from(low)).to_le_bytes()
}

/// Why a stream cannot remember this id of a producer; `None` if it can. O(log n).
pub(super) fn refusal(
    stream: Option<&Stream>,
    producer: &[u8],
    id: &[u8],
    now_ms: u64,
) -> Option<CommandError> {
    if producer.len().max(id.len()) > limits::PRODUCER_ID_BYTES {
        let most = limits::PRODUCER_ID_BYTES;
        return Some(CommandError::new(format!(
            "ERR the ID of a producer or of its request has {most} bytes at most"
        )));
    }
    let producers = stream.and_then(Stream::producers)?;
    let too_many = CommandError::text("ERR The stream remembers ids of as many producers as it can");
    producers.are_too_many_with(producer, now_ms).then_some(too_many)
}

fn xcfgset(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = call.argument(1);
    let Some(stream) = keys.reader().get::<Stream>(key)? else {
        return Err(CommandError::text("ERR no such key").into());
    };
    let (mut kept_s, mut most_ids) = (None, None);
    let mut cursor = call.cursor(2);
    while cursor.remaining() > 0 {
        let has_more = cursor.remaining() > 1;
        if has_more && cursor.take_word("IDMP-DURATION") {
            set_once(&mut kept_s, &mut cursor, ProducerBounds::KEPT_S, "IDMP-DURATION", "seconds")?;
        } else if has_more && cursor.take_word("IDMP-MAXSIZE") {
            set_once(&mut most_ids, &mut cursor, ProducerBounds::MOST_IDS, "IDMP-MAXSIZE", "entries")?;
        } else {
            return Err(CommandError::SYNTAX.into());
        }
    }
    if kept_s.is_none() && most_ids.is_none() {
        return Err(CommandError::text("ERR At least one parameter must be specified").into());
    }
    let own = stream.producers().map(|producers| producers.head().bounds);
    let before = own.unwrap_or(call.config.producer_bounds);
    let bounds = ProducerBounds {
        kept_s: kept_s.unwrap_or(before.kept_s),
        most_ids: most_ids.unwrap_or(before.most_ids),
    };
    if own != Some(bounds) {
        keys.edit::<Stream, _>(key, Missing::Skip, None, |stream| stream.bound_producers(bounds))?;
    }
    reply.ok();
    Ok(())
}

fn set_once(
    option: &mut Option<u32>,
    cursor: &mut Cursor<'_>,
    bounds: RangeInclusive<u32>,
    name: &str,
    unit: &str,
) -> Result<(), CommandError> {
    if option.is_some() {
        return Err(CommandError::new(format!("ERR {name} specified multiple times")));
    }
    *option = u32::try_from(cursor.integer()?).ok().filter(|number| bounds.contains(number));
    let (least, most) = bounds.into_inner();
    let outside = || CommandError::new(format!("ERR {name} must be between {least} and {most} {unit}"));
    option.map(drop).ok_or_else(outside)
}

fn xidmprecord(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let [key, producer, id] = [1, 2, 3].map(|position| call.argument(position));
    let entry = ids::parse(call.argument(4), 0)?;
    for (text, what) in [(producer, "producer"), (id, "idempotent")] {
        if text.is_empty() {
            return Err(CommandError::new(format!("ERR {what} ID must be non-empty")).into());
        }
    }
    let now_ms = keys.reader().now_ms();
    let Some(stream) = keys.reader().get::<Stream>(key)? else {
        return Err(CommandError::text("ERR no such key").into());
    };
    if stream.get(entry).is_none() {
        return Err(CommandError::text("ERR No such message in stream").into());
    }
    let known = stream.producers().and_then(|producers| producers.entry(producer, id, now_ms));
    if known.is_some_and(|known| known != entry) {
        return Err(CommandError::text(
            "ERR IID already exists for this producer with a different stream ID",
        )
        .into());
    }
    if let Some(refusal) = refusal(Some(stream), producer, id, now_ms) {
        return Err(refusal.into());
    }
    if known.is_none() {
        let bounds = call.config.producer_bounds;
        keys.edit::<Stream, _>(key, Missing::Skip, None, |stream| {
            stream.note_request(producer, id, entry, now_ms, bounds);
        })?;
    }
    reply.ok();
    Ok(())
}
