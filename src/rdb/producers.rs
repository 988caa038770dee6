//! The ids under which producers have added entries to a stream, in files and payloads.
//!
//! Redis 8.6 writes them behind the groups of a stream, which then has another type: for how long and how many are kept, the
//! producers, each with its ids and their entries, and how many entries were added and how many requests added nothing. A payload
//! has that type. Older servers refuse it, so in a file the stream has the type that they load, and behind it is a field about the
//! file, which they skip: records with the Changes that add the ids.

use super::encoding::{put_length, put_string};
use super::error::{Error, Problem};
use super::source::RdbSource;
use super::values::{ChangeTarget, NextKey, ValueReader};
use crate::config::ProducerBounds;
use crate::limits;
use crate::store::change::{Change, What, decode};
use crate::store::{PlacedRequest, ProducersHead, RequestPlace, StreamId, ValueChange};
use std::io::Read;

/// The name of the field behind a stream.
pub(super) const PRODUCERS: &str = "rankd-producers";

/// Checks the name of a producer or the id of one of its requests.
fn check_id(text: &[u8]) -> Result<(), Problem> {
    match text.len() {
        0 => Err(Problem::Malformed(MALFORMED)),
        1..=limits::PRODUCER_ID_BYTES => Ok(()),
        len => Err(Problem::Refused(format!(
            "a producer of a stream, or its request, has an id of {len} bytes: {} are kept at most",
            limits::PRODUCER_ID_BYTES
        ))),
    }
}

const MALFORMED: &str = "producers of a stream that no server writes";

/// Calls `take` with the Changes of a record about the producers of a stream.
///
/// # Errors
/// If the bytes are not such a record, or an error of `take`.
pub(super) fn each_change(
    mut record: &[u8],
    mut take: impl FnMut(&Change<'_>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    const MALFORMED: Problem = Problem::Malformed("producers that are not what this version writes");
    while !record.is_empty() {
        let change = decode(&mut record).map_err(|_| MALFORMED)?;
        match change {
            Change::Continued => {}
            Change::Key { what: What::Value(ValueChange::Stream(of_stream)), .. }
                if of_stream.is_of_producers() =>
            {
                take(&change)?;
            }
            _ => return Err(MALFORMED),
        }
    }
    Ok(())
}

/// The producers of a stream that is being written, as Redis 8.6 writes them.
#[derive(Default)]
pub(super) struct ProducersWriter {
    head: ProducersHead,
    producers: u64,
    bytes: Vec<u8>,
    /// The last producer, which may have further ids.
    name: Vec<u8>,
    ids: u64,
    ids_bytes: Vec<u8>,
}

impl ProducersWriter {
    pub(super) fn head(&mut self, head: ProducersHead) {
        self.head = head;
    }

    pub(super) fn id(&mut self, PlacedRequest { producer, id, place }: PlacedRequest<'_>) {
        if self.name != producer {
            self.end_producer();
            self.name = producer.into();
        }
        put_string(&mut self.ids_bytes, id);
        put_length(&mut self.ids_bytes, place.entry.ms);
        put_length(&mut self.ids_bytes, place.entry.seq);
        self.ids += 1;
    }

    fn end_producer(&mut self) {
        if self.ids > 0 {
            put_string(&mut self.bytes, &self.name);
            put_length(&mut self.bytes, self.ids);
            self.bytes.append(&mut self.ids_bytes);
            self.producers += 1;
            self.ids = 0;
        }
    }

    /// Writes all of them.
    pub(super) fn end(mut self, out: &mut Vec<u8>) {
        self.end_producer();
        let ProducersHead { bounds, added, duplicates } = self.head;
        for number in [bounds.kept_s.into(), bounds.most_ids.into(), self.producers] {
            put_length(out, number);
        }
        out.append(&mut self.bytes);
        put_length(out, added);
        put_length(out, duplicates);
    }
}

impl<T: ChangeTarget> ValueReader<T> {
    /// Reads what Redis 8.6 writes. A stream to which nothing was ever added under an id has no producers.
    pub(super) fn stream_producers<R: Read>(
        &mut self,
        source: &mut RdbSource<R>,
        key: &NextKey<'_>,
    ) -> Result<(), Error> {
        let NextKey { database, name: stream, .. } = *key;
        let [kept_s, most_ids] = [source.length()?, source.length()?].map(u32::try_from);
        let (Ok(kept_s), Ok(most_ids)) = (kept_s, most_ids) else { return source.malformed(MALFORMED) };
        let bounds = ProducerBounds { kept_s, most_ids };
        let producers = source.length()?;
        if !bounds.are_valid() {
            return source.malformed(MALFORMED);
        }
        if producers > limits::STREAM_PRODUCERS as u64 {
            return Err(source.error(Problem::Refused(format!(
                "a stream has ids of {producers} producers: those of {} are kept at most",
                limits::STREAM_PRODUCERS
            ))));
        }
        let (mut producer, mut id, mut noted) = (Vec::new(), Vec::new(), 0);
        for _ in 0..producers {
            source.string(&mut producer)?;
            let ids = source.length()?;
            check_id(&producer).map_err(|problem| source.error(problem))?;
            if ids > u64::from(most_ids) {
                return source.malformed(MALFORMED);
            }
            for _ in 0..ids {
                source.string(&mut id)?;
                let entry = StreamId::new(source.length()?, source.length()?);
                check_id(&id).map_err(|problem| source.error(problem))?;
                if noted == 0 {
                    let head = ProducersHead { bounds, ..ProducersHead::default() };
                    self.changes.set_producers(database, stream, head);
                }
                noted += 1;
                let place = RequestPlace { added: noted, entry };
                let request = PlacedRequest { producer: &producer, id: &id, place };
                self.changes.note_request(database, stream, request, 0);
                self.apply_much(key).map_err(|problem| source.error(problem))?;
            }
        }
        let (added, duplicates) = (source.length()?, source.length()?);
        let head = ProducersHead { bounds, added, duplicates };
        if noted > 0 {
            self.changes.count_requests(database, stream, head);
        } else if head != ProducersHead::default() {
            self.changes.set_producers(database, stream, head);
        }
        Ok(())
    }
}
