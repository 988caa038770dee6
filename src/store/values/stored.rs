//! What the house asks of every type of value.

use super::kinds::{Element, Kind, Value};
use crate::config::EventClasses;
use crate::ranking::Score;

/// A type of value that a key can hold.
pub trait Stored: Sized {
    /// Its name in the list of types.
    const KIND: Kind;

    /// The class of the events of its changes.
    const EVENTS: EventClasses;

    /// What its Changes say of it.
    type Change<'a>: Copy;

    /// An empty one, whose hashes are keyed by `seed`.
    fn with_seed(seed: u64) -> Self;

    /// It as any value.
    fn into_value(self) -> Value;

    /// `value` as this type, if it is of it.
    fn of(value: &Value) -> Option<&Self>;

    /// As [`Stored::of`], to be changed.
    fn of_mut(value: &mut Value) -> Option<&mut Self>;

    /// How many elements it holds, as [`Stored::walk`] tells them. A value without elements is removed with its key, but
    /// for a string, which is one element.
    fn elements(&self) -> usize;

    /// The first unix millisecond at which one of its elements expires by itself, `None` where none does. O(log n).
    fn first_due_ms(&self) -> Option<u64> {
        None
    }

    /// The bytes of memory that it takes beside the entry it stands in; what its elements take is judged by `samples`
    /// of them.
    fn memory_bytes(&self, samples: usize) -> usize;

    /// About how many allocations freeing it gives back.
    fn allocations(&self) -> usize;

    /// Starts loading what every command on it will look at.
    fn prefetch(&self);

    /// Panics if it contradicts itself. O(n).
    fn check(&self) {}

    /// Makes `changes`, which follow each other, true at `key`, whatever is there. See [`crate::store::change::replay`]
    /// on what may be. Returns how many elements the value then has, for the last Change, 0 if that added none.
    fn apply<'a>(
        key: &mut dyn ReplayTarget,
        changes: impl Iterator<Item = Self::Change<'a>> + Clone,
    ) -> usize;

    /// All of it as it is now, by reference, for a walk that goes on without the lock; `None` where a walk may see elements
    /// of different moments.
    fn of_this_moment(&self) -> Option<Value> {
        None
    }

    /// Calls `see` with about `most` of its elements from `from` on, and returns where to go on, `None` at the end.
    fn walk(
        &self,
        from: Option<&Position>,
        most: usize,
        order: WalkOrder,
        see: &mut dyn FnMut(Element<'_>),
    ) -> Option<Position>;
}

/// A key of which Changes are made true.
pub trait ReplayTarget {
    /// Its value, `None` if there is no such key.
    fn value(&mut self) -> Option<&mut Value>;

    /// Its value, which is made by `new` if it is missing or of another type than `kind`.
    fn value_or_new(&mut self, kind: Kind, new: fn(u64) -> Value) -> &mut Value;

    /// Puts `value`, which expires at `expire_at_ms` or never, in place of whatever is there.
    fn put(&mut self, value: Value, expire_at_ms: Option<u64>);
}

/// The order in which a walk comes to elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalkOrder {
    /// The order of the value. An element that moves in it between two steps may be passed over or met twice.
    InOrder,
    /// Any order in which an element that stays is met, and none twice, whatever is changed between two steps.
    EachOnce,
}

/// How far a walk has come in a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// At this place in the order of hashes.
    Place(u64),
    /// Behind this entry.
    After(Score, Box<[u8]>),
}
