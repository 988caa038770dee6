//! What a connection that waits is woken for.

/// What has come for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Arrival {
    /// So many bytes, which have been read; none at the end.
    Bytes(usize),
    /// Messages, or the order to close.
    Mail,
}
