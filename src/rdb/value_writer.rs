//! From the elements of a value to the bytes of a file or of a DUMP.
//!
//! Strings are plain or integers, never compressed; lists, sets, rankings and hashes have their plain forms, which a
//! server packs again as it likes.

use super::{length, value_form};
use crate::store::{Element, Kind};

/// What stands in front of the times of a hash's fields: what they are counted from, so that each stands there whole.
const FIRST_TIME_MS: u64 = 1;

/// The bytes of values.
#[derive(Default)]
pub(super) struct ValueWriter {
    pub(super) bytes: Vec<u8>,
    /// Whether the value that has begun says of its elements when they expire.
    is_dated: bool,
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
        }
    }

    /// Begins a value of this form. The number of its elements follows, unless it is a string, and then the elements.
    pub(super) fn begin(&mut self, form: u8) {
        self.is_dated = form == value_form::HASH_DATED;
        if self.is_dated {
            self.bytes.extend_from_slice(&FIRST_TIME_MS.to_le_bytes());
        }
    }

    /// Writes an element.
    pub(super) fn element(&mut self, element: Element<'_>) {
        match element {
            Element::Bytes(bytes) | Element::Listed(bytes) | Element::Member(bytes) => self.put_string(bytes),
            Element::Scored(member, score) => {
                self.put_string(member);
                self.bytes.extend_from_slice(&score.get().to_le_bytes());
            }
            Element::Attained(member, attained) => {
                self.put_string(member);
                self.bytes.extend_from_slice(&attained.points.nearest().get().to_le_bytes());
            }
            Element::Field(field, value, at_ms) => {
                // In a hash of which no field expired when it began, one that does by now is told as it was then.
                if self.is_dated {
                    self.put_length(
                        at_ms.map_or(0, |at_ms| (at_ms + 1).saturating_sub(FIRST_TIME_MS).max(1)),
                    );
                }
                self.put_string(field);
                self.put_string(value);
            }
        }
    }

    pub(super) fn put_length(&mut self, length: u64) {
        match length {
            0..64 => self.bytes.push(length as u8),
            64..16_384 => self.bytes.extend_from_slice(&(length as u16 | 0x4000).to_be_bytes()),
            16_384..=0xffff_ffff => {
                self.bytes.push(length::FOUR_BYTES);
                self.bytes.extend_from_slice(&(length as u32).to_be_bytes());
            }
            _ => {
                self.bytes.push(length::EIGHT_BYTES);
                self.bytes.extend_from_slice(&length.to_be_bytes());
            }
        }
    }

    pub(super) fn put_string(&mut self, string: &[u8]) {
        const SPECIAL: u8 = length::SPECIAL << 6;
        let Some(integer) = spelled_integer(string) else {
            self.put_length(string.len() as u64);
            self.bytes.extend_from_slice(string);
            return;
        };
        if let Ok(integer) = i8::try_from(integer) {
            self.bytes.push(SPECIAL | length::INTEGER_8);
            self.bytes.extend_from_slice(&integer.to_le_bytes());
        } else if let Ok(integer) = i16::try_from(integer) {
            self.bytes.push(SPECIAL | length::INTEGER_16);
            self.bytes.extend_from_slice(&integer.to_le_bytes());
        } else {
            self.bytes.push(SPECIAL | length::INTEGER_32);
            self.bytes.extend_from_slice(&integer.to_le_bytes());
        }
    }
}

/// The integer of 32 bits whose only spelling is `string`.
fn spelled_integer(string: &[u8]) -> Option<i32> {
    if string.is_empty() || string.len() > 11 {
        return None;
    }
    let integer: i32 = std::str::from_utf8(string).ok()?.parse().ok()?;
    (itoa::Buffer::new().format(integer).as_bytes() == string).then_some(integer)
}
