//! Replaces a file as a whole, or leaves it as it was.
//!
//! The new file is written beside the old one, as `NAME.temporary-PID`, and its writer holds a lock on it (`flock`).
//! A writer that is killed leaves the file behind. The next writer, or a start, removes every such file that is not
//! locked. The lock decides and not the PID: PIDs are reused, and two containers that share a directory can have the
//! same.

use crate::machine::durable::{parent_of, sync_directory};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Replaces the file at `path` by one that `write` writes. It is durable when this returns. After an error the old
/// file is still there.
///
/// # Errors
/// Those of the file system and of `write`, and one if another process writes under the same PID.
pub fn replace_file<T>(path: &Path, write: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
    sweep(path);
    let (temporary, file) = Temporary::create(path)?;
    let written = write(&file)?;
    file.sync_all()?;
    temporary.rename_to(path)?;
    sync_directory(parent_of(path))?;
    Ok(written)
}

/// Removes the temporary files that killed processes have left for `path`. A file that cannot be removed is left for
/// the next time: it takes space and does no other harm.
pub fn sweep(path: &Path) {
    let Some(prefix) = path.file_name().map(|name| format!("{}.temporary-", name.display())) else { return };
    let Ok(entries) = fs::read_dir(parent_of(path)) else { return };
    for entry in entries.flatten() {
        let is_ours = entry
            .file_name()
            .to_str()
            .and_then(|name| name.strip_prefix(&prefix))
            .is_some_and(|pid| !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()));
        if is_ours && is_unlocked(&entry.path()) {
            match fs::remove_file(entry.path()) {
                Ok(()) => {
                    tracing::info!(file = %entry.path().display(), "removed the file of a killed save");
                }
                Err(error) => {
                    tracing::warn!(file = %entry.path().display(), %error, "the file of a killed save could not be removed");
                }
            }
        }
    }
}

fn is_unlocked(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

/// The temporary file. It is removed when this is dropped, also by a panic, because the disk may be full.
struct Temporary(PathBuf);

impl Temporary {
    fn create(path: &Path) -> io::Result<(Self, File)> {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".temporary-{}", std::process::id()));
        let name = PathBuf::from(name);
        let file = File::create_new(&name)?;
        match file.try_lock() {
            // On a file system without locks nothing is swept either.
            Ok(()) | Err(TryLockError::Error(_)) => Ok((Self(name), file)),
            Err(TryLockError::WouldBlock) => {
                Err(io::Error::other("another process is removing temporary files"))
            }
        }
    }

    fn rename_to(self, path: &Path) -> io::Result<()> {
        fs::rename(&self.0, path)?;
        std::mem::forget(self);
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Every killed BGSAVE left a file under its own PID, and nothing removed those files.
    #[test]
    fn files_of_killed_writers_are_removed_and_no_others() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dump.rdb");
        let touch = |name: &str| File::create(directory.path().join(name)).unwrap();
        let own = format!("dump.rdb.temporary-{}", std::process::id());
        for name in ["dump.rdb.temporary-1", "dump.rdb.temporary-4194303", &own] {
            touch(name);
        }
        let others = ["dump.rdb.temporary-", "dump.rdb.temporary-x1", "other.rdb.temporary-1", "temp-1.rdb"];
        others.iter().for_each(|name| drop(touch(name)));
        let living = touch("dump.rdb.temporary-2");
        living.try_lock().unwrap();

        replace_file(&path, |mut file| {
            sweep(&path);
            file.write_all(b"whole")
        })
        .unwrap();
        let mut expected = [&["dump.rdb", "dump.rdb.temporary-2"][..], &others].concat();
        expected.sort_unstable();
        assert_eq!(names(directory.path()), expected);
        drop(living);
        sweep(&path);
        assert!(!names(directory.path()).contains(&"dump.rdb.temporary-2".to_owned()));
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }

    #[test]
    fn an_error_or_a_panic_leaves_what_was_there_and_nothing_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dump.rdb");
        fs::write(&path, "before").unwrap();
        replace_file(&path, |_| Err::<(), _>(io::Error::other("no"))).unwrap_err();
        let panics = || replace_file(&path, |_| -> io::Result<()> { panic!("a bug in the writer") });
        catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
        assert_eq!(names(directory.path()), ["dump.rdb"]);
        assert_eq!(fs::read(&path).unwrap(), b"before");
    }
}
