//! Strings.

pub(in crate::store) mod change;
mod edit;

use super::kinds::Element;
use super::kinds::{Kind, Value};
use super::stored::{Position, ReplayTarget, Stored, WalkOrder};
use crate::config::EventClasses;
use crate::store::keys::small_bytes::SmallBytes;
use change::StringChange;

/// A byte string that a key holds.
pub type ByteString = SmallBytes;

impl Stored for ByteString {
    const KIND: Kind = Kind::String;
    const EVENTS: EventClasses = EventClasses::STRING;

    type Change<'a> = StringChange<'a>;

    fn with_seed(_: u64) -> Self {
        Self::default()
    }

    fn into_value(self) -> Value {
        Value::String(self)
    }

    fn of(value: &Value) -> Option<&Self> {
        if let Value::String(string) = value { Some(string) } else { None }
    }

    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::String(string) = value { Some(string) } else { None }
    }

    fn elements(&self) -> usize {
        1
    }

    fn size(&self) -> usize {
        self.len()
    }

    fn memory_bytes(&self, _: usize) -> usize {
        self.heap_bytes()
    }

    fn allocations(&self) -> usize {
        1
    }

    fn prefetch(&self) {
        self.prefetch_bytes();
    }

    fn copy(&self) -> Value {
        Self::from(&**self).into_value()
    }

    fn apply<'a>(
        key: &mut dyn ReplayTarget,
        changes: impl Iterator<Item = StringChange<'a>> + Clone,
    ) -> usize {
        changes.for_each(|change| change.apply(key));
        0
    }

    fn walk(
        &self,
        _: Option<&Position>,
        _: usize,
        _: WalkOrder,
        see: &mut dyn FnMut(Element<'_>),
    ) -> Option<Position> {
        see(Element::Bytes(self));
        None
    }
}
