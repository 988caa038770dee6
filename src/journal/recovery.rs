//! Reads a journal from its manifest to its last record: the base, then every segment after it.
//!
//! Changes nothing on disk; `rankd journal check` and `dump` walk the same way as the start. Its invariant: what it
//! hands out is a prefix, in whole records, of what was written, or it refuses and names the place. It never guesses:
//! only at the very end, with nothing behind it, is a broken record a torn tail.

use super::directory::{base_path, load_manifest, segment_path};
use super::error::OpenError;
use super::header::{BASE_HEADER_BYTES, BadHeader, BaseHeader, SEGMENT_HEADER_BYTES, SegmentHeader};
use super::manifest::Manifest;
use super::reader::{Behind, Found, RecordReader};
use crate::store::change::{self, Change};
use crate::store::sink::Seq;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Bytes between two lines of progress in the log.
const PROGRESS_BYTES: u64 = 256 * 1024 * 1024;

/// Where a Change was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// In the base: true when the checkpoint walked past it.
    Base,
    /// In a segment, in the record with this number.
    Record(Seq),
}

/// Takes the Changes, in order; an error, which says why one cannot be taken, ends the reading.
pub(super) type Visit<'a> = dyn FnMut(Place, &Change<'_>) -> Result<(), String> + 'a;

/// A record, before its Changes are handed out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) origin: Origin,
    pub(super) unix_ms: u64,
}

/// A broken record at the end of everything, not counted and to be cut off before anything is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The segment.
    pub path: PathBuf,
    /// Where the whole records end, in bytes.
    pub offset: u64,
    /// How many bytes follow that are no record.
    pub bytes: u64,
}

/// One file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRead {
    /// The file.
    pub path: PathBuf,
    /// Its whole records' bytes, header included.
    pub bytes: u64,
    /// Its records.
    pub records: u64,
    /// CRC of its header, which its records' CRCs start from.
    pub(super) seed: u32,
}

/// A journal that was read to its end.
#[derive(Debug)]
pub(super) struct Replayed {
    pub(super) manifest: Manifest,
    /// The base first, if there is one; then the segments.
    pub(super) files: Vec<FileRead>,
    pub(super) base: Option<BaseHeader>,
    pub(super) last_seq: Seq,
    /// CRC of the last record.
    pub(super) last_crc: u32,
    pub(super) changes: u64,
    pub(super) torn_tail: Option<TornTail>,
}

/// Reads the journal in `directory`, handing every Change to `visit` in order; `None` if there is no journal.
///
/// # Errors
/// Whatever cannot be trusted, with file, offset and sequence number. Changes may have been handed out before.
pub(super) fn replay(directory: &Path, visit: &mut Visit<'_>) -> Result<Option<Replayed>, OpenError> {
    let Some(manifest) = load_manifest(directory)? else { return Ok(None) };
    let mut replay = Replay {
        visit,
        files: Vec::new(),
        last_seq: Seq(0),
        last_crc: 0,
        changes: 0,
        torn_tail: None,
        progress_at: PROGRESS_BYTES,
        bytes_before: 0,
    };
    let base = match manifest.base {
        Some(number) => Some(replay.base(&base_path(directory, number), number)?),
        None => None,
    };
    for &number in &manifest.segments {
        replay.segment(segment_path(directory, number), number)?;
    }
    let Replay { files, last_seq, last_crc, changes, torn_tail, .. } = replay;
    Ok(Some(Replayed { manifest, files, base, last_seq, last_crc, changes, torn_tail }))
}

struct Replay<'a> {
    visit: &'a mut Visit<'a>,
    files: Vec<FileRead>,
    last_seq: Seq,
    last_crc: u32,
    changes: u64,
    torn_tail: Option<TornTail>,
    /// Bytes after which the next line of progress is due.
    progress_at: u64,
    /// Bytes of the files before this one.
    bytes_before: u64,
}

