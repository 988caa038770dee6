//! Whether a user may run a request.

use super::identity::Identity;
use super::log::{Denial, DenialContext, Reason};
use super::patterns::{ChannelName, KeyUse};
use super::selector::Selector;
use super::user::User;
use super::users::Users;
use crate::commands::call::Call;
use crate::commands::call::error::CommandError;
use crate::commands::spec::table::table;
use crate::commands::spec::{ChannelArguments, CommandSpec, KeyFlag};
use crate::commands::state::client::Client;
use crate::commands::state::host::Host;

/// What a user may not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Denied {
    /// Run the command.
    Command,
    /// Use this key as the request does.
    Key(Box<[u8]>),
    /// Use this channel.
    Channel(Box<[u8]>),
    /// Read keys that are not in the request: this option names them by a pattern.
    Pattern(&'static str),
}

/// Adds a denial of this client to the log. `place` is that of the client's request in the command table: of EXEC or EVAL, if a
/// command within it was denied.
pub(in crate::commands) fn note(host: &Host, client: &Client, place: usize, mut denial: Denial) {
    client.note_command(place);
    let now_ms = host.clock.now_ms();
    denial.client = client.line(now_ms, |place| table().entries()[place].full_name.clone());
    host.users.note_denial(denial, now_ms, host.config().acllog_max_len);
}

impl Denial {
    /// What the log has of a denied request of its own. As in Redis, only the reply tells of a pattern.
    pub(in crate::commands) fn of(denied: &Denied, place: usize, user: &User) -> Option<Self> {
        let (reason, object) = match denied {
            Denied::Command => (Reason::Command, table().entries()[place].full_name.clone().into_bytes()),
            Denied::Key(name) => (Reason::Key, name.to_vec()),
            Denied::Channel(name) => (Reason::Channel, name.to_vec()),
            Denied::Pattern(_) => return None,
        };
        let (context, client) = (DenialContext::TopLevel, String::new());
        Some(Self { reason, context, object, user: user.name.to_vec(), client })
    }
}

/// A request on its way through the gates.
#[derive(Clone, Copy, Debug)]
pub(in crate::commands) struct Wanted<'c> {
    /// Its command's place in the table.
    pub(in crate::commands) place: usize,
    /// Its arguments from the name of its command, or subcommand, on.
    pub(in crate::commands) call: &'c Call<'c>,
}

impl Wanted<'_> {
    fn spec(&self) -> &'static CommandSpec {
        table().entries()[self.place].spec
    }

    /// Calls `visit` with each channel that the request names.
    fn for_each_channel(&self, visit: &mut dyn FnMut(&[u8], ChannelName)) {
        let (names, named) = match self.spec().channels {
            ChannelArguments::None => return,
            ChannelArguments::First => (1..2, ChannelName::Literal),
            ChannelArguments::All => (1..self.call.arguments.len(), ChannelName::Literal),
            ChannelArguments::Patterns => (1..self.call.arguments.len(), ChannelName::Pattern),
        };
        names.for_each(|position| visit(self.call.argument(position), named));
    }
}

impl User {
    /// Whether it may run the request. O(1) for a user who may do everything; else for each key and channel O(patterns).
    ///
    /// # Errors
    /// What it may not do: of the selector that comes nearest to allowing the request.
    pub(in crate::commands) fn check(&self, wanted: Wanted<'_>) -> Result<(), Denied> {
        if self.may_do_everything {
            return Ok(());
        }
        let mut nearest = (0, Denied::Command);
        for selector in self.all_selectors() {
            let Err(denied) = selector.check(wanted) else { return Ok(()) };
            if denied.0 > nearest.0 {
                nearest = denied;
            }
        }
        Err(nearest.1)
    }

    /// Whether it may receive the messages of this channel.
    pub(super) fn may_listen(&self, name: &[u8], named: ChannelName) -> bool {
        self.all_selectors().any(|selector| selector.channels.allow(name, named))
    }
}

