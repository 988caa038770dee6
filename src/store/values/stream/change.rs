//! The Changes of a stream. All are absolute: an entry is there or is not, a group is at a position, an entry is pending for a
//! consumer. So a base may have a stream in any state between two records.

use super::encoded::{
    EncodedDeliveries, EncodedEntriesOfStream, EncodedEntryIds, EncodedRequestIds, take_id, take_optional,
    take_position,
};
use super::id::StreamId;
use super::producers::{Producers, ProducersHead};
use super::{ConsumerTimes, GroupPosition, Stream, StreamHead, Trim, TrimTarget};
use crate::config::{ProducerBounds, StreamBounds};
use crate::limits;
use crate::store::change::codec::{Malformed, take_bytes, take_varint};
use crate::store::values::kinds::Word;
use crate::store::values::stored::{ReplayTarget, Stored};

// The numbers of the Changes.
pub(in crate::store) const MAKE_STREAM: u8 = 31;
pub(in crate::store) const ADD_ENTRIES: u8 = 32;
pub(in crate::store) const REMOVE_ENTRIES: u8 = 33;
pub(in crate::store) const TRIM: u8 = 34;
pub(in crate::store) const SET_HEAD: u8 = 35;
pub(in crate::store) const MAKE_GROUP: u8 = 36;
pub(in crate::store) const MOVE_GROUP: u8 = 37;
pub(in crate::store) const DROP_GROUP: u8 = 38;
pub(in crate::store) const SET_CONSUMER: u8 = 39;
pub(in crate::store) const DROP_CONSUMER: u8 = 40;
pub(in crate::store) const SET_PENDING: u8 = 41;
pub(in crate::store) const REMOVE_PENDING: u8 = 42;
pub(in crate::store) const SET_PRODUCERS: u8 = 48;
pub(in crate::store) const NOTE_REQUESTS: u8 = 49;
pub(in crate::store) const COUNT_REQUESTS: u8 = 50;

