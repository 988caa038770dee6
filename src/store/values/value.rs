//! What a key holds.

use super::members::Members;
use crate::ranking::{RankedMembers, Ranking};
use crate::store::keys::small_bytes::SmallBytes;

/// A key's value.
pub enum Value {
    /// A byte string.
    String(SmallBytes),
    /// A set of members.
    Set(Box<Members>),
    /// A sorted set.
    Ranking(Box<Ranking>),
}

/// The type of a key's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A byte string.
    String,
    /// A set.
    Set,
    /// A sorted set.
    Ranking,
}

impl Kind {
    /// The type's name as TYPE and SCAN spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Set => "set",
            Self::Ranking => "zset",
        }
    }
}

impl Value {
    /// The bytes of memory that the value takes beside the entry it stands in; see [`Members::memory_bytes`].
    #[must_use]
    pub fn memory_bytes(&self, samples: usize) -> usize {
        match self {
            Self::String(bytes) => bytes.heap_bytes(),
            Self::Set(members) => members.memory_bytes(samples),
            Self::Ranking(ranking) => ranking.memory_bytes(),
        }
    }

    /// The value's type.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::String(_) => Kind::String,
            Self::Set(_) => Kind::Set,
            Self::Ranking(_) => Kind::Ranking,
        }
    }
}

/// The key holds a value of another type than the operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongType;

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a {}", self.kind().name())
    }
}
