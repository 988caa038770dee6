//! A disk double: it fails on command, and knows what a power failure would leave.
//!
//! It models what Linux promises and no more. Written bytes are in the kernel's memory. An fdatasync brings those of
//! its file to the disk. An fdatasync that fails drops them, marks them clean, and leaves them readable until the
//! power fails. Names are durable after a sync of their directory; before it, they become durable in the order in
//! which they were changed.

use crate::journal::files::{Appendable, Disk, Files};
use crate::machine::chance::Chance;
use parking_lot::{Mutex, MutexGuard};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A disk that fails on command.
#[derive(Default)]
pub(super) struct FaultyDisk {
    state: Arc<Mutex<Faults>>,
}

/// Called with the kind of call and the name of its file, while no lock of the double is held.
pub(super) type Meanwhile = Arc<dyn Fn(Call, &str) + Send + Sync>;

/// Which calls fail, and how.
#[derive(Default)]
pub(super) struct Faults {
    /// Calls so far, of any kind.
    pub(super) calls: u64,
    /// This call fails with EIO, and with `Crash` every later one.
    pub(super) fail_call: Option<(u64, Then)>,
    /// Bytes that still fit. A write of more writes as much as fits and then fails with ENOSPC.
    pub(super) space_bytes: Option<u64>,
    /// Every write writes at most this many bytes, and every second one is interrupted.
    pub(super) short_bytes: Option<usize>,
    /// fdatasync of a file whose name contains this fails.
    pub(super) fail_sync_of: Option<&'static str>,
    /// Calls that fail at random.
    pub(super) at_random: Option<AtRandom>,
    /// Called at the beginning of each call: what other threads do while the disk is slow.
    pub(super) meanwhile: Option<Meanwhile>,
    files: BTreeMap<PathBuf, Cached>,
    /// Changes of names that no sync of the directory has covered.
    names: Vec<NameChange>,
}

/// Faults that are drawn at random.
pub(super) struct AtRandom {
    pub(super) chance: Chance,
    /// One call in so many fails.
    pub(super) one_in: u64,
    /// How many have failed.
    pub(super) faults: u64,
}

/// What happens after the call that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    GoOn,
    Crash,
}

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Create,
    Append,
    Rename,
    Remove,
    SyncDirectory,
    Write,
    Sync,
    Cut,
}

/// What the kernel's memory holds of a file.
#[derive(Clone, Debug, Default)]
struct Cached {
    /// Bytes from here on are dirty.
    dirty_from: u64,
    /// Ranges that are marked clean and are not on the disk.
    lost: Vec<(u64, u64)>,
}

enum NameChange {
    Created(PathBuf),
    Renamed { from: PathBuf, to: PathBuf, replaced: Option<(Vec<u8>, Cached)> },
    Removed { path: PathBuf, held: (Vec<u8>, Cached) },
}

/// How much of what was not synced a power failure leaves.
pub(super) enum Left<'a> {
    /// No unsynced byte of any file; names stay as they are.
    Nothing,
    /// Everything of the files whose name contains this, and nothing of the others.
    AllOf(&'a str),
    /// A part of each file, as the kernel may have written it, and the first few changes of names.
    Some(&'a mut Chance),
}

impl FaultyDisk {
    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.state.lock()
    }

    /// Truncates every file to what an fdatasync has covered.
    pub(super) fn power_failure(&self) {
        self.power_failure_leaving(Left::Nothing);
    }

    pub(super) fn power_failure_leaving(&self, mut left: Left<'_>) {
        let mut faults = self.faults();
        let names = std::mem::take(&mut faults.names);
        let durable = match &mut left {
            Left::Some(chance) => chance.below(names.len() as u64 + 1) as usize,
            _ => names.len(),
        };
        for change in names.into_iter().skip(durable).rev() {
            faults.take_back(change);
        }
        for (path, cached) in std::mem::take(&mut faults.files) {
            let Ok(file) = OpenOptions::new().write(true).open(&path) else { continue };
            let len = file.metadata().unwrap().len();
            let dirty = len.saturating_sub(cached.dirty_from);
            let mut kept = len
                - match &mut left {
                    Left::AllOf(part) if name_of(&path).contains(*part) => 0,
                    Left::Nothing | Left::AllOf(_) => dirty,
                    Left::Some(chance) => match chance.below(3) {
                        0 => dirty,
                        _ => chance.below(dirty + 1),
                    },
                };
            for &(from, to) in cached.lost.iter().rev() {
                if to >= kept {
                    kept = kept.min(from);
                } else {
                    use std::os::unix::fs::FileExt;
                    file.write_all_at(&vec![0; (to - from) as usize], from).unwrap();
                }
            }
            file.set_len(kept).unwrap();
        }
    }

    fn call(&self, call: Call, path: &Path) -> io::Result<MutexGuard<'_, Faults>> {
        begin(&self.state, call, path)
    }

    fn file(&self, path: &Path, inner: Arc<dyn Appendable>) -> Arc<dyn Appendable> {
        Arc::new(FaultyFile { path: path.to_path_buf(), inner, state: Arc::clone(&self.state) })
    }
}

