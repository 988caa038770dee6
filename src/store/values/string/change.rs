//! The Changes of a string.

use super::ByteString;
use crate::store::change::buffer::ChangeBuffer;
use crate::store::change::codec::{
    Malformed, put_bytes, put_expiry, put_varint, take_bytes, take_expiry, take_varint,
};
use crate::store::numbers::KeyspaceIndex;
use crate::store::values::kinds::{Value, Word};
use crate::store::values::stored::{ReplayTarget, Stored};

// The numbers of the Changes.
pub(in crate::store) const SET_STRING: u8 = 5;
pub(in crate::store) const PATCH_STRING: u8 = 11;

/// A Change of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StringChange<'a> {
    /// The string is this value.
    Set {
        /// The whole string.
        value: &'a [u8],
        /// When the key expires, in unix milliseconds; `None`: never.
        expire_at_ms: Option<u64>,
    },
    /// The string has these bytes from `offset` on. Bytes missing before `offset` are zeros.
    Patch {
        /// The position of the bytes.
        offset: u64,
        /// The bytes.
        bytes: &'a [u8],
    },
}

impl<'a> StringChange<'a> {
    /// See [`ValueChange::take`](crate::store::values::kinds::ValueChange::take).
    pub(in crate::store) fn take(operation: u8, body: &mut &'a [u8]) -> Result<Self, Malformed> {
        match operation {
            SET_STRING => {
                let expire_at_ms = take_expiry(body)?;
                Ok(Self::Set { value: take_bytes(body)?, expire_at_ms })
            }
            PATCH_STRING => {
                let (offset, bytes) = (take_varint(body)?, take_bytes(body)?);
                let end = offset.checked_add(bytes.len() as u64).ok_or(Malformed)?;
                // No string is longer than the highest `proto-max-bulk-len`. Damaged input must not make us allocate
                // more.
                if end > crate::limits::MOST_BULK_BYTES as u64 {
                    Err(Malformed)
                } else {
                    Ok(Self::Patch { offset, bytes })
                }
            }
            _ => Err(Malformed),
        }
    }

    pub(in crate::store) fn makes_value(self) -> bool {
        true
    }

    pub(in crate::store) fn apply(self, key: &mut dyn ReplayTarget) {
        match self {
            Self::Set { value, expire_at_ms } => key.put(Value::String(value.into()), expire_at_ms),
            Self::Patch { offset, bytes } => {
                let value =
                    key.value_or_new(ByteString::KIND, |seed| ByteString::with_seed(seed).into_value());
                let string = ByteString::of_mut(value).expect("made a string");
                string.patch(offset as usize, bytes);
            }
        }
    }

    pub(in crate::store) fn lines(self, line: &mut dyn FnMut(&str, &[Word<'_>])) {
        match self {
            Self::Set { value, expire_at_ms } => {
                line("set-string", &[Word::Bytes(value), Word::Expiry(expire_at_ms)]);
            }
            Self::Patch { offset, bytes } => {
                line("patch-string", &[Word::Number(offset), Word::Bytes(bytes)]);
            }
        }
    }
}

impl ChangeBuffer {
    /// Records that `key` is the string `value` and expires at `expire_at_ms` or never.
    pub fn set_string(
        &mut self,
        keyspace: KeyspaceIndex,
        key: &[u8],
        value: &[u8],
        expire_at_ms: Option<u64>,
    ) {
        let out = self.change(SET_STRING, keyspace, key);
        put_expiry(out, expire_at_ms);
        put_bytes(out, value);
    }

    /// Records that the string at `key` has `bytes` from `offset` on.
    pub fn patch_string(&mut self, keyspace: KeyspaceIndex, key: &[u8], offset: usize, bytes: &[u8]) {
        let out = self.change(PATCH_STRING, keyspace, key);
        put_varint(out, offset as u64);
        put_bytes(out, bytes);
    }
}
