//! Which keys a request touches, and what its command does with them.

use crate::commands::call::Call;
use crate::resp::integer;
use crate::resp::request::Arguments;

/// Calls the function with every key that a request touches.
pub type DeriveKeys = fn(&Call<'_>, &mut dyn FnMut(&[u8]));

/// The option by which a request reads keys that only its run finds, if it has one.
pub type FindsKeys = fn(&Call<'_>) -> Option<&'static str>;

/// What this request does with its keys.
pub type AccessOfRequest = fn(&Call<'_>) -> &'static [KeyFlag];

/// Which arguments of a command are keys.
#[derive(Clone, Copy, Debug)]
pub enum Keys {
    /// None.
    None,
    /// The arguments from `first` up to `last`.
    Range {
        /// Position of the first key, the command's name being 0.
        first: usize,
        /// Position of the last key; negative counts from the end, 0 means just the first.
        last: i32,
        /// What the command does with each.
        access: &'static [KeyFlag],
    },
    /// The arguments behind the one at `count`, which says how many they are.
    Counted {
        /// Position of the number of keys.
        count: usize,
        /// As in `Range`.
        access: &'static [KeyFlag],
    },
    /// As `Counted`, but there may be none.
    CountedOrNone {
        /// Position of the number of keys.
        count: usize,
        /// As in `Range`.
        access: &'static [KeyFlag],
    },
    /// Every second argument from 1 on: each key is followed by its value.
    Paired {
        /// As in `Range`.
        access: &'static [KeyFlag],
    },
    /// Arguments 1 and 2; something goes from the first to the second.
    Pair {
        /// What the command does with argument 1.
        first: &'static [KeyFlag],
        /// What it does with argument 2.
        second: &'static [KeyFlag],
    },
    /// Those of one `Range`, and then those of another.
    Both(&'static Keys, &'static Keys),
    /// Argument 1, which is overwritten with what the command makes of `sources`.
    Store {
        /// The keys that are read: a `Range` or `Counted`.
        sources: &'static Keys,
    },
    /// Argument 1, and behind one of `words`, an option, a key that is overwritten.
    StoreBehind {
        /// The names of the options, in upper case.
        words: &'static [&'static str],
        /// Position of the first option.
        from: usize,
    },
    /// No argument is a key, but clients of a cluster route by the arguments from 1 up to `last`, which are sharded channels.
    Channels {
        /// As in `Range`.
        last: i32,
    },
    /// The first half of the arguments behind a word. The other half says what is wanted of each.
    Behind {
        /// The word, in upper case.
        word: &'static str,
        /// The words that may stand in front of it, each with the number of its arguments.
        options: &'static [(&'static str, usize)],
        /// Where COMMAND INFO says that clients begin to look for the word.
        from: usize,
        /// As in `Range`.
        access: &'static [KeyFlag],
    },
    /// No argument is a key. The command makes keys from its arguments; the function returns them.
    Derived(DeriveKeys),
    /// Some arguments are keys, and the command makes further keys. Clients route by the declared ones; COMMAND GETKEYS
    /// returns all of them.
    WithDerived {
        /// A `Range` or `Counted`.
        declared: &'static Keys,
        /// Returns the other keys.
        derived: DeriveKeys,
        /// Keys whose places in the request no key specification can tell; those that are derived have the access of the
        /// last.
        unknown: &'static [UnknownKeys],
    },
}

/// Which arguments of a command are names of channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelArguments {
    /// None that it listens to or publishes in.
    None,
    /// Argument 1.
    First,
    /// All.
    All,
    /// All; they are patterns.
    Patterns,
}

/// Keys in a request that COMMAND INFO knows of and cannot find.
#[derive(Clone, Copy, Debug)]
pub struct UnknownKeys {
    /// What COMMAND INFO notes of them.
    pub note: &'static str,
    /// What the command does with each.
    pub access: &'static [KeyFlag],
}

impl Keys {
    /// Whether all are arguments of the request, and none is made of them.
    pub(in crate::commands) fn are_arguments(&self) -> bool {
        !matches!(self, Self::Derived(_) | Self::WithDerived { .. })
    }

    /// What a command does with the destination of a [`Keys::Store`].
    pub(super) const OVERWRITE: &'static [KeyFlag] = &[KeyFlag::Ow, KeyFlag::Update];

    /// What COMMAND INFO says of the destination of a [`Keys::Store`].
    pub const OVERWRITTEN: Self = Self::Range { first: 1, last: 0, access: Self::OVERWRITE };

    /// Argument 1.
    #[must_use]
    pub const fn first(access: &'static [KeyFlag]) -> Self {
        Self::Range { first: 1, last: 0, access }
    }

