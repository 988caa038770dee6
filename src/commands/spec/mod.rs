//! What a command is: one entry of the table. All that the server knows about the command is derived from the entry.

pub(super) mod keys;
pub(super) mod syntax;
pub mod table;

use super::call::Call;
use super::call::error::{CommandError, Outcome};
use super::state::host::Host;
use super::state::script_run::ScriptRun;
use super::state::session::{NextStep, Session};
use super::state::wish::Wish;
use crate::resp::reply::Reply;
use crate::resp::request::Arguments;
use crate::store::{Basis, Reader, Shards, Value, Writer};

pub use keys::{AccessOfRequest, ChannelArguments, DeriveKeys, FindsKeys, KeyFlag, Keys, UnknownKeys};

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
    /// Its flags in COMMAND INFO.
    pub flags: &'static [Flag],
    /// In what it differs from other commands for the engine and for the import of a file of commands.
    pub manners: &'static [Manner],
    /// ACL categories beyond those that follow from group and flags.
    pub categories: &'static [&'static str],
    /// Hints for clients of a cluster, as COMMAND INFO returns them.
    pub tips: &'static [&'static str],
    /// Which arguments are keys.
    pub keys: Keys,
    /// What a request does with its keys, for a command whose options decide it. COMMAND INFO returns the flags of `keys`,
    /// and says that a request may need fewer.
    pub access_of_request: Option<AccessOfRequest>,
    /// Which arguments are channels.
    pub channels: ChannelArguments,
    /// The option by which a request reads further keys that only its run finds. All shards are locked for it.
    pub finds_keys: Option<FindsKeys>,
    /// What COMMAND INFO notes of its keys.
    pub keys_note: Option<&'static str>,
    /// What can be loaded ahead where several requests of this command follow each other in a pipeline.
    pub lookahead: Option<Lookahead>,
    /// Which arguments of a request are secret. SLOWLOG does not show them.
    pub hides: Option<HidesArgument>,
    /// The function that runs it.
    pub run: Handler,
    /// Its subcommands, if it is only a container of those.
    pub subcommands: &'static [CommandSpec],
}