fn name_of(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// Counts a call and fails if the call is to fail.
fn begin<'a>(state: &'a Mutex<Faults>, call: Call, path: &Path) -> io::Result<MutexGuard<'a, Faults>> {
    let meanwhile = state.lock().meanwhile.clone();
    if let Some(meanwhile) = meanwhile {
        meanwhile(call, name_of(path));
    }
    let mut faults = state.lock();
    let number = faults.calls;
    faults.calls += 1;
    match faults.fail_call {
        Some((n, Then::GoOn)) if n == number => return Err(eio()),
        Some((n, Then::Crash)) if n <= number => return Err(eio()),
        _ => {}
    }
    if let Some(random) = &mut faults.at_random
        && random.chance.below(random.one_in) == 0
    {
        random.faults += 1;
        // Not every call needs space.
        let needs_space = matches!(call, Call::Create | Call::Write | Call::Rename);
        return Err(if needs_space && random.chance.below(2) == 0 { enospc() } else { eio() });
    }
    Ok(faults)
}

impl Faults {
    fn has_crashed(&self) -> bool {
        self.fail_call.is_some_and(|(number, then)| then == Then::Crash && number < self.calls)
    }

    /// Undoes a change of a name.
    fn take_back(&mut self, change: NameChange) {
        let mut restore = |path: PathBuf, (bytes, cached): (Vec<u8>, Cached)| {
            fs::write(&path, bytes).unwrap();
            self.files.insert(path, cached);
        };
        match change {
            NameChange::Created(path) => {
                let _ = fs::remove_file(&path);
                self.files.remove(&path);
            }
            NameChange::Renamed { from, to, replaced } => {
                if let Ok(bytes) = fs::read(&to) {
                    let cached = self.files.remove(&to).unwrap_or_default();
                    fs::write(&from, bytes).unwrap();
                    fs::remove_file(&to).unwrap();
                    self.files.insert(from, cached);
                }
                if let Some((bytes, cached)) = replaced {
                    fs::write(&to, bytes).unwrap();
                    self.files.insert(to, cached);
                }
            }
            NameChange::Removed { path, held } => restore(path, held),
        }
    }

    fn held(&self, path: &Path) -> Option<(Vec<u8>, Cached)> {
        // A file that was not written through the double was on disk before it.
        let bytes = fs::read(path).ok()?;
        let on_disk = Cached { dirty_from: bytes.len() as u64, lost: Vec::new() };
        Some((bytes, self.files.get(path).cloned().unwrap_or(on_disk)))
    }
}

fn eio() -> io::Error {
    io::Error::from_raw_os_error(5)
}

fn enospc() -> io::Error {
    io::Error::from_raw_os_error(28)
}

