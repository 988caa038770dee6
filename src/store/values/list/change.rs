//! Changes of a list. A Change says what was done to the list, so it must be applied exactly once: a list in a base
//! says after which record it was read (docs/decisions/0012-changes-that-are-not-absolute.md).

use super::{End, List};
use crate::store::change::buffer::ChangeBuffer;
use crate::store::change::codec::{EncodedNames, Malformed, put_bytes, put_varint, take_bytes, take_varint};
use crate::store::change::seq::Seq;
use crate::store::numbers::KeyspaceIndex;
use crate::store::values::kinds::Word;
use crate::store::values::stored::{ReplayTarget, Stored};

// The numbers of the Changes.
pub(in crate::store) const PUSH_FRONT: u8 = 15;
pub(in crate::store) const PUSH_BACK: u8 = 16;
pub(in crate::store) const POP_FRONT: u8 = 17;
pub(in crate::store) const POP_BACK: u8 = 18;
pub(in crate::store) const SET_ELEMENT: u8 = 19;
pub(in crate::store) const INSERT_BEFORE: u8 = 20;
pub(in crate::store) const INSERT_AFTER: u8 = 21;
pub(in crate::store) const AS_OF: u8 = 22;
pub(in crate::store) const REMOVE_FIRST: u8 = 23;
pub(in crate::store) const REMOVE_LAST: u8 = 24;

/// A Change of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListChange<'a> {
    /// These elements were added at an end, in this order.
    Push(End, EncodedNames<'a>),
    /// This many elements were removed at an end.
    Pop(End, u64),
    /// The element at an index was replaced.
    Set {
        /// The index.
        index: u64,
        /// The new element.
        element: &'a [u8],
    },
    /// An element was inserted beside a pivot. The pivot is the first element with its bytes.
    Insert {
        /// The index of the pivot.
        index: u64,
        /// The side of the pivot.
        side: End,
        /// The pivot.
        pivot: &'a [u8],
        /// The inserted element.
        element: &'a [u8],
    },
    /// Elements that equal `element` were removed.
    Remove {
        /// How many at most, and from which end, as in LREM.
        count: i64,
        /// The element.
        element: &'a [u8],
    },
    /// Only in a base: the elements that follow are the list as it was right after this record.
    AsOf(Seq),
}

impl<'a> ListChange<'a> {
    /// See [`ValueChange::take`](crate::store::values::kinds::ValueChange::take).
    pub(in crate::store) fn take(operation: u8, body: &mut &'a [u8]) -> Result<Self, Malformed> {
        match operation {
            PUSH_FRONT => Ok(Self::Push(End::Front, EncodedNames::take(body)?)),
            PUSH_BACK => Ok(Self::Push(End::Back, EncodedNames::take(body)?)),
            POP_FRONT => Ok(Self::Pop(End::Front, take_varint(body)?)),
            POP_BACK => Ok(Self::Pop(End::Back, take_varint(body)?)),
            SET_ELEMENT => Ok(Self::Set { index: take_varint(body)?, element: take_bytes(body)? }),
            INSERT_BEFORE | INSERT_AFTER => Ok(Self::Insert {
                index: take_varint(body)?,
                side: if operation == INSERT_BEFORE { End::Front } else { End::Back },
                pivot: take_bytes(body)?,
                element: take_bytes(body)?,
            }),
            REMOVE_FIRST | REMOVE_LAST => {
                let count = i64::try_from(take_varint(body)?).map_err(|_| Malformed)?;
                let count = if operation == REMOVE_FIRST { count } else { -count };
                Ok(Self::Remove { count, element: take_bytes(body)? })
            }
            AS_OF => Ok(Self::AsOf(Seq(take_varint(body)?))),
            _ => Err(Malformed),
        }
    }

    pub(in crate::store) fn makes_value(self) -> bool {
        match self {
            Self::Push(..) | Self::AsOf(_) => true,
            Self::Pop(..) | Self::Set { .. } | Self::Insert { .. } | Self::Remove { .. } => false,
        }
    }

