//! A base while it is being written: Changes are gathered into blocks, and the blocks become records, which are written as
//! they come.

use super::base;
use super::base::BaseEnd;
use super::directory::Directory;
use super::files::Appendable;
use super::header;
use super::header::{BASE_HEADER_BYTES, BaseHeader};
use super::record;
use crate::store::change::sink::Seq;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// Bytes of records gathered before a write.
const WRITE_BYTES: usize = 256 * 1024;

/// Bytes written between two fdatasyncs of a base. They keep the last fdatasync short, and that of the segment beside
/// it.
const SYNC_EVERY_BYTES: u64 = 16 * 1024 * 1024;

/// A base that is being written. Where it is written to is flushed now and then, and at the end.
pub(super) struct BaseFile<W> {
    out: W,
    unix_ms: u64,
    seed: u32,
    previous: u32,
    last: Seq,
    /// Changes that are in no record yet.
    block: Vec<u8>,
    /// The body of the record that is being made.
    body: Vec<u8>,
    unwritten: Vec<u8>,
    bytes: u64,
    synced_bytes: u64,
}

/// A file of the journal. What was flushed is on disk.
pub(super) struct Synced(Arc<dyn Appendable>);

impl Write for Synced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.sync()
    }
}

impl BaseFile<Synced> {
    pub(super) fn create(directory: &Directory, path: &Path, header: &BaseHeader) -> io::Result<Self> {
        Self::begin(Synced(directory.files.create(path)?), header)
    }
}

impl<W: Write> BaseFile<W> {
    pub(super) fn begin(mut out: W, header: &BaseHeader) -> io::Result<Self> {
        let encoded = header.encode();
        out.write_all(&encoded)?;
        let seed = header::seed(&encoded);
        Ok(Self {
            out,
            unix_ms: header.unix_ms,
            seed,
            previous: seed,
            last: Seq(0),
            block: Vec::new(),
            body: Vec::new(),
            unwritten: Vec::new(),
            bytes: BASE_HEADER_BYTES as u64,
            synced_bytes: 0,
        })
    }

    pub(super) fn push(&mut self, changes: &[u8]) -> io::Result<()> {
        self.block.extend_from_slice(changes);
        if self.block.len() >= base::BLOCK_BYTES { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        base::pack(&self.block, &mut self.body);
        self.last.0 += 1;
        record::push(&mut self.unwritten, self.last, self.unix_ms, &self.body);
        self.block.clear();
        // A large value must not leave the buffers large.
        self.block.shrink_to(2 * base::BLOCK_BYTES);
        self.body.shrink_to(2 * base::BLOCK_BYTES);
        if self.unwritten.len() >= WRITE_BYTES { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> io::Result<()> {
        self.previous = record::seal(&mut self.unwritten, self.seed, self.previous);
        self.out.write_all(&self.unwritten)?;
        self.bytes += self.unwritten.len() as u64;
        self.unwritten.clear();
        if self.bytes - self.synced_bytes >= SYNC_EVERY_BYTES {
            self.out.flush()?;
            self.synced_bytes = self.bytes;
        }
        Ok(())
    }

    /// Ends the base and returns its length in bytes. The number of its last record says how many records there are.
    pub(super) fn finish(mut self, end: BaseEnd) -> io::Result<u64> {
        self.end_block()?;
        record::push(&mut self.unwritten, Seq(self.last.0 + 1), self.unix_ms, &end.encode());
        self.write()?;
        self.out.flush()?;
        Ok(self.bytes)
    }
}
