//! The list of the types of values. Every `match` over types is in this file and has no catch-all arm. ARCHITECTURE.md
//! lists the few exceptions under *Adding a value type*.

use super::board::change::{self as board, BoardChange};
use super::board::{Board, BoardRules, BoardTime, Points};
pub use super::element::{Beside, Element};
use super::hash::Fields;
use super::hash::change::{self as hash, HashChange};
pub use super::kind::Kind;
use super::list::change::{self as list, ListChange};
use super::list::{End, List};
use super::set::Members;
use super::set::change::{self as set, SetChange};
use super::stored::{Position, ReplayTarget, Stored, WalkOrder};
use super::stream::Stream;
use super::stream::change::{self as stream, StreamChange};
use super::string::ByteString;
use super::string::change::{self as string, StringChange};
use crate::store::change::buffer::ChangeBuffer;
use crate::store::change::codec::Malformed;
use crate::store::numbers::KeyspaceIndex;

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
    /// A stream.
    Stream(Box<Stream>),
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
            Value::Stream($name) => $call,
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
            Self::Stream(_) => Kind::Stream,
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

    /// See [`Stored::stays_when_empty`].
    #[must_use]
    pub fn stays_when_empty(&self) -> bool {
        each!(self, value => value.stays_when_empty())
    }

    /// What a sorted set with a policy has beside its members; `None` for other values.
    #[must_use]
    pub fn rules(&self) -> Option<&BoardRules> {
        match self {
            Self::SortedSet(board) => board.rules(),
            Self::String(_) | Self::List(_) | Self::Set(_) | Self::Hash(_) | Self::Stream(_) => None,
        }
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
    /// Records what a value has beside its elements, before them.
    pub fn head(&mut self, keyspace: KeyspaceIndex, key: &[u8], rules: Option<&BoardRules>) {
        if let Some(rules) = rules {
            self.set_rules(keyspace, key, rules);
            rules.ids.iter().for_each(|(ordinal, id)| self.note_id(keyspace, key, ordinal, id));
        }
    }

    /// Records that `element` is in the value at `key`. The Change includes `expire_at_ms` if `Kind::says_expiry`
    /// holds for the type.
    pub fn element(
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
            Element::Attained(member, attained) => {
                // The clock is in the rules.
                let has_moment = attained.moment != BoardTime::default();
                self.set_attained(keyspace, key, member, attained, has_moment.then_some(false));
            }
            Element::Part(part) => self.stream_part(keyspace, key, part),
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
    /// Of a stream.
    Stream(StreamChange<'a>),
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
            board::SET_SCORES
            | board::REMOVE_SCORES
            | board::SET_ATTAINED
            | board::SET_RULES
            | board::NOTE_IDS => BoardChange::take(operation, body).map(Self::SortedSet),
            hash::SET_FIELDS | hash::REMOVE_FIELDS | hash::EXPIRE_FIELDS => {
                HashChange::take(operation, body).map(Self::Hash)
            }
            stream::MAKE_STREAM..=stream::REMOVE_PENDING | stream::SET_PRODUCERS..=stream::COUNT_REQUESTS => {
                StreamChange::take(operation, body).map(Self::Stream)
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
            Self::Stream(_) => Kind::Stream,
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
            Self::Stream(change) => change.makes_value(),
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
            Some(Self::Stream(_)) => run!(Stream, Stream),
        }
    }

    /// Whether a sorted set of doubles without a policy ends with it.
    pub(in crate::store) fn ends_plain_board(&self) -> bool {
        match self {
            Self::SortedSet(change) => change.ends_plain_board(),
            Self::String(_) | Self::List(_) | Self::Set(_) | Self::Hash(_) | Self::Stream(_) => {
                self.makes_value()
            }
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
            Self::Stream(change) => change.lines(line),
        }
    }
}

/// A word of a Change's line, after its operation and its key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Word<'a> {
    /// Bytes, to be quoted.
    Bytes(&'a [u8]),
    /// A score.
    Score(Points),
    /// A whole number.
    Number(u64),
    /// When the key expires, in unix milliseconds; `None`: never.
    Expiry(Option<u64>),
}
