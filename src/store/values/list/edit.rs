//! How a command changes a list.

use super::{End, List};
use crate::store::access::edit::Edit;
use std::ops::Range;

impl Edit<'_, '_, List> {
    /// Adds `element` at an end.
    pub fn push(&mut self, end: End, element: &[u8]) {
        self.value.push(end, element);
        self.record(|changes, database, key| changes.push_element(database, key, end, element));
    }

    /// Removes `count` elements at an end, or all if there are fewer.
    pub fn pop(&mut self, end: End, count: usize) {
        let count = count.min(self.value.len());
        if count > 0 {
            self.value.pop(end, count);
            self.record(|changes, database, key| changes.pop_elements(database, key, end, count));
        }
    }

    /// Removes the elements outside `kept`. Counts as a change even if there are none, as in Redis.
    pub fn trim(&mut self, kept: Range<usize>) {
        let behind = self.value.len() - kept.end;
        self.pop(End::Back, behind);
        self.pop(End::Front, kept.start.min(kept.end));
        self.has_changed = true;
    }

    /// Replaces the element at `index`, which must exist, by `element`.
    pub fn set(&mut self, index: usize, element: &[u8]) {
        if self.value.set(index, element) {
            self.record(|changes, database, key| changes.set_element(database, key, index, element));
        }
    }

    /// Inserts `element` beside element `index`, which must be the first element equal to `pivot`.
    pub fn insert_beside(&mut self, (index, side, pivot): (usize, End, &[u8]), element: &[u8]) {
        if self.value.insert(index + usize::from(side == End::Back), element) {
            self.record(|changes, database, key| {
                changes.insert_element(database, key, (index, side, pivot), element);
            });
        }
    }

    /// Removes elements that equal `element`: at most `count` from the front, or at most `-count` from the back if `count`
    /// is negative, or all if it is 0. Returns how many were removed. O(n).
    pub fn remove_equal(&mut self, count: i64, element: &[u8]) -> usize {
        let removed = self.value.remove_equal(count, element);
        if removed > 0 {
            self.record(|changes, database, key| changes.remove_elements(database, key, count, element));
        }
        removed
    }
}
