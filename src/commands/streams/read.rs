//! XREAD and XREADGROUP: entries behind an id, or those that no consumer of a group has got yet; and the wait for them.

use super::BASE;
use super::entries::{write_entries, write_entry, write_id};
use super::ids;
use super::range::write_range;
use crate::commands::call::Call;
use crate::commands::call::error::CommandError;
use crate::commands::call::text;
use crate::commands::call::timeout::parse_timeout_ms;
use crate::commands::spec::keys::behind;
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys, Manner};
use crate::commands::state::wish::{Attempt, Patience, Wish};
use crate::ranking::Order;
use crate::resp::Protocol;
use crate::resp::reply::Reply;
use crate::store::{Delivery, Edit, Kind, Missing, Reader, Stream, StreamId, Writer};
use std::sync::{Arc, OnceLock};

const OPTIONS: &[(&str, usize)] = &[("BLOCK", 1), ("COUNT", 1), ("GROUP", 2), ("NOACK", 0)];

const ACCESS: &[KeyFlag] = &[KeyFlag::Ro, KeyFlag::Access];

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "xread",
        syntax: "[COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]",
        summary: "Returns the entries behind given ids from several streams, or waits for some",
        complexity: "O(log N + M) for each stream, with M entries returned",
        arity: -4,
        flags: &[Flag::Readonly, Flag::Blocking],
        manners: &[Manner::KeepsResult],
        keys: Keys::Behind { word: "STREAMS", options: OPTIONS, from: 1, access: ACCESS },
        run: Handler::Blocking(|call| ReadRequest::parse(call, false).map(ReadRequest::into_wish)),
        ..BASE
    },
    CommandSpec {
        name: "xreadgroup",
        syntax: "GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key ...] id [id ...]",
        summary: "Returns entries that no consumer of a group has got, or those that a consumer has not acknowledged, or waits for some",
        complexity: "O(log N + M) for each stream, with M entries returned",
        arity: -7,
        flags: &[Flag::Write, Flag::Blocking],
        keys: Keys::Behind { word: "STREAMS", options: OPTIONS, from: 4, access: ACCESS },
        run: Handler::Blocking(|call| ReadRequest::parse(call, true).map(ReadRequest::into_wish)),
        ..BASE
    },
];

/// What is asked of one stream.
struct Asked {
    key: Box<[u8]>,
    /// An error in the id, which comes behind those of the streams before it.
    from: Result<From, CommandError>,
}

impl Asked {
    /// Whether it asks for what no consumer of the group has got.
    fn is_new(&self) -> bool {
        matches!(self.from, Ok(From::New))
    }
}

/// Which entries are asked for.
enum From {
    /// Those behind this one; of a consumer, its own.
    Behind(StreamId),
    /// Those behind the last one at the time of the request.
    End(OnceLock<StreamId>),
    /// The last one.
    Last,
    /// Those that no consumer of the group has got.
    New,
}

/// A consumer that reads for a group.
struct GroupReader {
    group: Box<[u8]>,
    consumer: Box<[u8]>,
    /// Whether nothing that it gets is pending.
    no_ack: bool,
}

struct ReadRequest {
    streams: Vec<Asked>,
    reader: Option<GroupReader>,
    most: usize,
    patience: Patience,
}

