//! Ids and entries in replies.

use crate::resp::reply::{Reply, ReplySource};
use crate::store::{StreamEntry, StreamExcerpt, StreamId};

/// The longest text of an id, in bytes.
const ID_BYTES: usize = 41;

/// Writes an id.
pub(super) fn write_id(id: StreamId, reply: &mut Reply<'_>) {
    let (mut bytes, mut digits) = ([0; ID_BYTES], itoa::Buffer::new());
    let mut len = 0;
    let mut put = |part: &[u8]| {
        bytes[len..len + part.len()].copy_from_slice(part);
        len += part.len();
    };
    put(digits.format(id.ms).as_bytes());
    put(b"-");
    put(digits.format(id.seq).as_bytes());
    reply.bulk(&bytes[..len]);
}

/// Writes an entry: its id, and its fields with their values.
pub(super) fn write_entry(entry: StreamEntry<'_>, reply: &mut Reply<'_>) {
    let mut digits = itoa::Buffer::new();
    reply.array(2);
    write_id(entry.id, reply);
    reply.array(2 * entry.len());
    for (name, value) in entry.pairs() {
        reply.bulk(name.bytes(&mut digits));
        reply.bulk(value.bytes(&mut digits));
    }
}

/// Writes entries as an array.
pub(super) fn write_entries<'e>(entries: impl Iterator<Item = StreamEntry<'e>>, reply: &mut Reply<'_>) {
    // They are collected first, because their number is written before them.
    let entries: Vec<_> = entries.collect();
    reply.array(entries.len());
    entries.into_iter().for_each(|entry| write_entry(entry, reply));
}

/// Entries that are written while the reply is sent.
#[derive(Debug)]
pub(super) struct EntrySource(pub(super) StreamExcerpt);

impl ReplySource for EntrySource {
    fn write_more(&mut self, reply: &mut Reply<'_>) -> bool {
        self.0.take_block(|entry| write_entry(entry, reply))
    }

    fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }
}
