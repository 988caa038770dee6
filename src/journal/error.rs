//! The journal's errors, divided by what has to happen next.

use crate::store::change::sink::Seq;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a journal was not opened. The start stops; the message says where to look.
#[derive(Debug)]
pub enum OpenError {
    /// Another process has the directory: stop it, or use another directory.
    Locked {
        /// The journal's directory.
        directory: PathBuf,
    },
    /// A system call failed: repair the disk or the permissions, and start again.
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The bytes are not what was written: restore a copy, or decide what to give up (`rankd journal repair`).
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it, in bytes from its start.
        offset: u64,
        /// The sequence number of the last good record before that place.
        last_good: Seq,
        /// What is wrong there.
        what: String,
    },
    /// The journal is whole, but this configuration cannot hold its contents: change the configuration.
    Unfit {
        /// The file.
        path: PathBuf,
        /// Where in it, in bytes from its start.
        offset: u64,
        /// What does not fit.
        what: String,
    },
    /// Another version of rankd wrote it: start that version.
    UnknownVersion {
        /// The file.
        path: PathBuf,
        /// The version that the file names.
        version: String,
    },
}

impl OpenError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |error| Self::Io { path, error }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { directory } => {
                write!(f, "the journal in {} is in use by another process", directory.display())
            }
            Self::Io { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Damaged { path, offset, last_good, what } => write!(
                f,
                "the journal is damaged: {} at offset {offset}, after record {}: {what}",
                path.display(),
                last_good.0
            ),
            Self::Unfit { path, offset, what } => {
                write!(f, "{} at offset {offset} cannot be loaded: {what}", path.display())
            }
            Self::UnknownVersion { path, version } => {
                write!(f, "{}: journal version {version} is not one this rankd knows", path.display())
            }
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Why the journal cannot keep a write. The client gets `-MISCONF`; reads go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// No checkpoint was started: one is running, or the journal is closing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadyRunning;

impl fmt::Display for AlreadyRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a checkpoint is already in progress")
    }
}

impl std::error::Error for AlreadyRunning {}
