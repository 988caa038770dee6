//! `rankd journal repair DIR`: cuts a journal off at a damaged place, so that a server can start on the records
//! before it.
//!
//! What is cut off is kept, under names that the journal does not use. The steps are copies, manifest, cut, in this
//! order: a crash between any two leaves a journal that the same command can repair.

use super::base::BaseEnd;
use super::directory::{Directory, base_path, load_manifest, segment_path};
use super::error::OpenError;
use super::files::Disk;
use super::header::{BASE_HEADER_BYTES, BaseHeader, SEGMENT_HEADER_BYTES, SegmentHeader};
use super::manifest::Manifest;
use super::offline::utc;
use super::reader::{Behind, Found, RecordReader};
use super::recovery::{TornTail, replay};
use crate::machine::progress::ReadProgress;
use crate::store::change::sink::Seq;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a repair gives up. Its `Display` is what `rankd journal repair` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The segment with the damaged place.
    pub path: PathBuf,
    /// Where its whole records end, in bytes.
    pub offset: u64,
    /// The last record that is kept.
    pub last_good: Seq,
    /// What is wrong behind it.
    pub what: String,
    /// Bytes behind that place, those of later segments included.
    pub bytes: u64,
    /// Later segments, which are given up as a whole.
    pub later: Vec<PathBuf>,
    /// The whole records that are given up.
    pub lost: Lost,
}

/// Whole records that a repair gives up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Number of records.
    pub records: u64,
    /// The lowest and the highest of their numbers.
    pub numbers: Option<(Seq, Seq)>,
    /// The earliest and the latest of their times, in unix milliseconds.
    pub times_ms: Option<(u64, u64)>,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} at offset {}, after record {}: {}",
            self.path.display(),
            self.offset,
            self.last_good.0,
            self.what
        )?;
        write!(f, "behind it {} bytes", self.bytes)?;
        if !self.later.is_empty() {
            write!(f, ", {} later segments among them", self.later.len())?;
        }
        match (self.lost.numbers, self.lost.times_ms) {
            (Some((first, last)), Some((from_ms, to_ms))) => write!(
                f,
                ", with {} whole records (numbers {} to {}, {} to {})",
                self.lost.records,
                first.0,
                last.0,
                utc(from_ms),
                utc(to_ms)
            ),
            _ => f.write_str(", no whole record in them"),
        }
    }
}

/// Whether [`repair`] changes the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepairMode {
    /// Report what would be cut off, and change nothing.
    Tell,
    /// Cut it off, and keep it in files beside the journal's.
    Cut,
}

/// Finds the damaged place, and reports or makes the cut that leaves a whole journal. Returns `None` if nothing is
/// damaged.
///
/// # Errors
/// If a server uses the journal, or if no cut leaves a usable journal: the manifest or the base is damaged, or the
/// base needs the records behind the damaged place.
pub fn repair(directory: &Path, mode: RepairMode, progress: &ReadProgress) -> Result<Option<Cut>, OpenError> {
    let directory = Directory { path: directory.to_path_buf(), files: Arc::new(Disk) };
    let _lock = directory.lock()?;
    let (path, offset, last_good, what) = match replay(&directory.path, progress, &mut |_, _, _| Ok(())) {
        Ok(None) => return Ok(None),
        Ok(Some(replayed)) => match replayed.torn_tail {
            None => return Ok(None),
            Some(TornTail { path, offset, .. }) => {
                (path, offset, replayed.last_seq, "a torn tail, which a start would cut off too".to_owned())
            }
        },
        Err(OpenError::Damaged { path, offset, last_good, what }) => (path, offset, last_good, what),
        Err(error) => return Err(error),
    };
    let refuse = |why: &str| {
        let what = format!("{what}; {why}, restore a copy");
        OpenError::Damaged { path: path.clone(), offset, last_good, what }
    };
    let manifest = load_manifest(&directory.path)?.expect("it has been read");
    let segments: Vec<_> =
        manifest.segments.iter().map(|&number| segment_path(&directory.path, number)).collect();
    let Some(place) = segments.iter().position(|segment| *segment == path) else {
        return Err(refuse("there is nothing before it to keep"));
    };
    let keeps_head = offset >= SEGMENT_HEADER_BYTES as u64;
    if place == 0 && !keeps_head {
        return Err(refuse("there is no record before it to keep"));
    }
    if let Some(number) = manifest.base
        && walked_to(&base_path(&directory.path, number)).is_none_or(|needed| needed > last_good)
    {
        return Err(refuse("the base cannot be used without the records behind it"));
    }
    let later: Vec<_> = segments[place + 1..].iter().filter(|path| path.exists()).cloned().collect();
    let mut cut = Cut { path: path.clone(), offset, last_good, what, bytes: 0, later, lost: Lost::default() };
    cut.bytes += cut.count(&path, offset).map_err(OpenError::io(&path))?;
    for path in cut.later.clone() {
        cut.bytes += cut.count(&path, SEGMENT_HEADER_BYTES as u64).map_err(OpenError::io(&path))?;
    }
    if mode == RepairMode::Cut {
        let kept = if keeps_head { place + 1 } else { place };
        let mut shorter = manifest.clone();
        shorter.truncate(kept);
        cut.carry_out(&directory, &shorter, keeps_head).map_err(OpenError::io(&path))?;
    }
    Ok(Some(cut))
}

