//! An entry as it stands in its block.

use super::id::StreamId;
use crate::store::values::words::{self, Text};

/// An entry of a stream: its id, and its fields with their values, in the order in which they were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamEntry<'a> {
    /// Its id.
    pub id: StreamId,
    pub(super) fields: usize,
    /// The names of the fields, if the entry shares them with its block.
    pub(super) shared: Option<&'a [u8]>,
    /// The values, or fields and values in turn.
    pub(super) words: &'a [u8],
}

impl<'a> StreamEntry<'a> {
    /// The number of fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields == 0
    }

    /// Each field with its value.
    pub fn pairs(&self) -> impl Iterator<Item = (Text<'a>, Text<'a>)> + use<'a> {
        let (mut names, mut rest) = (self.shared, self.words);
        (0..self.fields).map(move |_| {
            let (name, after) = words::split(names.unwrap_or(rest));
            if names.is_some() {
                names = Some(after);
            } else {
                rest = after;
            }
            let (value, after) = words::split(rest);
            rest = after;
            (name, value)
        })
    }
}
