//! The value that DUMP gives: a type's number and the value as in a file, then the version of the format and a checksum.
//!
//! `commands` calls this; for an import, which reads payloads from a stream, see [`super::RdbReader::payload`]. A payload
//! has RDB version 9, which every server since Redis 5 takes. That of a stream has version 11 (Redis 7.2), with ids of producers
//! version 13 (Redis 8.6), that of a hash of
//! which fields expire version 12; Valkey refuses the latter, as it refuses Redis's own. Every payload is checked almost as Redis checks it with `sanitize-dump-payload
//! yes`; `docs/compatibility.md` has the exceptions.

use super::boards;
use super::encoding::{put_length, put_string};
use super::error::{Error, Problem};
use super::foreign::Templates;
use super::source::RdbSource;
use super::value_form::{Dialect, HASH_DATED, STREAM, STREAM_OF_8_6, ValueForm};
use super::value_writer::ValueWriter;
use super::values::{ChangeTarget, NextKey, ReadValue, ValueReader};
use super::{CHECKSUM, VALKEY_VERSION, is_known, length};
use crate::config::SetBounds;
use crate::store::change::{Change, ChangeBuffer, What};
use crate::store::{Kind, LooseValue, Stored, Stream, Value};
use std::fmt;

/// The version of payloads, that of streams, that of hashes of which fields expire, and that of streams with ids of producers.
const VERSION: u16 = 9;
const VERSION_STREAMS: u16 = 11;
const VERSION_DATED: u16 = 12;
const VERSION_PRODUCERS: u16 = 13;

/// Bytes behind the value: the version and the checksum.
pub(super) const TAIL_BYTES: usize = 10;

/// Why a payload cannot be restored.
#[derive(Debug)]
pub enum PayloadError {
    /// It does not end with a version that is known and with its own checksum.
    WrongTail,
    /// It is malformed.
    Malformed(Error),
    /// It is a value of a type that rankd does not have.
    ForeignType(String),
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongTail => f.write_str("the version or the checksum is wrong"),
            Self::Malformed(error) => error.fmt(f),
            Self::ForeignType(name) => write!(f, "rankd has no type {name}"),
        }
    }
}

impl std::error::Error for PayloadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Malformed(error) => Some(error),
            Self::WrongTail | Self::ForeignType(_) => None,
        }
    }
}

/// The payload of `value`. O(n).
#[must_use]
pub fn write(value: &Value) -> Vec<u8> {
    let mut out = ValueWriter::default();
    if value.rules().is_some() {
        let mut changes = ChangeBuffer::default();
        changes.head(0, b"", value.rules());
        value.visit(&mut |element| changes.element(0, b"", element, None));
        changes.end_record();
        out.bytes.push(boards::PAYLOAD_TYPE);
        put_string(&mut out.bytes, &changes.records().flatten().copied().collect::<Vec<u8>>());
        return with_tail(out.bytes, VERSION);
    }
    let has_producers = Stream::of(value).is_some_and(|stream| stream.producers().is_some());
    let form = if has_producers {
        STREAM_OF_8_6
    } else {
        ValueWriter::form(value.kind(), value.has_dated_elements())
    };
    out.bytes.push(form);
    out.begin(form);
    let length_at = out.bytes.len();
    match value.kind() {
        Kind::String => {}
        // The number of its blocks is known at its end.
        Kind::Stream => out.bytes.extend_from_slice(&[length::EIGHT_BYTES; 9]),
        _ => put_length(&mut out.bytes, value.elements() as u64),
    }
    let mut counted = 0;
    value.visit(&mut |element| counted += out.element(element));
    counted += out.end(value.kind());
    let mut payload = out.bytes;
    let version = match form {
        HASH_DATED => VERSION_DATED,
        STREAM | STREAM_OF_8_6 => {
            payload[length_at + 1..length_at + 9].copy_from_slice(&counted.to_be_bytes());
            if has_producers { VERSION_PRODUCERS } else { VERSION_STREAMS }
        }
        _ => VERSION,
    };
    with_tail(payload, version)
}

pub(super) fn with_tail(mut payload: Vec<u8>, version: u16) -> Vec<u8> {
    payload.extend_from_slice(&version.to_le_bytes());
    let sum = CHECKSUM.checksum(&payload);
    payload.extend_from_slice(&sum.to_le_bytes());
    payload
}

/// The value that `payload` describes. `seed` keys its hashes, and a set takes its form by `set_bounds`. Memory grows with the bytes that are there, whatever they
/// announce.
///
/// # Errors
/// See [`PayloadError`].
pub fn read(payload: &[u8], seed: u64, set_bounds: SetBounds) -> Result<Value, PayloadError> {
    let (body, dialect) = body(payload).ok_or(PayloadError::WrongTail)?;
    let mut source = RdbSource::new(body);
    let mut reader = ValueReader::new(LooseValue::new(seed, set_bounds), None);
    let number = source.byte().map_err(PayloadError::Malformed)?;
    if number == boards::PAYLOAD_TYPE {
        return read_board(&mut source, LooseValue::new(seed, set_bounds)).map_err(PayloadError::Malformed);
    }
    let form = ValueForm::of(number, dialect);
    let unknown = || source.error(Problem::UnknownType { number, key: Vec::new() });
    let form = form.ok_or_else(|| PayloadError::Malformed(unknown()))?;
    let key = NextKey { database: 0, name: b"", expire_at_ms: None, has_expired: false };
    let read = reader.value(&mut source, form, &key, &Templates::default());
    // As in Redis, bytes between the value and the tail are ignored.
    match (read.map_err(PayloadError::Malformed)?, reader.target.into_value()) {
        (ReadValue::Foreign(name), _) => Err(PayloadError::ForeignType(name)),
        (ReadValue::Taken, Some(value)) => Ok(value),
        _ => Err(PayloadError::Malformed(source.error(Problem::Malformed("a value without elements")))),
    }
}

fn read_board(source: &mut RdbSource<&[u8]>, mut board: LooseValue) -> Result<Value, Error> {
    let mut record = Vec::new();
    source.string(&mut record)?;
    let read = boards::each_change(&record, |change| ChangeTarget::apply(&mut board, change));
    read.map_err(|problem| source.error(problem))?;
    let board = board.into_value().filter(|value| value.rules().is_some());
    board.ok_or_else(|| source.error(Problem::Malformed("a board without a policy")))
}

/// What is in front of the tail, and the dialect that the version in the tail means. `None` if the tail is not right.
pub(super) fn body(payload: &[u8]) -> Option<(&[u8], Dialect)> {
    let (summed, sum) = payload.split_last_chunk()?;
    let (body, version) = summed.split_last_chunk()?;
    let version = u32::from(u16::from_le_bytes(*version));
    let is_right = is_known(version) && u64::from_le_bytes(*sum) == CHECKSUM.checksum(summed);
    is_right.then_some((body, if version == VALKEY_VERSION { Dialect::Valkey } else { Dialect::Redis }))
}

impl ChangeTarget for LooseValue {
    fn apply(&mut self, change: &Change<'_>) -> Result<(), Problem> {
        if let Change::Key { what: What::Value(change), .. } = change {
            Self::apply(self, *change);
        }
        Ok(())
    }

    fn elements(&self, _: &NextKey<'_>) -> u64 {
        Self::elements(self) as u64
    }
}
