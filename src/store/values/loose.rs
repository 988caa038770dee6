//! A value without a key: what Changes make of nothing. RESTORE reads one before it touches its key, so that bytes that turn
//! out to be malformed change nothing.

use super::kinds::{Kind, Value, ValueChange};
use super::stored::ReplayTarget;
use crate::config::SetBounds;

/// A value that belongs to no key yet.
#[derive(Debug)]
pub struct LooseValue {
    seed: u64,
    set_bounds: SetBounds,
    value: Option<Value>,
}

impl LooseValue {
    /// No value. `seed` keys the hashes of the one to come ([`crate::store::Reader::seed`]), and a set takes its form by
    /// `set_bounds`.
    #[must_use]
    pub fn new(seed: u64, set_bounds: SetBounds) -> Self {
        Self { seed, set_bounds, value: None }
    }

    /// Applies a Change of the value, whatever key it is about.
    pub fn apply(&mut self, change: ValueChange<'_>) {
        ValueChange::apply(self, std::iter::once(change));
    }

    /// The number of its elements, 0 if there is no value.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.value.as_ref().map_or(0, Value::elements)
    }

    /// The value.
    #[must_use]
    pub fn into_value(self) -> Option<Value> {
        self.value
    }
}

impl ReplayTarget for LooseValue {
    fn value(&mut self) -> Option<&mut Value> {
        self.value.as_mut()
    }

    fn value_or_new(&mut self, kind: Kind, new: fn(u64) -> Value) -> &mut Value {
        if self.value.as_ref().is_some_and(|value| value.kind() != kind) {
            self.value = None;
        }
        self.value.get_or_insert_with(|| new(self.seed))
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn set_bounds(&self) -> SetBounds {
        self.set_bounds
    }

    fn put(&mut self, value: Value, _: Option<u64>) {
        self.value = Some(value);
    }
}
