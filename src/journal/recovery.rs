//! Reads a journal from its manifest to its last record: the base, then every segment after it.
//!
//! Nothing on disk is changed: `rankd journal check` and `dump` read in the same way as a start. Invariant: the
//! Changes that are handed out are a prefix of what was written, in whole records; otherwise the reading fails and
//! names the place. A broken record is a torn tail only at the very end, with nothing behind it.

use super::base::BaseEnd;
use super::base_reader::{BasePart, BaseReader};
use super::directory::{base_path, load_manifest, segment_path};
use super::error::OpenError;
use super::header::{self, BASE_HEADER_BYTES, BaseHeader, SEGMENT_HEADER_BYTES, SegmentHeader};
use super::manifest::Manifest;
use super::open_file::{OpenFile, bad_header, damaged};
use super::reader::{Behind, Found, Record, RecordReader};
use super::visit::{Origin, Provenance, Visit, visit_body};
use crate::machine::progress::ReadProgress;
use crate::store::change;
use crate::store::change::sink::Seq;
use std::path::{Path, PathBuf};

/// A broken record at the end of the journal. It does not count, and is cut off before anything is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The segment that ends in it.
    pub path: PathBuf,
    /// Where the whole records end, in bytes.
    pub offset: u64,
    /// The bytes behind that offset: no record, or records of later segments, which do not count without the missing
    /// ones.
    pub bytes: u64,
}

/// A file of the journal that has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRead {
    /// Its path.
    pub path: PathBuf,
    /// Bytes of its header and its whole records.
    pub bytes: u64,
    /// Number of its records.
    pub records: u64,
    /// CRC of its header, from which the CRCs of its records start, and the version that it names.
    pub(super) seed: u32,
    pub(super) version: u32,
}

/// A journal that was read to its end.
#[derive(Debug)]
pub(super) struct Replayed {
    /// The manifest without the loose segments that do not count.
    pub(super) manifest: Manifest,
    /// Number of the last listed segment, whether it counts or not.
    pub(super) last_listed: u64,
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
/// Any damage, with file, offset and sequence number. Changes may have been handed out before it is found.
pub(super) fn replay(
    directory: &Path,
    progress: &ReadProgress,
    visit: &mut Visit<'_>,
) -> Result<Option<Replayed>, OpenError> {
    let Some(mut manifest) = load_manifest(directory)? else { return Ok(None) };
    progress.expect(listed_bytes(directory, &manifest));
    let mut replay = Replay {
        visit,
        progress,
        files: Vec::new(),
        last_seq: Seq(0),
        last_crc: 0,
        changes: 0,
        torn_tail: None,
        command: None,
    };
    let base = match manifest.base {
        Some(number) => Some(replay.base(directory, number)?),
        None => None,
    };
    let last_listed = manifest.last();
    let paths: Vec<_> = manifest.segments.iter().map(|&number| segment_path(directory, number)).collect();
    for (place, path) in paths.iter().enumerate() {
        let number = manifest.segments[place];
        if manifest.is_loose(number) && !replay.goes_on_in(path)? {
            replay.leave_out(&paths[place..])?;
            manifest.truncate(place);
            break;
        }
        replay.segment(path.clone(), number)?;
    }
    let Replay { files, last_seq, last_crc, changes, torn_tail, .. } = replay;
    Ok(Some(Replayed { manifest, last_listed, files, base, last_seq, last_crc, changes, torn_tail }))
}

/// The bytes of all files that `manifest` lists. A file that is missing counts as empty here; reading it is an error.
fn listed_bytes(directory: &Path, manifest: &Manifest) -> u64 {
    let bases = manifest.base.iter().map(|&number| base_path(directory, number));
    let segments = manifest.segments.iter().map(|&number| segment_path(directory, number));
    let metadata = bases.chain(segments).filter_map(|path| path.metadata().ok());
    metadata.map(|metadata| metadata.len()).sum()
}

struct Replay<'a> {
    visit: &'a mut Visit<'a>,
    progress: &'a ReadProgress,
    files: Vec<FileRead>,
    last_seq: Seq,
    last_crc: u32,
    changes: u64,
    torn_tail: Option<TornTail>,
    /// The position before a command that is spread over several records, while such a command is being read.
    command: Option<Before>,
}

