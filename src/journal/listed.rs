//! The files that count while a server runs: the manifest that is known, and those that may be on disk instead.

use super::manifest::Manifest;

/// The manifest, and the manifests that may be on disk in its place.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) manifest: Manifest,
    /// Manifests whose rename has failed. The next start may find any of them, so the files that they name are kept.
    pub(super) doubted: Vec<Manifest>,
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
