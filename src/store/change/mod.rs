//! A Change: what became true, in bytes. The language between the store and the journal.
//!
//! Changes are absolute (a member *has* this score, a key *is* gone), never relative, so applying one twice, or
//! applying an old one to a state that already contains newer ones which follow it, ends in the same state. That is
//! what lets a checkpoint walk the store in steps while writers go on.
//!
//! A command's Changes form one record: all of them survive a crash or none. [`ChangeBuffer`] collects the records of
//! one lock hold; [`decode`] reads a record's body back. What a Change says of a value belongs to the value's type and
//! stands in its folder under `store/values`; [`speller`] writes Changes as commands of another server.
//! docs/journal-format.md draws the bytes.
//!
//! Numbers are LEB128 varints, except scores (8 bytes, little endian, IEEE double) and entry counts (4 bytes, little
//! endian, filled in when the last entry is known). Byte strings carry their length in front.

pub(super) mod basis;
pub(super) mod buffer;
pub(super) mod codec;
pub mod feed;
pub(super) mod operation;
pub(super) mod replay;
pub(super) mod seq;
pub mod sink;
pub mod speller;
#[cfg(test)]
mod tests;

pub use buffer::ChangeBuffer;
pub use codec::{EncodedNames, Malformed};

use super::numbers::DatabaseIndex;
use super::values::kinds::{Kind, ValueChange};
use codec::{take_bytes, take_expiry, take_varint};

/// One thing that became true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// Of one key.
    Key {
        /// The database that the key is in.
        database: DatabaseIndex,
        /// The key.
        key: &'a [u8],
        /// What became true of it.
        what: What<'a>,
    },
    /// The database holds no key.
    FlushDatabase(DatabaseIndex),
    /// No database holds a key.
    FlushAll,
    /// What the command did goes on in the next record. The first of its record's Changes, and no change itself.
    Continued,
}

/// What became true of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// This is in its value, or is not.
    Value(ValueChange<'a>),
    /// It expires at this time (unix milliseconds), or never.
    Expiry(Option<u64>),
    /// It does not exist.
    Dropped,
}

impl What<'_> {
    /// Whether a value of type `kind` that is at the key is there no more afterwards.
    pub(in crate::store) fn ends(&self, kind: Kind) -> bool {
        match self {
            Self::Value(change) => change.makes_value() && change.kind() != kind,
            Self::Expiry(_) => false,
            Self::Dropped => true,
        }
    }
}

impl<'a> Change<'a> {
    /// The database it is about, `None` if about all.
    #[must_use]
    pub fn database(&self) -> Option<DatabaseIndex> {
        match *self {
            Self::Key { database, .. } | Self::FlushDatabase(database) => Some(database),
            Self::FlushAll | Self::Continued => None,
        }
    }

    /// The key it is about, `None` if about many.
    #[must_use]
    pub fn key(&self) -> Option<&'a [u8]> {
        match *self {
            Self::Key { key, .. } => Some(key),
            Self::FlushDatabase(_) | Self::FlushAll | Self::Continued => None,
        }
    }
}

/// Reads one Change from the front of `body` and moves `body` past it.
///
/// # Errors
/// [`Malformed`] if the bytes are not exactly what [`ChangeBuffer`] writes; nothing in them is trusted.
pub fn decode<'a>(body: &mut &'a [u8]) -> Result<Change<'a>, Malformed> {
    let (&operation, rest) = body.split_first().ok_or(Malformed)?;
    *body = rest;
    match operation {
        operation::FLUSH_ALL => return Ok(Change::FlushAll),
        operation::CONTINUED => return Ok(Change::Continued),
        _ => {}
    }
    let database = u32::try_from(take_varint(body)?).map_err(|_| Malformed)?;
    if operation == operation::FLUSH_DATABASE {
        return Ok(Change::FlushDatabase(database));
    }
    let key = take_bytes(body)?;
    let what = match operation {
        operation::SET_EXPIRY => What::Expiry(take_expiry(body)?),
        operation::DROP_KEY => What::Dropped,
        _ => What::Value(ValueChange::take(operation, body)?),
    };
    Ok(Change::Key { database, key, what })
}

/// Whether a record's body says that its command goes on in the next record.
#[must_use]
pub fn is_continued(body: &[u8]) -> bool {
    body.first() == Some(&operation::CONTINUED)
}
