//! The values of `acl-pubsub-default`.

/// Which channels a new user may use: `acl-pubsub-default`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChannelDefault {
    /// None: `resetchannels`.
    #[default]
    None,
    /// All: `allchannels`.
    All,
}