impl Identity {
    /// Whether its user may run a request.
    ///
    /// # Errors
    /// What the user may not do.
    pub(in crate::commands) fn check(&mut self, users: &Users, wanted: Wanted<'_>) -> Result<(), Denied> {
        self.changed(users);
        self.user().check(wanted)
    }
}

impl Selector {
    /// As [`User::check`]. How near the selector comes is a number: a command it allows is nearer than one it does not, and
    /// of keys and channels the one that stands further right.
    fn check(&self, wanted: Wanted<'_>) -> Result<(), (usize, Denied)> {
        let (spec, call) = (wanted.spec(), wanted.call);
        if !self.commands.allows(wanted.place, call.arguments.get(1)) {
            return Err((0, Denied::Command));
        }
        let (mut index, mut denied) = (0, None);
        if !self.keys.all {
            spec.for_each_key(call, &mut |key| {
                let used = use_of(spec.access_of_key(call, index));
                index += 1;
                if denied.is_none() && !self.keys.allow(key, used) {
                    denied = Some((index, Denied::Key(key.into())));
                }
            });
            let found = spec.finds_keys.and_then(|finds_keys| finds_keys(call));
            if let Some(option) = found.filter(|_| denied.is_none() && !self.keys.allow_reading_everything())
            {
                denied = Some((index + 1, Denied::Pattern(option)));
            }
        }
        wanted.for_each_channel(&mut |name, named| {
            index += 1;
            if denied.is_none() && !self.channels.allow(name, named) {
                denied = Some((index, Denied::Channel(name.into())));
            }
        });
        denied.map_or(Ok(()), Err)
    }
}

/// The use of a key that a command accesses so. Neither, if it only asks whether the key exists, or what type it has.
fn use_of(access: &[KeyFlag]) -> KeyUse {
    let writes = |flag: &KeyFlag| matches!(flag, KeyFlag::Insert | KeyFlag::Update | KeyFlag::Delete);
    KeyUse { reads: access.contains(&KeyFlag::Access), writes: access.iter().any(writes) }
}

impl Denied {
    /// The error reply. It does not name the key or channel, as in Redis.
    pub(in crate::commands) fn error(&self, user: &User, place: usize) -> CommandError {
        match self {
            Self::Command => CommandError::new(format!("NOPERM {}", self.explain(user, place))),
            Self::Key(_) => CommandError::text("NOPERM No permissions to access a key"),
            Self::Channel(_) => CommandError::text("NOPERM No permissions to access a channel"),
            Self::Pattern(option) => {
                let name = table().entries()[place].full_name.to_ascii_uppercase();
                let name = name.strip_suffix("_RO").unwrap_or(&name);
                CommandError::new(format!(
                    "ERR {option} option of {name} denied due to insufficient ACL permissions."
                ))
            }
        }
    }

    /// The error reply of EXEC's request, which was allowed when it was queued.
    pub(in crate::commands) fn error_in_exec(&self) -> CommandError {
        let reason = match self {
            Self::Command => "no permission to execute the command or subcommand",
            Self::Key(_) => "no permission to touch the specified keys",
            Self::Channel(_) => {
                "no permission to access one of the channels used as arguments to the command"
            }
            Self::Pattern(_) => "no permission",
        };
        CommandError::new(format!(
            "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This \
             command is no longer allowed for the following reason: {reason}"
        ))
    }

    /// What ACL DRYRUN says of it.
    pub(super) fn explain(&self, user: &User, place: usize) -> String {
        let user = user.name_text();
        let named = |what: &str, name: &[u8]| {
            format!("User {user} has no permissions to access the '{}' {what}", String::from_utf8_lossy(name))
        };
        match self {
            Self::Command => {
                format!(
                    "User {user} has no permissions to run the '{}' command",
                    table().entries()[place].full_name
                )
            }
            Self::Key(key) => named("key", key),
            Self::Channel(channel) => named("channel", channel),
            Self::Pattern(option) => format!("User {user} has no permissions to read the keys of {option}"),
        }
    }
}
