//! The errors that end a connection from outside: its client does not read what is sent to it, or another client wants it
//! to end.

use crate::commands::state::mailbox::Closed;
use std::io;

/// The error that sending to a client returns for which too much waits. No socket of its own returns this kind.
pub(in crate::server) fn deaf() -> io::Error {
    io::ErrorKind::QuotaExceeded.into()
}

/// The error for a closed mailbox. No socket of its own returns these kinds.
pub(in crate::server) fn closed(why: Closed) -> io::Error {
    match why {
        Closed::Overflowed => deaf(),
        Closed::Killed => io::ErrorKind::ResourceBusy.into(),
    }
}