impl CommandSpec {
    /// The values of fields that an entry leaves out: no flags, no keys, no subcommands.
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
        access_of_request: None,
        channels: ChannelArguments::None,
        finds_keys: None,
        keys_note: None,
        lookahead: None,
        hides: None,
        run: Handler::Container,
        subcommands: &[],
    };

    /// Whether a request of `count` arguments, names included, has the right number of them.
    #[must_use]
    pub fn accepts(&self, count: usize) -> bool {
        let (count, arity) = (count as i64, i64::from(self.arity));
        if arity < 0 { count >= -arity } else { count == arity }
    }

    /// Whether it has this flag.
    #[must_use]
    pub fn has(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }

    /// Whether it may change its keys. A command that is a read to its client can do so, too.
    #[must_use]
    pub fn may_write(&self) -> bool {
        self.has(Flag::Write) || self.is(Manner::KeepsResult)
    }

    /// Whether it has this manner.
    #[must_use]
    pub fn is(&self, manner: Manner) -> bool {
        self.manners.contains(&manner)
    }

    /// Calls `visit` with every key that a request of this command touches.
    pub(super) fn for_each_key(&self, call: &Call<'_>, visit: &mut dyn FnMut(&[u8])) {
        let visit_arguments = |keys: &Keys, visit: &mut dyn FnMut(&[u8])| {
            keys.for_each_position(call.arguments, &mut |position| visit(call.argument(position)));
        };
        match self.keys {
            Keys::Derived(derived) => derived(call, visit),
            Keys::WithDerived { declared, derived, .. } => {
                visit_arguments(declared, visit);
                derived(call, visit);
            }
            keys => visit_arguments(&keys, visit),
        }
    }

    /// Whether a request reads keys that only its run finds.
    pub(super) fn finds_keys(&self, call: &Call<'_>) -> bool {
        self.finds_keys.is_some_and(|finds_keys| finds_keys(call).is_some())
    }

    /// What runs a request.
    pub(super) fn handler_of(&self, call: &Call<'_>) -> Handler {
        match self.run {
            Handler::ReadOrJoin { join, .. } if self.finds_keys(call) => Handler::OwnLocks(join),
            Handler::ReadOrJoin { read, .. } => Handler::Read(read),
            run => run,
        }
    }

    /// What a request does with the key that comes at `index` among its keys.
    pub(super) fn access_of_key(&self, call: &Call<'_>, index: usize) -> &'static [KeyFlag] {
        if let Some(access) = self.access_of_request {
            return access(call);
        }
        match self.keys {
            Keys::Range { access, .. }
            | Keys::Paired { access }
            | Keys::Behind { access, .. }
            | Keys::Counted { access, .. }
            | Keys::CountedOrNone { access, .. } => access,
            Keys::Pair { first, .. } if index == 0 => first,
            Keys::Pair { second, .. } => second,
            Keys::Both(Keys::Range { access, .. }, _) if index == 0 => access,
            Keys::Both(_, Keys::Range { access, .. }) => access,
            Keys::Store { .. } if index == 0 => Keys::OVERWRITE,
            Keys::StoreBehind { .. } if index > 0 => Keys::OVERWRITE,
            Keys::Store { sources: Keys::Range { access, .. } | Keys::Counted { access, .. } } => access,
            Keys::WithDerived { unknown: [.., last], .. } if index > 0 => last.access,
            Keys::Derived(_) if self.has(Flag::Write) => &[KeyFlag::Rw, KeyFlag::Update],
            Keys::Derived(_)
            | Keys::WithDerived { .. }
            | Keys::Both(..)
            | Keys::Store { .. }
            | Keys::StoreBehind { .. }
            | Keys::Channels { .. }
            | Keys::None => &[KeyFlag::Ro, KeyFlag::Access],
        }
    }
}

/// Whether an argument of a request is secret. The request begins with the command's name, a container's if it has one, which
/// has index 0.
pub type HidesArgument = fn(Arguments<'_>, usize) -> bool;

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
    /// Strings as rows of bits.
    Bitmap,
    /// Strings that count how many different elements were added.
    HyperLogLog,
    /// Lists.
    List,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Sorted sets as places on the earth.
    Geo,
    /// Hashes.
    Hash,
    /// Streams.
    Stream,
    /// Transactions.
    Transactions,
    /// Scripts and functions.
    Scripting,
    /// Channels to publish to and subscribe to.
    PubSub,
    /// Friend ranking: rankd's own.
    Friends,
    /// Leaderboards: rankd's own.
    Boards,
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
            Self::Bitmap => "bitmap",
            Self::HyperLogLog => "hyperloglog",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Geo => "geo",
            Self::Hash => "hash",
            Self::Stream => "stream",
            Self::Transactions => "transactions",
            Self::Scripting => "scripting",
            Self::PubSub => "pubsub",
            Self::Friends => "friends",
            Self::Boards => "boards",
        }
    }
}

/// A flag of a command in COMMAND INFO.
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
    SkipMonitor,
    NoMandatoryKeys,
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
            Self::SkipMonitor => "skip_monitor",
            Self::NoMandatoryKeys => "no_mandatory_keys",
        }
    }
}

/// How a command differs from others for the code that runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It runs after MULTI; it is not queued.
    RunsInMulti,
    /// A client that is subscribed by RESP2 may send it.
    RunsWhileListening,
    /// It removes its keys without reading them, so it runs on a damaged value as well.
    RemovesKeys,
    /// It is a read for its client, but changes what is kept with its keys, so it is treated as a write: it stores its result in
    /// its key, or is queued for its keys.
    KeepsResult,
    /// It is refused while writes are refused, so that health checks notice it, like PING in Redis.
    ProbesWrites,
    /// It selects the database of the requests after it.
    SelectsDatabase,
    /// It can fill its keys in another database than the client's.
    WritesToOtherDatabase,
    /// The requests after it are queued until EXEC.
    BeginsTransaction,
    /// It is about the client, so CLIENT CACHING before it is meant for the request behind it.
    KeepsModes,
    /// It counts as a use of its keys even after CLIENT NO-TOUCH.
    AlwaysTouches,
    /// It sends a message to others, which CLIENT PAUSE holds back like a write.
    Publishes,
    /// Its replies are messages, which a client gets that wants no replies.
    RepliesByMessage,
}