impl Cut {
    /// Counts the whole records of a segment from `offset` on. Returns the number of bytes from there on.
    fn count(&mut self, path: &Path, offset: u64) -> io::Result<u64> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            other => other?,
        };
        let len = file.metadata()?.len();
        let mut header = vec![0; SEGMENT_HEADER_BYTES.min(usize::try_from(len).unwrap_or(usize::MAX))];
        file.read_exact_at(&mut header, 0)?;
        // Without the header, records cannot be told from other bytes.
        let Ok((_, seed)) = SegmentHeader::decode(&header) else { return Ok(len.saturating_sub(offset)) };
        let mut from = offset.max(SEGMENT_HEADER_BYTES as u64);
        loop {
            let mut reader = RecordReader::new(file.try_clone()?, len, from, seed);
            while let Found::Record(record) = reader.next()? {
                self.lost.add(record.head.seq, record.head.unix_ms);
            }
            match reader.search_behind(self.last_good)? {
                Behind::Record { offset, .. } => from = offset,
                Behind::Nothing | Behind::Unclear => return Ok(len.saturating_sub(offset)),
            }
        }
    }

    fn carry_out(&self, directory: &Directory, shorter: &Manifest, keeps_head: bool) -> io::Result<()> {
        if keeps_head {
            let mut from = File::open(&self.path)?;
            from.seek(SeekFrom::Start(self.offset))?;
            let mut copy = File::create(beside(&self.path, self.offset))?;
            io::copy(&mut from, &mut copy)?;
            copy.sync_all()?;
        } else if self.path.exists() {
            fs::rename(&self.path, beside(&self.path, 0))?;
        }
        for path in &self.later {
            fs::rename(path, beside(path, 0))?;
        }
        directory.files.sync_directory(&directory.path)?;
        directory.store_manifest(shorter)?;
        if keeps_head {
            let file = directory.files.append(&self.path)?;
            file.cut(self.offset)?;
            file.sync()?;
        }
        Ok(())
    }
}

impl Lost {
    fn add(&mut self, seq: Seq, unix_ms: u64) {
        self.records += 1;
        let (first, last) = self.numbers.unwrap_or((seq, seq));
        self.numbers = Some((first.min(seq), last.max(seq)));
        let (from_ms, to_ms) = self.times_ms.unwrap_or((unix_ms, unix_ms));
        self.times_ms = Some((from_ms.min(unix_ms), to_ms.max(unix_ms)));
    }
}

/// The file that keeps what is cut off `path` at `offset`.
fn beside(path: &Path, offset: u64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".cut-at-{offset}"));
    PathBuf::from(name)
}

/// The last record that a base needs. `None` if the base cannot be read.
fn walked_to(path: &Path) -> Option<Seq> {
    let file = File::open(path).ok()?;
    let len = file.metadata().ok()?.len();
    let mut header = [0; BASE_HEADER_BYTES];
    file.read_exact_at(&mut header, 0).ok()?;
    let (_, seed) = BaseHeader::decode(&header).ok()?;
    match RecordReader::new(file, len, len.checked_sub(BaseEnd::FRAME_BYTES)?, seed).next().ok()? {
        Found::Record(record) => Some(BaseEnd::decode(record.body)?.walked_to),
        Found::End | Found::Bad => None,
    }
}