    /// An index that does not exist is ignored. The replay has then reached a state that never existed, and a later Change
    /// replaces the value.
    pub(in crate::store) fn apply(self, key: &mut dyn ReplayTarget) {
        let new = |seed| List::with_seed(seed).into_value();
        match self {
            Self::Push(end, elements) => {
                let list = List::of_mut(key.value_or_new(List::KIND, new)).expect("made a list");
                elements.iter().for_each(|element| list.push(end, element));
                return;
            }
            Self::AsOf(_) => return key.put(new(0), None),
            _ => {}
        }
        let Some(list) = key.value().and_then(List::of_mut) else { return };
        match self {
            Self::Pop(end, count) => list.pop(end, count as usize),
            Self::Set { index, element } => drop(list.set(index as usize, element)),
            Self::Insert { index, side, element, .. } => {
                list.insert(index as usize + usize::from(side == End::Back), element);
            }
            Self::Remove { count, element } => drop(list.remove_equal(count, element)),
            Self::Push(..) | Self::AsOf(_) => unreachable!("applied above"),
        }
    }

    pub(in crate::store) fn lines(self, line: &mut dyn FnMut(&str, &[Word<'_>])) {
        match self {
            Self::Push(end, elements) => {
                let operation = if end == End::Front { "push-front" } else { "push-back" };
                elements.iter().for_each(|element| line(operation, &[Word::Bytes(element)]));
            }
            Self::Pop(End::Front, count) => line("pop-front", &[Word::Number(count)]),
            Self::Pop(End::Back, count) => line("pop-back", &[Word::Number(count)]),
            Self::Set { index, element } => {
                line("set-element", &[Word::Number(index), Word::Bytes(element)]);
            }
            Self::Insert { side, pivot, element, .. } => {
                let operation = if side == End::Front { "insert-before" } else { "insert-after" };
                line(operation, &[Word::Bytes(pivot), Word::Bytes(element)]);
            }
            Self::Remove { count, element } => {
                let operation = if count < 0 { "remove-last" } else { "remove-first" };
                line(operation, &[Word::Number(count.unsigned_abs()), Word::Bytes(element)]);
            }
            Self::AsOf(seq) => line("as-of", &[Word::Number(seq.0)]),
        }
    }
}

impl ChangeBuffer {
    /// Records that `element` was added at an end of the list at `key`.
    pub fn push_element(&mut self, keyspace: KeyspaceIndex, key: &[u8], end: End, element: &[u8]) {
        let operation = if end == End::Front { PUSH_FRONT } else { PUSH_BACK };
        put_bytes(self.entry(operation, keyspace, key), element);
    }

    /// Records that `count` elements were removed at an end of the list at `key`.
    pub fn pop_elements(&mut self, keyspace: KeyspaceIndex, key: &[u8], end: End, count: usize) {
        let operation = if end == End::Front { POP_FRONT } else { POP_BACK };
        put_varint(self.change(operation, keyspace, key), count as u64);
    }

    /// Records that element `index` of the list at `key` is `element`.
    pub fn set_element(&mut self, keyspace: KeyspaceIndex, key: &[u8], index: usize, element: &[u8]) {
        let out = self.change(SET_ELEMENT, keyspace, key);
        put_varint(out, index as u64);
        put_bytes(out, element);
    }

    /// Records that `element` was inserted beside element `index` of the list at `key`. That element is `pivot`, and the
    /// first of its kind.
    pub fn insert_element(
        &mut self,
        keyspace: KeyspaceIndex,
        key: &[u8],
        (index, side, pivot): (usize, End, &[u8]),
        element: &[u8],
    ) {
        let out = self.change(if side == End::Front { INSERT_BEFORE } else { INSERT_AFTER }, keyspace, key);
        put_varint(out, index as u64);
        put_bytes(out, pivot);
        put_bytes(out, element);
    }

    /// Records that elements which equal `element` were removed from the list at `key`: at most `count` from the front, or
    /// at most `-count` from the back if `count` is negative, or all if it is 0.
    pub fn remove_elements(&mut self, keyspace: KeyspaceIndex, key: &[u8], count: i64, element: &[u8]) {
        let out = self.change(if count < 0 { REMOVE_LAST } else { REMOVE_FIRST }, keyspace, key);
        put_varint(out, count.unsigned_abs().min(i64::MAX as u64));
        put_bytes(out, element);
    }

    /// Records that the elements which follow are the list at `key` as it was right after the record `seq`.
    pub(in crate::store) fn as_of(&mut self, keyspace: KeyspaceIndex, key: &[u8], seq: Seq) {
        put_varint(self.change(AS_OF, keyspace, key), seq.0);
    }
}
