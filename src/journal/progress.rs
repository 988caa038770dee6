//! How far a reading has come, for those who wait for it.

use super::directory::{base_path, segment_path};
use super::manifest::Manifest;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes read and bytes to read. One thread counts, any may look.
#[derive(Debug, Default)]
pub struct Progress {
    total_bytes: AtomicU64,
    /// Bytes of the files that have been read to their end.
    files_bytes: AtomicU64,
    /// Bytes of those and of the file that is being read.
    read_bytes: AtomicU64,
}

impl Progress {
    /// Bytes of all files, 0 until they are known.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes.load(Ordering::Relaxed)
    }

    /// Bytes read so far.
    #[must_use]
    pub fn read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }

    /// Sums up what will be read. A file that is not there is the reading's matter.
    pub(super) fn begin(&self, directory: &Path, manifest: &Manifest) {
        let bases = manifest.base.iter().map(|&number| base_path(directory, number));
        let segments = manifest.segments.iter().map(|&number| segment_path(directory, number));
        let bytes =
            bases.chain(segments).filter_map(|path| path.metadata().ok()).map(|metadata| metadata.len());
        self.expect(bytes.sum());
    }

    /// There are this many bytes to read.
    pub fn expect(&self, total_bytes: u64) {
        self.total_bytes.store(total_bytes, Ordering::Relaxed);
    }

    /// `offset` bytes of the present file have been read.
    pub fn advance(&self, offset: u64) {
        self.read_bytes.store(self.files_bytes.load(Ordering::Relaxed) + offset, Ordering::Relaxed);
    }

    /// The present file, of `bytes` bytes, is through.
    pub(super) fn next_file(&self, bytes: u64) {
        self.files_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.advance(0);
    }
}
