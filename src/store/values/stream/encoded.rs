//! The lists in encoded Changes of streams, and how their parts are read.

use super::id::StreamId;
use super::producers::{PlacedRequest, RequestPlace};
use super::{Delivery, GroupPosition};
use crate::store::change::codec::{Malformed, take_bytes, take_count, take_varint, take_while};

/// A list of entries, encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodedEntriesOfStream<'a> {
    count: u32,
    bytes: &'a [u8],
}

/// An entry of a list, and how many entries had been added to the stream with it.
#[derive(Clone, Copy, Debug)]
pub struct EncodedEntry<'a> {
    /// Its id.
    pub id: StreamId,
    /// How many entries had been added.
    pub added: u64,
    fields: u64,
    bytes: &'a [u8],
}

/// A list of ids, encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodedEntryIds<'a> {
    count: u32,
    bytes: &'a [u8],
}

/// A list of ids with their last deliveries, encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodedDeliveries<'a> {
    count: u32,
    bytes: &'a [u8],
}

/// A list of ids of requests, encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodedRequestIds<'a> {
    count: u32,
    bytes: &'a [u8],
}

/// An id under which a producer has added an entry.
#[derive(Clone, Copy, Debug)]
pub struct EncodedRequestId<'a> {
    /// The producer.
    pub producer: &'a [u8],
    /// The id.
    pub id: &'a [u8],
    /// The entry.
    pub entry: StreamId,
    /// How many entries had been added under ids.
    pub added: u64,
    /// When it was, in unix milliseconds: ids that had expired by then can be removed. 0 if that is not to be done.
    pub at_ms: u64,
}

const CHECKED: &str = "checked when it was read";

impl<'a> EncodedEntriesOfStream<'a> {
    /// The entries in the order they were recorded.
    pub fn iter(self) -> impl Iterator<Item = EncodedEntry<'a>> + Clone {
        let mut rest = self.bytes;
        (0..self.count).map(move |_| take_entry(&mut rest).expect(CHECKED))
    }
}

impl<'a> EncodedEntry<'a> {
    /// Its fields with their values.
    pub fn pairs(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone {
        let mut rest = self.bytes;
        let mut take = move || take_bytes(&mut rest).expect(CHECKED);
        (0..self.fields).map(move |_| (take(), take()))
    }
}

impl<'a> EncodedRequestId<'a> {
    pub(super) fn placed(self) -> PlacedRequest<'a> {
        let place = RequestPlace { added: self.added, entry: self.entry };
        PlacedRequest { producer: self.producer, id: self.id, place }
    }
}

impl EncodedEntryIds<'_> {
    /// The ids in the order they were recorded.
    pub fn iter(self) -> impl Iterator<Item = StreamId> + Clone {
        let mut rest = self.bytes;
        (0..self.count).map(move |_| take_id(&mut rest).expect(CHECKED))
    }
}

impl EncodedDeliveries<'_> {
    /// The ids in the order they were recorded.
    pub fn iter(self) -> impl Iterator<Item = (StreamId, Delivery)> + Clone {
        let mut rest = self.bytes;
        (0..self.count).map(move |_| take_delivery(&mut rest).expect(CHECKED))
    }
}

impl<'a> EncodedRequestIds<'a> {
    /// The ids in the order they were recorded.
    pub fn iter(self) -> impl Iterator<Item = EncodedRequestId<'a>> + Clone {
        let mut rest = self.bytes;
        (0..self.count).map(move |_| take_request_id(&mut rest).expect(CHECKED))
    }
}

pub(super) fn take_id(body: &mut &[u8]) -> Result<StreamId, Malformed> {
    Ok(StreamId { ms: take_varint(body)?, seq: take_varint(body)? })
}

pub(super) fn take_entry<'a>(body: &mut &'a [u8]) -> Result<EncodedEntry<'a>, Malformed> {
    let (id, added, fields) = (take_id(body)?, take_varint(body)?, take_varint(body)?);
    let before = *body;
    for _ in 0..fields {
        take_bytes(body)?;
        take_bytes(body)?;
    }
    Ok(EncodedEntry { id, added, fields, bytes: &before[..before.len() - body.len()] })
}

pub(super) fn take_delivery(body: &mut &[u8]) -> Result<(StreamId, Delivery), Malformed> {
    let id = take_id(body)?;
    Ok((id, Delivery { at_ms: take_varint(body)?, count: take_varint(body)? }))
}

fn take_request_id<'a>(body: &mut &'a [u8]) -> Result<EncodedRequestId<'a>, Malformed> {
    let (producer, id, entry) = (take_bytes(body)?, take_bytes(body)?, take_id(body)?);
    Ok(EncodedRequestId { producer, id, entry, added: take_varint(body)?, at_ms: take_varint(body)? })
}

pub(super) fn take_optional(body: &mut &[u8]) -> Result<Option<u64>, Malformed> {
    Ok(take_varint(body)?.checked_sub(1))
}

pub(super) fn take_position(body: &mut &[u8]) -> Result<GroupPosition, Malformed> {
    Ok(GroupPosition { last: take_id(body)?, entries_read: take_optional(body)? })
}

impl<'a> EncodedEntriesOfStream<'a> {
    /// Reads a list from the front of `body`.
    pub(super) fn take(body: &mut &'a [u8]) -> Result<Self, Malformed> {
        let count = take_count(body)?;
        Ok(Self { count, bytes: take_while(body, count, |body| take_entry(body).map(drop))? })
    }
}

impl<'a> EncodedEntryIds<'a> {
    /// Reads a list from the front of `body`.
    pub(super) fn take(body: &mut &'a [u8]) -> Result<Self, Malformed> {
        let count = take_count(body)?;
        Ok(Self { count, bytes: take_while(body, count, |body| take_id(body).map(drop))? })
    }
}

impl<'a> EncodedDeliveries<'a> {
    /// Reads a list from the front of `body`.
    pub(super) fn take(body: &mut &'a [u8]) -> Result<Self, Malformed> {
        let count = take_count(body)?;
        Ok(Self { count, bytes: take_while(body, count, |body| take_delivery(body).map(drop))? })
    }
}

impl<'a> EncodedRequestIds<'a> {
    /// Reads a list from the front of `body`.
    pub(super) fn take(body: &mut &'a [u8]) -> Result<Self, Malformed> {
        let count = take_count(body)?;
        Ok(Self { count, bytes: take_while(body, count, |body| take_request_id(body).map(drop))? })
    }
}
