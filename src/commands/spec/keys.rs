//! Which keys a request touches, and what its command does with them.

use crate::commands::call::Call;
use crate::resp::integer;
use crate::resp::request::Arguments;

/// Calls the function with every key that a request touches.
pub type DeriveKeys = fn(&Call<'_>, &mut dyn FnMut(&[u8]));

/// What this request does with its keys.
pub type AccessOfRequest = fn(&Call<'_>) -> &'static [KeyFlag];

/// Which arguments of a command are keys.
#[derive(Clone, Copy, Debug)]
pub enum Keys {
    /// None.
    None,
    /// The arguments from `first` on, every one up to `last` (negative: from the end).
    Range {
        /// Position of the first key, the command's name being 0.
        first: usize,
        /// Position of the last key; negative counts from the end, 0 means just the first.
        last: i32,
        /// What the command does with them, as COMMAND INFO's key specifications tell it.
        access: &'static [KeyFlag],
    },
    /// As many arguments as the one at `count` says, from the next one on.
    Counted {
        /// Position of the number of keys.
        count: usize,
        /// As in `Range`.
        access: &'static [KeyFlag],
    },
    /// Argument 1, which is overwritten with what is made of `sources`.
    Store {
        /// The keys that are read: a `Range` or `Counted`.
        sources: &'static Keys,
    },
    /// None of its arguments, but keys made from them: the function calls back with each.
    Derived(DeriveKeys),
    /// Arguments, and further keys made from them. Clients route by those that are declared; whoever must know all asks
    /// COMMAND GETKEYS.
    WithDerived {
        /// A `Range` or `Counted`.
        declared: &'static Keys,
        /// Calls back with the others.
        derived: DeriveKeys,
    },
}

impl Keys {
    /// What a command does with the destination of a [`Keys::Store`].
    pub(super) const OVERWRITE: &'static [KeyFlag] = &[KeyFlag::Ow, KeyFlag::Update];

    /// What COMMAND INFO says of the destination of a [`Keys::Store`].
    pub const OVERWRITTEN: Self = Self::Range { first: 1, last: 0, access: Self::OVERWRITE };

    /// Calls back with the positions of the keys in a request that the command's arity admits; keys that are not
    /// arguments have none. A count that makes no sense is taken for one that does: at least one key, so that there is
    /// a lock to hold, and no more than there are arguments. The command itself refuses it.
    pub fn for_each_position(&self, arguments: Arguments<'_>, visit: &mut dyn FnMut(usize)) {
        match *self {
            Self::None | Self::Derived(_) => {}
            Self::WithDerived { declared, .. } => declared.for_each_position(arguments, visit),
            Self::Range { first, last, .. } => {
                let last = match last {
                    0 => first,
                    last if last < 0 => arguments.len().saturating_sub(last.unsigned_abs() as usize),
                    last => last as usize,
                };
                (first..=last).for_each(visit);
            }
            Self::Counted { count, .. } => {
                let stated = key_count(arguments, count).unwrap_or(1);
                let present = arguments.len().saturating_sub(count + 1);
                (count + 1..=count + stated.min(present)).for_each(visit);
            }
            Self::Store { sources } => {
                visit(1);
                sources.for_each_position(arguments, visit);
            }
        }
    }

    /// Whether a request says of its keys how many they are, if it must, and has as many.
    #[must_use]
    pub fn are_complete(&self, arguments: Arguments<'_>) -> bool {
        match *self {
            Self::Counted { count, .. } => {
                key_count(arguments, count).is_some_and(|keys| keys < arguments.len() - count)
            }
            Self::Store { sources } => sources.are_complete(arguments),
            Self::WithDerived { declared, .. } => declared.are_complete(arguments),
            Self::None | Self::Range { .. } | Self::Derived(_) => true,
        }
    }

    /// Those that clients route by: all that are arguments.
    #[must_use]
    pub fn declared(&self) -> &Self {
        if let Self::WithDerived { declared, .. } = self { declared } else { self }
    }

    /// Whether only a request itself tells which of its arguments are keys.
    #[must_use]
    pub fn are_movable(&self) -> bool {
        match self {
            Self::Counted { .. } => true,
            Self::Store { sources } => sources.are_movable(),
            Self::WithDerived { declared, .. } => declared.are_movable(),
            Self::None | Self::Range { .. } | Self::Derived(_) => false,
        }
    }
}

/// The number of keys that the argument at `position` states, if it is one and not 0.
fn key_count(arguments: Arguments<'_>, position: usize) -> Option<usize> {
    let stated = arguments.get(position).and_then(integer::parse)?;
    usize::try_from(stated).ok().filter(|&count| count > 0)
}

/// What a command does with a key, in the words of COMMAND INFO's key specifications. Each key has one of the first four; the others say more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFlag {
    /// Reads the value, or only what is known about it.
    Ro,
    /// Changes the value that is there.
    Rw,
    /// Replaces the value without reading it.
    Ow,
    /// Removes the key.
    Rm,
    /// Returns, copies or compares the user's data.
    Access,
    /// Adds data and changes none.
    Insert,
    /// Changes data that is there.
    Update,
    /// Removes data.
    Delete,
}

impl KeyFlag {
    /// The name in COMMAND INFO.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ro => "RO",
            Self::Rw => "RW",
            Self::Ow => "OW",
            Self::Rm => "RM",
            Self::Access => "access",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// Whether it is one of the four of which each key has one.
    #[must_use]
    pub fn is_main(self) -> bool {
        matches!(self, Self::Ro | Self::Rw | Self::Ow | Self::Rm)
    }
}
