//! From the parts of a stream to the bytes of a file.
//!
//! Entries are gathered into blocks and written block by block. What is said of groups is written behind them as one piece,
//! because a file has the pending entries of a group before its consumers, and a walk that takes several steps can meet a
//! consumer that came after the others were visited. In memory is what is pending.

use super::encoding::{put_length, put_string};
use super::length;
use super::producers::ProducersWriter;
use super::value_form;
use crate::store::{ConsumerTimes, Delivery, GroupPosition, StreamEntry, StreamHead, StreamId, StreamPart};
use std::collections::BTreeMap;

/// Most entries of a block, and bytes after which it ends.
const BLOCK_ENTRIES: u64 = 100;
const BLOCK_BYTES: usize = 4096;

/// A stream that is being written.
#[derive(Default)]
pub(super) struct StreamWriter {
    /// Whether the times at which consumers last did something are left out.
    leaves_out_activity: bool,
    /// Ids of producers, if the form has them.
    producers: Option<ProducersWriter>,
    block: Option<BlockWriter>,
    entries: u64,
    first: StreamId,
    last: StreamId,
    head: StreamHead,
    groups: u64,
    groups_bytes: Vec<u8>,
    group: Option<GroupWriter>,
}

struct BlockWriter {
    base: StreamId,
    names: Vec<Vec<u8>>,
    entries: u64,
    /// The elements behind the names.
    elements: Vec<u8>,
    count: u64,
}

struct GroupWriter {
    name: Vec<u8>,
    position: GroupPosition,
    pending: Vec<u8>,
    pending_count: u64,
    consumers: BTreeMap<Vec<u8>, ConsumerWriter>,
}

#[derive(Default)]
struct ConsumerWriter {
    times: ConsumerTimes,
    ids: Vec<u8>,
}

impl StreamWriter {
    /// A stream that is written in this form.
    pub(super) fn of(form: u8) -> Self {
        Self {
            leaves_out_activity: form == value_form::STREAM_OF_7_0,
            producers: (form == value_form::STREAM_OF_8_6).then(ProducersWriter::default),
            ..Self::default()
        }
    }

    /// Writes a part, or keeps it for later. Returns how many blocks were written.
    pub(super) fn part(&mut self, out: &mut Vec<u8>, part: StreamPart<'_>) -> u64 {
        match part {
            StreamPart::Made => 0,
            StreamPart::Entry(entry) => self.entry(out, entry),
            StreamPart::Head(head) => {
                self.head = head;
                self.end_block(out)
            }
            StreamPart::Producers(head) => {
                self.producers.iter_mut().for_each(|producers| producers.head(head));
                0
            }
            StreamPart::RequestId(request) => {
                self.producers.iter_mut().for_each(|producers| producers.id(request));
                0
            }
            StreamPart::Group(name, position) => {
                self.end_group();
                self.group = Some(GroupWriter {
                    name: name.into(),
                    position,
                    pending: Vec::new(),
                    pending_count: 0,
                    consumers: BTreeMap::new(),
                });
                0
            }
            StreamPart::Consumer(_, name, times) => {
                if let Some(group) = &mut self.group {
                    group.consumers.entry(name.into()).or_default().times = times;
                }
                0
            }
            StreamPart::Pending(_, name, id, delivery) => {
                if let Some(group) = &mut self.group {
                    group.pending(name, id, delivery);
                }
                0
            }
        }
    }

    /// Writes what comes behind the blocks. If the stream was gone before its end was visited, it ends with its last entry that
    /// was.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) -> u64 {
        let blocks = self.end_block(out);
        self.end_group();
        let last = self.head.last.max(self.last);
        put_length(out, self.entries);
        for id in [last, self.first, self.head.max_deleted] {
            put_length(out, id.ms);
            put_length(out, id.seq);
        }
        put_length(out, self.head.added.max(self.entries));
        put_length(out, self.groups);
        out.append(&mut self.groups_bytes);
        self.producers.take().into_iter().for_each(|producers| producers.end(out));
        blocks
    }

    fn entry(&mut self, out: &mut Vec<u8>, entry: StreamEntry<'_>) -> u64 {
        let is_full =
            |block: &BlockWriter| block.entries >= BLOCK_ENTRIES || block.elements.len() >= BLOCK_BYTES;
        let blocks = if self.block.as_ref().is_some_and(is_full) { self.end_block(out) } else { 0 };
        if self.entries == 0 {
            self.first = entry.id;
        }
        self.last = entry.id;
        self.entries += 1;
        self.block.get_or_insert_with(|| BlockWriter::of(entry)).push(entry);
        blocks
    }

    fn end_block(&mut self, out: &mut Vec<u8>) -> u64 {
        let Some(block) = self.block.take() else { return 0 };
        block.write(out);
        1
    }

    fn end_group(&mut self) {
        if let Some(group) = self.group.take() {
            group.write(&mut self.groups_bytes, self.leaves_out_activity);
            self.groups += 1;
        }
    }
}

impl BlockWriter {
    fn of(entry: StreamEntry<'_>) -> Self {
        let mut digits = itoa::Buffer::new();
        let names = entry.pairs().map(|(name, _)| name.bytes(&mut digits).to_vec()).collect();
        Self { base: entry.id, names, entries: 0, elements: Vec::new(), count: 0 }
    }

