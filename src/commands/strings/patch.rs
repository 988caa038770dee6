//! Writes bytes into a string, for SETRANGE, APPEND, bitmaps and HyperLogLogs.

use crate::store::{ByteString, Missing, Writer, WrongType};
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// Bytes to write at an offset of a string.
#[derive(Clone, Copy, Debug)]
pub(in crate::commands) struct Patch<'p> {
    /// The offset of the first byte.
    pub(in crate::commands) offset: usize,
    /// The bytes.
    pub(in crate::commands) bytes: &'p [u8],
}

/// Writes `patches` into the string at `key`. A missing key counts as an empty string, and a string that is too short is
/// filled with zeros. The expiry stays. Sends `event`, if there is one. Transactions that watch the key are broken in any
/// case.
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

/// A string and bytes that are to be written into it.
#[derive(Debug)]
pub(in crate::commands) struct Draft<'s> {
    string: &'s [u8],
    written: BTreeMap<usize, u8>,
}

impl<'s> Draft<'s> {
    /// A draft of `string` in which nothing is written yet.
    pub(in crate::commands) fn over(string: &'s [u8]) -> Self {
        Self { string, written: BTreeMap::new() }
    }

    /// The byte at a place; 0 after the end.
    pub(in crate::commands) fn byte(&self, place: usize) -> u8 {
        let written = self.written.get(&place).copied();
        written.or_else(|| self.string.get(place).copied()).unwrap_or(0)
    }

    /// Writes a byte.
    pub(in crate::commands) fn set_byte(&mut self, place: usize, byte: u8) {
        self.written.insert(place, byte);
    }

    /// The written bytes: each run of consecutive bytes with its offset.
    pub(in crate::commands) fn into_rows(self) -> SmallVec<[WrittenRow; 2]> {
        let mut rows: SmallVec<[WrittenRow; 2]> = SmallVec::new();
        for (place, byte) in self.written {
            match rows.last_mut() {
                Some((start, row)) if *start + row.len() == place => row.push(byte),
                _ => rows.push((place, SmallVec::from_slice(&[byte]))),
            }
        }
        rows
    }
}

/// Consecutive bytes that were written, behind the offset of the first.
pub(in crate::commands) type WrittenRow = (usize, SmallVec<[u8; 16]>);

/// The runs of [`Draft::into_rows`] as patches.
pub(in crate::commands) fn patches(rows: &[WrittenRow]) -> SmallVec<[Patch<'_>; 2]> {
    rows.iter().map(|(offset, bytes)| Patch { offset: *offset, bytes }).collect()
}
