//! An element of a value of any type, as a walk visits it.

use super::board::Attained;
use super::stream::{StreamEntry, StreamPart};
use crate::ranking::Score;

/// An element of a value, as a walk visits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element<'a> {
    /// A whole string.
    Bytes(&'a [u8]),
    /// An element of a list.
    Listed(&'a [u8]),
    /// A member of a set.
    Member(&'a [u8]),
    /// A member of a sorted set, and its score.
    Scored(&'a [u8], Score),
    /// A member of a sorted set with a policy, and what it attained.
    Attained(&'a [u8], Attained),
    /// A field of a hash, its value, and the unix millisecond at which it expires, `None`: never.
    Field(&'a [u8], &'a [u8], Option<u64>),
    /// A part of a stream.
    Part(StreamPart<'a>),
}

impl<'a> Element<'a> {
    /// The element itself, without what belongs to it.
    #[must_use]
    pub fn name(self) -> &'a [u8] {
        match self {
            Self::Bytes(name)
            | Self::Listed(name)
            | Self::Member(name)
            | Self::Scored(name, _)
            | Self::Attained(name, _)
            | Self::Field(name, ..) => name,
            Self::Part(_) => b"",
        }
    }
}

/// What belongs to an element beside its name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Beside<'a> {
    /// Its place among the elements.
    Order,
    /// Nothing: the elements are a set.
    Nothing,
    /// A score.
    Score(Score),
    /// The score and the moment of a member of a board with a policy.
    Attained(Attained),
    /// A value.
    Value {
        /// The value.
        bytes: &'a [u8],
        /// Whether the element expires by itself.
        expires: bool,
    },
    /// Its place in a stream, its id and its fields.
    Entry(StreamEntry<'a>),
    /// It is no content: it tells of the value, as the groups of a stream do.
    Told,
}

impl<'a> Element<'a> {
    /// What belongs to the element beside its name.
    #[must_use]
    pub fn beside(self) -> Beside<'a> {
        match self {
            Self::Bytes(_) | Self::Listed(_) => Beside::Order,
            Self::Member(_) => Beside::Nothing,
            Self::Scored(_, score) => Beside::Score(score),
            Self::Attained(_, attained) => Beside::Attained(attained),
            Self::Field(_, bytes, expire_at_ms) => Beside::Value { bytes, expires: expire_at_ms.is_some() },
            Self::Part(StreamPart::Entry(entry)) => Beside::Entry(entry),
            Self::Part(
                StreamPart::Made
                | StreamPart::Head(_)
                | StreamPart::Producers(_)
                | StreamPart::RequestId(..)
                | StreamPart::Group(..)
                | StreamPart::Consumer(..)
                | StreamPart::Pending(..),
            ) => Beside::Told,
        }
    }
}
