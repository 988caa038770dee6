//! The list of the types of values. Every `match` over types is in this file and has no catch-all arm. ARCHITECTURE.md
//! lists the few exceptions under *Adding a value type*.

use super::board::Board;
use super::board::change::{self as board, BoardChange};
pub use super::element::{Beside, Element};
use super::hash::Fields;
use super::hash::change::{self as hash, HashChange};
use super::list::change::{self as list, ListChange};
use super::list::{End, List};
use super::set::Members;
use super::set::change::{self as set, SetChange};
use super::stored::{Position, ReplayTarget, Stored, WalkOrder};
use super::string::ByteString;
use super::string::change::{self as string, StringChange};
use crate::ranking::Score;
use crate::store::change::buffer::ChangeBuffer;
use crate::store::change::codec::Malformed;
use crate::store::numbers::KeyspaceIndex;

/// The type of a key's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A byte string.
    String,
    /// A list.
    List,
    /// A set.
    Set,
    /// A sorted set.
    SortedSet,
    /// A hash.
    Hash,
}

impl Kind {
    /// All types.
    pub const ALL: [Self; 5] = [Self::String, Self::List, Self::Set, Self::SortedSet, Self::Hash];

    /// The type's name in the replies of TYPE and SCAN.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "zset",
            Self::Hash => "hash",
        }
    }

    /// What INFO's keysizes call the sizes of the type's values.
    #[must_use]
    pub fn sizes_name(self) -> &'static str {
        match self {
            Self::String => "strings_sizes",
            Self::List => "lists_items",
            Self::Set => "sets_items",
            Self::SortedSet => "zsets_items",
            Self::Hash => "hashes_items",
        }
    }

    /// The type's number in Redis, which DEBUG DIGEST mixes in.
    #[must_use]
    pub fn redis_number(self) -> u32 {
        match self {
            Self::String => 0,
            Self::List => 1,
            Self::Set => 2,
            Self::SortedSet => 3,
            Self::Hash => 4,
        }
    }

    /// The plural for texts: "sorted sets".
    #[must_use]
    pub fn plural_name(self) -> &'static str {
        match self {
            Self::String => "strings",
            Self::List => "lists",
            Self::Set => "sets",
            Self::SortedSet => "sorted sets",
            Self::Hash => "hashes",
        }
    }

    /// The name of the type's elements in texts; `None` if the value is one element.
    #[must_use]
    pub fn element_name(self) -> Option<&'static str> {
        match self {
            Self::String => None,
            Self::List => Some("elements"),
            Self::Set | Self::SortedSet => Some("members"),
            Self::Hash => Some("fields"),
        }
    }

    /// Whether the Change that makes a value of the type includes the expiry.
    pub(in crate::store) fn says_expiry(self) -> bool {
        match self {
            Self::String => true,
            Self::List | Self::Set | Self::SortedSet | Self::Hash => false,
        }
    }

    /// Whether elements of such a value can expire ([`Stored::first_due_ms`]).
    pub(in crate::store) fn dates_elements(self) -> bool {
        match self {
            Self::String | Self::List | Self::Set | Self::SortedSet => false,
            Self::Hash => true,
        }
    }

    /// Whether its Changes say what was done to a value rather than what is true of it, so that each must be applied
    /// exactly once.
    pub(in crate::store) fn changes_by_steps(self) -> bool {
        match self {
            Self::List => true,
            Self::String | Self::Set | Self::SortedSet | Self::Hash => false,
        }
    }
}

/// A key's value.
pub enum Value {
    /// A byte string.
    String(ByteString),
    /// A list of elements.
    List(Box<List>),
    /// A set of members.
    Set(Members),
    /// A sorted set.
    SortedSet(Box<Board>),
    /// A hash.
    Hash(Fields),
}

/// Calls a method of the value in `$value`, whatever its type.
macro_rules! each {
    ($value:expr, $name:ident => $call:expr) => {
        match $value {
            Value::String($name) => $call,
            Value::List($name) => $call,
            Value::Set($name) => $call,
            Value::SortedSet($name) => $call,
            Value::Hash($name) => $call,
        }
    };
}

