//! Redis's append-only file: a directory with a manifest (Redis 7 on) or one file, beginning with a dump or not.

use super::aof_manifest;
use super::command_file::{CommandFile, NextCommand};
use super::command_runner::CommandRunner;
use super::files::{len_of, open, progress_bar, starts_as_dump};
use super::report::ImportReport;
use crate::commands::spec::{Handler, Manner};
use crate::commands::table;
use crate::config::Config;
use crate::limits;
use crate::rdb::RdbReader;
use crate::resp::request::{RequestBatch, RequestLimits, RequestReader};
use crate::store::Store;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes read from a file at a time.
const READ_BYTES: usize = 256 * 1024;

/// An append-only file that was found.
pub(super) struct AppendOnlyFile {
    /// The path that a user would give.
    pub(super) place: PathBuf,
    /// Its files, in the order they are read.
    pub(super) files: Vec<PathBuf>,
}

/// The append-only file in `directory`: its manifest there, or in a directory there, or as one old file.
pub(super) fn find(directory: &Path) -> Result<Option<AppendOnlyFile>, String> {
    let mut places = Vec::new();
    for entry in entries(directory)? {
        // `lost+found` belongs to the file system, and can seldom be read.
        if entry.is_dir() && !entry.ends_with("lost+found") {
            places.push(entry);
        }
    }
    places.push(directory.to_owned());
    let (mut found, mut parts) = (Vec::new(), Vec::new());
    for place in places {
        let entries = entries(&place)?;
        parts.extend(entries.iter().find(|path| is_part(path)).cloned());
        for path in entries.iter().filter(|path| aof_manifest::is_manifest(path)) {
            found.push(AppendOnlyFile { place: place.clone(), files: aof_manifest::files(path)? });
        }
    }
    let old = directory.join("appendonly.aof");
    match (found.pop(), parts.pop()) {
        (Some(_), _) if !found.is_empty() => {
            Err(format!("{}: several manifests are here; name one", directory.display()))
        }
        (Some(first), _) => Ok(Some(first)),
        (None, Some(part)) => Err(format!(
            "{} is a part of an append-only file whose manifest is missing: its other parts are not known",
            part.display()
        )),
        (None, None) => Ok(old.is_file().then(|| AppendOnlyFile { place: old.clone(), files: vec![old] })),
    }
}

/// The manifest beside the file at `path` that lists it, if there is one.
pub(super) fn manifest_of(path: &Path) -> Result<Option<PathBuf>, String> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // If the directory cannot be listed, the named file is read all the same.
    let entries = entries(directory).unwrap_or_default();
    for manifest in entries.into_iter().filter(|path| aof_manifest::is_manifest(path)) {
        let files = match aof_manifest::files(&manifest) {
            Ok(files) => files,
            Err(error) if is_part(path) => return Err(error),
            Err(_) => continue,
        };
        if files.iter().any(|file| file.file_name() == path.file_name()) {
            return Ok(Some(manifest));
        }
    }
    Ok(None)
}

/// Whether a file has the name of a part of an append-only file: `NAME.1.base.rdb`, `NAME.1.incr.aof`.
fn is_part(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    [".base.rdb", ".base.aof", ".incr.aof"].iter().any(|end| name.ends_with(end))
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let at_path = |error: std::io::Error| format!("{}: {error}", directory.display());
    let entries = std::fs::read_dir(directory).map_err(at_path)?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>().map_err(at_path)?;
    paths.sort();
    Ok(paths)
}

