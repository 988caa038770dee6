//! A file in place of another: whole, or as if nothing had been tried.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Writes a file at `path` with `write`, on disk when this returns. Until it is complete it grows under another name
/// beside it; whatever goes wrong, what was at `path` stays.
///
/// # Errors
/// Those of the file system and of `write`.
pub fn replace_file<T>(path: &Path, write: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".temporary-{}", std::process::id()));
    let written = File::create(&temporary).and_then(|file| {
        let written = write(&file)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        Ok(written)
    });
    if written.is_err() {
        // Space is what it may have lacked.
        let _ = fs::remove_file(&temporary);
    }
    let written = written?;
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        File::open(directory)?.sync_all()?;
    }
    Ok(written)
}
