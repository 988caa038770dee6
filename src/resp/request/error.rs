//! Why the bytes of a connection are not a request. The texts are those of Redis.

use std::fmt;

/// Why bytes are not a valid request. It is sent as the last reply of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// The first line of a request is too long.
    InlineTooBig,
    /// A multibulk header is too long.
    CountLineTooBig,
    /// A bulk header is too long.
    BulkLineTooBig,
    /// The number of arguments is not a number or out of range.
    InvalidCount,
    /// The number of arguments is above what an unauthenticated connection may send.
    UnauthenticatedCount,
    /// An argument does not start with a dollar sign but with this byte.
    ExpectedBulk(u8),
    /// The length of an argument is not a number or out of range.
    InvalidLength,
    /// An argument's length is above what an unauthenticated connection may send.
    UnauthenticatedLength,
    /// An argument or a header is not followed by CR LF.
    ExpectedLineEnd,
    /// An inline command ends inside quotes.
    UnbalancedQuotes,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Protocol error: ")?;
        match self {
            Self::InlineTooBig => f.write_str("too big inline request"),
            Self::CountLineTooBig => f.write_str("too big mbulk count string"),
            Self::BulkLineTooBig => f.write_str("too big bulk count string"),
            Self::InvalidCount => f.write_str("invalid multibulk length"),
            Self::UnauthenticatedCount => f.write_str("unauthenticated multibulk length"),
            // As in Redis, a byte that would end the line of the reply is shown as a space.
            Self::ExpectedBulk(b'\r' | b'\n') => f.write_str("expected '$', got ' '"),
            Self::ExpectedBulk(byte) => write!(f, "expected '$', got '{}'", char::from(*byte)),
            Self::InvalidLength => f.write_str("invalid bulk length"),
            Self::UnauthenticatedLength => f.write_str("unauthenticated bulk length"),
            Self::ExpectedLineEnd => f.write_str("expected CRLF"),
            Self::UnbalancedQuotes => f.write_str("unbalanced quotes in request"),
        }
    }
}

impl std::error::Error for ProtocolError {}
