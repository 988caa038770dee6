//! The walk over a stream in steps: that it is a stream, its entries, what it knows of itself, the ids of its producers, and then
//! each group with its consumers and what is pending. A step continues behind the part at which the one before it ended, whatever has come or gone
//! meanwhile.

use super::id::StreamId;
use super::part::StreamPart;
use super::producers::{PlacedRequest, RequestPlace};
use super::{Consumer, ConsumerGroup, Stream};
use crate::store::change::codec::{put_bytes, take_bytes};
use crate::store::values::kinds::Element;
use crate::store::values::stored::Position;
use std::ops::Bound::{Excluded, Unbounded};

/// Where a walk is: behind this part.
#[derive(Clone, Copy, Debug)]
enum Stage<'a> {
    Start,
    Entries(StreamId),
    Head,
    Producers,
    /// Within the ids of a producer.
    RequestIds(PlacedRequest<'a>),
    /// The group itself.
    Group(&'a [u8]),
    Consumers(&'a [u8], &'a [u8]),
    Pending(&'a [u8], StreamId),
    /// All of the group.
    BehindGroup(&'a [u8]),
}

impl<'a> Stage<'a> {
    fn position(self) -> Position {
        let mut bytes = Vec::new();
        let mut put = |stage: u8, group: &[u8], rest: &[u8]| {
            bytes.push(stage);
            put_bytes(&mut bytes, group);
            bytes.extend_from_slice(rest);
        };
        let id_bytes = |id: StreamId| (u128::from(id.ms) << 64 | u128::from(id.seq)).to_be_bytes();
        match self {
            Self::Start => put(0, b"", b""),
            Self::Entries(id) => put(1, b"", &id_bytes(id)),
            Self::Head => put(2, b"", b""),
            Self::Group(group) => put(3, group, b""),
            Self::Consumers(group, name) => put(4, group, name),
            Self::Pending(group, id) => put(5, group, &id_bytes(id)),
            Self::BehindGroup(group) => put(6, group, b""),
            Self::Producers => put(7, b"", b""),
            Self::RequestIds(PlacedRequest { producer, id, place }) => {
                let added = place.added.to_be_bytes();
                put(8, producer, &[&id_bytes(place.entry)[..], &added, id].concat());
            }
        }
        Position::Within(bytes.into())
    }

    /// The stage at `position`; `None` if it belongs to a value of another type.
    fn of(position: &'a Position) -> Option<Self> {
        let Position::Within(bytes) = position else { return None };
        let (stage, mut rest) = bytes.split_first()?;
        let group = take_bytes(&mut rest).ok()?;
        let (number, behind) = rest.split_first_chunk().unwrap_or((&[0; 16], b""));
        let number = u128::from_be_bytes(*number);
        let id = StreamId { ms: (number >> 64) as u64, seq: number as u64 };
        Some(match stage {
            0 => Self::Start,
            1 => Self::Entries(id),
            2 => Self::Head,
            3 => Self::Group(group),
            4 => Self::Consumers(group, rest),
            5 => Self::Pending(group, id),
            7 => Self::Producers,
            8 => {
                let (added, request) = behind.split_first_chunk()?;
                let place = RequestPlace { added: u64::from_be_bytes(*added), entry: id };
                Self::RequestIds(PlacedRequest { producer: group, id: request, place })
            }
            _ => Self::BehindGroup(group),
        })
    }
}

/// Visits parts until there have been enough.
struct Steps<'s> {
    left: usize,
    see: &'s mut dyn FnMut(Element<'_>),
}

impl Steps<'_> {
    /// Visits a part. Returns whether there is time for more.
    fn see(&mut self, part: StreamPart<'_>) -> bool {
        (self.see)(Element::Part(part));
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }
}

