//! The Changes of a hash.

use super::Fields;
use crate::store::change::buffer::ChangeBuffer;
use crate::store::change::codec::{
    EncodedNames, Malformed, put_bytes, put_expiry, take_bytes, take_count, take_expiry, take_while,
};
use crate::store::numbers::KeyspaceIndex;
use crate::store::values::kinds::Word;
use crate::store::values::stored::{ReplayTarget, Stored};

// The numbers of the Changes.
pub(in crate::store) const SET_FIELDS: u8 = 12;
pub(in crate::store) const REMOVE_FIELDS: u8 = 13;
pub(in crate::store) const EXPIRE_FIELDS: u8 = 14;

/// A Change of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashChange<'a> {
    /// These fields have these values and never expire.
    SetFields(EncodedFields<'a>),
    /// These fields do not exist.
    RemoveFields(EncodedNames<'a>),
    /// Those of these fields that exist expire at these times, or never.
    ExpireFields(EncodedTimes<'a>),
}

/// A list of (field, value), encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodedFields<'a> {
    count: u32,
    bytes: &'a [u8],
}

impl<'a> EncodedFields<'a> {
    /// The fields in the order they were recorded.
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone {
        let mut rest = self.bytes;
        let mut take = move || take_bytes(&mut rest).expect("checked when it was read");
        (0..self.count).map(move |_| (take(), take()))
    }
}

/// A list of (field, unix milliseconds or never), encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodedTimes<'a> {
    count: u32,
    bytes: &'a [u8],
}

impl<'a> EncodedTimes<'a> {
    /// The fields in the order they were recorded.
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], Option<u64>)> + Clone {
        let mut rest = self.bytes;
        (0..self.count).map(move |_| {
            let at_ms = take_expiry(&mut rest).expect("checked when it was read");
            (take_bytes(&mut rest).expect("checked when it was read"), at_ms)
        })
    }
}

impl<'a> HashChange<'a> {
    /// See [`ValueChange::take`](crate::store::values::kinds::ValueChange::take).
    pub(in crate::store) fn take(operation: u8, body: &mut &'a [u8]) -> Result<Self, Malformed> {
        match operation {
            SET_FIELDS => {
                let count = take_count(body)?;
                let bytes = take_while(body, count, |rest| {
                    take_bytes(rest)?;
                    take_bytes(rest).map(drop)
                })?;
                Ok(Self::SetFields(EncodedFields { count, bytes }))
            }
            REMOVE_FIELDS => EncodedNames::take(body).map(Self::RemoveFields),
            EXPIRE_FIELDS => {
                let count = take_count(body)?;
                let bytes = take_while(body, count, |rest| {
                    take_expiry(rest)?;
                    take_bytes(rest).map(drop)
                })?;
                Ok(Self::ExpireFields(EncodedTimes { count, bytes }))
            }
            _ => Err(Malformed),
        }
    }

    pub(in crate::store) fn makes_value(self) -> bool {
        match self {
            Self::SetFields(_) => true,
            Self::RemoveFields(_) | Self::ExpireFields(_) => false,
        }
    }

    pub(in crate::store) fn apply(self, key: &mut dyn ReplayTarget) {
        match self {
            Self::SetFields(entries) => {
                let value = key.value_or_new(Fields::KIND, |seed| Fields::with_seed(seed).into_value());
                let fields = Fields::of_mut(value).expect("made a hash");
                for (field, value) in entries.iter() {
                    fields.set(field, value);
                }
            }
            Self::RemoveFields(names) => {
                if let Some(fields) = key.value().and_then(Fields::of_mut) {
                    for field in names.iter() {
                        fields.remove(field);
                    }
                }
            }
            Self::ExpireFields(times) => {
                if let Some(fields) = key.value().and_then(Fields::of_mut) {
                    for (field, at_ms) in times.iter() {
                        // A missing field was removed by a later Change, which has not been replayed yet.
                        if fields.get(field).is_some() {
                            fields.set_expiry(field, at_ms);
                        }
                    }
                }
            }
        }
    }

    pub(in crate::store) fn lines(self, line: &mut dyn FnMut(&str, &[Word<'_>])) {
        match self {
            Self::SetFields(entries) => entries.iter().for_each(|(field, value)| {
                line("set-field", &[Word::Bytes(field), Word::Bytes(value)]);
            }),
            Self::RemoveFields(names) => {
                names.iter().for_each(|field| line("remove-field", &[Word::Bytes(field)]));
            }
            Self::ExpireFields(times) => times.iter().for_each(|(field, at_ms)| {
                line("expire-field", &[Word::Bytes(field), Word::Expiry(at_ms)]);
            }),
        }
    }
}

impl ChangeBuffer {
    /// Records that `field` of the hash at `key` has `value` and never expires.
    pub fn set_field(&mut self, keyspace: KeyspaceIndex, key: &[u8], field: &[u8], value: &[u8]) {
        let out = self.entry(SET_FIELDS, keyspace, key);
        put_bytes(out, field);
        put_bytes(out, value);
    }

    /// Records that `field` is not in the hash at `key`.
    pub fn remove_field(&mut self, keyspace: KeyspaceIndex, key: &[u8], field: &[u8]) {
        put_bytes(self.entry(REMOVE_FIELDS, keyspace, key), field);
    }

    /// Records that `field` of the hash at `key` expires at `at_ms`, or never.
    pub fn expire_field(&mut self, keyspace: KeyspaceIndex, key: &[u8], field: &[u8], at_ms: Option<u64>) {
        let out = self.entry(EXPIRE_FIELDS, keyspace, key);
        put_expiry(out, at_ms);
        put_bytes(out, field);
    }
}
