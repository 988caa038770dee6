//! What a command is: one entry of the table, from which everything that is known about it is derived.

pub(super) mod syntax;
pub mod table;

use super::call::Call;
use super::call::error::{CommandError, Outcome};
use super::state::host::Host;
use super::state::session::Session;
use super::state::waiting::Wish;
use crate::resp::integer;
use crate::resp::reply::Reply;
use crate::resp::request::Arguments;
use crate::store::{Reader, Shards, Value, Writer};

/// One command or subcommand.
#[derive(Debug)]
pub struct CommandSpec {
    /// Its name in lower case; a subcommand's without its command's.
    pub name: &'static str,
    /// Its arguments in the notation of Redis's documentation: `key [NX | XX] score member [score member ...]`.
    /// COMMAND DOCS and docs/COMMANDS.md are derived from it.
    pub syntax: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// The version that brought it: Redis's, or rankd's for commands of its own.
    pub since: &'static str,
    /// The family it is documented under.
    pub group: Group,
    /// Its cost.
    pub complexity: &'static str,
    /// The number of arguments, its name (and its subcommand's) included; negative: at least that many.
    pub arity: i32,
    /// What it is like, as COMMAND INFO tells it.
    pub flags: &'static [Flag],
    /// What the engine does differently for it than for others.
    pub manners: &'static [Manner],
    /// ACL categories beyond those that follow from group and flags.
    pub categories: &'static [&'static str],
    /// Hints for clients of a cluster, as COMMAND INFO tells them.
    pub tips: &'static [&'static str],
    /// Which arguments are keys.
    pub keys: Keys,
    /// What COMMAND INFO notes of its keys.
    pub keys_note: Option<&'static str>,
    /// What can be loaded ahead for it where several of them follow each other in a pipeline.
    pub lookahead: Option<Lookahead>,
    /// What runs it.
    pub run: Run,
    /// Its subcommands, for a command that only contains such.
    pub subcommands: &'static [CommandSpec],
}

impl CommandSpec {
    /// What an entry does not say: no flags, no keys, no subcommands.
    pub const BASE: Self = Self {
        name: "",
        syntax: "",
        summary: "",
        since: "1.0.0",
        group: Group::Generic,
        complexity: "O(1)",
        arity: 1,
        flags: &[],
        manners: &[],
        categories: &[],
        tips: &[],
        keys: Keys::None,
        keys_note: None,
        lookahead: None,
        run: Run::Container,
        subcommands: &[],
    };

    /// Whether a request of `count` arguments, names included, has the right number of them.
    #[must_use]
    pub fn accepts(&self, count: usize) -> bool {
        let wanted = self.arity.unsigned_abs() as usize;
        if self.arity < 0 { count >= wanted } else { count == wanted }
    }

    /// Whether it has this flag.
    #[must_use]
    pub fn has(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }

    /// What a request does with the key that comes at `index` among its keys.
    pub(in crate::commands) fn access_of_key(
        &self,
        request: &Call<'_>,
        index: usize,
    ) -> &'static [&'static str] {
        match self.keys {
            // SET reads what was there only if it is to be returned.
            _ if self.name == "set" => {
                let returns_old = request.cursor(3).any(|word| word.eq_ignore_ascii_case(b"get"));
                if returns_old { &["RW", "access", "update"] } else { &["OW", "update"] }
            }
            Keys::Range { access, .. } | Keys::Counted { access, .. } => access,
            Keys::Pair { first, second } => {
                if index == 0 {
                    first
                } else {
                    second
                }
            }
            Keys::Store { .. } if index == 0 => &["OW", "update"],
            Keys::Store { sources: Keys::Range { access, .. } | Keys::Counted { access, .. } } => access,
            Keys::Derived(_) if self.has(Flag::Write) => &["RW", "update"],
            Keys::Derived(_) | Keys::WithDerived { .. } | Keys::Store { .. } | Keys::None => {
                &["RO", "access"]
            }
        }
    }

    /// Whether the engine is to treat it so.
    #[must_use]
    pub fn is(&self, manner: Manner) -> bool {
        self.manners.contains(&manner)
    }
}

/// A family of commands, by the name that COMMAND DOCS uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// About the connection.
    Connection,
    /// About the server.
    Server,
    /// About keys of any type.
    Generic,
    /// Strings.
    String,
    /// Lists.
    List,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Transactions.
    Transactions,
    /// Channels to publish to and subscribe to.
    PubSub,
    /// Friend ranking: rankd's own.
    Friends,
}

impl Group {
    /// The name in COMMAND DOCS.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Server => "server",
            Self::Generic => "generic",
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Transactions => "transactions",
            Self::PubSub => "pubsub",
            Self::Friends => "friends",
        }
    }
}

/// What a command is like, as COMMAND INFO tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Redis's, whose COMMAND page explains them")]
pub enum Flag {
    Write,
    Readonly,
    Denyoom,
    Admin,
    Noscript,
    Loading,
    Stale,
    Fast,
    NoAuth,
    NoAsyncLoading,
    NoMulti,
    AllowBusy,
    Blocking,
    Pubsub,
    SkipSlowlog,
}