impl ReadRequest {
    fn parse(call: &Call<'_>, is_group: bool) -> Result<Self, CommandError> {
        let (mut patience, mut most) = (Patience::None, usize::MAX);
        let (mut group, mut no_ack, mut cursor) = (None, false, call.cursor(1));
        let only_group = |option: &str| {
            CommandError::new(format!(
                "ERR The {option} option is only supported by XREADGROUP. You called XREAD instead."
            ))
        };
        let mut found = false;
        while cursor.remaining() > 0 {
            let has_more = cursor.remaining() > 1;
            if has_more && cursor.take_word("BLOCK") {
                patience = parse_timeout_ms(cursor.required()?)?;
            } else if has_more && cursor.take_word("COUNT") {
                most =
                    usize::try_from(cursor.integer()?).ok().filter(|&count| count > 0).unwrap_or(usize::MAX);
            } else if has_more && cursor.take_word("STREAMS") {
                found = true;
                break;
            } else if cursor.remaining() > 2 && cursor.take_word("GROUP") {
                if !is_group {
                    return Err(only_group("GROUP"));
                }
                group = Some((cursor.required()?, cursor.required()?));
            } else if cursor.take_word("NOACK") {
                if !is_group {
                    return Err(only_group("NOACK"));
                }
                no_ack = true;
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        let first =
            behind(call.arguments, "STREAMS", OPTIONS).filter(|_| found).ok_or(CommandError::SYNTAX)?;
        let words = call.arguments.len() - first;
        if !words.is_multiple_of(2) {
            let (name, ids) =
                if is_group { ("xreadgroup", "ID or '>'") } else { ("xread", "ID, '+', or '$'") };
            return Err(CommandError::new(format!(
                "ERR Unbalanced '{name}' list of streams: for each stream key an {ids} must be specified."
            )));
        }
        if is_group && group.is_none() {
            return Err(CommandError::text("ERR Missing GROUP option for XREADGROUP"));
        }
        let streams = (first..first + words / 2).map(|position| Asked {
            key: call.argument(position).into(),
            from: parse_from(call.argument(position + words / 2), is_group),
        });
        let reader = group.map(|(group, consumer)| GroupReader {
            group: group.into(),
            consumer: consumer.into(),
            no_ack,
        });
        Ok(Self { streams: streams.collect(), reader, most, patience })
    }

    fn into_wish(self) -> Wish {
        let (patience, request) = (self.patience, Arc::new(self));
        let counted = Arc::clone(&request);
        Wish {
            keys: request.streams.iter().map(|asked| asked.key.clone()).collect(),
            kind: Kind::Stream,
            destination: None,
            needs_value: request.reader.is_some(),
            patience,
            elements: Some(Box::new(move |keys| counted.elements(keys))),
            attempt: Attempt::Each(Box::new(move |keys, ready, reply| request.read(keys, ready, reply))),
        }
    }

    /// How many entries the reply has at most.
    fn elements(&self, keys: Reader<'_>) -> usize {
        let ahead = |asked: &Asked| {
            let stream = keys.peek(&asked.key).and_then(<Stream as crate::store::Stored>::of);
            stream.map_or(0, |stream| {
                let from = self.start(stream, asked).unwrap_or(StreamId::MAX);
                stream.excerpt(from, StreamId::MAX, Order::Ascending, self.most).len()
            })
        };
        // Few entries need no count of those that are there.
        if self.most <= 1024 { self.most.min(1) } else { self.streams.iter().map(ahead).sum() }
    }

    /// The streams among `ready`, which are all that were asked for, or some of them in the same order.
    fn asked<'r>(&'r self, ready: &[&[u8]]) -> Vec<&'r Asked> {
        let mut ready = ready.iter().peekable();
        let is_next = |asked: &&Asked| ready.next_if(|key| ***key == *asked.key).is_some();
        self.streams.iter().filter(is_next).collect()
    }

    /// The first entry that is asked for of a stream, whether or not there is one; `None` if nothing can come behind.
    fn start(&self, stream: &Stream, asked: &Asked) -> Option<StreamId> {
        match (asked.from.as_ref().ok()?, &self.reader) {
            (From::New, Some(reader)) => stream.group(&reader.group)?.position().last.next(),
            (From::New, None) => None,
            (From::Behind(id), _) => id.next(),
            (From::End(id), _) => id.get_or_init(|| stream.head().last).next(),
            (From::Last, _) => stream.last().map(|entry| entry.id),
        }
    }

