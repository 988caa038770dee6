//! How Changes of streams are recorded.

use super::change::{
    ADD_ENTRIES, COUNT_REQUESTS, DROP_CONSUMER, DROP_GROUP, MAKE_GROUP, MAKE_STREAM, MOVE_GROUP,
    NOTE_REQUESTS, REMOVE_ENTRIES, REMOVE_PENDING, SET_CONSUMER, SET_HEAD, SET_PENDING, SET_PRODUCERS,
    StreamChange, TRIM,
};
use super::id::StreamId;
use super::part::{StreamHead, StreamPart};
use super::producers::{PlacedRequest, ProducersHead};
use super::{ConsumerTimes, Delivery, GroupPosition};
use crate::store::change::buffer::ChangeBuffer;
use crate::store::change::codec::{put_bytes, put_varint};
use crate::store::numbers::KeyspaceIndex;

fn put_id(out: &mut Vec<u8>, id: StreamId) {
    put_varint(out, id.ms);
    put_varint(out, id.seq);
}

fn put_pairs<'f>(out: &mut Vec<u8>, count: usize, pairs: impl Iterator<Item = (&'f [u8], &'f [u8])>) {
    put_varint(out, count as u64);
    for (name, value) in pairs {
        put_bytes(out, name);
        put_bytes(out, value);
    }
}

/// A number that may be missing is written plus one, which no count and no time reaches.
fn put_optional(out: &mut Vec<u8>, number: Option<u64>) {
    put_varint(out, number.map_or(0, |number| number.saturating_add(1)));
}

impl ChangeBuffer {
    /// Records a part of the stream at `key`.
    pub(in crate::store) fn stream_part(
        &mut self,
        keyspace: KeyspaceIndex,
        key: &[u8],
        part: StreamPart<'_>,
    ) {
        match part {
            StreamPart::Made => self.make_stream(keyspace, key),
            StreamPart::Entry(entry) => {
                let out = self.entry(ADD_ENTRIES, keyspace, key);
                put_id(out, entry.id);
                // What follows says how many were added.
                put_varint(out, 0);
                put_varint(out, entry.len() as u64);
                let mut digits = itoa::Buffer::new();
                for (name, value) in entry.pairs() {
                    put_bytes(out, name.bytes(&mut digits));
                    put_bytes(out, value.bytes(&mut digits));
                }
            }
            StreamPart::Head(head) => self.set_stream_head(keyspace, key, head),
            StreamPart::Producers(head) => self.set_producers(keyspace, key, head),
            // Nothing is to be removed.
            StreamPart::RequestId(request) => self.note_request(keyspace, key, request, 0),
            StreamPart::Group(group, position) => self.make_group(keyspace, key, group, position),
            StreamPart::Consumer(group, name, times) => self.set_consumer(keyspace, key, group, name, times),
            StreamPart::Pending(group, consumer, id, delivery) => {
                self.set_pending(keyspace, key, (group, consumer), &[(id, delivery)]);
            }
        }
    }

    /// Records that `key` is a stream.
    pub fn make_stream(&mut self, keyspace: KeyspaceIndex, key: &[u8]) {
        self.change(MAKE_STREAM, keyspace, key);
    }