impl Value {
    /// The value's type.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::String(_) => Kind::String,
            Self::List(_) => Kind::List,
            Self::Set(_) => Kind::Set,
            Self::SortedSet(_) => Kind::SortedSet,
            Self::Hash(_) => Kind::Hash,
        }
    }

    /// See [`Stored::elements`].
    #[must_use]
    pub fn elements(&self) -> usize {
        each!(self, value => value.elements())
    }

    /// See [`Stored::size`].
    #[must_use]
    pub fn size(&self) -> usize {
        each!(self, value => value.size())
    }

    /// See [`Stored::first_due_ms`].
    #[must_use]
    pub(in crate::store) fn first_due_ms(&self) -> Option<u64> {
        each!(self, value => value.first_due_ms())
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

    /// See [`Stored::of_this_moment`].
    pub(in crate::store) fn of_this_moment(&self) -> Option<Self> {
        each!(self, value => value.of_this_moment())
    }

    /// Whether some of its elements expire by themselves.
    #[must_use]
    pub fn has_dated_elements(&self) -> bool {
        self.first_due_ms().is_some()
    }

    /// Calls `see` with every element, in the order of the value. O(n).
    pub fn visit(&self, see: &mut dyn FnMut(Element<'_>)) {
        self.walk(None, usize::MAX, WalkOrder::InOrder, see);
    }

    /// See [`Stored::copy`].
    pub(in crate::store) fn copy(&self) -> Self {
        each!(self, value => value.copy())
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

impl ChangeBuffer {
    /// Records that `element` is in the value at `key`. The Change includes `expire_at_ms` if [`Kind::says_expiry`]
    /// holds for the type.
    pub(in crate::store) fn element(
        &mut self,
        keyspace: KeyspaceIndex,
        key: &[u8],
        element: Element<'_>,
        expire_at_ms: Option<u64>,
    ) {
        match element {
            Element::Bytes(value) => self.set_string(keyspace, key, value, expire_at_ms),
            Element::Listed(element) => self.push_element(keyspace, key, End::Back, element),
            Element::Member(member) => self.add_member(keyspace, key, member),
            Element::Scored(member, score) => self.set_score(keyspace, key, member, score),
            Element::Field(field, value, field_expires_at_ms) => {
                self.set_field(keyspace, key, field, value);
                if field_expires_at_ms.is_some() {
                    self.expire_field(keyspace, key, field, field_expires_at_ms);
                }
            }
        }
    }
}

/// A Change of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueChange<'a> {
    /// Of a string.
    String(StringChange<'a>),
    /// Of a list.
    List(ListChange<'a>),
    /// Of a set.
    Set(SetChange<'a>),
    /// Of a sorted set.
    SortedSet(BoardChange<'a>),
    /// Of a hash.
    Hash(HashChange<'a>),
}

impl<'a> ValueChange<'a> {
    /// Decodes the Change with the number `operation` from the front of `body`.
    pub(in crate::store) fn take(operation: u8, body: &mut &'a [u8]) -> Result<Self, Malformed> {
        match operation {
            string::SET_STRING | string::PATCH_STRING => {
                StringChange::take(operation, body).map(Self::String)
            }
            list::PUSH_FRONT..=list::REMOVE_LAST => ListChange::take(operation, body).map(Self::List),
            set::ADD_MEMBERS | set::REMOVE_MEMBERS => SetChange::take(operation, body).map(Self::Set),
            board::SET_SCORES | board::REMOVE_SCORES => {
                BoardChange::take(operation, body).map(Self::SortedSet)
            }
            hash::SET_FIELDS | hash::REMOVE_FIELDS | hash::EXPIRE_FIELDS => {
                HashChange::take(operation, body).map(Self::Hash)
            }
            _ => Err(Malformed),
        }
    }

    /// The type of value that the Change is about.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::String(_) => Kind::String,
            Self::List(_) => Kind::List,
            Self::Set(_) => Kind::Set,
            Self::SortedSet(_) => Kind::SortedSet,
            Self::Hash(_) => Kind::Hash,
        }
    }

    /// Whether a value of its type exists after it, whatever was there before.
    #[must_use]
    pub fn makes_value(&self) -> bool {
        match self {
            Self::String(change) => change.makes_value(),
            Self::List(change) => change.makes_value(),
            Self::Set(change) => change.makes_value(),
            Self::SortedSet(change) => change.makes_value(),
            Self::Hash(change) => change.makes_value(),
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
            Some(Self::List(_)) => run!(List, List),
            Some(Self::Set(_)) => run!(Set, Members),
            Some(Self::SortedSet(_)) => run!(SortedSet, Board),
            Some(Self::Hash(_)) => run!(Hash, Fields),
        }
    }

    /// Calls `line` with each fact of the Change, in words.
    pub fn lines(self, line: &mut dyn FnMut(&str, &[Word<'_>])) {
        match self {
            Self::String(change) => change.lines(line),
            Self::List(change) => change.lines(line),
            Self::Set(change) => change.lines(line),
            Self::SortedSet(change) => change.lines(line),
            Self::Hash(change) => change.lines(line),
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
