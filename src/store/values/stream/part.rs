//! The parts of a stream.

use super::entry::StreamEntry;
use super::group::{ConsumerTimes, Delivery, GroupPosition};
use super::id::StreamId;
use super::producers::{PlacedRequest, ProducersHead};

/// What a stream knows of itself beyond its entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamHead {
    /// The id of the last entry that was ever added, or what XSETID has made it.
    pub last: StreamId,
    /// How many entries were ever added.
    pub added: u64,
    /// The highest id of an entry that was removed by itself, the lowest id if none was.
    pub max_deleted: StreamId,
}

/// A part of a stream, as a walk visits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamPart<'a> {
    /// The value is a stream.
    Made,
    /// An entry.
    Entry(StreamEntry<'a>),
    /// What the stream knows of itself beyond its entries.
    Head(StreamHead),
    /// The stream keeps ids of producers.
    Producers(ProducersHead),
    /// An id of a request of a producer, and the entry that this added.
    RequestId(PlacedRequest<'a>),
    /// A group and up to where it has read.
    Group(&'a [u8], GroupPosition),
    /// A consumer of a group.
    Consumer(&'a [u8], &'a [u8], ConsumerTimes),
    /// An entry that is pending in a group, for a consumer.
    Pending(&'a [u8], &'a [u8], StreamId, Delivery),
}
