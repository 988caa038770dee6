//! Reads a journal from its manifest to its last record: the base, then every segment after it.
//!
//! Changes nothing on disk; `rankd journal check` and `dump` walk the same way as the start. Its invariant: what it
//! hands out is a prefix, in whole records, of what was written, or it refuses and names the place. It never guesses:
//! only at the very end, with nothing behind it, is a broken record a torn tail.

use super::base;
use super::base::End;
use super::directory::{base_path, load_manifest, segment_path};
use super::error::OpenError;
use super::header::{self, BASE_HEADER_BYTES, BadHeader, BaseHeader, SEGMENT_HEADER_BYTES, SegmentHeader};
use super::manifest::Manifest;
use super::progress::Progress;
use super::reader::{Behind, Found, Record, RecordReader};
use crate::store::Loader;
use crate::store::change::sink::Seq;
use crate::store::change::{self, Change};
use smallvec::SmallVec;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Where a Change was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// In a record that came while the base was written. Handed out before the base, and again in its turn.
    Ahead(Seq),
    /// In the base: true when the checkpoint walked past it.
    Base,
    /// In a segment, in the record with this number.
    Record(Seq),
}

/// Takes the Changes, in order, each with its bytes; an error, which says why one cannot be taken, ends the reading.
pub(super) type Visit<'a> = dyn FnMut(Place, &Change<'_>, &[u8]) -> Result<(), String> + 'a;

/// A record, before its Changes are handed out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) origin: Origin,
    pub(super) unix_ms: u64,
}

impl Place {
    /// Gives a Change from here, with its bytes, to a store that is being filled.
    ///
    /// # Errors
    /// Why the store cannot hold it.
    pub(super) fn load(self, loader: &mut Loader, change: &Change<'_>, encoded: &[u8]) -> Result<(), String> {
        let loaded = match self.origin {
            Origin::Ahead(seq) => {
                loader.expect(seq, change);
                Ok(())
            }
            Origin::Base => loader.load(change, encoded),
            Origin::Record(seq) => loader.apply(seq, change, encoded),
        };
        loaded.map_err(|error| error.to_string())
    }
}

/// A broken record at the end of everything, not counted and to be cut off before anything is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The segment.
    pub path: PathBuf,
    /// Where the whole records end, in bytes.
    pub offset: u64,
    /// How many bytes follow that are no record, or records of later segments that do not count without what is missing.
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
    /// CRC of its header, which its records' CRCs start from, and the version that it names.
    pub(super) seed: u32,
    pub(super) version: u32,
}

