//! What a connection that waits is woken for.

/// What has come for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Arrival {
    /// Bytes, or the end.
    Readable,
    /// Messages, or the order to close.
    Mail,
}
