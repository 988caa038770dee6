//! Command errors. The reply says what is wrong, nothing has changed, and the connection stays open.

use crate::store::{DAMAGE_TEXT, HasPolicy, PolicyError, RefusesClients, SubmitError, WrongType};
use std::borrow::Cow;

/// The text of an error reply, which begins with its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandError(pub Cow<'static, str>);

/// Why a command ended before its reply was complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// This error is the reply.
    Error(CommandError),
    /// The command needs more time than the thread may spend on it. It has changed nothing and replied nothing; the
    /// engine runs it again on a thread that has the time. See [`super::Call::announce`].
    TakesLong,
    /// CLIENT PAUSE holds the command back. It has changed nothing and replied nothing; it runs when the pause has ended.
    Paused,
    /// The command came by the stream of a master that is not followed any more. It has changed nothing.
    Superseded,
}

/// What a command returns: its reply is written, or why it is not.
pub type Outcome = Result<(), Stop>;

impl CommandError {
    /// The command needs the data, and they are still being read.
    pub const LOADING: Self = Self::text("LOADING Redis is loading the dataset in memory");
    /// The arguments are not what the command takes.
    pub const SYNTAX: Self = Self::text("ERR syntax error");
    /// An argument is not an integer of 64 bits.
    pub const NOT_AN_INTEGER: Self = Self::text("ERR value is not an integer or out of range");
    /// An argument is not a double, or NaN.
    pub const NOT_A_FLOAT: Self = Self::text("ERR value is not a valid float");
    /// A count must not be negative.
    pub const NOT_POSITIVE: Self = Self::text("ERR value is out of range, must be positive");
    /// The key holds another type.
    pub const WRONG_TYPE: Self =
        Self::text("WRONGTYPE Operation against a key holding the wrong kind of value");

    /// The server follows a master, and clients may change nothing.
    pub const READ_ONLY: Self = Self::text("READONLY You can't write against a read only replica.");
    /// The server has sentinels to ask which server is the master, and does not know it, or not any more.
    pub const NO_LEADER: Self = Self::text(
        "MASTERDOWN The sentinels have not said yet which server is the master. Until they have, this server accepts no writes.",
    );
    /// The client waits, and the server has begun to follow a master.
    pub const BECAME_REPLICA: Self = Self::text(
        "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
    );
    /// The server follows a master, has no link to it, and may not show what may be old.
    pub const MASTER_DOWN: Self =
        Self::text("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.");

    /// A fixed text.
    #[must_use]
    pub const fn text(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// A text made at run time. Line ends become spaces, because a line end would end the reply.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.contains(['\r', '\n']) {
            text = text.replace(['\r', '\n'], " ");
        }
        Self(Cow::Owned(text))
    }

    /// EXEC could not be run because of `error`.
    #[must_use]
    pub fn aborted_because(error: &Self) -> Self {
        let why = error.0.strip_prefix("ERR ").unwrap_or(&error.0);
        Self::new(format!("EXECABORT Transaction discarded because of: {why}"))
    }

    /// A panic has damaged the key's value.
    #[must_use]
    pub fn damaged() -> Self {
        Self::new(format!("ERR the value of this key {DAMAGE_TEXT}"))
    }

    /// The wrong number of arguments for `command`.
    #[must_use]
    pub fn arity(command: &str) -> Self {
        Self::new(format!("ERR wrong number of arguments for '{command}' command"))
    }

    /// The code, which INFO counts by.
    #[must_use]
    pub fn code(&self) -> &str {
        self.0.split(' ').next().unwrap_or("ERR")
    }
}

impl From<WrongType> for CommandError {
    fn from(_: WrongType) -> Self {
        Self::WRONG_TYPE
    }
}

impl From<SubmitError> for CommandError {
    fn from(error: SubmitError) -> Self {
        Self::new(format!("ERR {error}"))
    }
}

impl From<PolicyError> for CommandError {
    fn from(error: PolicyError) -> Self {
        Self::new(format!("ERR {error}"))
    }
}

impl From<HasPolicy> for CommandError {
    fn from(_: HasPolicy) -> Self {
        Self::text("ERR the key holds a board with a policy")
    }
}

impl From<CommandError> for Stop {
    fn from(error: CommandError) -> Self {
        Self::Error(error)
    }
}

impl From<SubmitError> for Stop {
    fn from(error: SubmitError) -> Self {
        Self::Error(error.into())
    }
}

impl From<HasPolicy> for Stop {
    fn from(error: HasPolicy) -> Self {
        Self::Error(error.into())
    }
}

impl From<RefusesClients> for CommandError {
    fn from(_: RefusesClients) -> Self {
        Self::READ_ONLY
    }
}

impl From<RefusesClients> for Stop {
    fn from(error: RefusesClients) -> Self {
        Self::Error(error.into())
    }
}

impl From<WrongType> for Stop {
    fn from(error: WrongType) -> Self {
        Self::Error(error.into())
    }
}
