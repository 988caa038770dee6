//! Whether anybody reads records: a journal that is on, or a feed. While nobody does, records are only counted, and a hold need not
//! write down what has changed.
//!
//! A hold asks once, when it has its locks. So who begins to read registers first, and then waits until every hold that may have
//! asked before has ended: until it has had the lock of each shard once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of those who read records.
#[derive(Debug, Default)]
pub struct RecordReaders(AtomicUsize);

/// A registered reader, until it is dropped.
#[derive(Debug)]
pub struct RegisteredReader(Arc<RecordReaders>);

impl RecordReaders {
    /// Whether there is one.
    #[must_use]
    pub fn are_there(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }

    /// Registers one. It gets whole records from the moment on when no hold is left that began before.
    #[must_use]
    pub fn register(self: &Arc<Self>) -> RegisteredReader {
        self.0.fetch_add(1, Ordering::AcqRel);
        RegisteredReader(Arc::clone(self))
    }
}

impl Drop for RegisteredReader {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}
