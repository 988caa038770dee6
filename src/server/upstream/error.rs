//! Why a link to a master has ended.

use std::fmt;

/// Why a link has ended.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::server) enum LinkError {
    /// Another master is followed now, or none.
    Superseded,
    /// Something has failed.
    Failed(String),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Superseded => f.write_str("it is not followed any more"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}
