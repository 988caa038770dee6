//! Reads the records of one file in order, and searches for records behind a place where that fails.
//!
//! Nothing in the bytes is trusted: a length is compared with what is left of the file before memory is allocated for
//! it.

use super::record;
use super::record::{HEAD_BYTES, Head};
use crate::store::change::sink::Seq;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileExt;

/// Most bytes read at a time.
const WINDOW_BYTES: usize = 1024 * 1024;

/// The search for records behind a bad one gives up after it has checked this many times the bytes that are left. It
/// then counts as having found one, so that nothing is cut off. Bytes are normally checked less than once, but a file
/// can be made so that every offset looks like the head of a long record.
const SEARCH_EFFORT: u64 = 16;

/// Reads records one after the other.
pub(super) struct RecordReader<R = FileFrom> {
    read: R,
    /// Bytes of the file when it was opened; [`u64::MAX`] of what is no file.
    len: u64,
    seed: u32,
    window: Vec<u8>,
    /// How many bytes of `window` have been read.
    filled: usize,
    /// Where in the file `window` begins.
    window_at: u64,
    /// Where in `window` the next record begins.
    next: usize,
}

/// What the reader finds at its position.
#[derive(Debug)]
pub(super) enum Found<'a> {
    Record(Record<'a>),
    /// The file ends here, at the end of a record.
    End,
    /// Something that is not a whole record.
    Bad,
}

/// A record whose CRC is right. The caller checks its place in the chain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub(super) head: Head,
    pub(super) body: &'a [u8],
}

/// What the search behind a bad record found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    Nothing,
    /// A whole record, at this offset.
    Record {
        offset: u64,
        seq: Seq,
    },
    /// The search was given up.
    Unclear,
}

/// Reads a file from a place on, whoever else reads it.
pub(super) struct FileFrom {
    file: File,
    at: u64,
}