    /// Calls `visit` with the position of every key that is an argument. The request must have the number of arguments that
    /// the command's arity asks for. A count that is wrong is taken as at least one key, so that there is a lock to hold,
    /// and at most as many as there are arguments. The command itself refuses such a request.
    pub fn for_each_position(&self, arguments: Arguments<'_>, visit: &mut dyn FnMut(usize)) {
        match *self {
            Self::None | Self::Channels { .. } | Self::Derived(_) => {}
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
            Self::CountedOrNone { count, .. } => {
                // A number that is wrong is refused by the command, without keys.
                let present = arguments.len().saturating_sub(count + 1);
                let stated = stated_count(arguments, count).filter(|&stated| stated <= present);
                (count + 1..=count + stated.unwrap_or_default()).for_each(visit);
            }
            Self::StoreBehind { words, from } => {
                visit(1);
                stores_behind(arguments, words, from, visit);
            }
            Self::Behind { word, options, .. } => {
                if let Some(first) = behind(arguments, word, options) {
                    (first..first + (arguments.len() - first) / 2).for_each(visit);
                }
            }
            Self::Pair { .. } => (1..=2).for_each(visit),
            Self::Paired { .. } => (1..arguments.len()).step_by(2).for_each(visit),
            Self::Both(one, other) => {
                one.for_each_position(arguments, visit);
                other.for_each_position(arguments, visit);
            }
            Self::Store { sources } => {
                visit(1);
                sources.for_each_position(arguments, visit);
            }
        }
    }

    /// Whether a request has as many keys as it says. True for a command whose requests do not say it.
    #[must_use]
    pub fn are_complete(&self, arguments: Arguments<'_>) -> bool {
        match *self {
            Self::Counted { count, .. } => {
                key_count(arguments, count).is_some_and(|keys| keys < arguments.len() - count)
            }
            Self::CountedOrNone { count, .. } => {
                stated_count(arguments, count).is_some_and(|keys| keys < arguments.len() - count)
            }
            Self::Store { sources } => sources.are_complete(arguments),
            Self::Behind { word, options, .. } => behind(arguments, word, options)
                .is_some_and(|first| (arguments.len() - first).is_multiple_of(2)),
            Self::WithDerived { declared, .. } => declared.are_complete(arguments),
            // As in Redis, although no source is no mistake: PFMERGE takes a destination alone.
            Self::Both(_, Self::Range { first, .. }) => *first < arguments.len(),
            Self::Both(one, other) => one.are_complete(arguments) && other.are_complete(arguments),
            Self::None
            | Self::Channels { .. }
            | Self::Range { .. }
            | Self::Pair { .. }
            | Self::Paired { .. }
            | Self::StoreBehind { .. }
            | Self::Derived(_) => true,
        }
    }

    /// The keys that are arguments, by which clients route.
    #[must_use]
    pub fn declared(&self) -> &Self {
        if let Self::WithDerived { declared, .. } = self { declared } else { self }
    }

    /// Whether the positions of the keys depend on the request.
    #[must_use]
    pub fn are_movable(&self) -> bool {
        match self {
            Self::Counted { .. }
            | Self::CountedOrNone { .. }
            | Self::StoreBehind { .. }
            | Self::Behind { .. } => true,
            Self::Store { sources } => sources.are_movable(),
            Self::WithDerived { declared, unknown, .. } => declared.are_movable() || !unknown.is_empty(),
            Self::None
            | Self::Channels { .. }
            | Self::Range { .. }
            | Self::Pair { .. }
            | Self::Paired { .. }
            | Self::Both(..)
            | Self::Derived(_) => false,
        }
    }
}

/// Calls `visit` with the positions of the keys of a [`Keys::StoreBehind`] that are overwritten: those behind the first
/// option of each name, which clients can find, and the one behind the last option of all, which the command takes.
fn stores_behind(arguments: Arguments<'_>, words: &[&str], from: usize, visit: &mut dyn FnMut(usize)) {
    let is_option = |position: usize, word: &str| {
        arguments.get(position).is_some_and(|argument| argument.eq_ignore_ascii_case(word.as_bytes()))
    };
    let before_last = arguments.len().saturating_sub(1);
    let mut last = None;
    let mut position = from;
    while position < before_last {
        if words.iter().any(|word| is_option(position, word)) {
            position += 1;
            last = Some(position);
        }
        position += 1;
    }
    for word in words {
        if let Some(option) = (from..before_last).find(|&position| is_option(position, word)) {
            visit(option + 1);
            last = last.filter(|&last| last != option + 1);
        }
    }
    last.into_iter().for_each(visit);
}

/// The position behind `word`, in front of which only `options` may stand, and behind which there must be something.
pub(in crate::commands) fn behind(
    arguments: Arguments<'_>,
    word: &str,
    options: &[(&str, usize)],
) -> Option<usize> {
    let mut position = 1;
    loop {
        let argument = arguments.get(position)?;
        let is = |word: &str| argument.eq_ignore_ascii_case(word.as_bytes());
        if is(word) {
            return Some(position + 1).filter(|&first| first < arguments.len());
        }
        let (_, count) = options.iter().find(|(option, _)| is(option))?;
        position += 1 + count;
    }
}

/// The number that the argument at `position` states, if it is an integer above 0.
fn key_count(arguments: Arguments<'_>, position: usize) -> Option<usize> {
    stated_count(arguments, position).filter(|&count| count > 0)
}

/// The number that the argument at `position` states, if it is an integer and not negative.
fn stated_count(arguments: Arguments<'_>, position: usize) -> Option<usize> {
    arguments.get(position).and_then(integer::parse).and_then(|stated| usize::try_from(stated).ok())
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
    /// Is no key: a sharded channel.
    NotKey,
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
            Self::NotKey => "not_key",
        }
    }

    /// Whether it is one of the four of which each key has one.
    #[must_use]
    pub fn is_main(self) -> bool {
        matches!(self, Self::Ro | Self::Rw | Self::Ow | Self::Rm)
    }
}
