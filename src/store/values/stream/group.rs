//! Consumer groups: up to where a group has read, its consumers, and the entries that it has delivered and that are not
//! acknowledged yet.
//!
//! A pending entry is in the order of the group and in that of its consumer. Nothing asks for it by the time of its delivery:
//! XPENDING and XAUTOCLAIM go through ids and skip what is not idle long enough, as in Redis, so there is no third order.

use super::id::StreamId;
use std::collections::{BTreeMap, BTreeSet};

/// A consumer group.
#[derive(Clone, Debug, Default)]
pub struct ConsumerGroup {
    pub(super) position: GroupPosition,
    pub(super) pending: BTreeMap<StreamId, PendingEntry>,
    /// By number. A number is used again when its consumer is gone.
    consumers: Vec<Option<Consumer>>,
    by_name: BTreeMap<Box<[u8]>, ConsumerNumber>,
}

/// Up to where a group has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupPosition {
    /// The last entry that was delivered.
    pub last: StreamId,
    /// How many entries were read since the stream was made; `None` if that is not known.
    pub entries_read: Option<u64>,
}

/// The number of a consumer in its group.
pub(super) type ConsumerNumber = u32;

/// An entry that was delivered and is not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PendingEntry {
    pub(super) consumer: ConsumerNumber,
    pub(super) delivery: Delivery,
}

/// The last delivery of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// When it was, in unix milliseconds.
    pub at_ms: u64,
    /// How often the entry was delivered.
    pub count: u64,
}

/// A consumer of a group.
#[derive(Clone, Debug, Default)]
pub struct Consumer {
    name: Box<[u8]>,
    pub(super) times: ConsumerTimes,
    pub(super) pending: BTreeSet<StreamId>,
}

/// When a consumer asked for entries and when it got some.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConsumerTimes {
    /// When it asked last, in unix milliseconds.
    pub seen_ms: u64,
    /// When it last got or claimed an entry, in unix milliseconds; `None`: never.
    pub active_ms: Option<u64>,
}

impl Consumer {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// When it asked for entries and when it got some.
    #[must_use]
    pub fn times(&self) -> ConsumerTimes {
        self.times
    }

    /// The number of entries that are pending for it.
    #[must_use]
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }
}

impl ConsumerGroup {
    /// A group that has read up to here.
    #[must_use]
    pub(super) fn at(position: GroupPosition) -> Self {
        Self { position, ..Self::default() }
    }

    /// Up to where it has read.
    #[must_use]
    pub fn position(&self) -> GroupPosition {
        self.position
    }

    /// The number of its pending entries.
    #[must_use]
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// The number of its consumers.
    #[must_use]
    pub fn consumers_len(&self) -> usize {
        self.by_name.len()
    }

    /// Its consumers, ascending by name.
    pub fn consumers(&self) -> impl Iterator<Item = &Consumer> {
        self.by_name.values().map(|number| self.numbered(*number))
    }

    /// Its consumers behind `name`, ascending.
    pub(super) fn consumers_behind(&self, name: &[u8]) -> impl Iterator<Item = &Consumer> {
        use std::ops::Bound::{Excluded, Unbounded};
        let behind = self.by_name.range::<[u8], _>((Excluded(name), Unbounded));
        behind.map(|(_, number)| self.numbered(*number))
    }

    /// The consumer with this name.
    #[must_use]
    pub fn consumer(&self, name: &[u8]) -> Option<&Consumer> {
        self.by_name.get(name).map(|number| self.numbered(*number))
    }

