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
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::ops::RangeInclusive;

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
        lookahead: Some(Lookahead::Key),
        run: Handler::Write(xcfgset),
        ..BASE
    },
    CommandSpec {
        name: "xidmprecord",
        syntax: "key producer-id idempotent-id id",
        summary: "Notes the id under which a producer has added an entry",
        since: "8.8.0",
        complexity: "O(1)",
        arity: 5,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Update]),
        lookahead: Some(Lookahead::Key),
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
    /// A name or an id is empty or too long, or there are two such options.
    pub(super) fn take(cursor: &mut Cursor<'c>, before: Option<Self>) -> Result<Option<Self>, CommandError> {
        let makes_id = cursor.remaining() > 1 && cursor.take_word("IDMPAUTO");
        let has_id = !makes_id && cursor.remaining() > 2 && cursor.take_word("IDMP");
        if !makes_id && !has_id {
            return Ok(None);
        }
        if before.is_some() {
            return Err(CommandError::text("ERR IDMP/IDMPAUTO specified multiple times"));
        }
        let option = if makes_id { "IDMPAUTO" } else { "IDMP" };
        let producer = bounded(cursor.required()?, option, "producer ID")?;
        let id = if makes_id { None } else { Some(bounded(cursor.required()?, option, "idempotent ID")?) };
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

fn bounded<'c>(text: &'c [u8], option: &str, what: &str) -> Result<&'c [u8], CommandError> {
    match text.len() {
        0 => Err(CommandError::new(format!("ERR {option} requires a non-empty {what}"))),
        1..=limits::PRODUCER_ID_BYTES => Ok(text),
        _ => Err(CommandError::new(format!(
            "ERR {option} takes a {what} of {} bytes at most",
            limits::PRODUCER_ID_BYTES
        ))),
    }
}

/// The id that fields with their values give an entry, whatever their order.
fn id_of_fields<'f>(fields: impl Iterator<Item = (&'f [u8], &'f [u8])>) -> [u8; 16] {
    let sum = fields.fold(0_u128, |sum, (name, value)| {
        // The length keeps apart what joins to the same bytes. Sums differ where a pair comes twice, which XOR would forget.
        let digest = Sha256::new().chain_update((name.len() as u64).to_le_bytes());
        let digest: [u8; 32] = digest.chain_update(name).chain_update(value).finalize().into();
        let (half, _) = digest.split_first_chunk().expect("half of it");
        sum.wrapping_add(u128::from_le_bytes(*half))
    });
    sum.to_le_bytes()
}

/// A producer more than a stream remembers.
pub(super) const TOO_MANY_PRODUCERS: CommandError =
    CommandError::text("ERR The stream remembers ids of as many producers as it can");

fn xcfgset(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (mut kept_s, mut most_ids) = (None, None);
    let mut cursor = call.cursor(2);
    while cursor.remaining() > 0 {
        if cursor.take_word("IDMP-DURATION") {
            kept_s = Some(within(&mut cursor, ProducerBounds::KEPT_S, "IDMP-DURATION", "seconds")?);
        } else if cursor.take_word("IDMP-MAXSIZE") {
            most_ids = Some(within(&mut cursor, ProducerBounds::MOST_IDS, "IDMP-MAXSIZE", "entries")?);
        } else {
            return Err(CommandError::SYNTAX.into());
        }
    }
    if kept_s.is_none() && most_ids.is_none() {
        return Err(CommandError::text("ERR At least one parameter must be specified").into());
    }
    let key = call.argument(1);
    let Some(stream) = keys.reader().get::<Stream>(key)? else {
        return Err(CommandError::text("ERR no such key").into());
    };
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

fn within(
    cursor: &mut Cursor<'_>,
    bounds: RangeInclusive<u32>,
    name: &str,
    unit: &str,
) -> Result<u32, CommandError> {
    let number = u32::try_from(cursor.integer()?).ok().filter(|number| bounds.contains(number));
    let (least, most) = bounds.into_inner();
    number.ok_or_else(|| CommandError::new(format!("ERR {name} must be between {least} and {most} {unit}")))
}

fn xidmprecord(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = call.argument(1);
    let producer = bounded(call.argument(2), "XIDMPRECORD", "producer ID")?;
    let id = bounded(call.argument(3), "XIDMPRECORD", "idempotent ID")?;
    let entry = ids::parse(call.argument(4), 0)?;
    let now_ms = keys.reader().now_ms();
    let Some(stream) = keys.reader().get::<Stream>(key)? else {
        return Err(CommandError::text("ERR no such key").into());
    };
    if stream.get(entry).is_none() {
        return Err(CommandError::text("ERR no such stream ID").into());
    }
    let known = stream.producers().and_then(|producers| producers.entry(producer, id, now_ms));
    if known.is_some_and(|known| known != entry) {
        return Err(CommandError::text("ERR the idempotent ID has another stream ID").into());
    }
    if stream.producers().is_some_and(|producers| producers.are_too_many_with(producer, now_ms)) {
        return Err(TOO_MANY_PRODUCERS.into());
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
