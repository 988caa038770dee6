//! Commands that add entries, trim, and set the last id: XADD, XTRIM, XSETID.

use super::BASE;
use super::entries::write_id;
use super::idempotence::refusal;
use super::ids::{self, NewId};
use super::trimming::{Options, TrimOptions};
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys, Lookahead};
use crate::resp::reply::Reply;
use crate::store::{Missing, Stream, StreamHead, StreamId, Writer};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "xadd",
        syntax: "key [NOMKSTREAM] [KEEPREF | DELREF | ACKED] [IDMPAUTO producer-id | IDMP producer-id idempotent-id] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value [field value ...]",
        summary: "Adds an entry to a stream, and trims the stream",
        complexity: "O(1); O(N) with N entries removed",
        arity: -5,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
        tips: &["nondeterministic_output"],
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Update]),
        keys_note: Some("UPDATE instead of INSERT because of the optional trimming feature"),
        lookahead: Some(Lookahead::KEY),
        run: Handler::Write(xadd),
        ..BASE
    },
    CommandSpec {
        name: "xtrim",
        syntax: "key <MAXLEN | MINID> [= | ~] threshold [LIMIT count] [KEEPREF | DELREF | ACKED]",
        summary: "Removes entries from the beginning of a stream",
        complexity: "O(N) with N entries removed",
        arity: -4,
        flags: &[Flag::Write],
        tips: &["nondeterministic_output"],
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Delete]),
        run: Handler::Write(xtrim),
        ..BASE
    },
    CommandSpec {
        name: "xsetid",
        syntax: "key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]",
        summary: "Sets what a stream knows of the entries that it had",
        arity: -3,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Update]),
        run: Handler::Write(xsetid),
        ..BASE
    },
];

fn xadd(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let has_run = keys.reader().repeats();
    let options = TrimOptions::parse(call, Options::OfAdd, has_run)?;
    let fields = call.arguments.len() - options.behind;
    if fields < 2 || fields % 2 == 1 {
        return Err(CommandError::arity("xadd").into());
    }
    if options.id == NewId::Exactly(StreamId::MIN) {
        return Err(CommandError::text("ERR The ID specified in XADD must be greater than 0-0").into());
    }
    let key = call.argument(1);
    let pairs = (options.behind..call.arguments.len())
        .step_by(2)
        .map(|position| (call.argument(position), call.argument(position + 1)));
    let now_ms = keys.reader().now_ms();
    let stream = keys.reader().get::<Stream>(key)?;
    if stream.is_none() && options.only_existing {
        reply.null();
        return Ok(());
    }
    let request = options.request.map(|request| (request.producer, request.id(pairs.clone())));
    let mut refused = None;
    if let Some((producer, id)) = &request {
        let known = stream.and_then(Stream::producers).and_then(|known| known.entry(producer, id, now_ms));
        // A server that has added an entry writes its id. `*` says that it knew the request, perhaps for longer than this one.
        let adds = if has_run { options.id != NewId::Any } else { known.is_none() };
        if !adds {
            keys.edit::<Stream, _>(key, Missing::Skip, None, |stream| stream.count_duplicate())?;
            write_id(known.unwrap_or(StreamId::MIN), reply);
            return Ok(());
        }
        refused = refusal(stream, producer, id, now_ms);
    }
    if let Some(refused) = refused.take_if(|_| !has_run) {
        return Err(refused.into());
    }
    let last = stream.map_or(StreamId::MIN, |stream| stream.head().last);
    if last == StreamId::MAX {
        return Err(CommandError::text(
            "ERR The stream has exhausted the last possible ID, unable to add more items",
        )
        .into());
    }
    let id = next_id(options.id, last, now_ms).ok_or(CommandError::text(
        "ERR The ID specified in XADD is equal or smaller than the target stream top item",
    ))?;
    if Stream::is_too_large(pairs.clone()) {
        return Err(CommandError::text("ERR Elements are too large to be stored").into());
    }
    if let (Some(trimming), Some(stream)) = (options.trimming, stream) {
        trimming.announce(call, stream, 1)?;
    }
    keys.edit::<Stream, _>(key, Missing::Create, "xadd", |stream| {
        stream.append(id, pairs, call.config.stream_bounds);
        if let Some((producer, request)) = request.as_ref().filter(|_| refused.is_none()) {
            stream.note_request(producer, request, id, now_ms, call.config.producer_bounds);
        }
        if options.trimming.is_some_and(|trimming| trimming.run(stream) > 0) {
            stream.is_also("xtrim");
        }
    })?;
    write_id(id, reply);
    // The entry is there, as at the other server, but its request will not be known.
    refused.map_or(Ok(()), |refused| Err(refused.into()))
}

/// The id that a new entry gets behind `last`; `None` if the one that is asked for is not behind it.
fn next_id(wanted: NewId, last: StreamId, now_ms: u64) -> Option<StreamId> {
    let id = match wanted {
        NewId::Any if now_ms > last.ms => StreamId::new(now_ms, 0),
        NewId::Any => last.next()?,
        NewId::Within(ms) if ms == last.ms => StreamId::new(ms, last.seq.checked_add(1)?),
        NewId::Within(ms) => StreamId::new(ms, 0),
        NewId::Exactly(id) => id,
    };
    Some(id).filter(|id| *id > last)
}

fn xtrim(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let options = TrimOptions::parse(call, Options::OfTrim, keys.reader().repeats())?;
    let key = call.argument(1);
    let (Some(trimming), Some(stream)) = (options.trimming, keys.reader().get::<Stream>(key)?) else {
        reply.integer(0);
        return Ok(());
    };
    trimming.announce(call, stream, 0)?;
    let count = keys.edit::<Stream, _>(key, Missing::Skip, "xtrim", |stream| trimming.run(stream))?;
    reply.count(count.unwrap_or(0));
    Ok(())
}

fn xsetid(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let id = ids::parse(call.argument(2), 0)?;
    let (mut added, mut max_deleted) = (None, StreamId::MIN);
    let mut cursor = call.cursor(3);
    while cursor.remaining() > 0 {
        let has_more = cursor.remaining() > 1;
        if has_more && cursor.take_word("ENTRIESADDED") {
            let negative = CommandError::text("ERR entries_added must be positive");
            added = Some(u64::try_from(cursor.integer()?).map_err(|_| negative)?);
        } else if has_more && cursor.take_word("MAXDELETEDID") {
            max_deleted = ids::parse(cursor.required()?, 0)?;
            if id < max_deleted {
                return Err(CommandError::text(
                    "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                )
                .into());
            }
        } else {
            return Err(CommandError::SYNTAX.into());
        }
    }
    let key = call.argument(1);
    let Some(stream) = keys.reader().get::<Stream>(key)? else {
        return Err(CommandError::text("ERR no such key").into());
    };
    let head = stream.head();
    let refused = if id < head.max_deleted {
        Some("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id")
    } else if stream.last().is_some_and(|last| id < last.id) {
        Some("ERR The ID specified in XSETID is smaller than the target stream top item")
    } else if added.is_some_and(|added| added < stream.len() as u64) {
        Some("ERR The entries_added specified in XSETID is smaller than the target stream length")
    } else {
        None
    };
    if let Some(refused) = refused {
        return Err(CommandError::text(refused).into());
    }
    let max_deleted = if max_deleted == StreamId::MIN { head.max_deleted } else { max_deleted };
    let head = StreamHead { last: id, added: added.unwrap_or(head.added), max_deleted };
    keys.edit::<Stream, _>(key, Missing::Skip, "xsetid", |stream| stream.set_head(head))?;
    reply.ok();
    Ok(())
}