    /// The ids of a group's pending entries, or of those of one of its consumers, ascending: those within these bounds, each
    /// with its consumer and its last delivery. O(log n).
    pub fn pending<'g>(
        &'g self,
        consumer: Option<&'g Consumer>,
        from: StreamId,
        to: StreamId,
    ) -> impl Iterator<Item = (StreamId, &'g Consumer, Delivery)> {
        // An empty range must not begin behind its end.
        let range = from..=to.max(from);
        let (own, all) = match consumer {
            Some(consumer) => (Some(consumer.pending.range(range)), None),
            None => (None, Some(self.pending.range(range))),
        };
        let own = own.into_iter().flatten().map(|id| (*id, self.pending[id]));
        let all = all.into_iter().flatten().map(|(id, pending)| (*id, *pending));
        own.chain(all)
            .take_while(move |(id, _)| *id <= to)
            .map(|(id, pending)| (id, self.numbered(pending.consumer), pending.delivery))
    }

    /// The last delivery of an entry that is pending, and its consumer.
    #[must_use]
    pub fn pending_at(&self, id: StreamId) -> Option<(&Consumer, Delivery)> {
        self.pending.get(&id).map(|pending| (self.numbered(pending.consumer), pending.delivery))
    }

    /// The first and the last pending entry.
    #[must_use]
    pub fn pending_ends(&self) -> Option<(StreamId, StreamId)> {
        Some((*self.pending.first_key_value()?.0, *self.pending.last_key_value()?.0))
    }

    fn numbered(&self, number: ConsumerNumber) -> &Consumer {
        self.consumers[number as usize].as_ref().expect("a number in use")
    }

    fn numbered_mut(&mut self, number: ConsumerNumber) -> &mut Consumer {
        self.consumers[number as usize].as_mut().expect("a number in use")
    }

    /// The number of the consumer with this name, which is made if it is missing.
    fn number_of(&mut self, name: &[u8]) -> ConsumerNumber {
        if let Some(number) = self.by_name.get(name) {
            return *number;
        }
        let free = if self.by_name.len() < self.consumers.len() {
            self.consumers.iter().position(Option::is_none)
        } else {
            None
        };
        let place = free.unwrap_or_else(|| {
            self.consumers.push(None);
            self.consumers.len() - 1
        });
        self.consumers[place] = Some(Consumer { name: name.into(), ..Consumer::default() });
        let number = place as ConsumerNumber;
        self.by_name.insert(name.into(), number);
        number
    }

    /// Makes the consumer if it is missing, and sets when it asked for entries and got some.
    pub(super) fn set_consumer(&mut self, name: &[u8], times: ConsumerTimes) {
        let number = self.number_of(name);
        self.numbered_mut(number).times = times;
    }

    /// Removes a consumer and what is pending for it. Returns a group of them alone, for another thread to free. O(m log n) with
    /// m entries pending for it, or O(n).
    pub(super) fn remove_consumer(&mut self, name: &[u8]) -> Option<Self> {
        /// A walk over all takes as long as removing one of so many each by itself.
        const WALKED_FOR_ONE: usize = 16;
        let number = self.by_name.remove(name)?;
        let consumer = self.consumers[number as usize].take()?;
        let mut gone = Self::default();
        if consumer.pending.len() == self.pending.len() {
            gone.pending = std::mem::take(&mut self.pending);
        } else if consumer.pending.len() > self.pending.len() / WALKED_FOR_ONE {
            self.pending.retain(|_, pending| pending.consumer != number);
        } else {
            for id in &consumer.pending {
                self.pending.remove(id);
            }
        }
        gone.consumers.push(Some(consumer));
        Some(gone)
    }

    /// Makes entries pending for a consumer, wherever they were pending before. A missing consumer is made.
    pub(super) fn set_pending(
        &mut self,
        consumer: &[u8],
        entries: impl Iterator<Item = (StreamId, Delivery)>,
    ) {
        let number = self.number_of(consumer);
        entries.for_each(|(id, delivery)| self.set_one_pending(number, id, delivery));
    }

    fn set_one_pending(&mut self, number: ConsumerNumber, id: StreamId, delivery: Delivery) {
        let before = self.pending.insert(id, PendingEntry { consumer: number, delivery });
        match before {
            Some(before) if before.consumer == number => {}
            before => {
                if let Some(before) = before {
                    self.numbered_mut(before.consumer).pending.remove(&id);
                }
                self.numbered_mut(number).pending.insert(id);
            }
        }
    }

    /// Ends that an entry is pending. Returns whether it was.
    pub(super) fn remove_pending(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(&id) else { return false };
        self.numbered_mut(pending.consumer).pending.remove(&id)
    }

    /// The number of entries that are pending for its consumers.
    pub(super) fn pending_of_all(&self) -> usize {
        self.consumers.iter().flatten().map(Consumer::pending_len).sum()
    }

    /// The number of its parts in a walk: itself, its consumers and its pending entries.
    pub(super) fn parts(&self) -> usize {
        1 + self.by_name.len() + self.pending.len()
    }

    /// About the memory that it takes.
    pub(super) fn memory_bytes(&self) -> usize {
        // The nodes of the trees are about three fifths full.
        let pending = size_of::<(StreamId, PendingEntry)>() * self.pending.len()
            + size_of::<StreamId>() * self.pending_of_all();
        let names = self.by_name.keys().map(|name| 2 * name.len() + 64).sum::<usize>();
        (size_of::<Self>() + pending) * 5 / 3
            + names
            + self.consumers.capacity() * size_of::<Option<Consumer>>()
    }

    /// Panics if an invariant is broken.
    pub(super) fn check(&self) {
        assert_eq!(self.pending_of_all(), self.pending.len());
        for (id, pending) in &self.pending {
            assert!(self.numbered(pending.consumer).pending.contains(id));
        }
        assert!(self.by_name.iter().all(|(name, number)| self.numbered(*number).name == *name));
    }
}
