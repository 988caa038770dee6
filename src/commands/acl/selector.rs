//! A selector: commands, keys and channels that are allowed together. A request must be allowed by one selector in all.

use super::command_set::CommandSet;
use super::patterns::{ChannelPatterns, KeyPatterns};

/// Commands, keys and channels that are allowed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selector {
    pub(super) commands: CommandSet,
    pub(super) keys: KeyPatterns,
    pub(super) channels: ChannelPatterns,
}

impl Selector {
    /// Allows nothing, or everything on channels if `all_channels` (`acl-pubsub-default`).
    pub(super) fn empty(all_channels: bool) -> Self {
        Self {
            commands: CommandSet::all_or_none(false),
            keys: KeyPatterns::default(),
            channels: ChannelPatterns::all_or_none(all_channels),
        }
    }

    /// Allows everything.
    pub(super) fn everything() -> Self {
        Self {
            commands: CommandSet::all_or_none(true),
            keys: KeyPatterns::all_or_none(true),
            channels: ChannelPatterns::all_or_none(true),
        }
    }

    /// Whether it allows everything.
    pub(super) fn is_everything(&self) -> bool {
        self.keys.all && self.channels.all && self.commands.is_everything()
    }

    /// The rules that make it, as ACL LIST prints them.
    pub(super) fn describe(&self) -> Vec<u8> {
        let mut rules = self.keys.rules();
        if !self.channels.all {
            rules.push(b"resetchannels".to_vec());
        }
        rules.extend(self.channels.rules());
        rules.push(self.commands.to_string().into_bytes());
        rules.join(&b' ')
    }
}
