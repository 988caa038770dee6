//! Reads the encodings of streams in an RDB file and turns them into Changes.
//!
//! A block of entries is a string of sixteen bytes, the id that the others are counted from, and a listpack: the numbers of
//! entries and of removed entries, the names that entries share, and for each entry its flags, the differences of its id, its
//! fields, and how many elements these were. What follows the blocks is about the stream, its groups, and their consumers.

use super::error::{Error, Problem};
use super::packed::{Packed, PackedElement, Packing};
use super::source::RdbSource;
use super::values::{ChangeTarget, NextKey, ValueReader};
use crate::limits;
use crate::store::{ConsumerTimes, Delivery, GroupPosition, StreamHead, StreamId};
use std::io::Read;

/// The flags of an entry.
mod flag {
    pub(super) const REMOVED: i64 = 1;
    pub(super) const SHARED_NAMES: i64 = 2;
}

/// Names and values, behind one another.
#[derive(Default)]
struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn push(&mut self, text: PackedElement<'_>) {
        match text {
            PackedElement::Bytes(bytes) => self.bytes.extend_from_slice(bytes),
            PackedElement::Integer(integer) => {
                self.bytes.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
            }
        }
        self.ends.push(self.bytes.len());
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let text = &self.bytes[start..*end];
            start = *end;
            text
        })
    }
}

/// What the blocks of a stream hold.
#[derive(Default)]
struct ReadEntries {
    len: u64,
    first: StreamId,
    last: StreamId,
    /// Bytes of the entries, each with the names that it shares.
    spelled_bytes: u64,
}

impl<T: ChangeTarget> ValueReader<T> {
    /// Reads a stream in this version of its layout.
    pub(super) fn stream<R: Read>(
        &mut self,
        source: &mut RdbSource<R>,
        version: u8,
        key: &NextKey<'_>,
    ) -> Result<(), Error> {
        let NextKey { database, name, .. } = *key;
        self.changes.make_stream(database, name);
        let mut read = ReadEntries::default();
        for _ in 0..source.length()? {
            self.stream_block(source, key, &mut read)?;
        }
        let len = source.length()?;
        let mut head = StreamHead { last: read_id(source)?, added: len, max_deleted: StreamId::MIN };
        if version >= 2 {
            // The first entry is known.
            read_id(source)?;
            head.max_deleted = read_id(source)?;
            head.added = source.length()?;
        }
        if len != read.len || head.last < read.last {
            return source.malformed("a stream with other entries than it says");
        }
        self.changes.set_stream_head(database, name, head);
        let mut last_name = None;
        for _ in 0..source.length()? {
            self.stream_group(source, version, key, &read, head, &mut last_name)?;
        }
        if version >= 4 {
            self.stream_producers(source, key)?;
        }
        Ok(())
    }

    fn stream_block<R: Read>(
        &mut self,
        source: &mut RdbSource<R>,
        key: &NextKey<'_>,
        read: &mut ReadEntries,
    ) -> Result<(), Error> {
        let begun_at = source.offset();
        source.string(&mut self.member)?;
        let Ok(base) = <[u8; 16]>::try_from(&*self.member) else {
            return source.malformed("a block of a stream without an id");
        };
        let base = id_of_bytes(base);
        let mut packed = Packed::begin(source, Packing::Listpack)?;
        let (live, removed) = (integer(&mut packed)?, integer(&mut packed)?);
        let (mut names, mut fields) = (Texts::default(), Texts::default());
        for _ in 0..integer(&mut packed)? {
            names.push(element(&mut packed)?);
        }
        if integer(&mut packed)? != 0 {
            return packed.malformed();
        }
        let (mut found_live, mut found_removed) = (0, 0);
        while let Some(flags) = packed.next_element()? {
            let PackedElement::Integer(flags) = flags else { return packed.malformed() };
            let (ms, seq) = (integer(&mut packed)?, integer(&mut packed)?);
            let id = StreamId::new(base.ms.wrapping_add_signed(ms), base.seq.wrapping_add_signed(seq));
            let shares = flags & flag::SHARED_NAMES != 0;
            let count = if shares { names.ends.len() as i64 } else { integer(&mut packed)? };
            fields.clear();
            for _ in 0..count.saturating_mul(if shares { 1 } else { 2 }) {
                fields.push(element(&mut packed)?);
            }
            let elements = if shares { count + 3 } else { count.saturating_mul(2).saturating_add(4) };
            if integer(&mut packed)? != elements || count <= 0 || id < base {
                return packed.malformed();
            }
            if flags & flag::REMOVED != 0 {
                found_removed += 1;
                continue;
            }
            found_live += 1;
            if id <= read.last {
                return Err(packed.error(Problem::Malformed("entries of a stream in a wrong order")));
            }
            if read.len == 0 {
                read.first = id;
            }
            read.len += 1;
            read.last = id;
            read.spelled_bytes += (fields.bytes.len() + if shares { names.bytes.len() } else { 0 }) as u64;
            let (database, name) = (key.database, key.name);
            if shares {
                self.changes.add_entry(database, name, (id, 0), names.iter().zip(fields.iter()));
            } else {
                let (own_names, values) = (fields.iter().step_by(2), fields.iter().skip(1).step_by(2));
                self.changes.add_entry(database, name, (id, 0), own_names.zip(values));
            }
            self.apply_much(key).map_err(|problem| packed.error(problem))?;
        }
        if live != found_live || removed != found_removed || live == 0 {
            return packed.malformed();
        }
        let bytes = source.offset() - begun_at;
        let most = limits::SHARED_NAMES_BYTES + limits::SHARED_NAMES_RATIO * bytes;
        if read.spelled_bytes > most {
            return source.malformed("a stream whose entries share more than the limit");
        }
        read.spelled_bytes = 0;
        Ok(())
    }