impl Read for FileFrom {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(out, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl RecordReader {
    /// Reads from `offset`, where the header ends.
    pub(super) fn new(file: File, len: u64, offset: u64, seed: u32) -> Self {
        Self::behind(FileFrom { file, at: offset }, len, offset, seed)
    }
}

impl<R: Read> RecordReader<R> {
    /// Reads what comes by `read` behind `offset` bytes, up to `len` bytes in all.
    pub(super) fn behind(read: R, len: u64, offset: u64, seed: u32) -> Self {
        Self { read, len, seed, window: Vec::new(), filled: 0, window_at: offset, next: 0 }
    }

    /// Where the next record begins.
    pub(super) fn offset(&self) -> u64 {
        self.window_at + self.next as u64
    }

    /// Reads the next record. After `Bad` the reader stays where it is.
    pub(super) fn next(&mut self) -> io::Result<Found<'_>> {
        if !self.fill(HEAD_BYTES)? {
            return Ok(if self.next == self.filled { Found::End } else { Found::Bad });
        }
        let head = Head::read(&self.window[self.next..]);
        let rest = self.len - self.offset();
        let Some(frame_bytes) = head.frame_bytes(rest) else { return Ok(Found::Bad) };
        if !self.fill(frame_bytes)? {
            return Ok(Found::Bad);
        }
        let frame = &self.window[self.next..self.next + frame_bytes];
        if !record::is_whole(frame, self.seed) {
            return Ok(Found::Bad);
        }
        self.next += frame_bytes;
        Ok(Found::Record(Record { head, body: &frame[HEAD_BYTES..] }))
    }

    /// Reads until the window holds `bytes` bytes from the reader's position on. Returns false if there are not so many. The
    /// window grows with what comes.
    fn fill(&mut self, bytes: usize) -> io::Result<bool> {
        if self.filled - self.next >= bytes {
            return Ok(true);
        }
        self.window_at = self.offset();
        self.window.copy_within(self.next..self.filled, 0);
        self.filled -= self.next;
        self.next = 0;
        while self.filled < bytes {
            let rest = self.len.saturating_sub(self.window_at + self.filled as u64);
            let room = usize::try_from(rest).unwrap_or(usize::MAX).min(WINDOW_BYTES);
            // What is there already is not cleared again.
            let end = (self.filled + room).max(self.window.len());
            self.window.resize(end, 0);
            let read = self.read.read(&mut self.window[self.filled..self.filled + room]);
            match read {
                Ok(0) => return Ok(false),
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

impl RecordReader {
    /// Searches, byte by byte, for a whole record behind the bad one at the reader's position. Its number must be
    /// above `last_good`, and no higher than the bytes in between allow.
    pub(super) fn search_behind(&self, last_good: Seq) -> io::Result<Behind> {
        let bad_at = self.offset();
        let mut effort_left = SEARCH_EFFORT * (self.len - bad_at);
        let mut chunk = Vec::new();
        let mut frame = Vec::new();
        let mut chunk_at = bad_at + 1;
        while chunk_at + HEAD_BYTES as u64 <= self.len {
            let rest = usize::try_from(self.len - chunk_at).unwrap_or(usize::MAX);
            chunk.resize(rest.min(WINDOW_BYTES), 0);
            self.read.file.read_exact_at(&mut chunk, chunk_at)?;
            let places = chunk.len() + 1 - HEAD_BYTES;
            for at in 0..places {
                let offset = chunk_at + at as u64;
                let head = Head::read(&chunk[at..]);
                let most = last_good.0.saturating_add(2 + (offset - bad_at) / HEAD_BYTES as u64);
                if head.seq <= last_good || head.seq.0 > most {
                    continue;
                }
                let Some(frame_bytes) = head.frame_bytes(self.len - offset) else { continue };
                let Some(left) = effort_left.checked_sub(frame_bytes as u64) else {
                    return Ok(Behind::Unclear);
                };
                effort_left = left;
                frame.resize(frame_bytes, 0);
                self.read.file.read_exact_at(&mut frame, offset)?;
                if record::is_whole(&frame, self.seed) {
                    return Ok(Behind::Record { offset, seq: head.seq });
                }
            }
            chunk_at += places as u64;
        }
        Ok(Behind::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const SEED: u32 = 5;

    fn reader(bytes: &[u8]) -> RecordReader {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        RecordReader::new(file, bytes.len() as u64, 0, SEED)
    }

    fn records(bodies: &[&[u8]]) -> Vec<u8> {
        let mut frames = Vec::new();
        for (index, body) in bodies.iter().enumerate() {
            record::push(&mut frames, Seq(index as u64 + 1), 0, body);
        }
        record::seal(&mut frames, SEED, 0);
        frames
    }

    #[test]
    fn records_larger_than_the_window_are_read_whole() {
        let large = vec![7; 3 * WINDOW_BYTES];
        let mut reader = reader(&records(&[b"a", &large, b"c"]));
        let mut lengths = Vec::new();
        while let Found::Record(record) = reader.next().unwrap() {
            lengths.push(record.body.len());
        }
        assert_eq!(lengths, [1, large.len(), 1]);
        assert!(matches!(reader.next().unwrap(), Found::End));
    }

    #[test]
    fn a_length_beyond_the_file_reserves_no_memory() {
        let mut bytes = records(&[b"body"]);
        bytes[..4].copy_from_slice(&0x7fff_ffffu32.to_le_bytes());
        let mut reader = reader(&bytes);
        assert!(matches!(reader.next().unwrap(), Found::Bad));
        assert!(reader.window.capacity() <= WINDOW_BYTES);

        // Where the length of all is not known, only what comes takes memory.
        let mut reader = RecordReader::behind(&bytes[..], u64::MAX, 0, SEED);
        assert!(matches!(reader.next().unwrap(), Found::Bad));
        assert!(reader.window.capacity() <= 2 * WINDOW_BYTES);
    }

    #[test]
    fn the_search_finds_a_record_across_a_chunk_and_stops_when_led_astray() {
        let mut bytes = records(&[&vec![0; WINDOW_BYTES], b"behind"]);
        bytes[30] ^= 1;
        let mut damaged = reader(&bytes);
        assert!(matches!(damaged.next().unwrap(), Found::Bad));
        let offset = (HEAD_BYTES + WINDOW_BYTES) as u64;
        assert_eq!(damaged.search_behind(Seq(0)).unwrap(), Behind::Record { offset, seq: Seq(2) });

        // Heads without end, each naming as long a body as is left.
        let mut astray = vec![0u8; 64 * 1024];
        for at in (0..astray.len() - HEAD_BYTES).step_by(HEAD_BYTES) {
            let length = (astray.len() - at - HEAD_BYTES) as u32;
            astray[at..at + 4].copy_from_slice(&length.to_le_bytes());
            astray[at + 12] = 1;
        }
        let mut astray = reader(&astray);
        assert!(matches!(astray.next().unwrap(), Found::Bad));
        assert_eq!(astray.search_behind(Seq(0)).unwrap(), Behind::Unclear);
    }
}
