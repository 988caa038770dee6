//! XINFO: what a stream, its groups and their consumers are.

use super::entries::{write_entries, write_entry, write_id};
use super::{BASE, no_group};
use crate::commands::admin::help;
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome, Stop};
use crate::commands::spec::{CommandSpec, Flag, Group, Handler, KeyFlag, Keys};
use crate::resp::reply::Reply;
use crate::store::{Consumer, ConsumerGroup, ProducersHead, Reader, Stream, StreamEntry, StreamId};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "xinfo",
    summary: "Commands that tell about streams",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: SUBCOMMANDS,
    ..BASE
}];

const ABOUT: CommandSpec =
    CommandSpec { flags: &[Flag::Readonly], keys: Keys::first(&[KeyFlag::Ro, KeyFlag::Access]), ..BASE };

const SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "consumers",
        syntax: "key group",
        summary: "Tells about the consumers of a group",
        complexity: "O(N) with N consumers",
        arity: 4,
        tips: &["nondeterministic_output"],
        run: Handler::Read(consumers),
        ..ABOUT
    },
    CommandSpec {
        name: "groups",
        syntax: "key",
        summary: "Tells about the groups of a stream",
        complexity: "O(N) with N groups",
        arity: 3,
        run: Handler::Read(groups),
        ..ABOUT
    },
    CommandSpec {
        name: "stream",
        syntax: "key [FULL [COUNT count]]",
        summary: "Tells about a stream",
        complexity: "O(1); O(N) with N entries, consumers and pending entries told by FULL",
        arity: -3,
        run: Handler::Read(stream),
        ..ABOUT
    },
    CommandSpec {
        group: Group::Stream,
        run: Handler::Admin(|_, _, reply| help::help("xinfo", reply)),
        ..help::HELP
    },
];

fn stream_at<'h>(keys: Reader<'h>, key: &[u8]) -> Result<&'h Stream, Stop> {
    let no_key = CommandError::text("ERR no such key");
    keys.get::<Stream>(key)?.ok_or_else(|| no_key.into())
}

fn consumers(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, name) = (call.argument(1), call.argument(2));
    let group = stream_at(keys, key)?.group(name).ok_or_else(|| no_group(key, name))?;
    let passed_ms = |at_ms: u64| keys.now_ms().cast_signed().saturating_sub(at_ms.cast_signed());
    reply.array(group.consumers_len());
    for consumer in group.consumers() {
        let times = consumer.times();
        reply.map(4);
        field("name", reply).bulk(consumer.name());
        field("pending", reply).count(consumer.pending_len());
        field("idle", reply).integer(passed_ms(times.seen_ms).max(0));
        field("inactive", reply).integer(times.active_ms.map_or(-1, passed_ms));
    }
    Ok(())
}

fn groups(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let stream = stream_at(keys, call.argument(1))?;
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(6);
        field("name", reply).bulk(name);
        field("consumers", reply).count(group.consumers_len());
        field("pending", reply).count(group.pending_len());
        write_position(stream, group, reply);
    }
    Ok(())
}

/// Writes where a group is, and how much is ahead of it: three fields.
fn write_position(stream: &Stream, group: &ConsumerGroup, reply: &mut Reply<'_>) {
    let position = group.position();
    write_id(position.last, field("last-delivered-id", reply));
    let optional = |number: Option<i64>, reply: &mut Reply<'_>| match number {
        Some(number) => reply.integer(number),
        None => reply.null(),
    };
    optional(position.entries_read.map(u64::cast_signed), field("entries-read", reply));
    optional(stream.lag(position), field("lag", reply));
}