    fn stream_group<R: Read>(
        &mut self,
        source: &mut RdbSource<R>,
        version: u8,
        key: &NextKey<'_>,
        entries: &ReadEntries,
        head: StreamHead,
        last_name: &mut Option<Vec<u8>>,
    ) -> Result<(), Error> {
        let NextKey { database, name: stream, .. } = *key;
        let mut group = Vec::new();
        source.string(&mut group)?;
        if last_name.as_ref().is_some_and(|last| *last >= group) {
            return source.malformed("groups of a stream in a wrong order");
        }
        let last = read_id(source)?;
        let entries_read = match version {
            // Redis writes that it does not know it as -1.
            2.. => Some(source.length()?).filter(|&read| read <= i64::MAX as u64),
            _ => entries.read_up_to(last, head),
        };
        self.changes.make_group(database, stream, &group, GroupPosition { last, entries_read });
        let mut pending: Vec<(StreamId, Delivery, bool)> = Vec::new();
        for _ in 0..source.length()? {
            let id = id_of_bytes(source.bytes()?);
            let delivery = Delivery { at_ms: source.u64_le()?, count: source.length()? };
            if pending.last().is_some_and(|(before, ..)| *before >= id) {
                return source.malformed("pending entries in a wrong order");
            }
            pending.push((id, delivery, false));
        }
        let mut consumer = Vec::new();
        let mut last_consumer: Option<Vec<u8>> = None;
        let mut left = pending.len();
        for _ in 0..source.length()? {
            source.string(&mut consumer)?;
            if last_consumer.as_ref().is_some_and(|last| *last >= consumer) {
                return source.malformed("consumers in a wrong order");
            }
            let seen_ms = source.u64_le()?;
            let active = if version >= 3 { source.u64_le()?.cast_signed() } else { seen_ms.cast_signed() };
            let times = ConsumerTimes { seen_ms, active_ms: u64::try_from(active).ok() };
            self.changes.set_consumer(database, stream, &group, &consumer, times);
            let mut own = Vec::new();
            for _ in 0..source.length()? {
                let id = id_of_bytes(source.bytes()?);
                let place = pending.binary_search_by_key(&id, |(id, ..)| *id);
                let Some((_, delivery, is_taken)) = place.ok().map(|place| &mut pending[place]) else {
                    return source.malformed("a consumer's entry that is not pending in its group");
                };
                if std::mem::replace(is_taken, true) {
                    return source.malformed("an entry that is pending for two consumers");
                }
                own.push((id, *delivery));
                left -= 1;
            }
            own.chunks(limits::MEMBERS_PER_LOCK).try_for_each(|own| {
                self.changes.set_pending(database, stream, (&group, &consumer), own);
                self.apply_much(key).map_err(|problem| source.error(problem))
            })?;
            last_consumer = Some(std::mem::take(&mut consumer));
        }
        if version >= 5 {
            // Entries that were given back and belong to no consumer. Here each has one, from which it can be claimed.
            let mut given_back = Vec::new();
            for _ in 0..source.length()? {
                let id = id_of_bytes(source.bytes()?);
                let place = pending.binary_search_by_key(&id, |(id, ..)| *id);
                let found = place.ok().map(|place| &mut pending[place]).filter(|(.., is_taken)| !*is_taken);
                let Some((_, delivery, is_taken)) = found else {
                    return source.malformed("an entry that was given back and is not pending");
                };
                *is_taken = true;
                given_back.push((id, *delivery));
                left -= 1;
            }
            if !given_back.is_empty() {
                self.changes.set_pending(database, stream, (&group, b""), &given_back);
            }
        }
        if left > 0 {
            return source.malformed("a pending entry without a consumer");
        }
        *last_name = Some(group);
        Ok(())
    }
}

impl ReadEntries {
    /// How many entries a group has read whose last one is `last`. The oldest layout does not say it.
    fn read_up_to(&self, last: StreamId, head: StreamHead) -> Option<u64> {
        if head.added == 0 || last == head.last {
            return Some(head.added);
        }
        match last.cmp(&self.first) {
            std::cmp::Ordering::Less => Some(0),
            std::cmp::Ordering::Equal => Some(1),
            std::cmp::Ordering::Greater => None,
        }
    }
}

fn element<'p, R: Read>(packed: &'p mut Packed<'_, R>) -> Result<PackedElement<'p>, Error> {
    // The end of the value is an error that the caller could not go on from; its offset is the present one.
    let problem = packed.error(Problem::Malformed("a block of a stream that ends within an entry"));
    match packed.next_element() {
        Ok(Some(element)) => Ok(element),
        Ok(None) => Err(problem),
        Err(error) => Err(error),
    }
}

fn integer<R: Read>(packed: &mut Packed<'_, R>) -> Result<i64, Error> {
    match element(packed)? {
        PackedElement::Integer(integer) => Ok(integer),
        PackedElement::Bytes(_) => packed.malformed(),
    }
}

/// An id that is written as two numbers.
fn read_id<R: Read>(source: &mut RdbSource<R>) -> Result<StreamId, Error> {
    Ok(StreamId::new(source.length()?, source.length()?))
}

/// An id that is written as sixteen bytes, the highest first.
fn id_of_bytes(bytes: [u8; 16]) -> StreamId {
    let id = u128::from_be_bytes(bytes);
    StreamId::new((id >> 64) as u64, id as u64)
}
