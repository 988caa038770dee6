//! Whether anybody reads records: a journal that is on, or a feed. While nobody does, records are only counted, and a hold need not
//! write down what has changed.
//!
//! A hold asks once, when it has its locks. So who begins to read registers first, and then waits until every hold that may have
//! asked before has ended: until it has had the lock of each shard once.

use super::seq::Seq;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Those who read records.
#[derive(Debug, Default)]
pub struct RecordReaders {
    /// How many there are.
    count: AtomicUsize,
    /// See [`RecordReaders::basis_of_unread`].
    basis: AtomicU64,
}

/// A registered reader, until it is dropped.
#[derive(Debug)]
pub struct RegisteredReader(Arc<RecordReaders>);

impl RecordReaders {
    /// Whether there is one.
    #[must_use]
    pub fn are_there(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }

    /// Registers one. It gets whole records from the moment on when no hold is left that began before.
    #[must_use]
    pub fn register(self: &Arc<Self>) -> RegisteredReader {
        self.count.fetch_add(1, Ordering::AcqRel);
        RegisteredReader(Arc::clone(self))
    }

    /// The number that replies rest on while nobody reads the records of their commands: none of these records has a lower one. So a
    /// client that waits for the disk waits until the journal is on and has a base.
    pub(in crate::store) fn basis_of_unread(&self) -> Seq {
        Seq(self.basis.load(Ordering::Relaxed))
    }

    /// From the moment on when nobody reads records, none has a number below `basis`.
    pub fn rest_unread_on(&self, basis: Seq) {
        self.basis.store(basis.0, Ordering::Relaxed);
    }
}

impl Drop for RegisteredReader {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
    }
}
