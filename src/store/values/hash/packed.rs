//! The fields of a small hash in one allocation.
//!
//! First how many fields there are, in two bytes; then each field and its value, in the order in which the fields came,
//! as two words ([`crate::store::values::words`]).

use crate::machine::heap::allocation_bytes;
use crate::ranking::prefetch;
use crate::store::values::words::{PackedWord, Text, replace, split, word_bytes};

/// Most fields that are kept packed. As Redis (`hash-max-listpack-entries`).
pub(super) const MOST_FIELDS: usize = 512;

/// Longest field or value that is kept packed, in bytes. As Redis (`hash-max-listpack-value`).
const LONGEST_WORD_BYTES: usize = 64;

/// Where the first field stands.
const HEAD_BYTES: usize = 2;

/// The word of a field or a value, `None` if it is too long to be packed.
pub(super) fn packed_word(text: &[u8]) -> Option<PackedWord<'_>> {
    (text.len() <= LONGEST_WORD_BYTES).then(|| PackedWord::of(Text::of(text)))
}

/// Fields and values, packed.
#[derive(Clone, Debug, Default)]
pub(super) struct PackedFields(Box<[u8]>);

/// Where a field and its value stand.
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

    /// Sets `field`, or returns `None` if it is one more than may be packed. Returns whether it was new.
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

    /// Every field with its value, in the order in which the fields came.
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

    /// Bytes of memory beside its own.
    pub(super) fn heap_bytes(&self) -> usize {
        allocation_bytes(self.0.len())
    }

    /// Starts loading the first of it.
    pub(super) fn prefetch(&self) {
        prefetch::line(self.0.as_ptr());
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

    /// Four small counters, as the like counts of a feed are kept.
    #[test]
    fn a_small_hash_takes_little_more_than_its_letters() {
        let mut packed = PackedFields::default();
        for (field, value) in [("views", "1042"), ("likes", "17"), ("shares", "3"), ("replies", "200")] {
            packed.set(&packed_word(field.as_bytes()).unwrap(), &packed_word(value.as_bytes()).unwrap());
        }
        assert_eq!((packed.0.len(), packed.heap_bytes()), (37, 48));
    }
}
