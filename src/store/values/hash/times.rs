//! The expiry times of a hash's fields.

use crate::machine::heap::allocation_bytes;
use std::collections::{BTreeMap, BTreeSet};

/// The fields that expire, each with the unix millisecond from which on it does not exist.
#[derive(Clone, Debug, Default)]
pub(super) struct Times {
    by_field: BTreeMap<Box<[u8]>, u64>,
    by_time: BTreeSet<(u64, Box<[u8]>)>,
}

impl Times {
    /// The number of fields that expire.
    pub(super) fn len(&self) -> usize {
        self.by_field.len()
    }

    /// Whether no field expires.
    pub(super) fn is_empty(&self) -> bool {
        self.by_field.is_empty()
    }

    /// When `field` expires. O(log n).
    pub(super) fn of(&self, field: &[u8]) -> Option<u64> {
        self.by_field.get(field).copied()
    }

    /// The first moment at which a field expires. O(log n).
    pub(super) fn first_ms(&self) -> Option<u64> {
        self.by_time.first().map(|(at_ms, _)| *at_ms)
    }

    /// A field that expires at or before `by_ms`.
    pub(super) fn due(&self, by_ms: u64) -> Option<&[u8]> {
        self.by_time.first().filter(|(at_ms, _)| *at_ms <= by_ms).map(|(_, field)| &**field)
    }

    /// Makes `field` expire at `at_ms`, or never (`None`). O(log n).
    pub(super) fn set(&mut self, field: &[u8], at_ms: Option<u64>) {
        let before = match at_ms {
            Some(at_ms) => {
                self.by_time.insert((at_ms, field.into()));
                self.by_field.insert(field.into(), at_ms)
            }
            None => self.by_field.remove(field),
        };
        if let Some(before) = before.filter(|before| Some(*before) != at_ms) {
            self.by_time.remove(&(before, field.into()));
        }
    }

    /// The bytes of memory that it uses, estimated from `samples` of its fields.
    pub(super) fn memory_bytes(&self, samples: usize) -> usize {
        let (mut sampled, mut bytes) = (0, 0);
        for field in self.by_field.keys().take(samples.max(1)) {
            sampled += 1;
            bytes += 2 * allocation_bytes(field.len());
        }
        // The nodes of a B-tree are two thirds full on average.
        let entries = 2 * (size_of::<(u64, Box<[u8]>)>()) * 3 / 2;
        self.by_field.len() * entries + bytes * self.by_field.len() / sampled.max(1)
    }
}