/// Reads the files of an append-only file into the reader's store.
pub(super) fn read(
    paths: &[PathBuf],
    config: &Config,
    store: &Arc<Store>,
    reader: &mut RdbReader<'_>,
    report: &mut ImportReport,
) -> Result<(), String> {
    let files = paths.iter().map(|path| open(path)).collect::<Result<Vec<_>, _>>()?;
    let bar = progress_bar(files.iter().map(len_of).sum(), "{binary_bytes}/{binary_total_bytes}");
    let mut is_anything_read = false;
    for (index, (file, path)) in files.into_iter().zip(paths).enumerate() {
        let at_path = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        // As in Redis: each file begins in database 0.
        let mut replay =
            CommandReplay { commands: CommandRunner::on(store, config), report, transaction: None };
        let is_last = index + 1 == paths.len();
        let file = bar.wrap_read(file);
        let is_dump = starts_as_dump(path)?;
        is_anything_read |= is_dump;
        let outcome = if is_dump {
            let before = reader.tally().bytes;
            let rest = reader.file(file).map_err(|error| at_path(&error))?;
            replay.read(rest, reader.tally().bytes - before)
        } else {
            replay.read(file, 0)
        };
        let FileEnd { commands, cut_bytes, offset } = outcome.map_err(|error| at_path(&error))?;
        is_anything_read |= commands > 0;
        if cut_bytes > 0 && !is_last {
            return Err(at_path(&format!(
                "it ends in the middle of a command or transaction, at byte {offset}"
            )));
        }
        report.cut_bytes += cut_bytes;
    }
    bar.finish_and_clear();
    match paths.last() {
        Some(path) if !is_anything_read => Err(format!("{}: no complete command is in it", path.display())),
        _ => Ok(()),
    }
}

/// Runs the commands of one file.
struct CommandReplay<'r> {
    commands: CommandRunner,
    report: &'r mut ImportReport,
    /// The requests since MULTI. They are run when EXEC has come.
    transaction: Option<Vec<u8>>,
}

/// How a file ended.
struct FileEnd {
    /// Number of complete commands in the file.
    commands: u64,
    /// Bytes of the incomplete command or transaction at its end.
    cut_bytes: u64,
    /// Offset of that command or transaction.
    offset: u64,
}

const BOUNDS: RequestLimits =
    RequestLimits { unauthenticated: false, bulk_bytes: limits::MOST_BULK_BYTES, requests: 1 };

impl CommandReplay<'_> {
    /// Runs all complete commands. They begin `offset` bytes behind the start of the file.
    fn read(&mut self, file: impl Read, offset: u64) -> Result<FileEnd, String> {
        let mut file = CommandFile::new(BufReader::with_capacity(READ_BYTES, file), offset);
        let (mut batch, mut commands) = (RequestBatch::default(), 0);
        // Up to here everything has been run.
        let mut done = offset;
        loop {
            let before = file.offset();
            let next = file.next_command()?;
            let after = file.offset();
            if next != NextCommand::Command {
                let end = if next == NextCommand::Cut || self.transaction.is_some() { done } else { after };
                self.report.command_bytes += end - offset;
                return Ok(FileEnd { commands, cut_bytes: after - end, offset: end });
            }
            let request = file.request();
            let at_path = |error: &dyn std::fmt::Display| format!("{error} (at byte {before})");
            let read = RequestReader::default().read(request, &BOUNDS, &mut batch);
            read.map_err(|error| at_path(&error))?;
            self.take(request, &batch).map_err(|error| at_path(&error))?;
            commands += 1;
            if self.transaction.is_none() {
                done = after;
            }
        }
    }

    /// Runs the request in `batch`, which is spelled `raw`, or keeps it until its transaction is complete.
    fn take(&mut self, raw: &[u8], batch: &RequestBatch) -> Result<(), String> {
        let Some(arguments) = batch.requests(raw).next() else { return Ok(()) };
        let place = table().find(arguments.get(0).unwrap_or_default());
        let spec = place.map(|place| table().entries()[place].spec);
        if spec.is_some_and(|spec| matches!(spec.run, Handler::Exec)) {
            let Some(mut requests) = self.transaction.take() else {
                // As in Redis: an error that no client receives.
                self.report.stray_execs += 1;
                return Ok(());
            };
            let mut all = RequestBatch::default();
            let bounds = RequestLimits { requests: usize::MAX, ..BOUNDS };
            let read = RequestReader::default().read(&mut requests, &bounds, &mut all);
            read.map_err(|error| error.to_string())?;
            for arguments in all.requests(&requests) {
                self.commands.run(arguments, self.report)?;
            }
        } else if let Some(transaction) = &mut self.transaction {
            // A MULTI among them does nothing when its turn comes, as in Redis.
            transaction.extend_from_slice(raw);
        } else if spec.is_some_and(|spec| spec.is(Manner::BeginsTransaction)) {
            self.transaction = Some(Vec::new());
        } else {
            self.commands.run(arguments, self.report)?;
        }
        Ok(())
    }
}
