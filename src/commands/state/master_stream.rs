//! What is known of a master's stream where its commands run.

/// After so many failed commands of one link the log says no more; INFO counts on.
pub(super) const LOGGED_FAILURES: u64 = 10;

/// What the session of a master's stream knows beyond that of a client.
#[derive(Debug)]
pub(in crate::commands) struct MasterStream {
    /// The turn in which it may change something.
    pub(super) turn: u64,
    /// Where in the stream each request of the batch ends.
    pub(super) ends: Vec<u64>,
    /// The offset before which a command may fail: the data have the effect of what follows it already.
    pub(super) excused_until: u64,
    /// Commands that could not be run since the last look.
    pub(super) failures: u64,
    /// Those of them that the log has.
    pub(super) logged: u64,
}
