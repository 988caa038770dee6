//! Durable file names: syncs directories, and creates directories durably.
//!
//! A power failure can remove a synced file if its directory entry was not synced. So code that creates, renames or removes
//! a name must sync the directory of the name.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Makes created, renamed and removed names in `directory` durable.
///
/// # Errors
/// Those of the file system. After an error the state of the names on disk is unknown.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// The directory that contains `path`.
#[must_use]
pub fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        // A single name is in the working directory; the root has no parent but itself.
        _ if path.has_root() => path,
        _ => Path::new("."),
    }
}

/// Creates the directory `path` and the missing ones above it. The entry of each is synced by `sync` before the next one is
/// created.
///
/// The entry of an existing directory is synced as well, because a process that created it may have been killed before its
/// sync. An error of that sync is ignored if the parent directory is not accessible, or its file system cannot sync.
///
/// # Errors
/// Those of the file system.
pub fn create_directories(path: &Path, sync: &dyn Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    use io::ErrorKind::{AlreadyExists, InvalidInput, PermissionDenied, Unsupported};
    let parent = parent_of(path);
    if path.is_dir() {
        return match sync(parent) {
            Err(error) if matches!(error.kind(), PermissionDenied | InvalidInput | Unsupported) => Ok(()),
            synced => synced,
        };
    }
    if parent != path {
        create_directories(parent, sync)?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() == AlreadyExists && path.is_dir() => {}
        made => made?,
    }
    sync(parent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    /// `dir` was created and synced, but its entry in the directory above was not synced. A power failure could remove the
    /// whole journal.
    #[test]
    fn every_new_directory_is_synced_into_the_one_above_it_before_the_next_is_made() {
        let root = tempfile::tempdir().unwrap();
        let [a, b, c] = ["a", "a/b", "a/b/c"].map(|name| root.path().join(name));
        let synced = RefCell::new(Vec::new());
        let sync = |directory: &Path| {
            let made = [&a, &b, &c].iter().filter(|path| path.is_dir()).count();
            synced.borrow_mut().push((directory.to_owned(), made));
            Ok(())
        };
        create_directories(&c, &sync).unwrap();
        let above = root.path().parent().unwrap().to_owned();
        let expected = [(above, 0), (root.path().to_owned(), 1), (a.clone(), 2), (b.clone(), 3)];
        assert_eq!(synced.take(), expected);
        create_directories(&c, &sync).unwrap();
        assert_eq!(synced.take(), [(b.clone(), 3)], "a kill may have come before the sync");
    }

    #[test]
    fn a_directory_that_cannot_be_synced_must_have_existed_before() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("data");
        let refused = |_: &Path| Err(io::ErrorKind::PermissionDenied.into());
        assert!(create_directories(&directory.join("x"), &|_| Err(io::Error::from_raw_os_error(5))).is_err());
        fs::create_dir_all(&directory).unwrap();
        create_directories(&directory, &refused).unwrap();
        create_directories(&directory.join("journal"), &refused).unwrap_err();
        assert_eq!(parent_of(Path::new("data")), Path::new("."));
        assert_eq!(parent_of(Path::new("/")), Path::new("/"));
        sync_directory(parent_of(&directory)).unwrap();
    }
}