    /// Records that the entry `id` with these fields is in the stream at `key`, and is the last of `added` entries.
    pub fn add_entry<'f>(
        &mut self,
        keyspace: KeyspaceIndex,
        key: &[u8],
        (id, added): (StreamId, u64),
        fields: impl Iterator<Item = (&'f [u8], &'f [u8])> + Clone,
    ) {
        let out = self.entry(ADD_ENTRIES, keyspace, key);
        put_id(out, id);
        put_varint(out, added);
        put_pairs(out, fields.clone().count(), fields);
    }

    /// Records that the entry `id` is not in the stream at `key`.
    pub fn remove_entry(&mut self, keyspace: KeyspaceIndex, key: &[u8], id: StreamId) {
        put_id(self.entry(REMOVE_ENTRIES, keyspace, key), id);
    }

    /// Records that no entry up to `id` is in the stream at `key`.
    pub fn trim_stream(&mut self, keyspace: KeyspaceIndex, key: &[u8], id: StreamId) {
        put_id(self.change(TRIM, keyspace, key), id);
    }

    /// Records what the stream at `key` knows of itself beyond its entries.
    pub fn set_stream_head(&mut self, keyspace: KeyspaceIndex, key: &[u8], head: StreamHead) {
        let out = self.change(SET_HEAD, keyspace, key);
        put_id(out, head.last);
        put_varint(out, head.added);
        put_id(out, head.max_deleted);
    }

    /// Records that `group` was made, and where it is.
    pub fn make_group(&mut self, keyspace: KeyspaceIndex, key: &[u8], group: &[u8], position: GroupPosition) {
        self.group_position(MAKE_GROUP, keyspace, key, group, position);
    }

    /// Records where `group` is.
    pub fn move_group(&mut self, keyspace: KeyspaceIndex, key: &[u8], group: &[u8], position: GroupPosition) {
        self.group_position(MOVE_GROUP, keyspace, key, group, position);
    }

    fn group_position(
        &mut self,
        operation: u8,
        keyspace: KeyspaceIndex,
        key: &[u8],
        group: &[u8],
        position: GroupPosition,
    ) {
        let out = self.change(operation, keyspace, key);
        put_bytes(out, group);
        put_id(out, position.last);
        put_optional(out, position.entries_read);
    }

    /// Records that there is no such group.
    pub fn drop_group(&mut self, keyspace: KeyspaceIndex, key: &[u8], group: &[u8]) {
        put_bytes(self.change(DROP_GROUP, keyspace, key), group);
    }

    /// Records a consumer of `group`.
    pub fn set_consumer(
        &mut self,
        keyspace: KeyspaceIndex,
        key: &[u8],
        group: &[u8],
        name: &[u8],
        times: ConsumerTimes,
    ) {
        let out = self.change(SET_CONSUMER, keyspace, key);
        put_bytes(out, group);
        put_bytes(out, name);
        put_varint(out, times.seen_ms);
        put_optional(out, times.active_ms);
    }

    /// Records that `group` has no such consumer.
    pub fn drop_consumer(&mut self, keyspace: KeyspaceIndex, key: &[u8], group: &[u8], name: &[u8]) {
        let out = self.change(DROP_CONSUMER, keyspace, key);
        put_bytes(out, group);
        put_bytes(out, name);
    }

    /// Records that entries are pending in a group, for a consumer of it.
    pub fn set_pending(
        &mut self,
        keyspace: KeyspaceIndex,
        key: &[u8],
        (group, consumer): (&[u8], &[u8]),
        deliveries: &[(StreamId, Delivery)],
    ) {
        let out = self.change(SET_PENDING, keyspace, key);
        put_bytes(out, group);
        put_bytes(out, consumer);
        out.extend_from_slice(&(deliveries.len() as u32).to_le_bytes());
        for (id, delivery) in deliveries {
            put_id(out, *id);
            put_varint(out, delivery.at_ms);
            put_varint(out, delivery.count);
        }
    }

    /// Records that entries are not pending in `group`.
    pub fn remove_pending(&mut self, keyspace: KeyspaceIndex, key: &[u8], group: &[u8], ids: &[StreamId]) {
        let out = self.change(REMOVE_PENDING, keyspace, key);
        put_bytes(out, group);
        out.extend_from_slice(&(ids.len() as u32).to_le_bytes());
        ids.iter().for_each(|id| put_id(out, *id));
    }

    /// Records that the stream at `key` keeps ids of producers, and has none of them.
    pub fn set_producers(&mut self, keyspace: KeyspaceIndex, key: &[u8], head: ProducersHead) {
        let out = self.change(SET_PRODUCERS, keyspace, key);
        put_varint(out, u64::from(head.bounds.kept_s));
        put_varint(out, u64::from(head.bounds.most_ids));
        put_varint(out, head.added);
        put_varint(out, head.duplicates);
    }

    /// Records that a producer has added an entry under this id at this unix millisecond.
    pub fn note_request(
        &mut self,
        keyspace: KeyspaceIndex,
        key: &[u8],
        PlacedRequest { producer, id, place }: PlacedRequest<'_>,
        at_ms: u64,
    ) {
        let out = self.entry(NOTE_REQUESTS, keyspace, key);
        put_bytes(out, producer);
        put_bytes(out, id);
        put_id(out, place.entry);
        put_varint(out, place.added);
        put_varint(out, at_ms);
    }

    /// Records how many entries were added to the stream at `key` under ids, and how many requests added nothing.
    pub fn count_requests(&mut self, keyspace: KeyspaceIndex, key: &[u8], head: ProducersHead) {
        let out = self.change(COUNT_REQUESTS, keyspace, key);
        put_varint(out, head.added);
        put_varint(out, head.duplicates);
    }

    /// Records a Change of ids of producers of the stream at `key`, as another server has made it.
    pub fn change_producers(&mut self, keyspace: KeyspaceIndex, key: &[u8], change: StreamChange<'_>) {
        match change {
            StreamChange::Producers(head) => self.set_producers(keyspace, key, head),
            StreamChange::Requests(list) => list.iter().for_each(|request| {
                self.note_request(keyspace, key, request.placed(), request.at_ms);
            }),
            StreamChange::RequestCounts(added, duplicates) => {
                let head = ProducersHead { added, duplicates, ..ProducersHead::default() };
                self.count_requests(keyspace, key, head);
            }
            _ => {}
        }
    }
}