/// A journal that was read to its end.
#[derive(Debug)]
pub(super) struct Replayed {
    /// Without the loose segments that do not count.
    pub(super) manifest: Manifest,
    /// The last segment that was listed, those included.
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
/// Whatever cannot be trusted, with file, offset and sequence number. Changes may have been handed out before.
pub(super) fn replay(
    directory: &Path,
    progress: &Progress,
    visit: &mut Visit<'_>,
) -> Result<Option<Replayed>, OpenError> {
    let Some(mut manifest) = load_manifest(directory)? else { return Ok(None) };
    progress.begin(directory, &manifest);
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

struct Replay<'a> {
    visit: &'a mut Visit<'a>,
    progress: &'a Progress,
    files: Vec<FileRead>,
    last_seq: Seq,
    last_crc: u32,
    changes: u64,
    torn_tail: Option<TornTail>,
    /// Where the reading stood before a command that goes on over several records, while it does.
    command: Option<Before>,
}

/// A place between two commands of a segment.
#[derive(Clone, Copy)]
struct Before {
    offset: u64,
    /// The segment's records up to there.
    records: u64,
    last_seq: Seq,
    last_crc: u32,
}

impl Replay<'_> {
    /// A base is whole or it is nothing: its records count up from 1, and the last one says that it is the end.
    fn base(&mut self, directory: &Path, number: u64) -> Result<BaseHeader, OpenError> {
        let path = &*base_path(directory, number);
        let opened = Opened::new(path, BASE_HEADER_BYTES)?;
        let (header, seed) = BaseHeader::decode(&opened.header).map_err(|bad| refused(path, bad))?;
        if header.number != number {
            return Err(damaged(path, 0, Seq(0), format!("it says it is base {}", header.number)));
        }
        let (len, version) = (opened.len, header::version(&opened.header));
        let end_at = len.saturating_sub(End::FRAME_BYTES);
        let end = opened.file.try_clone().map_err(OpenError::io(path))?;
        let end = match RecordReader::new(end, len, end_at, seed).next().map_err(OpenError::io(path))? {
            Found::Record(record) => End::decode(record.body),
            Found::End | Found::Bad => None,
        };
        let end = end.ok_or_else(|| damaged(path, end_at, Seq(0), "its end is missing"))?;
        (self.last_seq, self.last_crc) = (Seq(header.next_seq.0.saturating_sub(1)), header.next_previous);
        self.look_ahead(&segment_path(directory, number), end.walked_to)?;

        let mut reader = opened.records(seed);
        let mut previous = seed;
        let mut records = 0;
        let mut changes = Vec::new();
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
            if offset == end_at {
                break;
            }
            let place = Place { origin: Origin::Base, unix_ms: record.head.unix_ms };
            let visited = if base::unpack(record.body, &mut changes) {
                visit_body(&changes, place, self.visit)
            } else {
                Err(Stopped::Malformed)
            };
            self.changes += visited.map_err(|stopped| stopped.at(path, offset, Seq(records)))?;
            records += 1;
            previous = record.head.crc;
            self.progress.advance(offset + record.body.len() as u64);
        }
        self.progress.next_file(len);
        self.files.push(FileRead { path: path.to_path_buf(), bytes: len, records, seed, version });
        Ok(header)
    }

    /// Hands out the records that came while the base was written. The base may show a part of what they say, so
    /// without them it is no state that ever was.
    fn look_ahead(&mut self, path: &Path, walked_to: Seq) -> Result<(), OpenError> {
        if walked_to <= self.last_seq {
            return Ok(());
        }
        let opened = Opened::new(path, SEGMENT_HEADER_BYTES)?;
        let (_, seed) = SegmentHeader::decode(&opened.header).map_err(|bad| refused(path, bad))?;
        let mut reader = opened.records(seed);
        for seq in self.last_seq.0 + 1..=walked_to.0 {
            let (offset, last_good) = (reader.offset(), Seq(seq - 1));
            let record = match reader.next().map_err(OpenError::io(path))? {
                Found::Record(record) if record.head.seq == Seq(seq) => record,
                _ => {
                    let what = format!("the base is of no use without the records up to {}", walked_to.0);
                    return Err(damaged(path, offset, last_good, what));
                }
            };
            let place = Place { origin: Origin::Ahead(Seq(seq)), unix_ms: record.head.unix_ms };
            visit_body(record.body, place, self.visit)
                .map_err(|stopped| stopped.at(path, offset, last_good))?;
        }
        Ok(())
    }

    /// Whether a loose segment continues what has been read: the end of that may never have reached the disk.
    fn goes_on_in(&self, path: &Path) -> Result<bool, OpenError> {
        if self.torn_tail.is_some() {
            return Ok(false);
        }
        let opened = Opened::new(path, SEGMENT_HEADER_BYTES)?;
        let (_, seed) = SegmentHeader::decode(&opened.header).map_err(|bad| refused(path, bad))?;
        Ok(match opened.records(seed).next().map_err(OpenError::io(path))? {
            Found::Record(Record { head, .. }) => {
                head.seq == Seq(self.last_seq.0 + 1) && head.previous == self.last_crc
            }
            Found::End | Found::Bad => true,
        })
    }

    /// Counts what the segments at `paths` hold to the torn tail, which begins where the reading stands.
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
        let opened = Opened::new(&path, SEGMENT_HEADER_BYTES)?;
        let (header, seed) = SegmentHeader::decode(&opened.header).map_err(|bad| refused(&path, bad))?;
        if header.number != number {
            let what = format!("it says it is segment {}", header.number);
            return Err(damaged(&path, 0, self.last_seq, what));
        }
        let (len, version) = (opened.len, header::version(&opened.header));
        let mut reader = opened.records(seed);
        let mut records = 0;
        // The bodies so far of a command that goes on.
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
                let what = format!("record {} continues another record than the one before", expected.0);
                return Err(self.damage(&path, offset, what));
            }
            let place = Place { origin: Origin::Record(expected), unix_ms: record.head.unix_ms };
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
                self.changes += visit_body(body, place, self.visit)
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
        Err(self.damage(path, offset, what))
    }

    /// Damage at `offset`; named is where the command begins that it is in, for there a whole state ends.
    fn damage(&self, path: &Path, offset: u64, what: String) -> OpenError {
        let (offset, last_good) = match self.command {
            Some(before) => (before.offset, before.last_seq),
            None => (offset, self.last_seq),
        };
        damaged(path, offset, last_good, what)
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
    // One, nearly always.
    let mut changes = SmallVec::<[_; 2]>::new();
    while !rest.is_empty() {
        let before = rest;
        let change = change::decode(&mut rest).map_err(|_| Stopped::Malformed)?;
        changes.push((change, &before[..before.len() - rest.len()]));
    }
    if changes.is_empty() {
        return Err(Stopped::Malformed);
    }
    for (change, encoded) in &changes {
        if *change == Change::Continued {
            continue;
        }
        visit(place, change, encoded).map_err(Stopped::Unfit)?;
    }
    Ok(changes.len() as u64)
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
