//! The fields of a small hash in one allocation.
//!
//! Two bytes hold the number of fields. The fields follow in the order of their insertion, each as two words
//! ([`crate::store::values::words`]): its name and its value.

use crate::machine::heap::allocation_bytes;
use crate::ranking::prefetch;
use crate::store::values::words::{PackedWord, Text, replace, split, word_bytes};

/// The most fields that are kept packed, as in Redis (`hash-max-listpack-entries`).
pub(super) const MOST_FIELDS: usize = 512;

/// The longest field or value that is kept packed, in bytes, as in Redis (`hash-max-listpack-value`).
const LONGEST_WORD_BYTES: usize = 64;

/// The bytes in front of the first field: the number of fields.
const HEAD_BYTES: usize = 2;

/// The word of a field or a value; `None` if it is too long to be packed.
pub(super) fn packed_word(text: &[u8]) -> Option<PackedWord<'_>> {
    (text.len() <= LONGEST_WORD_BYTES).then(|| PackedWord::of(Text::of(text)))
}

/// Fields and values, packed.
#[derive(Clone, Debug, Default)]
pub(super) struct PackedFields(Box<[u8]>);

/// The offsets of a field, of its value, and of what follows.
#[derive(Clone, Debug)]
struct Found {
    field: usize,
    value: usize,
    end: usize,
}

impl PackedFields {
    /// The number of fields. O(1).
    pub(super) fn len(&self) -> usize {
        self.0.first_chunk().map_or(0, |count| usize::from(u16::from_le_bytes(*count)))
    }

    /// The value of `field`. O(n).
    pub(super) fn get(&self, field: &PackedWord<'_>) -> Option<Text<'_>> {
        self.find(field).map(|found| split(&self.0[found.value..]).0)
    }

    /// Sets `field` and returns whether it was new. Returns `None` and changes nothing if there would be too many fields.
    pub(super) fn set(&mut self, field: &PackedWord<'_>, value: &PackedWord<'_>) -> Option<bool> {
        if let Some(Found { value: start, end, .. }) = self.find(field) {
            replace(&mut self.0, start..end, &[*value]);
            return Some(false);
        }
        if self.len() == MOST_FIELDS {
            return None;
        }
        if self.0.is_empty() {
            self.0 = Box::new([0; HEAD_BYTES]);
        }
        let end = self.0.len();
        replace(&mut self.0, end..end, &[*field, *value]);
        self.set_len(self.len() + 1);
        Some(true)
    }

    /// Removes `field`; returns whether it was there. O(n).
    pub(super) fn remove(&mut self, field: &PackedWord<'_>) -> bool {
        let Some(Found { field, end, .. }) = self.find(field) else { return false };
        replace(&mut self.0, field..end, &[]);
        self.set_len(self.len() - 1);
        true
    }

    /// Every field with its value, in the order of insertion.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Text<'_>, Text<'_>)> {
        let mut rest = self.0.get(HEAD_BYTES..).unwrap_or_default();
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let (field, tail) = split(rest);
            let (value, tail) = split(tail);
            rest = tail;
            Some((field, value))
        })
    }

    /// The size of its allocation, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        allocation_bytes(self.0.len())
    }

    /// Starts to load the first cache line of its bytes, and the line with the last of few.
    pub(super) fn prefetch(&self) {
        prefetch::few(&self.0);
    }

    fn set_len(&mut self, len: usize) {
        self.0[..HEAD_BYTES].copy_from_slice(&(len as u16).to_le_bytes());
    }

    fn find(&self, wanted: &PackedWord<'_>) -> Option<Found> {
        let bytes = &*self.0;
        let mut field = HEAD_BYTES;
        while field < bytes.len() {
            let value = field + word_bytes(&bytes[field..]);
            let end = value + word_bytes(&bytes[value..]);
            if wanted.is_front_of(&bytes[field..]) {
                return Some(Found { field, value, end });
            }
            field = end;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2 bytes of count, 4 names with a length byte each, and 4 integers in 1 or 3 bytes.
    #[test]
    fn a_hash_of_four_counters_is_packed_in_37_bytes() {
        let mut packed = PackedFields::default();
        for (field, value) in [("views", "1042"), ("likes", "17"), ("shares", "3"), ("replies", "200")] {
            packed.set(&packed_word(field.as_bytes()).unwrap(), &packed_word(value.as_bytes()).unwrap());
        }
        assert_eq!((packed.0.len(), packed.heap_bytes()), (37, 48));
    }
}