impl Files for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn Appendable>> {
        let mut faults = self.call(Call::Create, path)?;
        if let Some(held) = faults.held(path) {
            faults.names.push(NameChange::Removed { path: path.to_path_buf(), held });
        }
        let file = Disk.create(path)?;
        faults.names.push(NameChange::Created(path.to_path_buf()));
        faults.files.insert(path.to_path_buf(), Cached::default());
        drop(faults);
        Ok(self.file(path, file))
    }

    fn append(&self, path: &Path) -> io::Result<Arc<dyn Appendable>> {
        let mut faults = self.call(Call::Append, path)?;
        let (_, cached) = faults.held(path).ok_or(io::ErrorKind::NotFound)?;
        faults.files.insert(path.to_path_buf(), cached);
        drop(faults);
        Ok(self.file(path, Disk.append(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut faults = self.call(Call::Rename, from)?;
        let replaced = faults.held(to);
        Disk.rename(from, to)?;
        faults.files.remove(to);
        if let Some(cached) = faults.files.remove(from) {
            faults.files.insert(to.to_path_buf(), cached);
        }
        let (from, to) = (from.to_path_buf(), to.to_path_buf());
        faults.names.push(NameChange::Renamed { from, to, replaced });
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut faults = self.call(Call::Remove, path)?;
        let held = faults.held(path).ok_or(io::ErrorKind::NotFound)?;
        Disk.remove(path)?;
        if let Some(space) = &mut faults.space_bytes {
            *space += held.0.len() as u64;
        }
        faults.files.remove(path);
        faults.names.push(NameChange::Removed { path: path.to_path_buf(), held });
        Ok(())
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        let mut faults = self.call(Call::SyncDirectory, path)?;
        assert!(path.is_dir());
        let is_in = |name: &PathBuf| name.parent() == Some(path);
        faults.names.retain(|change| match change {
            NameChange::Created(name) | NameChange::Renamed { to: name, .. } => !is_in(name),
            NameChange::Removed { path: name, .. } => !is_in(name),
        });
        Ok(())
    }
}

struct FaultyFile {
    path: PathBuf,
    inner: Arc<dyn Appendable>,
    state: Arc<Mutex<Faults>>,
}

impl Appendable for FaultyFile {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut faults = match begin(&self.state, Call::Write, &self.path) {
            Ok(faults) => faults,
            Err(error) => {
                // A failed call may have done half of its work.
                self.inner.write(&bytes[..bytes.len() / 2])?;
                return Err(error);
            }
        };
        let mut len = bytes.len();
        if let Some(short) = faults.short_bytes {
            if faults.calls.is_multiple_of(2) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            len = len.min(short);
        }
        if let Some(space) = &mut faults.space_bytes {
            if *space == 0 {
                return Err(enospc());
            }
            len = len.min(usize::try_from(*space).unwrap());
            *space -= len as u64;
        }
        self.inner.write(&bytes[..len])
    }

    fn sync(&self) -> io::Result<()> {
        let begun = begin(&self.state, Call::Sync, &self.path);
        let (mut faults, mut outcome) = match begun {
            Ok(faults) => (faults, Ok(())),
            Err(error) => (self.state.lock(), Err(error)),
        };
        if faults.has_crashed() {
            // The process has ended, so the call was never made.
            return Err(eio());
        }
        if faults.fail_sync_of.is_some_and(|part| name_of(&self.path).contains(part)) {
            outcome = Err(eio());
        }
        // Not done in fact, because the real disk is slow: the double notes what the sync has saved. The path may
        // have been given to another file since; nothing is written to that file afterwards.
        let len = fs::metadata(&self.path)?.len();
        let cached = faults.files.entry(self.path.clone()).or_default();
        if outcome.is_err() && cached.dirty_from < len {
            cached.lost.push((cached.dirty_from, len));
        }
        cached.dirty_from = len;
        outcome
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        let mut faults = begin(&self.state, Call::Cut, &self.path)?;
        if let Some(cached) = faults.files.get_mut(&self.path) {
            cached.dirty_from = cached.dirty_from.min(len);
            cached.lost.retain_mut(|(from, to)| {
                *to = (*to).min(len);
                from < to
            });
        }
        self.inner.cut(len)
    }
}
