//! The lock on the journal's directory, from when the journal is turned on until it is off and the last file is left alone.

use super::directory::Directory;
use super::error::OpenError;
use std::fs::File;
use std::sync::{Arc, Weak};

/// The lock on the directory. It is released when the journal does not hold it any more and a checkpoint that was given up has
/// ended: until then that may still touch files of its own.
#[derive(Debug, Default)]
pub(super) struct DirectoryLock {
    held: Option<Arc<File>>,
    last: Weak<File>,
}

impl DirectoryLock {
    /// A lock that has been taken.
    pub(super) fn of(file: File) -> Self {
        let file = Arc::new(file);
        Self { last: Arc::downgrade(&file), held: Some(file) }
    }

    /// Takes it, if it is not held.
    ///
    /// # Errors
    /// Another process has it, or the directory cannot be created.
    pub(super) fn take(&mut self, directory: &Directory) -> Result<(), OpenError> {
        if self.held.is_none() {
            match self.last.upgrade() {
                Some(file) => self.held = Some(file),
                None => *self = Self::of(directory.lock()?),
            }
        }
        Ok(())
    }

    pub(super) fn is_held(&self) -> bool {
        self.held.is_some()
    }

    pub(super) fn let_go(&mut self) {
        self.held = None;
    }

    /// A further holder, if it is held.
    pub(super) fn share(&self) -> Option<Arc<File>> {
        self.held.clone()
    }
}