/// What can be loaded into the processor's cache before several short commands of a pipeline run. Their key is argument 1.
#[derive(Clone, Copy, Debug)]
pub enum Lookahead {
    /// The key itself and a small value at it, and then in steps what every request of this command touches inside the value. Each
    /// step is taken for all keys before the next one, which reads what the former has loaded.
    Inside(&'static [fn(&Value)]),
    /// As `Inside`, for what depends on the request. A wrong guess costs time only.
    Part(&'static [fn(&Value, Arguments<'_>)]),
    /// What the requests will touch inside the value. All of them are of this command and on one key. A wrong guess costs
    /// time only.
    Value(fn(&Value, &[Arguments<'_>])),
}

impl Lookahead {
    /// The key itself and a small value at it.
    pub const KEY: Self = Self::Inside(&[]);
}

/// What a command on many keys works with.
#[derive(Debug)]
pub struct AllKeys<'a, 's> {
    /// The server.
    pub host: &'a Host,
    /// The client that calls.
    pub session: &'a mut Session,
    /// The keys. The command locks them as it goes, unless a transaction holds them.
    pub shards: Shards<'a, 's>,
}

/// What a command about the client works with.
#[derive(Debug)]
pub struct Caller<'a> {
    /// The server.
    pub host: &'a Host,
    /// The client that calls.
    pub session: &'a mut Session,
    /// The command's place in the table.
    pub place: usize,
    /// What the messages rest on that the command publishes.
    pub basis: Basis,
    /// What the connection does once the reply is sent.
    pub next: &'a mut NextStep,
}

/// The function that runs a command. Its type says what the command may touch.
#[derive(Clone, Copy, Debug)]
pub enum Handler {
    /// Reads its keys. Their shards are locked for reading.
    Read(fn(Reader<'_>, &Call<'_>, &mut Reply<'_>) -> Outcome),
    /// Changes its keys. Their shards are locked for writing.
    Write(fn(&mut Writer<'_, '_>, &Call<'_>, &mut Reply<'_>) -> Outcome),
    /// Reads its keys as `Read` does. A request that finds keys (`CommandSpec::finds_keys`) locks shards itself, as with
    /// `OwnLocks`: it reads its keys first and then those that it found.
    ReadOrJoin {
        /// Runs a request on its keys alone.
        read: fn(Reader<'_>, &Call<'_>, &mut Reply<'_>) -> Outcome,
        /// Runs a request that finds keys.
        join: fn(&mut AllKeys<'_, '_>, &Call<'_>, &mut Reply<'_>) -> Outcome,
    },
    /// Works on the whole store or on many keys, and locks shards itself, step by step.
    OwnLocks(fn(&mut AllKeys<'_, '_>, &Call<'_>, &mut Reply<'_>) -> Outcome),
    /// Takes something from the first of its keys that has it, and waits if none has.
    Blocking(fn(&Call<'_>) -> Result<Wish, CommandError>),
    /// Is about the client.
    Session(fn(&mut Caller<'_>, &Call<'_>, &mut Reply<'_>) -> Outcome),
    /// Is about the server.
    Admin(fn(&Host, &Call<'_>, &mut Reply<'_>) -> Outcome),
    /// EXEC: runs the requests that were queued since MULTI.
    Exec,
    /// Runs a script, which calls commands; the function finds the script that a request asks for.
    Script(for<'c> fn(&Host, &Call<'c>) -> Result<ScriptRun<'c>, CommandError>),
    /// Has subcommands and does nothing itself.
    Container,
}