    /// Replies with what the streams have. Returns whether they have anything.
    fn read(
        &self,
        keys: &mut Writer<'_, '_>,
        ready: &[&[u8]],
        reply: &mut Reply<'_>,
    ) -> Result<bool, CommandError> {
        let asked = self.asked(ready);
        for asked in &asked {
            self.check(keys.reader(), asked)?;
        }
        if let Some(reader) = &self.reader {
            for asked in &asked {
                see_consumer(keys, &asked.key, reader)?;
            }
        }
        let mut served: Vec<&Asked> = Vec::new();
        for asked in asked {
            if let Some(stream) = keys.reader().get::<Stream>(&asked.key)? {
                let before = served.iter().filter(|other| other.key == asked.key && other.is_new()).count();
                if self.has_any(stream, asked, before) {
                    served.push(asked);
                }
            }
        }
        if served.is_empty() {
            return Ok(false);
        }
        match reply.protocol() {
            Protocol::Resp2 => reply.array(served.len()),
            Protocol::Resp3 => reply.map(served.len()),
        }
        let is_one = served.len() == 1;
        for asked in served {
            if reply.protocol() == Protocol::Resp2 {
                reply.array(2);
            }
            reply.bulk(&asked.key);
            match &self.reader {
                Some(reader) => self.read_for_group(keys, asked, reader, reply)?,
                None => self.read_stream(keys.reader(), asked, is_one, reply)?,
            }
        }
        Ok(true)
    }

    /// The errors of one stream, in Redis's order.
    fn check(&self, keys: Reader<'_>, asked: &Asked) -> Result<(), CommandError> {
        let stream = keys.get::<Stream>(&asked.key)?;
        if let Some(reader) = &self.reader
            && stream.is_none_or(|stream| stream.group(&reader.group).is_none())
        {
            return Err(CommandError::new(format!(
                "NOGROUP No such key '{}' or consumer group '{}' in XREADGROUP with GROUP option",
                text(&asked.key),
                text(&reader.group)
            )));
        }
        if let (Ok(From::End(id)), None) = (&asked.from, stream) {
            id.get_or_init(|| StreamId::MIN);
        }
        asked.from.as_ref().map(drop).map_err(Clone::clone)
    }

    /// Whether the stream has any entry that is asked for. A group has read from it `before` times already for this request,
    /// which may name it more than once.
    fn has_any(&self, stream: &Stream, asked: &Asked, before: usize) -> bool {
        if self.reader.is_some() && !asked.is_new() {
            // The consumer's own entries: there may be none.
            return true;
        }
        let Some(start) = self.start(stream, asked) else { return false };
        let read = before.saturating_mul(self.most);
        if self.reader.is_some() && read > 0 {
            return read < usize::MAX && stream.range(start, StreamId::MAX).nth(read).is_some();
        }
        start.previous().is_some_and(|before| stream.has_behind(before))
    }

    fn read_stream(
        &self,
        keys: Reader<'_>,
        asked: &Asked,
        is_last: bool,
        reply: &mut Reply<'_>,
    ) -> Result<(), CommandError> {
        let Some(stream) = keys.get::<Stream>(&asked.key)? else { return Ok(()) };
        let Some(from) = self.start(stream, asked) else { return Ok(()) };
        if is_last {
            write_range(stream, (from, StreamId::MAX), Order::Ascending, self.most, reply);
        } else {
            write_entries(stream.range(from, StreamId::MAX).take(self.most), reply);
        }
        Ok(())
    }

    fn read_for_group(
        &self,
        keys: &mut Writer<'_, '_>,
        asked: &Asked,
        reader: &GroupReader,
        reply: &mut Reply<'_>,
    ) -> Result<(), CommandError> {
        let now_ms = keys.reader().now_ms();
        keys.edit::<Stream, _>(&asked.key, Missing::Skip, None, |stream| match asked.from {
            Ok(From::New) => self.deliver(stream, reader, now_ms, reply),
            Ok(From::Behind(id)) => self.repeat(stream, reader, id, now_ms, reply),
            _ => {}
        })?;
        Ok(())
    }

