//! How commands change a stream.

use super::change::StreamChange;
use super::entries::Trimmed;
use super::id::StreamId;
use super::producers::{PlacedRequest, Producers, ProducersHead, RequestPlace};
use super::{ConsumerGroup, ConsumerTimes, Delivery, GroupPosition, Stream, StreamHead, Trim, TrimTarget};
use crate::config::{ProducerBounds, StreamBounds};
use crate::store::access::edit::Edit;
use crate::store::change::buffer::ChangeBuffer;
use crate::store::values::stored::Stored;

impl Edit<'_, '_, Stream> {
    /// Adds an entry, whose id must be higher than that of the last one that was ever added. Clients that wait for entries are
    /// served.
    pub fn append<'f>(
        &mut self,
        id: StreamId,
        fields: impl Iterator<Item = (&'f [u8], &'f [u8])> + Clone,
        bounds: StreamBounds,
    ) {
        self.value.insert(id, fields.clone(), bounds);
        self.value.head.last = id;
        self.value.head.added = self.value.head.added.saturating_add(1);
        let added = self.value.head.added;
        self.record(|changes, keyspace, key| changes.add_entry(keyspace, key, (id, added), fields));
        self.wakes_waiters();
    }

    /// Makes a stream without entries.
    pub fn make(&mut self) {
        self.record(ChangeBuffer::make_stream);
    }

    /// Removes entries at the front. Returns how many.
    pub fn trim(&mut self, trim: Trim) -> usize {
        let Trimmed { count, up_to, blocks } = self.value.trim(trim);
        if count > 0 {
            self.record(|changes, keyspace, key| changes.trim_stream(keyspace, key, up_to));
        }
        if !blocks.is_empty() {
            self.discard(Stream::of_blocks(blocks).into_value());
        }
        count
    }

    /// As [`Edit::trim`], exactly to `target`, and whatever is pending of the removed entries is not any more. O(n log n).
    pub fn trim_with_pending(&mut self, target: TrimTarget) -> usize {
        let most = match target {
            TrimTarget::Len(len) => self.value.len().saturating_sub(len),
            TrimTarget::From(_) => usize::MAX,
        };
        let goes = |id: StreamId| match target {
            TrimTarget::Len(_) => true,
            TrimTarget::From(first) => id < first,
        };
        let all = self.value.range(StreamId::MIN, StreamId::MAX).take(most).map(|entry| entry.id);
        let ids: Vec<StreamId> = all.take_while(|id| goes(*id)).collect();
        self.forget_pending(&ids);
        self.trim(Trim { target, is_approximate: false, limit: 0 })
    }

    /// Removes the entries in front of `target` that every group has acknowledged. Returns how many. O(n log n).
    pub fn trim_acknowledged(&mut self, target: TrimTarget) -> usize {
        let ids = self.value.acknowledged_ahead(target);
        ids.iter().filter(|id| self.remove_one(**id)).count()
    }

    /// Removes the entry with this id, and notes that one was removed by itself. Returns whether it was there.
    pub fn remove(&mut self, id: StreamId) -> bool {
        let was_there = self.remove_one(id);
        if was_there && id > self.value.head.max_deleted {
            self.set_head(StreamHead { max_deleted: id, ..self.value.head });
        }
        was_there
    }

    fn remove_one(&mut self, id: StreamId) -> bool {
        let was_there = self.value.remove(id);
        if was_there {
            self.record(|changes, keyspace, key| changes.remove_entry(keyspace, key, id));
        }
        was_there
    }

    /// Sets what the stream knows of itself beyond its entries.
    pub fn set_head(&mut self, head: StreamHead) {
        self.value.head = head;
        self.record_unwatched(|changes, keyspace, key| changes.set_stream_head(keyspace, key, head));
    }

    /// Makes a group, whose name must be new.
    pub fn make_group(&mut self, name: &[u8], position: GroupPosition) {
        self.value.groups.insert(name.into(), ConsumerGroup::at(position));
        self.record_unwatched(|changes, keyspace, key| changes.make_group(keyspace, key, name, position));
    }

    /// Sets up to where a group has read.
    pub fn move_group(&mut self, name: &[u8], position: GroupPosition) {
        let Some(group) = self.value.groups.get_mut(name) else { return };
        group.position = position;
        self.record_unwatched(|changes, keyspace, key| changes.move_group(keyspace, key, name, position));
    }

    /// Notes that a group has read these entries, ascending.
    pub fn read_on(&mut self, name: &[u8], ids: &[StreamId]) {
        let Some(group) = self.value.groups.get(name) else { return };
        let before = group.position;
        let ahead = ids.iter().filter(|id| **id > before.last);
        let position = ahead.fold(before, |position, id| self.value.position_after(position, *id));
        if position != before {
            self.move_group(name, position);
        }
    }

    /// Removes a group. Returns whether there was one. Clients that wait for entries of it are told.
    pub fn drop_group(&mut self, name: &[u8]) -> bool {
        let Some(group) = self.value.groups.remove(name) else { return false };
        self.record_unwatched(|changes, keyspace, key| changes.drop_group(keyspace, key, name));
        let mut gone = Stream::default();
        gone.groups.insert(name.into(), group);
        self.discard(gone.into_value());
        self.wakes_waiters();
        true
    }

    /// Notes that a consumer has asked a group for entries at this unix millisecond. A missing consumer is made; returns
    /// whether it was. For one that is there this leaves no Change: it has asked for entries and got none so far.
    pub fn see_consumer(&mut self, group: &[u8], name: &[u8], now_ms: u64) -> bool {
        let Some(members) = self.value.groups.get_mut(group) else { return false };
        let known = members.consumer(name).map(|consumer| consumer.times.active_ms);
        let times = ConsumerTimes { seen_ms: now_ms, active_ms: known.flatten() };
        members.set_consumer(name, times);
        if known.is_none() {
            self.record_unwatched(|changes, keyspace, key| {
                changes.set_consumer(keyspace, key, group, name, times);
            });
        }
        known.is_none()
    }

    /// Removes a consumer. Returns how many entries were pending for it; `None` if there was none of this name.
    pub fn drop_consumer(&mut self, group: &[u8], name: &[u8]) -> Option<usize> {
        let gone = self.value.groups.get_mut(group)?.remove_consumer(name)?;
        self.record_unwatched(|changes, keyspace, key| changes.drop_consumer(keyspace, key, group, name));
        let count = gone.pending_of_all();
        let mut rest = Stream::default();
        rest.groups.insert(group.into(), gone);
        self.discard(rest.into_value());
        Some(count)
    }

    /// Makes entries pending for a consumer.
    pub fn deliver(&mut self, group: &[u8], name: &[u8], entries: &[(StreamId, Delivery)]) {
        let Some(members) = self.value.groups.get_mut(group).filter(|_| !entries.is_empty()) else { return };
        members.set_pending(name, entries.iter().copied());
        self.record_unwatched(|changes, keyspace, key| {
            changes.set_pending(keyspace, key, (group, name), entries);
        });
    }

    /// Notes that a consumer got entries at this unix millisecond.
    pub fn note_active(&mut self, group: &[u8], name: &[u8], now_ms: u64) {
        let Some(members) = self.value.groups.get_mut(group) else { return };
        let times = ConsumerTimes { seen_ms: now_ms, active_ms: Some(now_ms) };
        members.set_consumer(name, times);
        self.record_unwatched(|changes, keyspace, key| {
            changes.set_consumer(keyspace, key, group, name, times);
        });
    }

    /// Ends that entries are pending in a group. Returns how many of them were.
    pub fn acknowledge(&mut self, group: &[u8], ids: impl Iterator<Item = StreamId>) -> usize {
        let Some(members) = self.value.groups.get_mut(group) else { return 0 };
        let ids: Vec<StreamId> = ids.filter(|id| members.remove_pending(*id)).collect();
        if !ids.is_empty() {
            self.record_unwatched(|changes, keyspace, key| {
                changes.remove_pending(keyspace, key, group, &ids);
            });
        }
        ids.len()
    }

    /// Ends that entries are pending, in every group.
    pub fn forget_pending(&mut self, ids: &[StreamId]) {
        let names: Vec<Box<[u8]>> = self.value.groups.keys().cloned().collect();
        for name in names {
            self.acknowledge(&name, ids.iter().copied());
        }
    }

    /// Sets for how long and how many ids of producers are kept. Those that are kept by now are forgotten.
    pub fn bound_producers(&mut self, bounds: ProducerBounds) {
        let before = self.value.producers().map(Producers::head).unwrap_or_default();
        let head = ProducersHead { bounds, ..before };
        let gone = self.value.producers.replace(Box::new(Producers::new(head)));
        self.record_unwatched(|changes, keyspace, key| changes.set_producers(keyspace, key, head));
        if gone.is_some() {
            self.discard(Stream { producers: gone, ..Stream::default() }.into_value());
        }
    }

    /// Notes that a producer has added `entry` under this id. The first time, `bounds` say for how long and how many are kept.
    pub fn note_request(
        &mut self,
        producer: &[u8],
        id: &[u8],
        entry: StreamId,
        now_ms: u64,
        bounds: ProducerBounds,
    ) {
        if self.value.producers.is_none() {
            self.bound_producers(bounds);
        }
        let Some(producers) = &mut self.value.producers else { return };
        let added = producers.head.added.saturating_add(1);
        let request = PlacedRequest { producer, id, place: RequestPlace { added, entry } };
        producers.note(request, now_ms);
        producers.head.added = added;
        self.record_unwatched(|changes, keyspace, key| changes.note_request(keyspace, key, request, now_ms));
    }

    /// Counts a request that has added nothing, because its id was known.
    pub fn count_duplicate(&mut self) {
        let Some(producers) = &mut self.value.producers else { return };
        producers.head.duplicates = producers.head.duplicates.saturating_add(1);
        let head = producers.head;
        self.record_unwatched(|changes, keyspace, key| changes.count_requests(keyspace, key, head));
    }

    /// Makes a Change of ids of producers as another server has made it. Any other Change is ignored.
    pub fn change_producers(&mut self, change: StreamChange<'_>) {
        if change.is_of_producers() {
            self.value.change_producers(change);
            self.record_unwatched(|changes, keyspace, key| changes.change_producers(keyspace, key, change));
        }
    }
}