impl Replay<'_> {
    /// A base is whole or it is nothing: its records count up from 1, and one without a body ends it.
    fn base(&mut self, path: &Path, number: u64) -> Result<BaseHeader, OpenError> {
        let opened = Opened::new(path, BASE_HEADER_BYTES)?;
        let (header, seed) = BaseHeader::decode(&opened.header).map_err(|bad| refused(path, bad))?;
        if header.number != number {
            return Err(damaged(path, 0, Seq(0), format!("it says it is base {}", header.number)));
        }
        let len = opened.len;
        let mut reader = opened.records(seed);
        let mut previous = seed;
        let mut records = 0;
        loop {
            let offset = reader.offset();
            let record = match reader.next().map_err(OpenError::io(path))? {
                Found::Record(record) => record,
                Found::End => return Err(damaged(path, offset, Seq(records), "its end is missing")),
                Found::Bad => return Err(damaged(path, offset, Seq(records), "a record is broken")),
            };
            if record.head.seq != Seq(records + 1) || record.head.previous != previous {
                return Err(damaged(path, offset, Seq(records), "a record is out of order"));
            }
            if record.body.is_empty() {
                break;
            }
            records += 1;
            previous = record.head.crc;
            let place = Place { origin: Origin::Base, unix_ms: record.head.unix_ms };
            self.changes += visit_body(record.body, place, self.visit)
                .map_err(|stopped| stopped.at(path, offset, Seq(records - 1)))?;
            report_progress(&mut self.progress_at, self.bytes_before + offset);
        }
        let bytes = reader.offset();
        if bytes != len {
            return Err(damaged(path, bytes, Seq(records), "bytes follow its end"));
        }
        self.bytes_before += bytes;
        self.files.push(FileRead { path: path.to_path_buf(), bytes, records, seed });
        (self.last_seq, self.last_crc) = (Seq(header.next_seq.0.saturating_sub(1)), header.next_previous);
        Ok(header)
    }

    fn segment(&mut self, path: PathBuf, number: u64) -> Result<(), OpenError> {
        let opened = Opened::new(&path, SEGMENT_HEADER_BYTES)?;
        let (header, seed) = SegmentHeader::decode(&opened.header).map_err(|bad| refused(&path, bad))?;
        if header.number != number {
            let what = format!("it says it is segment {}", header.number);
            return Err(damaged(&path, 0, self.last_seq, what));
        }
        let len = opened.len;
        let mut reader = opened.records(seed);
        let mut records = 0;
        loop {
            let offset = reader.offset();
            let record = match reader.next().map_err(OpenError::io(&path))? {
                Found::Record(record) => record,
                Found::End => break,
                Found::Bad if self.torn_tail.is_none() => {
                    self.tear(&path, &reader, len)?;
                    break;
                }
                Found::Bad => return Err(self.behind_a_tear(&path, offset)),
            };
            if self.torn_tail.is_some() {
                return Err(self.behind_a_tear(&path, offset));
            }
            let expected = Seq(self.last_seq.0 + 1);
            if record.head.seq != expected {
                let what = format!("record {} follows: there is a gap", record.head.seq.0);
                return Err(damaged(&path, offset, self.last_seq, what));
            }
            if record.head.previous != self.last_crc {
                let what = format!("record {} continues another record than the one before", expected.0);
                return Err(damaged(&path, offset, self.last_seq, what));
            }
            let place = Place { origin: Origin::Record(expected), unix_ms: record.head.unix_ms };
            self.changes += visit_body(record.body, place, self.visit)
                .map_err(|stopped| stopped.at(&path, offset, self.last_seq))?;
            records += 1;
            (self.last_seq, self.last_crc) = (expected, record.head.crc);
            report_progress(&mut self.progress_at, self.bytes_before + offset);
        }
        let bytes = reader.offset();
        self.bytes_before += bytes;
        self.files.push(FileRead { path, bytes, records, seed });
        Ok(())
    }

    /// Takes the bad record that `reader` stands at for the torn tail, unless a whole one follows it in this file.
    /// One that follows in a later file is found when that is read.
    fn tear(&mut self, path: &Path, reader: &RecordReader, len: u64) -> Result<(), OpenError> {
        let offset = reader.offset();
        let what = match reader.search_behind(self.last_seq).map_err(OpenError::io(path))? {
            Behind::Nothing => {
                self.torn_tail = Some(TornTail { path: path.to_path_buf(), offset, bytes: len - offset });
                return Ok(());
            }
            Behind::Record { offset, seq } => {
                format!("a broken record, and record {} is whole at offset {offset}", seq.0)
            }
            Behind::Unclear => "a broken record, and whether whole ones follow could not be told".to_owned(),
        };
        Err(damaged(path, offset, self.last_seq, what))
    }

    /// The tail that seemed torn is not the end: `path` goes on at `offset`.
    fn behind_a_tear(&self, path: &Path, offset: u64) -> OpenError {
        let tear = self.torn_tail.as_ref().expect("called behind a tear");
        let what = format!("a broken record, and {} has more at offset {offset}", path.display());
        damaged(&tear.path, tear.offset, self.last_seq, what)
    }
}

/// Why a record's Changes were not all handed out.
enum Stopped {
    /// The body is not one or more Changes.
    Malformed,
    /// `visit` would not take one.
    Unfit(String),
}

impl Stopped {
    fn at(self, path: &Path, offset: u64, last_good: Seq) -> OpenError {
        match self {
            Self::Malformed => damaged(
                path,
                offset,
                last_good,
                "a record holds something that is not a Change of this version",
            ),
            Self::Unfit(what) => OpenError::Unfit { path: path.to_path_buf(), offset, what },
        }
    }
}

/// Hands the Changes of a record's body to `visit` and returns how many there were. The whole body is decoded before
/// the first is handed out.
fn visit_body(body: &[u8], place: Place, visit: &mut Visit<'_>) -> Result<u64, Stopped> {
    let mut rest = body;
    let mut changes = Vec::with_capacity(1);
    while !rest.is_empty() {
        changes.push(change::decode(&mut rest).map_err(|_| Stopped::Malformed)?);
    }
    if changes.is_empty() {
        return Err(Stopped::Malformed);
    }
    for change in &changes {
        visit(place, change).map_err(Stopped::Unfit)?;
    }
    Ok(changes.len() as u64)
}

fn report_progress(due_at: &mut u64, bytes: u64) {
    if bytes >= *due_at {
        *due_at += PROGRESS_BYTES;
        tracing::info!(mib = bytes / (1024 * 1024), "reading the journal");
    }
}

/// A file whose header has been read, not yet checked.
struct Opened {
    file: File,
    len: u64,
    header: Vec<u8>,
}

impl Opened {
    fn new(path: &Path, header_bytes: usize) -> Result<Self, OpenError> {
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

    fn records(self, seed: u32) -> RecordReader {
        RecordReader::new(self.file, self.len, self.header.len() as u64, seed)
    }
}

fn damaged(path: &Path, offset: u64, last_good: Seq, what: impl Into<String>) -> OpenError {
    OpenError::Damaged { path: path.to_path_buf(), offset, last_good, what: what.into() }
}

fn refused(path: &Path, bad: BadHeader) -> OpenError {
    match bad {
        BadHeader::Damaged => damaged(path, 0, Seq(0), "its header is not a whole one"),
        BadHeader::UnknownVersion(version) => {
            OpenError::UnknownVersion { path: path.to_path_buf(), version: version.to_string() }
        }
    }
}
