//! Replies that wait for the journal.

/// The replies that wait for the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum HeldReplies {
    /// Messages, and replies of commands that changed nothing.
    Reads,
    /// So many replies, at least one of which is that of a command that may have changed something.
    Writes { replies: usize },
}