/// A position between two commands of a segment.
#[derive(Clone, Copy)]
struct Before {
    offset: u64,
    /// Number of the segment's records up to there.
    records: u64,
    last_seq: Seq,
    last_crc: u32,
}

impl Replay<'_> {
    /// Reads the base. It must be whole: its records are numbered from 1, and the last one marks the end.
    fn base(&mut self, directory: &Path, number: u64) -> Result<BaseHeader, OpenError> {
        let path = &*base_path(directory, number);
        let opened = OpenFile::new(path, BASE_HEADER_BYTES)?;
        let (header, seed) = BaseHeader::decode(&opened.header).map_err(|bad| bad_header(path, bad))?;
        if header.number != number {
            return Err(damaged(
                path,
                0,
                Seq(0),
                format!("its header says that it is base {}", header.number),
            ));
        }
        let (len, version) = (opened.len, header::version(&opened.header));
        let end_at = len.saturating_sub(BaseEnd::FRAME_BYTES);
        let end = opened.file.try_clone().map_err(OpenError::io(path))?;
        let end = match RecordReader::new(end, len, end_at, seed).next().map_err(OpenError::io(path))? {
            Found::Record(record) => BaseEnd::decode(record.body),
            Found::End | Found::Bad => None,
        };
        let end = end.ok_or_else(|| damaged(path, end_at, Seq(0), "its end is missing"))?;
        (self.last_seq, self.last_crc) = (Seq(header.next_seq.0.saturating_sub(1)), header.next_previous);
        self.look_ahead(&segment_path(directory, number), end.walked_to)?;

        let mut reader = BaseReader::new(opened.records(seed), seed);
        loop {
            let (offset, last) = (reader.offset(), reader.last());
            let (changes, unix_ms) = match reader.next().map_err(OpenError::io(path))? {
                BasePart::Changes { changes, unix_ms } => (changes, unix_ms),
                BasePart::End(_) if offset == end_at => break,
                BasePart::End(_) => return Err(damaged(path, offset, last, "it goes on behind its end")),
                BasePart::Bad(what) => return Err(damaged(path, offset, last, what)),
            };
            let provenance = Provenance { origin: Origin::Base, unix_ms };
            let visited = visit_body(changes, provenance, self.visit);
            self.changes += visited.map_err(|stopped| stopped.at(path, offset, last))?;
            self.progress.advance(reader.offset());
        }
        let records = reader.last().0;
        self.progress.next_file(len);
        self.files.push(FileRead { path: path.to_path_buf(), bytes: len, records, seed, version });
        Ok(header)
    }

    /// Hands out the records that were appended while the base was written. The base may show a part of their
    /// Changes, so without them it is no state that the store has ever had.
    fn look_ahead(&mut self, path: &Path, walked_to: Seq) -> Result<(), OpenError> {
        if walked_to <= self.last_seq {
            return Ok(());
        }
        let opened = OpenFile::new(path, SEGMENT_HEADER_BYTES)?;
        let (_, seed) = SegmentHeader::decode(&opened.header).map_err(|bad| bad_header(path, bad))?;
        let mut reader = opened.records(seed);
        for seq in self.last_seq.0 + 1..=walked_to.0 {
            let (offset, last_good) = (reader.offset(), Seq(seq - 1));
            let record = match reader.next().map_err(OpenError::io(path))? {
                Found::Record(record) if record.head.seq == Seq(seq) => record,
                _ => {
                    let what = format!("the base cannot be used without the records up to {}", walked_to.0);
                    return Err(damaged(path, offset, last_good, what));
                }
            };
            let provenance = Provenance { origin: Origin::Ahead(Seq(seq)), unix_ms: record.head.unix_ms };
            visit_body(record.body, provenance, self.visit)
                .map_err(|stopped| stopped.at(path, offset, last_good))?;
        }
        Ok(())
    }

    /// Whether a loose segment continues the records that have been read. The last records before it may never have
    /// reached the disk.
    fn goes_on_in(&self, path: &Path) -> Result<bool, OpenError> {
        if self.torn_tail.is_some() {
            return Ok(false);
        }
        let opened = OpenFile::new(path, SEGMENT_HEADER_BYTES)?;
        let (_, seed) = SegmentHeader::decode(&opened.header).map_err(|bad| bad_header(path, bad))?;
        Ok(match opened.records(seed).next().map_err(OpenError::io(path))? {
            Found::Record(Record { head, .. }) => {
                head.seq == Seq(self.last_seq.0 + 1) && head.previous == self.last_crc
            }
            Found::End | Found::Bad => true,
        })
    }

    /// Adds the segments at `paths` to the torn tail, which begins at the current position.
    fn leave_out(&mut self, paths: &[PathBuf]) -> Result<(), OpenError> {
        let last = self.files.last().expect("no manifest begins with a loose segment");
        let tear = TornTail { path: last.path.clone(), offset: last.bytes, bytes: 0 };
        let tear = self.torn_tail.get_or_insert(tear);
        for path in paths {
            let len = path.metadata().map_err(OpenError::io(path))?.len();
            tear.bytes += len.saturating_sub(SEGMENT_HEADER_BYTES as u64);
            self.progress.next_file(len);
        }
        Ok(())
    }

    fn segment(&mut self, path: PathBuf, number: u64) -> Result<(), OpenError> {
        let opened = OpenFile::new(&path, SEGMENT_HEADER_BYTES)?;
        let (header, seed) = SegmentHeader::decode(&opened.header).map_err(|bad| bad_header(&path, bad))?;
        if header.number != number {
            let what = format!("its header says that it is segment {}", header.number);
            return Err(damaged(&path, 0, self.last_seq, what));
        }
        let (len, version) = (opened.len, header::version(&opened.header));
        let mut reader = opened.records(seed);
        let mut records = 0;
        // The bodies, so far, of a command that is spread over several records.
        let mut parts = Vec::new();
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
                return Err(self.damage(&path, offset, what));
            }
            if record.head.previous != self.last_crc {
                let what = format!("record {} does not continue the record before it", expected.0);
                return Err(self.damage(&path, offset, what));
            }
            let provenance = Provenance { origin: Origin::Record(expected), unix_ms: record.head.unix_ms };
            if change::is_continued(record.body) {
                let (last_seq, last_crc) = (self.last_seq, self.last_crc);
                self.command.get_or_insert(Before { offset, records, last_seq, last_crc });
                parts.extend_from_slice(record.body);
            } else {
                let body = if parts.is_empty() {
                    record.body
                } else {
                    parts.extend_from_slice(record.body);
                    &parts
                };
                self.changes += visit_body(body, provenance, self.visit)
                    .map_err(|stopped| stopped.at(&path, offset, self.last_seq))?;
                (parts, self.command) = (Vec::new(), None);
            }
            records += 1;
            (self.last_seq, self.last_crc) = (expected, record.head.crc);
            self.progress.advance(reader.offset());
        }
        let mut bytes = reader.offset();
        if let Some(before) = self.command.take() {
            // The end of the command is missing: none of it counts.
            (bytes, records) = (before.offset, before.records);
            (self.last_seq, self.last_crc) = (before.last_seq, before.last_crc);
            self.torn_tail = Some(TornTail { path: path.clone(), offset: bytes, bytes: len - bytes });
        }
        self.progress.next_file(len);
        self.files.push(FileRead { path, bytes, records, seed, version });
        Ok(())
    }

    /// Treats the bad record at the reader's position as the torn tail, unless a whole record follows it in this
    /// file. A record in a later file is found when that file is read.
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
            Behind::Unclear => {
                "a broken record, and the search for whole ones behind it was given up".to_owned()
            }
        };
        Err(self.damage(path, offset, what))
    }

    /// The error for damage at `offset`. It names the start of the command that the damage is in, because the last
    /// whole state ends there.
    fn damage(&self, path: &Path, offset: u64, what: String) -> OpenError {
        let (offset, last_good) = match self.command {
            Some(before) => (before.offset, before.last_seq),
            None => (offset, self.last_seq),
        };
        damaged(path, offset, last_good, what)
    }

    /// The error for a torn tail that is not the end: `path` has more at `offset`.
    fn behind_a_tear(&self, path: &Path, offset: u64) -> OpenError {
        let tear = self.torn_tail.as_ref().expect("called behind a tear");
        let what = format!("a broken record, and {} has more at offset {offset}", path.display());
        damaged(&tear.path, tear.offset, self.last_seq, what)
    }
}
