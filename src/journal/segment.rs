//! A segment that is written to: a header, then sealed records.

use super::directory::Directory;
use super::files::{Appendable, write_all};
use super::header;
use super::header::{SEGMENT_HEADER_BYTES, SegmentHeader};
use std::io;
use std::sync::Arc;

/// A segment that is open for writing.
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) file: Arc<dyn Appendable>,
    /// Bytes up to the end of the last whole record.
    pub(super) len: u64,
    /// CRC of the header, which the records' CRCs start from.
    pub(super) seed: u32,
    /// Whether bytes behind `len` may be in the file, left by a write that failed halfway.
    ragged: bool,
}

impl Segment {
    /// Creates a segment and returns when its name and header are durable.
    pub(super) fn create(directory: &Directory, number: u64, salt: u64) -> io::Result<Self> {
        let file = directory.files.create(&directory.segment(number))?;
        let encoded = SegmentHeader { number, salt }.encode();
        write_all(&*file, &encoded)?;
        file.sync()?;
        directory.files.sync_directory(&directory.path)?;
        let len = SEGMENT_HEADER_BYTES as u64;
        Ok(Self { number, file, len, seed: header::seed(&encoded), ragged: false })
    }

    /// Opens a segment that recovery has read: `len` bytes of it are whole records.
    pub(super) fn reopen(directory: &Directory, number: u64, len: u64, seed: u32) -> io::Result<Self> {
        let file = directory.files.append(&directory.segment(number))?;
        Ok(Self { number, file, len, seed, ragged: false })
    }

    /// Appends whole records. After an error none of them counts, and the next call truncates the file before it
    /// writes.
    pub(super) fn append(&mut self, sealed: &[u8]) -> io::Result<()> {
        self.cut_ragged()?;
        self.ragged = true;
        if let Err(error) = write_all(&*self.file, sealed) {
            // Truncated at once, so that a crash before the next attempt finds a clean end. If this fails, the next
            // attempt tries again.
            let _ = self.cut_ragged();
            return Err(error);
        }
        self.ragged = false;
        self.len += sealed.len() as u64;
        Ok(())
    }

    fn cut_ragged(&mut self) -> io::Result<()> {
        if self.ragged {
            self.file.cut(self.len)?;
            self.ragged = false;
        }
        Ok(())
    }
}
