//! The error that ends a connection whose client does not read the messages of its channels.

use std::io;

/// The error that sending to such a client returns. No socket of its own returns this kind.
pub(in crate::server) fn deaf() -> io::Error {
    io::ErrorKind::QuotaExceeded.into()
}
