//! The names and traits of the types of values.

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
    /// A stream.
    Stream,
}

impl Kind {
    /// All types.
    pub const ALL: [Self; 6] =
        [Self::String, Self::List, Self::Set, Self::SortedSet, Self::Hash, Self::Stream];

    /// The type's name in the replies of TYPE and SCAN.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "zset",
            Self::Hash => "hash",
            Self::Stream => "stream",
        }
    }

    /// What INFO's keysizes call the sizes of the type's values; `None` if it does not tell them.
    #[must_use]
    pub fn sizes_name(self) -> Option<&'static str> {
        match self {
            Self::String => Some("strings_sizes"),
            Self::List => Some("lists_items"),
            Self::Set => Some("sets_items"),
            Self::SortedSet => Some("zsets_items"),
            Self::Hash => Some("hashes_items"),
            Self::Stream => None,
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
            Self::Stream => 6,
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
            Self::Stream => "streams",
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
            Self::Stream => Some("parts"),
        }
    }

    /// Whether the Change that makes a value of the type includes the expiry.
    pub(in crate::store) fn says_expiry(self) -> bool {
        match self {
            Self::String => true,
            Self::List | Self::Set | Self::SortedSet | Self::Hash | Self::Stream => false,
        }
    }

    /// Whether elements of such a value can expire ([`Stored::first_due_ms`]).
    pub(in crate::store) fn dates_elements(self) -> bool {
        match self {
            Self::String | Self::List | Self::Set | Self::SortedSet | Self::Stream => false,
            Self::Hash => true,
        }
    }

    /// Whether its Changes say what was done to a value rather than what is true of it, so that each must be applied
    /// exactly once.
    #[must_use]
    pub fn changes_by_steps(self) -> bool {
        match self {
            Self::List => true,
            Self::String | Self::Set | Self::SortedSet | Self::Hash | Self::Stream => false,
        }
    }
}