    fn push(&mut self, entry: StreamEntry<'_>) {
        let mut digits = itoa::Buffer::new();
        let shares = entry.len() == self.names.len()
            && entry.pairs().zip(&self.names).all(|((name, _), own)| name.bytes(&mut digits) == own);
        self.integer(if shares { 2 } else { 0 });
        self.integer(entry.id.ms.wrapping_sub(self.base.ms).cast_signed());
        self.integer(entry.id.seq.wrapping_sub(self.base.seq).cast_signed());
        let count = entry.len() as i64;
        if !shares {
            self.integer(count);
        }
        for (name, value) in entry.pairs() {
            if !shares {
                self.text(name.bytes(&mut digits));
            }
            self.text(value.bytes(&mut digits));
        }
        self.integer(if shares { count + 3 } else { 2 * count + 4 });
        self.entries += 1;
    }

    fn integer(&mut self, integer: i64) {
        put_element_integer(&mut self.elements, integer);
        self.count += 1;
    }

    fn text(&mut self, text: &[u8]) {
        put_element(&mut self.elements, text);
        self.count += 1;
    }

    fn write(self, out: &mut Vec<u8>) {
        put_string(out, &id_bytes(self.base));
        let mut front = Vec::new();
        put_element_integer(&mut front, self.entries as i64);
        put_element_integer(&mut front, 0);
        put_element_integer(&mut front, self.names.len() as i64);
        self.names.iter().for_each(|name| put_element(&mut front, name));
        put_element_integer(&mut front, 0);
        let count = self.count + 4 + self.names.len() as u64;
        let bytes = 7 + front.len() + self.elements.len();
        put_length(out, bytes as u64);
        out.extend_from_slice(&(bytes as u32).to_le_bytes());
        out.extend_from_slice(&(count.min(u64::from(u16::MAX)) as u16).to_le_bytes());
        out.extend_from_slice(&front);
        out.extend_from_slice(&self.elements);
        out.push(0xff);
    }
}

impl GroupWriter {
    fn pending(&mut self, consumer: &[u8], id: StreamId, delivery: Delivery) {
        self.pending.extend_from_slice(&id_bytes(id));
        self.pending.extend_from_slice(&delivery.at_ms.to_le_bytes());
        put_length(&mut self.pending, delivery.count);
        self.pending_count += 1;
        if !self.consumers.contains_key(consumer) {
            // It came after the group's consumers were visited.
            let times = ConsumerTimes { seen_ms: delivery.at_ms, active_ms: Some(delivery.at_ms) };
            self.consumers.insert(consumer.into(), ConsumerWriter { times, ids: Vec::new() });
        }
        if let Some(consumer) = self.consumers.get_mut(consumer) {
            consumer.ids.extend_from_slice(&id_bytes(id));
        }
    }

    fn write(self, out: &mut Vec<u8>, leaves_out_activity: bool) {
        put_string(out, &self.name);
        put_length(out, self.position.last.ms);
        put_length(out, self.position.last.seq);
        match self.position.entries_read {
            Some(read) => put_length(out, read),
            None => {
                out.push(length::EIGHT_BYTES);
                out.extend_from_slice(&u64::MAX.to_be_bytes());
            }
        }
        put_length(out, self.pending_count);
        out.extend_from_slice(&self.pending);
        put_length(out, self.consumers.len() as u64);
        for (name, consumer) in self.consumers {
            put_string(out, &name);
            out.extend_from_slice(&consumer.times.seen_ms.to_le_bytes());
            let active = consumer.times.active_ms.map_or(-1, u64::cast_signed);
            if !leaves_out_activity {
                out.extend_from_slice(&active.to_le_bytes());
            }
            put_length(out, consumer.ids.len() as u64 / 16);
            out.extend_from_slice(&consumer.ids);
        }
    }
}

fn id_bytes(id: StreamId) -> [u8; 16] {
    (u128::from(id.ms) << 64 | u128::from(id.seq)).to_be_bytes()
}

/// Appends an element of a listpack that is a text.
fn put_element(out: &mut Vec<u8>, text: &[u8]) {
    if let Some(integer) = crate::text::integer::parse(text) {
        return put_element_integer(out, integer);
    }
    let start = out.len();
    match text.len() {
        len @ 0..64 => out.push(0x80 | len as u8),
        len @ 64..4096 => out.extend_from_slice(&[0xe0 | (len >> 8) as u8, len as u8]),
        len => {
            out.push(0xf0);
            out.extend_from_slice(&(len as u32).to_le_bytes());
        }
    }
    out.extend_from_slice(text);
    put_back_length(out, start);
}

/// Appends an element of a listpack that is an integer.
fn put_element_integer(out: &mut Vec<u8>, integer: i64) {
    let (start, bytes) = (out.len(), integer.to_le_bytes());
    match integer {
        0..128 => out.push(integer as u8),
        -4096..4096 => out.extend_from_slice(&[0xc0 | (integer >> 8 & 0x1f) as u8, integer as u8]),
        -0x8000..0x8000 => {
            out.push(0xf1);
            out.extend_from_slice(&bytes[..2]);
        }
        -0x80_0000..0x80_0000 => {
            out.push(0xf2);
            out.extend_from_slice(&bytes[..3]);
        }
        -0x8000_0000..0x8000_0000 => {
            out.push(0xf3);
            out.extend_from_slice(&bytes[..4]);
        }
        _ => {
            out.push(0xf4);
            out.extend_from_slice(&bytes);
        }
    }
    put_back_length(out, start);
}

/// Appends the length of the element that begins at `start`, seven bits in each byte, the lowest last.
fn put_back_length(out: &mut Vec<u8>, start: usize) {
    let len = out.len() - start;
    // As in Redis, the highest number of each width but the first takes one byte more.
    let bytes = match len {
        0..128 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    };
    for place in (0..bytes).rev() {
        let mark = if place + 1 == bytes { 0 } else { 0x80 };
        out.push((len >> (7 * place) & 0x7f) as u8 | mark);
    }
}
