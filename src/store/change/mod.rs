//! A Change: one fact that became true, in bytes. The store and the journal exchange Changes.
//!
//! Changes are absolute (a member *has* this score, a key *does not exist*), never relative. So applying a Change twice
//! ends in the same state. Applying an old Change to a state that contains later ones also does, if those follow again.
//! For this reason a checkpoint can walk the store in steps while writers continue.
//!
//! One Change is not: [`Change::Relocated`], the whole record of a RENAME or MOVE of a large value. It is recorded only while
//! no walk is under way whose result it could be replayed over (docs/decisions/0019-relocations-by-name.md).
//!
//! A command's Changes form one record: after a crash all of them are there or none. [`ChangeBuffer`] collects the
//! records of one lock hold, and [`decode`] reads a record's body. The Changes of a value belong to the value's type
//! and are in its folder under `store/values`; [`speller`] writes Changes as commands for another server.
//! docs/journal-format.md draws the bytes.
//!
//! Numbers are LEB128 varints, except scores (8 bytes, little endian, IEEE double) and entry counts (4 bytes, little
//! endian, filled in when the last entry is known). Byte strings carry their length in front.

pub(super) mod basis;
pub(super) mod buffer;
pub(super) mod codec;
pub mod feed;
mod libraries;
pub(super) mod numbering;
pub(super) mod operation;
pub mod position;
pub mod readers;
pub(super) mod relocation;
pub(super) mod replay;
pub(super) mod seq;
pub mod sink;
pub mod speller;
pub(super) mod template;
#[cfg(test)]
mod tests;

pub use buffer::ChangeBuffer;
pub use codec::{EncodedNames, Malformed};
pub use numbering::{DatabaseNumbering, EncodedNumbering};
pub use relocation::{Destination, KeyPlace, Relocation};
pub use template::EncodedTemplate;

use super::numbers::KeyspaceIndex;
use super::values::kinds::ValueChange;
use codec::{take_bytes, take_expiry, take_keyspace};
use position::{FollowedPosition, StreamPlace};

/// One fact that became true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// About one key.
    Key {
        /// The key's keyspace.
        keyspace: KeyspaceIndex,
        /// The key.
        key: &'a [u8],
        /// The fact.
        what: What<'a>,
    },
    /// What was at the first place is now at the second, with its expiry, and nothing else is; the first place is empty. This
    /// is true once: see [`super::Snapshot`] for when it is recorded.
    Relocated(Relocation<'a>),
    /// The keyspace holds no key.
    FlushDatabase(KeyspaceIndex),
    /// No keyspace holds a key.
    FlushAll,
    /// Databases have these keyspaces.
    Numbered(EncodedNumbering<'a>),
    /// New boards whose keys begin with a prefix get a policy, or none.
    Templated(EncodedTemplate<'a>),
    /// The library of functions with this name has this text, or there is none.
    Library {
        /// The library's name.
        name: &'a [u8],
        /// Its text.
        text: Option<&'a [u8]>,
    },
    /// The store follows this stream, or none.
    Follows(Option<FollowedPosition>),
    /// The store has followed its stream up to here.
    Reached(StreamPlace),
    /// The command's Changes continue in the next record. It is the first Change of its record, and changes nothing
    /// itself.
    Continued,
}

/// A fact about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// Its value has these contents, or does not have them.
    Value(ValueChange<'a>),
    /// The key expires at this time (unix milliseconds), or never.
    Expiry(Option<u64>),
    /// The key does not exist.
    Dropped,
}

impl What<'_> {
    /// Whether this ends a sorted set without a policy: none is at the key afterwards.
    pub(in crate::store) fn ends_plain_board(&self) -> bool {
        match self {
            Self::Value(change) => change.ends_plain_board(),
            Self::Expiry(_) => false,
            Self::Dropped => true,
        }
    }
}

impl Change<'_> {
    /// The highest number of a keyspace that is named in the Change; `None` if it names none.
    #[must_use]
    pub fn highest_keyspace(&self) -> Option<KeyspaceIndex> {
        match *self {
            Self::Key { keyspace, .. } | Self::FlushDatabase(keyspace) => Some(keyspace),
            Self::Relocated(relocation) => {
                relocation.places().map(|(keyspace, _)| keyspace).into_iter().max()
            }
            Self::Numbered(numbering) => numbering.highest(),
            Self::FlushAll
            | Self::Templated(_)
            | Self::Library { .. }
            | Self::Follows(_)
            | Self::Reached(_)
            | Self::Continued => None,
        }
    }
}

/// Reads one Change from the front of `body` and moves `body` past it.
///
/// # Errors
/// [`Malformed`] if the bytes are not exactly what [`ChangeBuffer`] writes. The bytes may be anything.
pub fn decode<'a>(body: &mut &'a [u8]) -> Result<Change<'a>, Malformed> {
    let (&operation, rest) = body.split_first().ok_or(Malformed)?;
    *body = rest;
    match operation {
        operation::FLUSH_ALL => return Ok(Change::FlushAll),
        operation::CONTINUED => return Ok(Change::Continued),
        operation::TEMPLATE => return EncodedTemplate::take(body).map(Change::Templated),
        operation::LIBRARY | operation::DROP_LIBRARY => {
            let (name, text) = libraries::take(operation, body)?;
            return Ok(Change::Library { name, text });
        }
        operation::FOLLOW => return FollowedPosition::take(body).map(Change::Follows),
        operation::REACH => return StreamPlace::take(body).map(Change::Reached),
        operation::NUMBER => return EncodedNumbering::take(body).map(Change::Numbered),
        _ => {}
    }
    let keyspace = take_keyspace(body)?;
    if operation == operation::FLUSH_DATABASE {
        return Ok(Change::FlushDatabase(keyspace));
    }
    let key = take_bytes(body)?;
    let what = match operation {
        operation::SET_EXPIRY => What::Expiry(take_expiry(body)?),
        operation::DROP_KEY => What::Dropped,
        operation::RENAME | operation::MOVE => {
            let to = Destination::take(operation, body)?;
            return Ok(Change::Relocated(Relocation { keyspace, key, to }));
        }
        _ => What::Value(ValueChange::take(operation, body)?),
    };
    Ok(Change::Key { keyspace, key, what })
}

/// Whether the command of the record with this body continues in the next record.
#[must_use]
pub fn is_continued(body: &[u8]) -> bool {
    body.first() == Some(&operation::CONTINUED)
}
