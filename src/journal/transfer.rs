//! A base as the payload of a full sync between two rankds: a walk writes it, and a replica loads it while it comes.
//!
//! It is a base like that of a checkpoint. What is replayed over it is not a segment but the master's stream, so its numbers are
//! places in the stream: the next sequence number is that of the first byte behind it, and its end names the offset before which
//! the data are not of one moment. Its first Change says which stream that is.
//!
//! Nothing in the bytes is trusted. A base that is cut, damaged or of another kind is an error, and what has been loaded is of no
//! use then.

use super::base::BaseEnd;
use super::base_file::BaseFile;
use super::base_reader::{BasePart, BaseReader};
use super::header;
use super::header::{BASE_HEADER_BYTES, BASE_MAGIC, BadHeader, BaseHeader};
use super::reader::RecordReader;
use super::visit::{Origin, Provenance, Stopped, visit_body};
use crate::machine::chance::Chance;
use crate::store::change::sink::Seq;
use crate::store::change::{Change, ChangeBuffer};
use crate::store::{DatabaseIndex, KeyHead, Kind, Loader, Snapshot, Store};
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

/// The version of the bases that are written here. Only a server of the same version is sent one.
pub const BASE_VERSION: u32 = header::VERSION;

/// Writes what `snapshot` visits, which is for a replica, to `out`. The stream goes on behind `offset`. `note` gets each key, under
/// its lock; `go_on` is called between two steps, and its error ends the writing. `whole_at` is called behind the last step, and
/// returns the offset before which the data are not of one moment. Returns the bytes.
///
/// # Errors
/// Those of `out`, `go_on` and `whole_at`.
pub fn write_base(
    out: impl Write,
    snapshot: &mut Snapshot<'_>,
    offset: u64,
    unix_ms: u64,
    note: &mut dyn FnMut(DatabaseIndex, KeyHead<'_>, Kind),
    mut go_on: impl FnMut() -> io::Result<()>,
    whole_at: impl FnOnce() -> io::Result<u64>,
) -> io::Result<u64> {
    let salt = Chance::from_system().next_u64();
    let header = BaseHeader { number: 0, salt, unix_ms, next_seq: Seq(offset + 1), next_previous: 0 };
    let mut base = BaseFile::begin(out, &header)?;
    let mut records = ChangeBuffer::default();
    while snapshot.step_noting(&mut records, note) {
        for changes in records.records() {
            base.push(changes)?;
        }
        records.clear();
        go_on()?;
    }
    base.finish(BaseEnd { walked_to: Seq(whole_at()?) })
}

/// Whether a payload that begins with these bytes is a base.
#[must_use]
pub fn is_base(head: &[u8]) -> bool {
    head.starts_with(BASE_MAGIC)
}

/// A base that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BaseRead {
    /// Its bytes.
    pub bytes: u64,
    /// The offset in the stream before which the data are not of one moment.
    pub whole_at: u64,
}

/// Why a base cannot be read.
#[derive(Debug)]
pub enum BadBase {
    /// The reading has failed, or a thread could not be started.
    Io(io::Error),
    /// The bytes from this one on are not those of a base.
    Damaged {
        /// Where.
        offset: u64,
        /// What is there.
        what: String,
    },
}

impl fmt::Display for BadBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Damaged { offset, what } => write!(f, "at byte {offset}: {what}"),
        }
    }
}

impl std::error::Error for BadBase {}

impl From<io::Error> for BadBase {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads a base, behind which nothing may follow, into an empty store. The store then has the place in the stream that the base
/// names, as its position.
///
/// # Errors
/// See [`BadBase`]. The store then holds a part of the base.
pub fn read_base(mut read: impl Read, store: &Arc<Store>) -> Result<BaseRead, BadBase> {
    let bad = |offset, what: &str| BadBase::Damaged { offset, what: what.to_owned() };
    let mut encoded = [0; BASE_HEADER_BYTES];
    read.read_exact(&mut encoded).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => bad(0, "its header is missing"),
        _ => error.into(),
    })?;
    let (_, seed) = BaseHeader::decode(&encoded).map_err(|error| match error {
        BadHeader::Damaged => bad(0, "its header is damaged"),
        BadHeader::UnknownVersion(version) => bad(0, &format!("it has the version {version}")),
    })?;
    let mut loader = Loader::new(store)?;
    let mut load = |provenance: Provenance, change: &Change<'_>, encoded: &[u8]| match change {
        Change::Key { .. } | Change::Templated(_) | Change::Library { .. } | Change::Follows(_) => {
            provenance.load(&mut loader, change, encoded)
        }
        Change::Relocated(_)
        | Change::FlushDatabase(_)
        | Change::FlushAll
        | Change::Numbered(_)
        | Change::Reached(_)
        | Change::Continued => Err("a Change that is in no base for a replica".to_owned()),
    };
    let records = RecordReader::behind(read, u64::MAX, BASE_HEADER_BYTES as u64, seed);
    let mut reader = BaseReader::new(records, seed);
    let end = loop {
        let offset = reader.offset();
        let (changes, unix_ms) = match reader.next()? {
            BasePart::Changes { changes, unix_ms } => (changes, unix_ms),
            BasePart::End(end) => break end,
            BasePart::Bad(what) => return Err(bad(offset, what)),
        };
        let provenance = Provenance { origin: Origin::Base, unix_ms };
        visit_body(changes, provenance, &mut load).map_err(|stopped| match stopped {
            Stopped::Malformed => {
                bad(offset, "a record holds something that is not a Change of this version")
            }
            Stopped::Unfit(what) => bad(offset, &what),
        })?;
    };
    let bytes = reader.offset();
    if !reader.is_at_end()? {
        return Err(bad(bytes, "it goes on behind its end"));
    }
    loader.finish();
    Ok(BaseRead { bytes, whole_at: end.walked_to.0 })
}
