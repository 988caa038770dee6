//! How many bytes of the data a start has read, for the threads that report it.
//!
//! The thread that reads counts; any other thread may look.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes read, and bytes to read in all.
#[derive(Debug, Default)]
pub struct ReadProgress {
    total_bytes: AtomicU64,
    /// Bytes of the files that have been read to their end.
    finished_bytes: AtomicU64,
    /// Bytes of those and of the file that is being read.
    read_bytes: AtomicU64,
}

impl ReadProgress {
    /// Bytes of all files, 0 until they are known.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes.load(Ordering::Relaxed)
    }

    /// Bytes read so far, in all files.
    #[must_use]
    pub fn read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }

    /// Sets the number of bytes of all files.
    pub fn expect(&self, total_bytes: u64) {
        self.total_bytes.store(total_bytes, Ordering::Relaxed);
    }

    /// Notes that the current file has been read up to `offset`.
    pub fn advance(&self, offset: u64) {
        self.read_bytes.store(self.finished_bytes.load(Ordering::Relaxed) + offset, Ordering::Relaxed);
    }

    /// Notes that the current file, of `bytes` bytes, has been read to its end.
    pub fn next_file(&self, bytes: u64) {
        self.finished_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.advance(0);
    }
}
