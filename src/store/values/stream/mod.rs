//! Streams: entries in the order of their ids, packed into blocks, and groups of consumers that share the reading of them.
//!
//! | file | its subject |
//! |---|---|
//! | `id`, `entry`, `block` | ids, entries, and the blocks in which entries are packed |
//! | `entries`, `trim` | adding, removing and trimming entries |
//! | `reading` | entries in a range, and excerpts that stay valid without the lock |
//! | `group` | groups of consumers and what is pending for them |
//! | `producers` | the ids under which producers have added entries |
//! | `counting` | how many entries a group has read and how many are ahead of it |
//! | `part`, `stages` | its parts, and the walk over a stream in steps |
//! | `change`, `encoded`, `recording` | its Changes, how they are read and how they are recorded |
//! | `edit` | how commands change it |

mod block;
pub(in crate::store) mod change;
mod counting;
mod edit;
mod encoded;
mod entries;
mod entry;
mod group;
mod id;
mod part;
mod producers;
mod reading;
mod recording;
mod stages;
mod trim;

use super::kinds::Element;
use super::kinds::{Kind, Value};
use super::stored::{Position, ReplayTarget, Stored, WalkOrder};
use crate::config::EventClasses;
use crate::machine::heap::allocation_bytes;
use crate::ranking::prefetch;
use block::EntryBlock;
use change::StreamChange;
pub use entry::StreamEntry;
pub use group::{Consumer, ConsumerGroup, ConsumerTimes, Delivery, GroupPosition};
pub use id::StreamId;
pub use part::{StreamHead, StreamPart};
pub use producers::{PlacedRequest, Producers, ProducersHead, RequestPlace};
pub use reading::StreamExcerpt;
use std::collections::BTreeMap;
use std::sync::Arc;
pub use trim::{Trim, TrimTarget};

/// A stream of entries. It can be empty: its key stays.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// Blocks that are full, by the lowest id that they may hold. All but a few have entries.
    blocks: BTreeMap<StreamId, Arc<EntryBlock>>,
    /// The block to which entries are added, with ids above those of the full blocks.
    tail: Arc<EntryBlock>,
    len: usize,
    head: StreamHead,
    groups: BTreeMap<Box<[u8]>, ConsumerGroup>,
    /// There are none in a stream to which no entry was added under an id of its producer.
    producers: Option<Box<Producers>>,
}

impl Stream {
    /// The number of entries. O(1).
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry. O(1).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What it knows of itself beyond its entries.
    #[must_use]
    pub fn head(&self) -> StreamHead {
        self.head
    }

    /// The number of blocks.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.blocks.len() + usize::from(!self.tail.is_unused())
    }

    /// The ids under which producers have added entries; `None` if none ever has.
    #[must_use]
    pub fn producers(&self) -> Option<&Producers> {
        self.producers.as_deref()
    }

    /// The groups, ascending by name.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&[u8], &ConsumerGroup)> {
        self.groups.iter().map(|(name, group)| (&**name, group))
    }

    /// The group with this name.
    #[must_use]
    pub fn group(&self, name: &[u8]) -> Option<&ConsumerGroup> {
        self.groups.get(name)
    }

    /// Whether some group has not acknowledged the entry with this id: it is pending, or was not delivered yet.
    #[must_use]
    pub fn is_referenced(&self, id: StreamId) -> bool {
        self.groups.values().any(|group| id > group.position.last || group.pending.contains_key(&id))
    }
}

impl Stored for Stream {
    const KIND: Kind = Kind::Stream;
    const EVENTS: EventClasses = EventClasses::STREAM;

    type Change<'a> = StreamChange<'a>;

    fn with_seed(_: u64) -> Self {
        Self::default()
    }

    fn into_value(self) -> Value {
        Value::Stream(Box::new(self))
    }

    fn of(value: &Value) -> Option<&Self> {
        if let Value::Stream(stream) = value { Some(stream) } else { None }
    }

    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::Stream(stream) = value { Some(stream) } else { None }
    }

    /// The entries, the ids of producers, the consumers, what is pending, and two more: the stream itself is never without
    /// elements. O(groups).
    fn elements(&self) -> usize {
        let ids = self.producers().map_or(0, |producers| 1 + producers.ids());
        2 + self.len + ids + self.groups.values().map(ConsumerGroup::parts).sum::<usize>()
    }

    fn size(&self) -> usize {
        self.len
    }

    /// O(samples + consumers). Some blocks stand for all.
    fn memory_bytes(&self, samples: usize) -> usize {
        let sampled = samples.clamp(1, self.blocks.len().max(1));
        let some: usize = self.blocks.values().take(sampled).map(|block| block.memory_bytes()).sum();
        // The nodes of the tree are about three fifths full.
        let places = self.blocks.len() * size_of::<(StreamId, Arc<EntryBlock>)>() * 5 / 3;
        let groups: usize = self.groups.values().map(ConsumerGroup::memory_bytes).sum();
        allocation_bytes(size_of::<Self>())
            + self.tail.memory_bytes()
            + some * self.blocks.len() / sampled
            + places
            + groups
            + self.producers().map_or(0, |producers| producers.memory_bytes(samples))
    }

    fn allocations(&self) -> usize {
        let ids = self.producers().map_or(0, Producers::ids);
        2 * self.blocks.len() + self.groups.values().map(|group| group.parts() / 4).sum::<usize>() + ids + 3
    }

    fn prefetch(&self) {
        prefetch::line(&raw const *self);
    }

    fn check(&self) {
        let mut below = None;
        let mut len = 0;
        for block in self.all_blocks() {
            block.check();
            len += block.live as usize;
            for id in block.iter().map(|entry| entry.id) {
                assert!(below < Some(id));
                below = Some(id);
            }
        }
        assert!(self.blocks.values().all(|block| !block.is_unused()));
        assert!(len == self.len && below.is_none_or(|id| id <= self.head.last));
        self.groups.values().for_each(ConsumerGroup::check);
        self.producers().into_iter().for_each(Producers::check);
    }

    fn apply<'a>(
        key: &mut dyn ReplayTarget,
        changes: impl Iterator<Item = StreamChange<'a>> + Clone,
    ) -> usize {
        changes.for_each(|change| change.apply(key));
        0
    }

    /// The blocks are shared until one of the two is changed; the groups are copied. O(blocks + pending).
    fn copy(&self) -> Value {
        self.clone().into_value()
    }

    fn walk(
        &self,
        from: Option<&Position>,
        most: usize,
        _: WalkOrder,
        see: &mut dyn FnMut(Element<'_>),
    ) -> Option<Position> {
        self.walk_from(from, most, see)
    }
}

#[cfg(test)]
mod tests;
