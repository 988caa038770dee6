//! The interface that every type of value implements.

use super::board::Attained;
use super::kinds::{Element, Kind, Value};
use crate::config::{EventClasses, SetBounds};

/// A type of value that a key can hold.
pub trait Stored: Sized {
    /// The type's entry in the list of types.
    const KIND: Kind;

    /// The class of the events of its edits.
    const EVENTS: EventClasses;

    /// The Changes of the type.
    type Change<'a>: Copy;

    /// An empty value. `seed` keys its hashes.
    fn with_seed(seed: u64) -> Self;

    /// The value as a [`Value`].
    fn into_value(self) -> Value;

    /// `value` as this type, if it has this type.
    fn of(value: &Value) -> Option<&Self>;

    /// As [`Stored::of`], mutable.
    fn of_mut(value: &mut Value) -> Option<&mut Self>;

    /// The number of elements, as [`Stored::walk`] visits them. A value without elements is removed with its key,
    /// unless it [stays](Stored::stays_when_empty). A string always counts as one element.
    fn elements(&self) -> usize;

    /// What INFO's keysizes count: the number of elements, or of a string's bytes.
    fn size(&self) -> usize {
        self.elements()
    }

    /// Whether the value stays at its key while it has no elements.
    fn stays_when_empty(&self) -> bool {
        false
    }

    /// The first unix millisecond at which one of its elements expires by itself, `None` where none does. O(log n).
    fn first_due_ms(&self) -> Option<u64> {
        None
    }

    /// The bytes of memory that it takes beside its entry. The size of its elements is estimated from `samples` of
    /// them.
    fn memory_bytes(&self, samples: usize) -> usize;

    /// About how many allocations it has.
    fn allocations(&self) -> usize;

    /// Prefetches the memory that every command on the value reads.
    fn prefetch(&self);

    /// Checks the value's invariants and panics if one is broken. O(n).
    fn check(&self) {}

    /// Applies `changes`, which are consecutive, to `key`. Its value may have any type; see `src/store/change/replay.rs`.
    /// Returns the number of elements after the last Change, or 0 if that Change added none.
    fn apply<'a>(
        key: &mut dyn ReplayTarget,
        changes: impl Iterator<Item = Self::Change<'a>> + Clone,
    ) -> usize;

    /// A reference to the present elements, for a walk that continues without the lock. `None` if the walk of this type may
    /// see elements of different points in time.
    fn of_this_moment(&self) -> Option<Value> {
        None
    }

    /// A value with the same elements. O(n).
    fn copy(&self) -> Value;

    /// Calls `see` with about `most` elements from `from` on. Returns the next position, `None` at the end.
    fn walk(
        &self,
        from: Option<&Position>,
        most: usize,
        order: WalkOrder,
        see: &mut dyn FnMut(Element<'_>),
    ) -> Option<Position>;
}

/// A key to which Changes are applied.
pub trait ReplayTarget {
    /// Its value, `None` if there is no such key.
    fn value(&mut self) -> Option<&mut Value>;

    /// Its value. If it is missing or of another type than `kind`, `new` makes one.
    fn value_or_new(&mut self, kind: Kind, new: fn(u64) -> Value) -> &mut Value;

    /// What keys the hashes of its value.
    fn seed(&self) -> u64;

    /// The bounds of the forms of a set.
    fn set_bounds(&self) -> SetBounds;

    /// Puts `value`, which expires at `expire_at_ms` or never, in place of any value that is there.
    fn put(&mut self, value: Value, expire_at_ms: Option<u64>);
}

/// The order in which a walk visits elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalkOrder {
    /// The order of the value. An element that moves between two steps may be missed or visited twice.
    InOrder,
    /// Any order in which no element is visited twice and none that stays is missed, whatever changes between two
    /// steps.
    EachOnce,
}

/// The position of a walk in a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// At this place in the order of hashes.
    Place(u64),
    /// Behind this entry in the order of the value.
    After(Attained, Box<[u8]>),
    /// Behind the part of a stream that these bytes name.
    Within(Box<[u8]>),
}

impl Position {
    /// The place at which a walk by places continues, 0 at its beginning. `None` if the position belongs to a value of
    /// another type that was here before.
    pub(in crate::store) fn place(from: Option<&Self>) -> Option<u64> {
        match from {
            None => Some(0),
            Some(Self::Place(place)) => Some(*place),
            Some(Self::After(..) | Self::Within(_)) => None,
        }
    }
}