impl Flag {
    /// The name in COMMAND INFO.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Readonly => "readonly",
            Self::Denyoom => "denyoom",
            Self::Admin => "admin",
            Self::Noscript => "noscript",
            Self::Loading => "loading",
            Self::Stale => "stale",
            Self::Fast => "fast",
            Self::NoAuth => "no_auth",
            Self::NoAsyncLoading => "no_async_loading",
            Self::NoMulti => "no_multi",
            Self::AllowBusy => "allow_busy",
            Self::Blocking => "blocking",
            Self::Pubsub => "pubsub",
            Self::SkipSlowlog => "skip_slowlog",
        }
    }
}

/// What the engine does differently for a command than for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// After MULTI it is run, not queued.
    RunsInMulti,
    /// A connection that listens to channels by RESP2 may send it.
    RunsWhileListening,
    /// It removes its keys whatever they hold, so a damaged value is no reason to refuse it.
    RemovesKeys,
    /// It is refused while writes are, as PING is in Redis, so that probes notice.
    ProbesWrites,
}

/// Calls back with every key that a request touches.
pub type DeriveKeys = fn(&Call<'_>, &mut dyn FnMut(&[u8]));

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
        access: &'static [&'static str],
    },
    /// As many arguments as the one at `count` says, from the next one on.
    Counted {
        /// Position of the number of keys.
        count: usize,
        /// As in `Range`.
        access: &'static [&'static str],
    },
    /// Argument 1, which is overwritten with what is made of `sources`.
    Store {
        /// The keys that are read: a `Range` or `Counted`.
        sources: &'static Keys,
    },
    /// Arguments 1 and 2; something goes from the first to the second.
    Pair {
        /// What the command does with argument 1, as in `Range`.
        first: &'static [&'static str],
        /// What it does with argument 2.
        second: &'static [&'static str],
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
    /// What COMMAND INFO says of the destination of a [`Keys::Store`].
    pub const OVERWRITTEN: Self = Self::Range { first: 1, last: 0, access: &["OW", "update"] };

    /// Calls back with the positions of the keys in a request that the command's arity admits; keys that are not
    /// arguments have none. A count that makes no sense is taken for one that does: at least one key, so that there is
    /// a lock to hold, and no more than there are arguments. The command itself refuses it.
    pub fn for_each_position(&self, arguments: Arguments<'_>, visit: &mut dyn FnMut(usize)) {
        match *self {
            Self::None | Self::Derived(_) => {}
            Self::WithDerived { declared, .. } => declared.for_each_position(arguments, visit),
            Self::Pair { .. } => (1..=2).for_each(visit),
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
            Self::None | Self::Range { .. } | Self::Pair { .. } | Self::Derived(_) => true,
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
            Self::None | Self::Range { .. } | Self::Pair { .. } | Self::Derived(_) => false,
        }
    }
}

/// The number of keys that the argument at `position` states, if it is one and not 0.
fn key_count(arguments: Arguments<'_>, position: usize) -> Option<usize> {
    let stated = arguments.get(position).and_then(integer::parse)?;
    usize::try_from(stated).ok().filter(|&count| count > 0)
}

/// What can be loaded ahead for a short command on the key at argument 1, where several follow each other in a pipeline.
#[derive(Clone, Copy, Debug)]
pub enum Lookahead {
    /// The key itself and a small value at it.
    Key,
    /// What the requests, all of them of this command and on one key, will touch inside its value. A wrong guess costs time
    /// and nothing else.
    Value(fn(&Value, &[Arguments<'_>])),
}

/// What a command on many keys works with.
#[derive(Debug)]
pub struct AllKeys<'a, 's> {
    /// The server.
    pub host: &'a Host,
    /// The connection that asks.
    pub session: &'a mut Session,
    /// The keys, to be locked as the command goes on unless a transaction holds them.
    pub shards: Shards<'a, 's>,
}

/// What runs a command, typed by what it may touch.
#[derive(Clone, Copy, Debug)]
pub enum Run {
    /// Looks at its keys, whose shards are held for reading.
    Read(fn(Reader<'_>, &Call<'_>, &mut Reply<'_>) -> Outcome),
    /// Changes its keys, whose shards are held for writing.
    Write(fn(&mut Writer<'_, '_>, &Call<'_>, &mut Reply<'_>) -> Outcome),
    /// Works on the whole store or on many keys, taking locks of its own step by step.
    Keyspace(fn(&mut AllKeys<'_, '_>, &Call<'_>, &mut Reply<'_>) -> Outcome),
    /// Takes something from the first of its keys that has it, and waits where none has.
    Blocking(fn(&Call<'_>) -> Result<Wish, CommandError>),
    /// Is about the connection.
    Session(fn(&Host, &mut Session, &Call<'_>, &mut Reply<'_>) -> Outcome),
    /// Is about the server.
    Admin(fn(&Host, &Call<'_>, &mut Reply<'_>) -> Outcome),
    /// Runs the requests that were queued since MULTI.
    Queued,
    /// Only contains subcommands.
    Container,
}
