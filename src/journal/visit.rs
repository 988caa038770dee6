//! Hands the Changes of a record's body to the reader of a journal, each with where it comes from.

use super::error::OpenError;
use super::open_file::damaged;
use crate::store::Loader;
use crate::store::change;
use crate::store::change::Change;
use crate::store::change::sink::Seq;
use smallvec::SmallVec;
use std::path::Path;

/// Which part of a journal a Change was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A record that was appended while the base was being written. It is handed out before the base, and again when
    /// its segment is read.
    Ahead(Seq),
    /// The base: the Change was true when the checkpoint walked past it.
    Base,
    /// A segment, the record with this number.
    Record(Seq),
}

/// Takes the Changes in order, each with its bytes. An error says why a Change cannot be taken, and ends the reading.
pub(super) type Visit<'a> = dyn FnMut(Provenance, &Change<'_>, &[u8]) -> Result<(), String> + 'a;

/// The record that a Change was read from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Provenance {
    pub(super) origin: Origin,
    pub(super) unix_ms: u64,
}

impl Provenance {
    /// Loads a Change of this record, whose bytes are `encoded`, into a store.
    ///
    /// # Errors
    /// Why the store cannot hold it.
    pub(super) fn load(self, loader: &mut Loader, change: &Change<'_>, encoded: &[u8]) -> Result<(), String> {
        let loaded = match self.origin {
            Origin::Ahead(seq) => {
                loader.expect(seq);
                Ok(())
            }
            Origin::Base => loader.load(change, encoded),
            Origin::Record(seq) => loader.apply(seq, change, encoded),
        };
        loaded.map_err(|error| error.to_string())
    }
}

/// Why not every Change of a record was handed out.
pub(super) enum Stopped {
    /// The body is not one or more Changes.
    Malformed,
    /// `visit` refused a Change, for this reason.
    Unfit(String),
}

impl Stopped {
    /// The error to report, for a record of the file at `path`.
    pub(super) fn at(self, path: &Path, offset: u64, last_good: Seq) -> OpenError {
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
/// the first Change is handed out.
pub(super) fn visit_body(body: &[u8], provenance: Provenance, visit: &mut Visit<'_>) -> Result<u64, Stopped> {
    let mut rest = body;
    // Nearly every record holds one or two.
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
        visit(provenance, change, encoded).map_err(Stopped::Unfit)?;
    }
    Ok(changes.len() as u64)
}
