//! A key that was given another name, or brought to another keyspace: RENAME and MOVE of a large value.

use super::buffer::ChangeBuffer;
use super::codec::{Malformed, put_bytes, put_varint, take_bytes, take_keyspace};
use super::operation;
use crate::store::numbers::KeyspaceIndex;

/// The place of a key: its keyspace and its name.
pub type KeyPlace<'a> = (KeyspaceIndex, &'a [u8]);

/// A key that was given another name, or brought to another keyspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relocation<'a> {
    /// Its keyspace before.
    pub keyspace: KeyspaceIndex,
    /// Its name before.
    pub key: &'a [u8],
    /// What has changed.
    pub to: Destination<'a>,
}

/// What is new about the place of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination<'a> {
    /// It has this name, in the same keyspace.
    Name(&'a [u8]),
    /// It is in this keyspace, under the same name.
    Keyspace(KeyspaceIndex),
}

impl<'a> Relocation<'a> {
    /// The place before and the place after.
    #[must_use]
    pub fn places(self) -> [KeyPlace<'a>; 2] {
        let after = match self.to {
            Destination::Name(name) => (self.keyspace, name),
            Destination::Keyspace(keyspace) => (keyspace, self.key),
        };
        [(self.keyspace, self.key), after]
    }
}

impl<'a> Destination<'a> {
    /// Reads what follows the key in the Change with the number `operation`.
    pub(super) fn take(operation: u8, body: &mut &'a [u8]) -> Result<Self, Malformed> {
        if operation == operation::RENAME {
            take_bytes(body).map(Self::Name)
        } else {
            take_keyspace(body).map(Self::Keyspace)
        }
    }
}

impl ChangeBuffer {
    /// Records that the key at the first place is at the second.
    pub(in crate::store) fn relocate(&mut self, relocation: Relocation<'_>) {
        let Relocation { keyspace, key, to } = relocation;
        match to {
            Destination::Name(name) => put_bytes(self.change(operation::RENAME, keyspace, key), name),
            Destination::Keyspace(to) => {
                put_varint(self.change(operation::MOVE, keyspace, key), u64::from(to));
            }
        }
    }
}
