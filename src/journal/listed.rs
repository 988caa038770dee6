//! The files that count while a server runs: the manifest that is known, and those that may be on disk instead.

use super::Journal;
use super::manifest::Manifest;
use std::io;

/// The manifest, and the manifests that may be on disk in its place.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) manifest: Manifest,
    /// Manifests whose rename has failed. The next start may find any of them, so the files that they name are kept.
    doubted: Vec<Manifest>,
}

impl Listed {
    pub(super) fn new(manifest: Manifest) -> Self {
        Self { manifest, doubted: Vec::new() }
    }
}

#[cfg(test)]
impl Listed {
    /// Whether a start may find another manifest than the known one.
    pub(super) fn is_in_doubt(&self) -> bool {
        !self.doubted.is_empty()
    }
}

impl Journal {
    /// Replaces the present manifest with `manifest`. The change is durable when this returns.
    pub(super) fn list(&self, manifest: Manifest) -> io::Result<()> {
        let mut listed = self.listed.lock();
        self.directory.write_manifest(&manifest)?;
        listed.doubted.push(manifest.clone());
        self.directory.replace_manifest()?;
        *listed = Listed::new(manifest);
        Ok(())
    }

    /// Removes every file of the journal that no start can need. Called at the end of every checkpoint, also of one
    /// that failed.
    pub(super) fn sweep(&self) {
        let listed = self.listed.lock();
        let manifests: Vec<_> = listed.doubted.iter().chain([&listed.manifest]).collect();
        if let Err(error) = self.directory.remove_unlisted(&manifests) {
            // The files are not read any more. The next checkpoint or start tries again.
            tracing::warn!(%error, "journal files that are not needed could not be removed");
        }
    }
}

/// Whether the error says that the disk is full or the quota used up.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
