//! The journal's directory: file names, the lock, and replacing the manifest.

use super::error::OpenError;
use super::files::{Files, write_all};
use super::manifest::{BadManifest, Manifest};
use crate::machine::durable::create_directories;
use crate::store::change::sink::Seq;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name of the journal's directory within the server's (`dir`).
pub const DIRECTORY_NAME: &str = "journal";

const MANIFEST: &str = "manifest";
const MANIFEST_TEMPORARY: &str = "manifest.temporary";
const LOCK: &str = "lock";
/// The file that marks the journal as closed in order.
const CLOSED: &str = "closed";

/// The directory of the files, and the file layer that creates them.
#[derive(Clone)]
pub(super) struct Directory {
    pub(super) path: PathBuf,
    pub(super) files: Arc<dyn Files>,
}

impl Directory {
    pub(super) fn segment(&self, number: u64) -> PathBuf {
        segment_path(&self.path, number)
    }

    pub(super) fn base(&self, number: u64) -> PathBuf {
        base_path(&self.path, number)
    }

    /// The name of a base until it is complete.
    pub(super) fn base_temporary(&self, number: u64) -> PathBuf {
        self.path.join(format!("base-{number:010}.temporary"))
    }

    /// Creates the directory if it is missing, and locks it. The lock is held as long as the returned file is open.
    pub(super) fn lock(&self) -> Result<File, OpenError> {
        create_directories(&self.path, &|directory| self.files.sync_directory(directory))
            .map_err(OpenError::io(&self.path))?;
        let path = self.path.join(LOCK);
        let lock = File::options().append(true).create(true).open(&path).map_err(OpenError::io(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked { directory: self.path.clone() }),
            Err(TryLockError::Error(error)) => Err(OpenError::Io { path, error }),
        }
    }

    /// Writes a manifest beside the present one, which stays in place.
    pub(super) fn write_manifest(&self, manifest: &Manifest) -> io::Result<()> {
        let file = self.files.create(&self.path.join(MANIFEST_TEMPORARY))?;
        write_all(&*file, manifest.encode().as_bytes())?;
        file.sync()
    }

    /// Replaces the present manifest with the one that was written. After an error either of them may be in place,
    /// also after a power failure: the caller keeps the files of both.
    pub(super) fn replace_manifest(&self) -> io::Result<()> {
        self.files.rename(&self.path.join(MANIFEST_TEMPORARY), &self.path.join(MANIFEST))?;
        self.files.sync_directory(&self.path)
    }

    /// Writes a manifest and replaces the present one with it.
    pub(super) fn store_manifest(&self, manifest: &Manifest) -> io::Result<()> {
        self.write_manifest(manifest)?;
        self.replace_manifest()
    }

    /// Marks the journal as closed in order at `end`.
    pub(super) fn mark_closed(&self, end: &ClosedEnd) -> io::Result<()> {
        let file = self.files.create(&self.path.join(CLOSED))?;
        write_all(&*file, end.encode().as_bytes())?;
        file.sync()?;
        self.files.sync_directory(&self.path)
    }

    /// Whether the journal was closed in order at `end`. When this returns, the mark is removed and the manifest is
    /// in place, and a power failure undoes neither.
    pub(super) fn take_closed(&self, end: &ClosedEnd) -> io::Result<bool> {
        let path = self.path.join(CLOSED);
        let is_closed = match fs::read(&path) {
            Ok(bytes) => bytes == end.encode().as_bytes(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if path.exists() {
            self.files.remove(&path)?;
        }
        self.files.sync_directory(&self.path)?;
        Ok(is_closed)
    }

    /// Removes every file of the journal that none of `manifests` names: what interrupted and finished checkpoints
    /// have left. A file whose name is not one of the journal's is left alone.
    pub(super) fn remove_unlisted(&self, manifests: &[&Manifest]) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let Some(name) = name.to_str() else { continue };
            let unlisted = match FileName::of(name) {
                Some(FileName::Base(number)) => manifests.iter().all(|listed| listed.base != Some(number)),
                Some(FileName::Segment(number)) => {
                    manifests.iter().all(|listed| !listed.segments.contains(&number))
                }
                Some(FileName::Temporary) => true,
                None => false,
            };
            if unlisted {
                self.files.remove(&self.path.join(name))?;
            }
        }
        Ok(())
    }
}

/// Where a journal ends. The mark of one end does not fit another: not that of a copy, nor the one after further
/// records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClosedEnd {
    /// Number of the last segment.
    pub(super) segment: u64,
    pub(super) segment_bytes: u64,
    /// CRC of the last record.
    pub(super) last_crc: u32,
}

impl ClosedEnd {
    fn encode(&self) -> String {
        let Self { segment, segment_bytes, last_crc } = self;
        format!("rankd-closed 1\nsegment {segment}\nbytes {segment_bytes}\nlast {last_crc:08x}\n")
    }
}

pub(super) fn segment_path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("segment-{number:010}"))
}

pub(super) fn base_path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("base-{number:010}"))
}

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileName {
    Base(u64),
    Segment(u64),
    Temporary,
}

impl FileName {
    pub(super) fn of(name: &str) -> Option<Self> {
        let number = |digits: &str| {
            let plain = digits.len() >= 10 && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten()
        };
        if name == MANIFEST_TEMPORARY {
            return Some(Self::Temporary);
        }
        if let Some(digits) = name.strip_prefix("segment-") {
            return number(digits).map(Self::Segment);
        }
        let rest = name.strip_prefix("base-")?;
        match rest.strip_suffix(".temporary") {
            Some(digits) => number(digits).map(|_| Self::Temporary),
            None => number(rest).map(Self::Base),
        }
    }
}

/// Reads the manifest. `None` means that there is no journal here: no manifest, and nothing that a manifest could
/// have named.
pub(super) fn load_manifest(directory: &Path) -> Result<Option<Manifest>, OpenError> {
    let path = directory.join(MANIFEST);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match left_without_manifest(directory)? {
                None => Ok(None),
                Some(name) => Err(OpenError::Damaged {
                    what: format!("there is no manifest, but {name} holds data"),
                    path,
                    offset: 0,
                    last_good: Seq(0),
                }),
            };
        }
        Err(error) => return Err(OpenError::Io { path, error }),
    };
    match Manifest::decode(&bytes) {
        Ok(manifest) => Ok(Some(manifest)),
        Err(BadManifest::UnknownVersion(version)) => Err(OpenError::UnknownVersion { path, version }),
        Err(BadManifest::Damaged(what)) => {
            Err(OpenError::Damaged { path, offset: 0, last_good: Seq(0), what: what.to_owned() })
        }
    }
}

/// Finds a file that holds a journal's data although there is no manifest, and returns its name. A first start that
/// was interrupted leaves at most a segment without records.
fn left_without_manifest(directory: &Path) -> Result<Option<String>, OpenError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::io(directory)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(OpenError::io(directory))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let bytes = entry.metadata().map_err(OpenError::io(&entry.path()))?.len();
        let holds_data = match FileName::of(&name) {
            Some(FileName::Segment(_)) => bytes > super::header::SEGMENT_HEADER_BYTES as u64,
            Some(FileName::Base(_)) => true,
            Some(FileName::Temporary) | None => false,
        };
        if holds_data {
            return Ok(Some(name));
        }
    }
    Ok(None)
}
