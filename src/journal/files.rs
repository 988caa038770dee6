//! The file layer: the system calls that the journal's durability depends on, behind two small traits.
//!
//! Tests replace them with a double that fails on the n-th call, writes less than it was asked to, or reports EIO on
//! fdatasync. So every fault is tested without root and without a broken disk. Reading is not part of the layer:
//! recovery reads plain files.

use crate::machine::durable;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// The calls that take a path.
pub(super) trait Files: Send + Sync {
    /// Creates an empty file. A file that an interrupted attempt has left under the name is removed.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn Appendable>>;
    /// Opens an existing file to append to it.
    fn append(&self, path: &Path) -> io::Result<Arc<dyn Appendable>>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes creations, renames and removals in a directory durable.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
}

/// The calls on an open file. They take `&self`, because fdatasync runs beside writes.
pub(super) trait Appendable: Send + Sync {
    /// Appends a prefix of `bytes` and returns its length.
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;
    /// fdatasync: returns when everything written before is on disk.
    fn sync(&self) -> io::Result<()>;
    /// Truncates the file to `len` bytes; the next write goes there.
    fn cut(&self, len: u64) -> io::Result<()>;
}

/// Appends all of `bytes`, however often the kernel takes only a part or is interrupted.
pub(super) fn write_all(file: &dyn Appendable, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(taken) => bytes = &bytes[taken..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The real file system.
#[derive(Debug)]
pub(super) struct Disk;

impl Files for Disk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn Appendable>> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        Ok(Arc::new(OpenOptions::new().append(true).create_new(true).open(path)?))
    }

    fn append(&self, path: &Path) -> io::Result<Arc<dyn Appendable>> {
        Ok(Arc::new(OpenOptions::new().append(true).open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        durable::sync_directory(path)
    }
}

impl Appendable for File {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = self;
        Write::write(&mut file, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }
}

/// Whether the error says that the disk is full or the quota used up.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