fn stream(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let stream = stream_at(keys, call.argument(1))?;
    let unknown = || help::unknown_subcommand_or_arity("xinfo", call.argument(0));
    let mut cursor = call.cursor(2);
    let is_full = cursor.remaining() > 0;
    let mut count = 10;
    if is_full {
        let words = cursor.remaining();
        if !matches!(words, 1 | 3) || !cursor.take_word("FULL") || (words == 3 && !cursor.take_word("COUNT"))
        {
            return Err(unknown().into());
        }
        if words == 3 {
            count = usize::try_from(cursor.integer()?).unwrap_or(10);
        }
    }
    // 0 is for all.
    let most = if count == 0 { usize::MAX } else { count };
    if is_full {
        let consumers: usize = stream.groups().map(|(_, group)| group.consumers_len()).sum();
        let pending: usize = stream.groups().map(|(_, group)| group.pending_len().min(most)).sum();
        call.announce(stream.len().min(most) + 2 * pending + consumers)?;
    }
    let fields = if is_full { 9 } else { 10 };
    reply.map(if stream.producers().is_some() { fields + 6 } else { fields });
    let head = stream.head();
    field("length", reply).count(stream.len());
    // Of a tree of one block and of an empty one, these are Redis's numbers.
    field("radix-tree-keys", reply).count(stream.blocks());
    field("radix-tree-nodes", reply).count(stream.blocks() + 1);
    write_id(head.last, field("last-generated-id", reply));
    write_id(head.max_deleted, field("max-deleted-entry-id", reply));
    field("entries-added", reply).integer(head.added.cast_signed());
    write_id(stream.first_id(), field("recorded-first-entry-id", reply));
    if let Some(producers) = stream.producers() {
        let ProducersHead { bounds, added, duplicates } = producers.head();
        let (tracked, ids) = producers.tracked(keys.now_ms());
        field("idmp-duration", reply).integer(bounds.kept_s.into());
        field("idmp-maxsize", reply).integer(bounds.most_ids.into());
        field("pids-tracked", reply).count(tracked);
        field("iids-tracked", reply).count(ids);
        field("iids-added", reply).integer(added.cast_signed());
        field("iids-duplicates", reply).integer(duplicates.cast_signed());
    }
    if !is_full {
        field("groups", reply).count(stream.groups().len());
        write_optional(stream.first(), field("first-entry", reply));
        write_optional(stream.last(), field("last-entry", reply));
        return Ok(());
    }
    write_entries(stream.range(StreamId::MIN, StreamId::MAX).take(most), field("entries", reply));
    field("groups", reply).array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(7);
        field("name", reply).bulk(name);
        write_position(stream, group, reply);
        field("pel-count", reply).count(group.pending_len());
        write_pending(group, None, most, field("pending", reply));
        field("consumers", reply).array(group.consumers_len());
        for consumer in group.consumers() {
            let times = consumer.times();
            reply.map(5);
            field("name", reply).bulk(consumer.name());
            field("seen-time", reply).integer(times.seen_ms.cast_signed());
            field("active-time", reply).integer(times.active_ms.map_or(-1, u64::cast_signed));
            field("pel-count", reply).count(consumer.pending_len());
            write_pending(group, Some(consumer), most, field("pending", reply));
        }
    }
    Ok(())
}

/// Writes what is pending in a group, with its consumers, or what is for one of them.
fn write_pending(group: &ConsumerGroup, consumer: Option<&Consumer>, most: usize, reply: &mut Reply<'_>) {
    let all = consumer.map_or(group.pending_len(), Consumer::pending_len);
    reply.array(all.min(most));
    for (id, owner, delivery) in group.pending(consumer, StreamId::MIN, StreamId::MAX).take(most) {
        reply.array(if consumer.is_none() { 4 } else { 3 });
        write_id(id, reply);
        if consumer.is_none() {
            reply.bulk(owner.name());
        }
        reply.integer(delivery.at_ms.cast_signed());
        reply.integer(delivery.count.cast_signed());
    }
}

fn write_optional(entry: Option<StreamEntry<'_>>, reply: &mut Reply<'_>) {
    match entry {
        Some(entry) => write_entry(entry, reply),
        None => reply.null(),
    }
}

/// Writes the name of a field, whose value follows.
fn field<'r, 'o>(name: &str, reply: &'r mut Reply<'o>) -> &'r mut Reply<'o> {
    reply.bulk(name.as_bytes());
    reply
}
