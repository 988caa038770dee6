//! How many values of each type and size a keyspace has, kept as they change.
//!
//! A size is the number of elements, or of bytes of a string. Classes are powers of two, so a change mostly stays in its
//! class. Boards of many members are also kept by name: there are few of them, and they are where the memory is.

use crate::store::values::kinds::Kind;
use std::collections::BTreeSet;

/// Boards with at least so many members are kept by name. A name takes less than a thousandth of the memory of such a board.
pub const LARGE_BOARD_MEMBERS: usize = 1024;

/// The values of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KindSizes {
    /// By class: first those of size 0, then in each class those up to the next power of two.
    classes: Vec<u64>,
}

impl KindSizes {
    /// The number of values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.classes.iter().sum()
    }

    /// The classes that are not empty: the least size, and the number of values.
    pub fn classes(&self) -> impl Iterator<Item = (u64, u64)> {
        let least = |class: usize| if class == 0 { 0 } else { 1 << (class - 1) };
        let classes = self.classes.iter().enumerate().filter(|(_, count)| **count > 0);
        classes.map(move |(class, count)| (least(class), *count))
    }

    /// Adds those of `other`.
    pub(in crate::store) fn merge(&mut self, other: &Self) {
        self.reach(other.classes.len());
        self.classes.iter_mut().zip(&other.classes).for_each(|(class, other)| *class += other);
    }

    fn reach(&mut self, len: usize) {
        if self.classes.len() < len {
            self.classes.resize(len, 0);
        }
    }
}

/// The class of a size: how many bits it has.
fn class_of(size: usize) -> usize {
    (usize::BITS - size.leading_zeros()) as usize
}

/// The sizes of a keyspace's values.
#[derive(Debug, Default)]
pub(in crate::store) struct Sizes {
    /// By [`Kind`]; empty before the first value.
    kinds: Vec<KindSizes>,
    board_members: u64,
    large_boards: BTreeSet<Box<[u8]>>,
}

impl Sizes {
    /// A value has come, or gone. A panic in an edit may have left one uncounted, so nothing goes below zero.
    pub(super) fn note(&mut self, key: &[u8], kind: Kind, before: Option<usize>, after: Option<usize>) {
        if before == after {
            return;
        }
        if self.kinds.is_empty() {
            self.kinds = vec![KindSizes::default(); Kind::ALL.len()];
        }
        self.count_members(kind, before.unwrap_or(0), after.unwrap_or(0));
        let sizes = &mut self.kinds[kind as usize];
        let (from, to) = (before.map(class_of), after.map(class_of));
        if from == to {
            return;
        }
        if let Some(from) = from.and_then(|from| sizes.classes.get_mut(from)) {
            *from = from.saturating_sub(1);
        }
        if let Some(to) = to {
            sizes.reach(to + 1);
            sizes.classes[to] += 1;
        }
        if kind == Kind::SortedSet {
            let is_large = |size: Option<usize>| size.is_some_and(|size| size >= LARGE_BOARD_MEMBERS);
            match (is_large(before), is_large(after)) {
                (false, true) => drop(self.large_boards.insert(key.into())),
                (true, false) => drop(self.large_boards.remove(key)),
                (true, true) | (false, false) => {}
            }
        }
    }

    /// The size of a value has changed.
    #[inline]
    pub(super) fn change(&mut self, key: &[u8], kind: Kind, before: usize, after: usize) {
        // Mostly the value stays in its class.
        if class_of(before) == class_of(after) {
            self.count_members(kind, before, after);
        } else {
            self.note(key, kind, Some(before), Some(after));
        }
    }

    #[inline]
    fn count_members(&mut self, kind: Kind, before: usize, after: usize) {
        if kind == Kind::SortedSet {
            self.board_members = self.board_members.saturating_add_signed(after as i64 - before as i64);
        }
    }

    /// The number of all boards' members.
    pub(in crate::store) fn board_members(&self) -> u64 {
        self.board_members
    }

    /// The sizes of the values of `kind`.
    pub(in crate::store) fn of(&self, kind: Kind) -> Option<&KindSizes> {
        self.kinds.get(kind as usize)
    }

    /// The keys of the boards with at least [`LARGE_BOARD_MEMBERS`] members.
    pub(in crate::store) fn large_boards(&self) -> impl Iterator<Item = &[u8]> {
        self.large_boards.iter().map(|key| &**key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_in_the_class_of_their_size() {
        let mut sizes = Sizes::default();
        sizes.note(b"a", Kind::SortedSet, None, Some(0));
        sizes.note(b"a", Kind::SortedSet, Some(0), Some(3));
        sizes.note(b"b", Kind::SortedSet, None, Some(2));
        sizes.note(b"c", Kind::SortedSet, None, Some(1023));
        assert_eq!(sizes.large_boards().count(), 0);
        sizes.note(b"c", Kind::SortedSet, Some(1023), Some(1024));
        let of_boards = sizes.of(Kind::SortedSet).unwrap();
        assert_eq!(of_boards.classes().collect::<Vec<_>>(), [(2, 2), (1024, 1)]);
        assert_eq!((of_boards.count(), sizes.board_members()), (3, 1029));
        assert_eq!(sizes.large_boards().collect::<Vec<_>>(), [b"c"]);
        sizes.note(b"c", Kind::SortedSet, Some(1024), None);
        sizes.note(b"c", Kind::SortedSet, Some(1024), None);
        let of_boards = sizes.of(Kind::SortedSet).unwrap();
        assert_eq!((of_boards.count(), sizes.large_boards().count()), (2, 0));
    }
}