/// A Change of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamChange<'a> {
    /// The key is a stream.
    Make,
    /// These entries are in it, and the last of them is the last that was added.
    Add(EncodedEntriesOfStream<'a>),
    /// These entries are not in it.
    Remove(EncodedEntryIds<'a>),
    /// No entry up to this one is in it.
    TrimTo(StreamId),
    /// This is what it knows of itself.
    Head(StreamHead),
    /// The group was made, and is at this position.
    MakeGroup(&'a [u8], GroupPosition),
    /// The group is at this position.
    MoveGroup(&'a [u8], GroupPosition),
    /// There is no such group.
    DropGroup(&'a [u8]),
    /// The group has this consumer.
    Consumer(&'a [u8], &'a [u8], ConsumerTimes),
    /// The group has no such consumer, and nothing is pending for it.
    DropConsumer(&'a [u8], &'a [u8]),
    /// These entries are pending in the group, for this consumer.
    Pending(&'a [u8], &'a [u8], EncodedDeliveries<'a>),
    /// These entries are not pending in the group.
    NotPending(&'a [u8], EncodedEntryIds<'a>),
    /// It keeps ids of producers, and has none of them.
    Producers(ProducersHead),
    /// Producers have added entries under these ids.
    Requests(EncodedRequestIds<'a>),
    /// So many entries were ever added under ids, and so many requests have added nothing.
    RequestCounts(u64, u64),
}

impl<'a> StreamChange<'a> {
    /// See [`ValueChange::take`](crate::store::values::kinds::ValueChange::take).
    pub(in crate::store) fn take(operation: u8, body: &mut &'a [u8]) -> Result<Self, Malformed> {
        match operation {
            MAKE_STREAM => Ok(Self::Make),
            ADD_ENTRIES => EncodedEntriesOfStream::take(body).map(Self::Add),
            REMOVE_ENTRIES => EncodedEntryIds::take(body).map(Self::Remove),
            TRIM => take_id(body).map(Self::TrimTo),
            SET_HEAD => {
                let (last, added) = (take_id(body)?, take_varint(body)?);
                Ok(Self::Head(StreamHead { last, added, max_deleted: take_id(body)? }))
            }
            MAKE_GROUP => Ok(Self::MakeGroup(take_bytes(body)?, take_position(body)?)),
            MOVE_GROUP => Ok(Self::MoveGroup(take_bytes(body)?, take_position(body)?)),
            DROP_GROUP => take_bytes(body).map(Self::DropGroup),
            SET_CONSUMER => {
                let (group, name) = (take_bytes(body)?, take_bytes(body)?);
                let times = ConsumerTimes { seen_ms: take_varint(body)?, active_ms: take_optional(body)? };
                Ok(Self::Consumer(group, name, times))
            }
            DROP_CONSUMER => Ok(Self::DropConsumer(take_bytes(body)?, take_bytes(body)?)),
            SET_PENDING => {
                let (group, consumer) = (take_bytes(body)?, take_bytes(body)?);
                Ok(Self::Pending(group, consumer, EncodedDeliveries::take(body)?))
            }
            REMOVE_PENDING => Ok(Self::NotPending(take_bytes(body)?, EncodedEntryIds::take(body)?)),
            SET_PRODUCERS => {
                let mut bound = || u32::try_from(take_varint(body)?).map_err(|_| Malformed);
                let bounds = ProducerBounds { kept_s: bound()?, most_ids: bound()? };
                let (added, duplicates) = (take_varint(body)?, take_varint(body)?);
                let head = ProducersHead { bounds, added, duplicates };
                if bounds.are_valid() { Ok(Self::Producers(head)) } else { Err(Malformed) }
            }
            NOTE_REQUESTS => EncodedRequestIds::take(body).map(Self::Requests),
            COUNT_REQUESTS => Ok(Self::RequestCounts(take_varint(body)?, take_varint(body)?)),
            _ => Err(Malformed),
        }
    }

    pub(in crate::store) fn makes_value(self) -> bool {
        matches!(self, Self::Make | Self::Add(_))
    }

    /// Whether it is about ids of producers, with names and ids that are neither empty nor too long. O(ids).
    #[must_use]
    pub fn is_of_producers(self) -> bool {
        let is_id = |text: &[u8]| (1..=limits::PRODUCER_ID_BYTES).contains(&text.len());
        match self {
            Self::Producers(_) | Self::RequestCounts(..) => true,
            Self::Requests(list) => list.iter().all(|request| is_id(request.producer) && is_id(request.id)),
            _ => false,
        }
    }

    /// A group that does not exist is ignored, but by the Changes that make one: the replay is then in a state that never was,
    /// and a later Change drops the group or the stream.
    pub(in crate::store) fn apply(self, key: &mut dyn ReplayTarget) {
        if self.makes_value() {
            let value = key.value_or_new(Stream::KIND, |seed| Stream::with_seed(seed).into_value());
            let stream = Stream::of_mut(value).expect("made a stream");
            if let Self::Add(entries) = self {
                for entry in entries.iter() {
                    stream.insert(entry.id, entry.pairs(), StreamBounds::DEFAULT);
                    (stream.head.last, stream.head.added) = (entry.id.max(stream.head.last), entry.added);
                }
            }
            return;
        }
        let Some(stream) = key.value().and_then(Stream::of_mut) else { return };
        match self {
            Self::Make | Self::Add(_) => {}
            Self::Remove(ids) => ids.iter().for_each(|id| {
                stream.remove(id);
            }),
            Self::TrimTo(up_to) => drop(stream.trim(up_to_and_with(up_to))),
            // Entries that are there already, because a base was written later, were added by a later Change.
            Self::Head(head) => {
                let newest = stream.last().map_or(head.last, |entry| entry.id);
                stream.head = StreamHead { last: head.last.max(newest), ..head };
            }
            Self::MakeGroup(name, position) | Self::MoveGroup(name, position) => {
                stream.groups.entry(name.into()).or_default().position = position;
            }
            Self::DropGroup(name) => drop(stream.groups.remove(name)),
            Self::Consumer(group, name, times) => {
                stream.with_group(group, |group| group.set_consumer(name, times));
            }
            Self::DropConsumer(group, name) => stream.with_group(group, |group| {
                group.remove_consumer(name);
            }),
            Self::Pending(group, consumer, list) => {
                stream.with_group(group, |group| group.set_pending(consumer, list.iter()));
            }
            Self::NotPending(group, ids) => stream.with_group(group, |group| {
                ids.iter().for_each(|id| {
                    group.remove_pending(id);
                });
            }),
            Self::Producers(_) | Self::Requests(_) | Self::RequestCounts(..) => stream.change_producers(self),
        }
    }

    pub(in crate::store) fn lines(self, line: &mut dyn FnMut(&str, &[Word<'_>])) {
        let id_words = |id: StreamId| [Word::Number(id.ms), Word::Number(id.seq)];
        let [none, some] = [Word::Number(0), Word::Number(1)];
        let optional = |number: Option<u64>| match number {
            None => [none, none],
            Some(number) => [some, Word::Number(number)],
        };
        let position = |name, at: GroupPosition| {
            let ([ms, seq], [is_known, read]) = (id_words(at.last), optional(at.entries_read));
            [Word::Bytes(name), ms, seq, is_known, read]
        };
        match self {
            Self::Make => line("make-stream", &[]),
            Self::Add(entries) => entries.iter().for_each(|entry| {
                let mut words = id_words(entry.id).to_vec();
                words.push(Word::Number(entry.added));
                words.extend(entry.pairs().flat_map(|(name, value)| [Word::Bytes(name), Word::Bytes(value)]));
                line("add-entry", &words);
            }),
            Self::Remove(ids) => ids.iter().for_each(|id| line("remove-entry", &id_words(id))),
            Self::TrimTo(id) => line("trim-to", &id_words(id)),
            Self::Head(StreamHead { last, added, max_deleted }) => {
                let ([ms, seq], [deleted_ms, deleted_seq]) = (id_words(last), id_words(max_deleted));
                line("set-head", &[ms, seq, Word::Number(added), deleted_ms, deleted_seq]);
            }
            Self::MakeGroup(name, at) => line("make-group", &position(name, at)),
            Self::MoveGroup(name, at) => line("move-group", &position(name, at)),
            Self::DropGroup(name) => line("drop-group", &[Word::Bytes(name)]),
            Self::Consumer(group, name, times) => {
                let [is_known, active] = optional(times.active_ms);
                let seen = Word::Number(times.seen_ms);
                line("set-consumer", &[Word::Bytes(group), Word::Bytes(name), seen, is_known, active]);
            }
            Self::DropConsumer(group, name) => {
                line("drop-consumer", &[Word::Bytes(group), Word::Bytes(name)]);
            }
            Self::Pending(group, consumer, list) => list.iter().for_each(|(id, delivery)| {
                let ([ms, seq], words) = (id_words(id), [group, consumer].map(Word::Bytes));
                let [at_ms, count] = [delivery.at_ms, delivery.count].map(Word::Number);
                line("set-pending", &[words[0], words[1], ms, seq, at_ms, count]);
            }),
            Self::NotPending(group, ids) => ids.iter().for_each(|id| {
                let [ms, seq] = id_words(id);
                line("remove-pending", &[Word::Bytes(group), ms, seq]);
            }),
            Self::Producers(ProducersHead { bounds, added, duplicates }) => {
                let numbers = [u64::from(bounds.kept_s), u64::from(bounds.most_ids), added, duplicates];
                line("set-producers", &numbers.map(Word::Number));
            }
            Self::Requests(list) => list.iter().for_each(|request| {
                let ([ms, seq], words) =
                    (id_words(request.entry), [request.producer, request.id].map(Word::Bytes));
                let [added, at_ms] = [request.added, request.at_ms].map(Word::Number);
                line("note-request", &[words[0], words[1], ms, seq, added, at_ms]);
            }),
            Self::RequestCounts(added, duplicates) => {
                line("count-requests", &[Word::Number(added), Word::Number(duplicates)]);
            }
        }
    }
}

/// The trim that leaves what is behind `id`.
fn up_to_and_with(id: StreamId) -> Trim {
    let target = id.next().map_or(TrimTarget::Len(0), TrimTarget::From);
    Trim { target, is_approximate: false, limit: 0 }
}

impl Stream {
    /// Makes a Change of ids of producers true.
    pub(super) fn change_producers(&mut self, change: StreamChange<'_>) {
        match change {
            StreamChange::Producers(head) => self.producers = Some(Box::new(Producers::new(head))),
            StreamChange::Requests(list) => {
                let producers = self.producers.get_or_insert_default();
                for request in list.iter() {
                    producers.note(request.placed(), request.at_ms);
                    producers.head.added = producers.head.added.max(request.added);
                }
            }
            StreamChange::RequestCounts(added, duplicates) => {
                let head = &mut self.producers.get_or_insert_default().head;
                (head.added, head.duplicates) = (added, duplicates);
            }
            _ => {}
        }
    }

    fn with_group(&mut self, name: &[u8], change: impl FnOnce(&mut super::ConsumerGroup)) {
        if let Some(group) = self.groups.get_mut(name) {
            change(group);
        }
    }
}
