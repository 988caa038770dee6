//! The list of the types of values. Every `match` over types is in this file and has no catch-all arm. ARCHITECTURE.md
//! lists the few exceptions under *Adding a value type*.

use super::board::Board;
use super::board::change::{self as board, BoardChange};
use super::set::Members;
use super::set::change::{self as set, SetChange};
use super::stored::{Position, ReplayTarget, Stored, WalkOrder};
use super::string::ByteString;
use super::string::change::{self as string, StringChange};
use crate::ranking::Score;
use crate::store::change::buffer::ChangeBuffer;
use crate::store::change::codec::Malformed;
use crate::store::numbers::DatabaseIndex;

/// The type of a key's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A byte string.
    String,
    /// A set.
    Set,
    /// A sorted set.
    SortedSet,
}

impl Kind {
    /// All types.
    pub const ALL: [Self; 3] = [Self::String, Self::Set, Self::SortedSet];

    /// The type's name in the replies of TYPE and SCAN.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Set => "set",
            Self::SortedSet => "zset",
        }
    }

    /// The plural for texts: "sorted sets".
    #[must_use]
    pub fn plural_name(self) -> &'static str {
        match self {
            Self::String => "strings",
            Self::Set => "sets",
            Self::SortedSet => "sorted sets",
        }
    }

    /// The name of the type's elements in texts; `None` if the value is one element.
    #[must_use]
    pub fn element_name(self) -> Option<&'static str> {
        match self {
            Self::String => None,
            Self::Set | Self::SortedSet => Some("members"),
        }
    }

    /// Whether the Change that makes a value of the type includes the expiry.
    pub(in crate::store) fn says_expiry(self) -> bool {
        match self {
            Self::String => true,
            Self::Set | Self::SortedSet => false,
        }
    }
}

/// A key's value.
pub enum Value {
    /// A byte string.
    String(ByteString),
    /// A set of members.
    Set(Box<Members>),
    /// A sorted set.
    SortedSet(Box<Board>),
}

/// Calls a method of the value in `$value`, whatever its type.
macro_rules! each {
    ($value:expr, $name:ident => $call:expr) => {
        match $value {
            Value::String($name) => $call,
            Value::Set($name) => $call,
            Value::SortedSet($name) => $call,
        }
    };
}

impl Value {
    /// The value's type.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::String(_) => Kind::String,
            Self::Set(_) => Kind::Set,
            Self::SortedSet(_) => Kind::SortedSet,
        }
    }

    /// See [`Stored::elements`].
    #[must_use]
    pub fn elements(&self) -> usize {
        each!(self, value => value.elements())
    }

    /// See [`Stored::memory_bytes`].
    #[must_use]
    pub fn memory_bytes(&self, samples: usize) -> usize {
        each!(self, value => value.memory_bytes(samples))
    }

    /// See [`Stored::allocations`].
    pub(in crate::store) fn allocations(&self) -> usize {
        each!(self, value => value.allocations())
    }

    /// See [`Stored::prefetch`].
    pub(in crate::store) fn prefetch(&self) {
        each!(self, value => value.prefetch());
    }

    /// See [`Stored::check`].
    pub fn check(&self) {
        each!(self, value => value.check());
    }

    /// See [`Stored::walk`].
    pub(in crate::store) fn walk(
        &self,
        from: Option<&Position>,
        most: usize,
        order: WalkOrder,
        see: &mut dyn FnMut(Element<'_>),
    ) -> Option<Position> {
        each!(self, value => value.walk(from, most, order, see))
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a {}", self.kind().name())
    }
}

/// The key holds a value of another type than the operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongType;

/// An element of a value, as a walk visits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element<'a> {
    /// A whole string.
    Bytes(&'a [u8]),
    /// A member of a set.
    Member(&'a [u8]),
    /// A member of a sorted set, and its score.
    Scored(&'a [u8], Score),
}

impl ChangeBuffer {
    /// Records that `element` is in the value at `key`. The Change includes `expire_at_ms` if [`Kind::says_expiry`]
    /// holds for the type.
    pub(in crate::store) fn element(
        &mut self,
        database: DatabaseIndex,
        key: &[u8],
        element: Element<'_>,
        expire_at_ms: Option<u64>,
    ) {
        match element {
            Element::Bytes(value) => self.set_string(database, key, value, expire_at_ms),
            Element::Member(member) => self.add_member(database, key, member),
            Element::Scored(member, score) => self.set_score(database, key, member, score),
        }
    }
}

/// A Change of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueChange<'a> {
    /// Of a string.
    String(StringChange<'a>),
    /// Of a set.
    Set(SetChange<'a>),
    /// Of a sorted set.
    SortedSet(BoardChange<'a>),
}

impl<'a> ValueChange<'a> {
    /// Decodes the Change with the number `operation` from the front of `body`.
    pub(in crate::store) fn take(operation: u8, body: &mut &'a [u8]) -> Result<Self, Malformed> {
        match operation {
            string::SET_STRING | string::PATCH_STRING => {
                StringChange::take(operation, body).map(Self::String)
            }
            set::ADD_MEMBERS | set::REMOVE_MEMBERS => SetChange::take(operation, body).map(Self::Set),
            board::SET_SCORES | board::REMOVE_SCORES => {
                BoardChange::take(operation, body).map(Self::SortedSet)
            }
            _ => Err(Malformed),
        }
    }

    /// The type of value that the Change is about.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::String(_) => Kind::String,
            Self::Set(_) => Kind::Set,
            Self::SortedSet(_) => Kind::SortedSet,
        }
    }

    /// Whether a value of its type exists after it, whatever was there before.
    #[must_use]
    pub fn makes_value(&self) -> bool {
        match self {
            Self::String(change) => change.makes_value(),
            Self::Set(change) => change.makes_value(),
            Self::SortedSet(change) => change.makes_value(),
        }
    }

    /// Applies consecutive Changes of the first one's type. Returns how many they are, and the result of
    /// [`Stored::apply`].
    pub(in crate::store) fn apply(
        key: &mut dyn ReplayTarget,
        changes: impl Iterator<Item = Self> + Clone,
    ) -> (usize, usize) {
        macro_rules! run {
            ($kind:ident, $stored:ty) => {{
                let run = changes.map_while(|change| match change {
                    Self::$kind(change) => Some(change),
                    _ => None,
                });
                (run.clone().count(), <$stored>::apply(key, run))
            }};
        }
        match changes.clone().next() {
            None => (0, 0),
            Some(Self::String(_)) => run!(String, ByteString),
            Some(Self::Set(_)) => run!(Set, Members),
            Some(Self::SortedSet(_)) => run!(SortedSet, Board),
        }
    }

    /// Calls `line` with each fact of the Change, in words.
    pub fn lines(self, line: &mut dyn FnMut(&str, &[Word<'_>])) {
        match self {
            Self::String(change) => change.lines(line),
            Self::Set(change) => change.lines(line),
            Self::SortedSet(change) => change.lines(line),
        }
    }
}

/// A word of a Change's line, after its operation and its key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Word<'a> {
    /// Bytes, to be quoted.
    Bytes(&'a [u8]),
    /// A score.
    Score(Score),
    /// A whole number.
    Number(u64),
    /// When the key expires, in unix milliseconds; `None`: never.
    Expiry(Option<u64>),
}