impl Stream {
    /// See [`Stored::walk`](super::Stored::walk).
    pub(super) fn walk_from(
        &self,
        from: Option<&Position>,
        most: usize,
        see: &mut dyn FnMut(Element<'_>),
    ) -> Option<Position> {
        let mut steps = Steps { left: most.max(1), see };
        let stage = match from {
            None => {
                steps.see(StreamPart::Made);
                Stage::Start
            }
            Some(position) => Stage::of(position)?,
        };
        let stopped = match stage {
            Stage::Start => self.walk_entries(None, &mut steps),
            Stage::Entries(id) => self.walk_entries(Some(id), &mut steps),
            Stage::Head => self.walk_producers(&mut steps),
            Stage::Producers => self.walk_request_ids(None, &mut steps),
            Stage::RequestIds(request) => self.walk_request_ids(Some(request), &mut steps),
            Stage::BehindGroup(group) => self.walk_groups(Some(group), &mut steps),
            Stage::Group(name) | Stage::Consumers(name, _) | Stage::Pending(name, _) => {
                let rest = self.groups.get(name).and_then(|group| walk_group(name, group, stage, &mut steps));
                rest.or_else(|| self.walk_groups(Some(name), &mut steps))
            }
        };
        stopped.map(Stage::position)
    }

    fn walk_entries<'s>(&'s self, after: Option<StreamId>, steps: &mut Steps<'_>) -> Option<Stage<'s>> {
        for block in self.blocks_behind(after) {
            for entry in block.iter().filter(|entry| after.is_none_or(|after| entry.id > after)) {
                if !steps.see(StreamPart::Entry(entry)) {
                    return Some(Stage::Entries(entry.id));
                }
            }
        }
        if !steps.see(StreamPart::Head(self.head)) {
            return Some(Stage::Head);
        }
        self.walk_producers(steps)
    }

    fn walk_producers<'s>(&'s self, steps: &mut Steps<'_>) -> Option<Stage<'s>> {
        let Some(producers) = &self.producers else { return self.walk_groups(None, steps) };
        if !steps.see(StreamPart::Producers(producers.head())) {
            return Some(Stage::Producers);
        }
        self.walk_request_ids(None, steps)
    }

    fn walk_request_ids<'s>(
        &'s self,
        after: Option<PlacedRequest<'s>>,
        steps: &mut Steps<'_>,
    ) -> Option<Stage<'s>> {
        let rest = self.producers.iter().flat_map(|producers| producers.behind(after));
        for request in rest {
            if !steps.see(StreamPart::RequestId(request)) {
                return Some(Stage::RequestIds(request));
            }
        }
        self.walk_groups(None, steps)
    }

    fn walk_groups<'s>(&'s self, after: Option<&[u8]>, steps: &mut Steps<'_>) -> Option<Stage<'s>> {
        let start = after.map_or(Unbounded, Excluded);
        for (name, group) in self.groups.range::<[u8], _>((start, Unbounded)) {
            if !steps.see(StreamPart::Group(name, group.position)) {
                return Some(Stage::Group(name));
            }
            let stopped = walk_group(name, group, Stage::Group(name), steps);
            if stopped.is_some() {
                return stopped;
            }
        }
        None
    }
}

/// Visits the rest of a group.
fn walk_group<'s>(
    name: &'s [u8],
    group: &'s ConsumerGroup,
    stage: Stage<'_>,
    steps: &mut Steps<'_>,
) -> Option<Stage<'s>> {
    let see = |consumer: &Consumer, steps: &mut Steps<'_>| {
        steps.see(StreamPart::Consumer(name, consumer.name(), consumer.times()))
    };
    let after = match stage {
        Stage::Pending(_, id) => Some(id),
        Stage::Consumers(_, behind) => {
            for consumer in group.consumers_behind(behind) {
                if !see(consumer, steps) {
                    return Some(Stage::Consumers(name, consumer.name()));
                }
            }
            None
        }
        _ => {
            for consumer in group.consumers() {
                if !see(consumer, steps) {
                    return Some(Stage::Consumers(name, consumer.name()));
                }
            }
            None
        }
    };
    let Some(from) = after.map_or(Some(StreamId::MIN), StreamId::next) else {
        return Some(Stage::BehindGroup(name));
    };
    for (id, consumer, delivery) in group.pending(None, from, StreamId::MAX) {
        if !steps.see(StreamPart::Pending(name, consumer.name(), id, delivery)) {
            return Some(Stage::Pending(name, id));
        }
    }
    None
}
