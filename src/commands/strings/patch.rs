//! Bytes written into strings: the one way for SETRANGE, APPEND, bitmaps and HyperLogLogs.

use crate::store::{ByteString, Missing, Writer, WrongType};
use std::collections::BTreeMap;

/// Bytes, and where in a string they stand from now on.
#[derive(Clone, Copy, Debug)]
pub(in crate::commands) struct Patch<'p> {
    /// Where the first of them stands.
    pub(in crate::commands) offset: usize,
    /// The bytes.
    pub(in crate::commands) bytes: &'p [u8],
}

/// Makes `patches` true of the string at `key`, which is as empty if it is missing: where it is too short, it is filled with
/// zeros. Its lifetime stays. Event `event`, if there is one; clients that watch the key learn of the change in any case.
///
/// # Errors
/// The key holds another type; nothing is changed then.
pub(in crate::commands) fn patch_string(
    keys: &mut Writer<'_, '_>,
    key: &[u8],
    event: impl Into<Option<&'static str>>,
    patches: &[Patch<'_>],
) -> Result<(), WrongType> {
    keys.edit::<ByteString, _>(key, Missing::Create, event, |string| {
        patches.iter().for_each(|patch| string.patch(patch.offset, patch.bytes));
    })?;
    Ok(())
}

/// A string with bytes written over it that are not in it yet.
#[derive(Debug)]
pub(in crate::commands) struct Draft<'s> {
    string: &'s [u8],
    written: BTreeMap<usize, u8>,
}

impl<'s> Draft<'s> {
    /// Nothing is written over `string` yet.
    pub(in crate::commands) fn over(string: &'s [u8]) -> Self {
        Self { string, written: BTreeMap::new() }
    }

    /// The byte at a place, 0 behind the end.
    pub(in crate::commands) fn byte(&self, place: usize) -> u8 {
        let written = self.written.get(&place).copied();
        written.or_else(|| self.string.get(place).copied()).unwrap_or(0)
    }

    /// Writes a byte.
    pub(in crate::commands) fn set_byte(&mut self, place: usize, byte: u8) {
        self.written.insert(place, byte);
    }

    /// What was written: each row of neighbours, and where it begins.
    pub(in crate::commands) fn into_rows(self) -> Vec<(usize, Vec<u8>)> {
        let mut rows: Vec<(usize, Vec<u8>)> = Vec::new();
        for (place, byte) in self.written {
            match rows.last_mut() {
                Some((start, row)) if *start + row.len() == place => row.push(byte),
                _ => rows.push((place, vec![byte])),
            }
        }
        rows
    }
}

/// Rows as patches.
pub(in crate::commands) fn patches(rows: &[(usize, Vec<u8>)]) -> Vec<Patch<'_>> {
    rows.iter().map(|(offset, bytes)| Patch { offset: *offset, bytes }).collect()
}
