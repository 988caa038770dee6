//! The Changes of a set.

use super::Members;
use crate::store::change::buffer::ChangeBuffer;
use crate::store::change::codec::{EncodedNames, Malformed, put_bytes};
use crate::store::numbers::KeyspaceIndex;
use crate::store::values::kinds::Word;
use crate::store::values::stored::{ReplayTarget, Stored};
use crate::store::values::words::Text;

// The numbers of the Changes.
pub(in crate::store) const ADD_MEMBERS: u8 = 3;
pub(in crate::store) const REMOVE_MEMBERS: u8 = 4;

/// A Change of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetChange<'a> {
    /// These members are in the set.
    Add(EncodedNames<'a>),
    /// These members are not in the set.
    Remove(EncodedNames<'a>),
}

impl<'a> SetChange<'a> {
    /// See [`ValueChange::take`](crate::store::values::kinds::ValueChange::take).
    pub(in crate::store) fn take(operation: u8, body: &mut &'a [u8]) -> Result<Self, Malformed> {
        match operation {
            ADD_MEMBERS => EncodedNames::take(body).map(Self::Add),
            REMOVE_MEMBERS => EncodedNames::take(body).map(Self::Remove),
            _ => Err(Malformed),
        }
    }

    pub(in crate::store) fn makes_value(self) -> bool {
        match self {
            Self::Add(_) => true,
            Self::Remove(_) => false,
        }
    }

    pub(in crate::store) fn apply(self, key: &mut dyn ReplayTarget) {
        match self {
            Self::Add(members) => {
                let bounds = key.set_bounds();
                let value = key.value_or_new(Members::KIND, |seed| Members::with_seed(seed).into_value());
                let set = Members::of_mut(value).expect("made a set");
                for member in members.iter() {
                    set.insert(Text::of(member), bounds);
                }
            }
            Self::Remove(members) => {
                if let Some(set) = key.value().and_then(Members::of_mut) {
                    for member in members.iter() {
                        set.remove(Text::of(member));
                    }
                }
            }
        }
    }

    pub(in crate::store) fn lines(self, line: &mut dyn FnMut(&str, &[Word<'_>])) {
        let (operation, members) = match self {
            Self::Add(members) => ("add-member", members),
            Self::Remove(members) => ("remove-member", members),
        };
        members.iter().for_each(|member| line(operation, &[Word::Bytes(member)]));
    }
}

impl ChangeBuffer {
    /// Records that `member` is in the set at `key`.
    pub fn add_member(&mut self, keyspace: KeyspaceIndex, key: &[u8], member: &[u8]) {
        put_bytes(self.entry(ADD_MEMBERS, keyspace, key), member);
    }

    /// Records that `member` is not in the set at `key`.
    pub fn remove_member(&mut self, keyspace: KeyspaceIndex, key: &[u8], member: &[u8]) {
        put_bytes(self.entry(REMOVE_MEMBERS, keyspace, key), member);
    }
}
