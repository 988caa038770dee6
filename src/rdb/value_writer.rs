//! From the elements of a value to the bytes of a file or of a DUMP.
//!
//! Strings are plain or integers, never compressed; lists, sets, rankings and hashes have their plain forms, which a
//! server packs again as it likes.

use super::encoding::{put_length, put_string};
use super::stream_writer::StreamWriter;
use super::value_form;
use crate::store::{Element, Kind};

/// What stands in front of the times of a hash's fields: what they are counted from, so that each stands there whole.
const FIRST_TIME_MS: u64 = 1;

/// The bytes of values.
#[derive(Default)]
pub(super) struct ValueWriter {
    pub(super) bytes: Vec<u8>,
    /// Whether the value that has begun says of its elements when they expire.
    is_dated: bool,
    /// The value that has begun, if it is a stream.
    stream: StreamWriter,
}

impl ValueWriter {
    /// The form of values of type `kind`.
    pub(super) fn form(kind: Kind, has_dated_elements: bool) -> u8 {
        match kind {
            Kind::String => value_form::STRING,
            Kind::List => value_form::LIST,
            Kind::Set => value_form::SET,
            Kind::SortedSet => value_form::RANKING_DOUBLES,
            Kind::Hash if has_dated_elements => value_form::HASH_DATED,
            Kind::Hash => value_form::HASH,
            Kind::Stream => value_form::STREAM,
        }
    }

    /// Begins a value of this form. The number of its elements follows, unless it is a string, and then the elements. That of a
    /// stream is the number of its blocks.
    pub(super) fn begin(&mut self, form: u8) {
        self.is_dated = form == value_form::HASH_DATED;
        self.stream = StreamWriter::of(form);
        if self.is_dated {
            self.bytes.extend_from_slice(&FIRST_TIME_MS.to_le_bytes());
        }
    }

    /// Writes an element. Returns what it adds to the number in front of the elements.
    pub(super) fn element(&mut self, element: Element<'_>) -> u64 {
        match element {
            Element::Bytes(bytes) | Element::Listed(bytes) | Element::Member(bytes) => {
                put_string(&mut self.bytes, bytes);
            }
            Element::Scored(member, score) => {
                put_string(&mut self.bytes, member);
                self.bytes.extend_from_slice(&score.get().to_le_bytes());
            }
            Element::Attained(member, attained) => {
                put_string(&mut self.bytes, member);
                self.bytes.extend_from_slice(&attained.points.nearest().get().to_le_bytes());
            }
            Element::Field(field, value, at_ms) => {
                // In a hash of which no field expired when it began, one that does by now is told as it was then.
                if self.is_dated {
                    let passed = at_ms.map_or(0, |at_ms| (at_ms + 1).saturating_sub(FIRST_TIME_MS).max(1));
                    put_length(&mut self.bytes, passed);
                }
                put_string(&mut self.bytes, field);
                put_string(&mut self.bytes, value);
            }
            Element::Part(part) => return self.stream.part(&mut self.bytes, part),
        }
        1
    }

    /// Ends a value of this type. Returns what that adds to the number in front of the elements.
    pub(super) fn end(&mut self, kind: Kind) -> u64 {
        if kind == Kind::Stream { std::mem::take(&mut self.stream).end(&mut self.bytes) } else { 0 }
    }
}
