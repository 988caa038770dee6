//! Reads a base from its first record to its end.

use super::base;
use super::base::BaseEnd;
use super::reader::{Found, RecordReader};
use crate::store::change::sink::Seq;
use std::io::{self, Read};

/// Reads the records of a base in order.
pub(super) struct BaseReader<R> {
    records: RecordReader<R>,
    /// CRC of the record before, or of the header.
    previous: u32,
    last: Seq,
    changes: Vec<u8>,
}

/// What the reader finds at its position.
pub(super) enum BasePart<'c> {
    /// Changes, one or more, and when the base was begun.
    Changes {
        changes: &'c [u8],
        unix_ms: u64,
    },
    End(BaseEnd),
    /// Something else, in words.
    Bad(&'static str),
}

impl<R: Read> BaseReader<R> {
    /// `records` stand behind the header, whose CRC is `seed`.
    pub(super) fn new(records: RecordReader<R>, seed: u32) -> Self {
        Self { records, previous: seed, last: Seq(0), changes: Vec::new() }
    }

    /// Where the next record begins.
    pub(super) fn offset(&self) -> u64 {
        self.records.offset()
    }

    /// The last record that was read.
    pub(super) fn last(&self) -> Seq {
        self.last
    }

    /// Reads the next record. After an end or something bad the base is of no more use.
    pub(super) fn next(&mut self) -> io::Result<BasePart<'_>> {
        let record = match self.records.next()? {
            Found::Record(record) => record,
            Found::End => return Ok(BasePart::Bad("its end is missing")),
            Found::Bad => return Ok(BasePart::Bad("a record is broken")),
        };
        let expected = Seq(self.last.0 + 1);
        if record.head.seq != expected || record.head.previous != self.previous {
            return Ok(BasePart::Bad("a record is out of order"));
        }
        if let Some(end) = BaseEnd::decode(record.body) {
            return Ok(BasePart::End(end));
        }
        if !base::unpack(record.body, &mut self.changes) {
            return Ok(BasePart::Bad("a record holds something that is not a Change of this version"));
        }
        (self.last, self.previous) = (expected, record.head.crc);
        Ok(BasePart::Changes { changes: &self.changes, unix_ms: record.head.unix_ms })
    }

    /// Whether nothing follows.
    pub(super) fn is_at_end(&mut self) -> io::Result<bool> {
        Ok(matches!(self.records.next()?, Found::End))
    }
}
