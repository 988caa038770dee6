//! A file of the journal, opened to be read: its header's bytes, and the errors that name the file.

use super::error::OpenError;
use super::header::BadHeader;
use super::reader::RecordReader;
use crate::store::change::sink::Seq;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A file whose header has been read and not yet checked.
pub(super) struct OpenFile {
    pub(super) file: File,
    pub(super) len: u64,
    pub(super) header: Vec<u8>,
}

impl OpenFile {
    pub(super) fn new(path: &Path, header_bytes: usize) -> Result<Self, OpenError> {
        let file = match File::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(damaged(path, 0, Seq(0), "the manifest names it and it is not there"));
            }
            other => other.map_err(OpenError::io(path))?,
        };
        let len = file.metadata().map_err(OpenError::io(path))?.len();
        let mut header = vec![0; header_bytes.min(usize::try_from(len).unwrap_or(usize::MAX))];
        file.read_exact_at(&mut header, 0).map_err(OpenError::io(path))?;
        Ok(Self { file, len, header })
    }

    /// Reads the records behind the header, whose CRC is `seed`.
    pub(super) fn records(self, seed: u32) -> RecordReader {
        RecordReader::new(self.file, self.len, self.header.len() as u64, seed)
    }
}

pub(super) fn damaged(path: &Path, offset: u64, last_good: Seq, what: impl Into<String>) -> OpenError {
    OpenError::Damaged { path: path.to_path_buf(), offset, last_good, what: what.into() }
}

/// The error for a file whose header was refused.
pub(super) fn bad_header(path: &Path, bad: BadHeader) -> OpenError {
    match bad {
        BadHeader::Damaged => damaged(path, 0, Seq(0), "its header is damaged"),
        BadHeader::UnknownVersion(version) => {
            OpenError::UnknownVersion { path: path.to_path_buf(), version: version.to_string() }
        }
    }
}
