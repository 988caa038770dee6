//! Which files count while a server runs: the manifest, as it is known and as it may be on disk.

use super::Journal;
use super::manifest::Manifest;
use std::io;

/// The manifest, and what may stand in its place.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) manifest: Manifest,
    /// Manifests whose putting in place has failed: the next start may find one of them. What they name is kept.
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
    /// Puts `manifest` in place of the present one, for good when this returns.
    pub(super) fn list(&self, manifest: Manifest) -> io::Result<()> {
        let mut listed = self.listed.lock();
        self.directory.write_manifest(&manifest)?;
        listed.doubted.push(manifest.clone());
        self.directory.replace_manifest()?;
        *listed = Listed::new(manifest);
        Ok(())
    }

    /// Removes every file of the journal that no start can need. Called at the end of a checkpoint, however it ended.
    pub(super) fn sweep(&self) {
        let listed = self.listed.lock();
        let manifests: Vec<_> = listed.doubted.iter().chain([&listed.manifest]).collect();
        if let Err(error) = self.directory.remove_unlisted(&manifests) {
            // They are not read any more; the next checkpoint or start tries again.
            tracing::warn!(%error, "journal files that are not needed could not be removed");
        }
    }
}

/// Whether it is space that was missing.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