    /// Replies with entries that no consumer of the group has got, and makes them pending for this one.
    fn deliver(
        &self,
        stream: &mut Edit<'_, '_, Stream>,
        reader: &GroupReader,
        now_ms: u64,
        reply: &mut Reply<'_>,
    ) {
        let last = stream.group(&reader.group).map_or(StreamId::MAX, |group| group.position().last);
        let Some(from) = last.next() else { return reply.array(0) };
        let entries: Vec<_> = stream.range(from, StreamId::MAX).take(self.most).collect();
        reply.array(entries.len());
        entries.iter().for_each(|entry| write_entry(*entry, reply));
        let delivery = Delivery { at_ms: now_ms, count: 1 };
        let delivered: Vec<_> = entries.iter().map(|entry| (entry.id, delivery)).collect();
        let ids: Vec<StreamId> = delivered.iter().map(|(id, _)| *id).collect();
        drop(entries);
        stream.read_on(&reader.group, &ids);
        if !reader.no_ack {
            stream.note_active(&reader.group, &reader.consumer, now_ms);
            stream.deliver(&reader.group, &reader.consumer, &delivered);
        }
    }

    /// Replies with entries that are pending for the consumer, which are delivered to it once more. Of one that is not in the
    /// stream any more, the reply has the id alone.
    fn repeat(
        &self,
        stream: &mut Edit<'_, '_, Stream>,
        reader: &GroupReader,
        behind: StreamId,
        now_ms: u64,
        reply: &mut Reply<'_>,
    ) {
        let consumer = stream.group(&reader.group).and_then(|group| group.consumer(&reader.consumer));
        let (Some(group), Some(consumer), Some(from)) =
            (stream.group(&reader.group), consumer, behind.next())
        else {
            return reply.array(0);
        };
        let pending: Vec<_> = group.pending(Some(consumer), from, StreamId::MAX).take(self.most).collect();
        reply.array(pending.len());
        let (mut delivered, mut find) = (Vec::new(), stream.finder());
        for (id, _, delivery) in pending {
            if let Some(entry) = find(id) {
                write_entry(entry, reply);
                delivered.push((id, Delivery { at_ms: now_ms, count: delivery.count.saturating_add(1) }));
            } else {
                reply.array(2);
                write_id(id, reply);
                reply.null_array();
            }
        }
        drop(find);
        stream.deliver(&reader.group, &reader.consumer, &delivered);
    }
}

/// Notes that the consumer has asked for entries. A missing one is made (event `xgroup-createconsumer`).
fn see_consumer(keys: &mut Writer<'_, '_>, key: &[u8], reader: &GroupReader) -> Result<(), CommandError> {
    let now_ms = keys.reader().now_ms();
    keys.edit::<Stream, _>(key, Missing::Skip, None, |stream| {
        if stream.see_consumer(&reader.group, &reader.consumer, now_ms) {
            stream.is_also("xgroup-createconsumer");
        }
    })?;
    Ok(())
}

fn parse_from(text: &[u8], is_group: bool) -> Result<From, CommandError> {
    let meaningless = |mark: &str| {
        CommandError::new(format!(
            "ERR The {mark} ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by \
             specifying a proper ID, or use the > ID to get new messages. The {mark} ID would just return an empty result set."
        ))
    };
    match text {
        b"$" if is_group => Err(meaningless("$")),
        b"+" if is_group => Err(meaningless("+")),
        b"$" => Ok(From::End(OnceLock::new())),
        b"+" => Ok(From::Last),
        b">" if is_group => Ok(From::New),
        b">" => Err(CommandError::text(
            "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
        )),
        text => match ids::parse(text, 0)? {
            // As in Redis, the highest id stands for the entries that nobody has got.
            StreamId::MAX if is_group => Ok(From::New),
            id => Ok(From::Behind(id)),
        },
    }
}
