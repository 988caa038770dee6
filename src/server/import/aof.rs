//! Redis's append-only file: a directory with a manifest (Redis 7 on) or one file, beginning with a dump or not.

use super::command_file::{CommandFile, Next};
use super::commands::Commands;
use super::manifest;
use super::report::Report;
use super::{len_of, open, progress_bar, starts_as_dump};
use crate::commands::spec::{Handler, Manner};
use crate::commands::table;
use crate::config::Config;
use crate::limits;
use crate::rdb::Loader;
use crate::resp::request::{Batch, RequestLimits, RequestReader};
use crate::store::Store;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes asked of a file at a time.
const READ_BYTES: usize = 256 * 1024;

/// An append-only file that was found.
pub(super) struct Found {
    /// By what a user would name it.
    pub(super) place: PathBuf,
    /// Its files, in the order they are read.
    pub(super) files: Vec<PathBuf>,
}

/// The append-only file in `directory`: its manifest there, or in a directory there, or as one old file.
pub(super) fn find(directory: &Path) -> Result<Option<Found>, String> {
    let mut places = Vec::new();
    for entry in entries(directory)? {
        // What a file system keeps for itself is not Redis's, and seldom to be read.
        if entry.is_dir() && !entry.ends_with("lost+found") {
            places.push(entry);
        }
    }
    places.push(directory.to_owned());
    let (mut found, mut parts) = (Vec::new(), Vec::new());
    for place in places {
        let entries = entries(&place)?;
        parts.extend(entries.iter().find(|path| is_part(path)).cloned());
        for path in entries.iter().filter(|path| manifest::is_manifest(path)) {
            found.push(Found { place: place.clone(), files: manifest::files(path)? });
        }
    }
    let old = directory.join("appendonly.aof");
    match (found.pop(), parts.pop()) {
        (Some(_), _) if !found.is_empty() => {
            Err(format!("{}: several manifests are here; name one", directory.display()))
        }
        (Some(first), _) => Ok(Some(first)),
        (None, Some(part)) => Err(format!(
            "{} is a part of an append-only file whose manifest is not there: what else belongs to it cannot be known",
            part.display()
        )),
        (None, None) => Ok(old.is_file().then(|| Found { place: old.clone(), files: vec![old] })),
    }
}

/// The manifest beside the file at `path` that lists it, if there is one.
pub(super) fn manifest_of(path: &Path) -> Result<Option<PathBuf>, String> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A directory that cannot be listed says nothing against a file that has been named.
    let entries = entries(directory).unwrap_or_default();
    for manifest in entries.into_iter().filter(|path| manifest::is_manifest(path)) {
        let files = match manifest::files(&manifest) {
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

/// Whether a file is named as the parts of an append-only file are: `NAME.1.base.rdb`, `NAME.1.incr.aof`.
fn is_part(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    [".base.rdb", ".base.aof", ".incr.aof"].iter().any(|end| name.ends_with(end))
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let told = |error: std::io::Error| format!("{}: {error}", directory.display());
    let entries = std::fs::read_dir(directory).map_err(told)?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>().map_err(told)?;
    paths.sort();
    Ok(paths)
}

/// Reads the files of an append-only file into the loader's store.
pub(super) fn read(
    paths: &[PathBuf],
    config: &Config,
    store: &Arc<Store>,
    loader: &mut Loader<'_>,
    report: &mut Report,
) -> Result<(), String> {
    let files = paths.iter().map(|path| open(path)).collect::<Result<Vec<_>, _>>()?;
    let bar = progress_bar(files.iter().map(len_of).sum(), "{binary_bytes}/{binary_total_bytes}");
    let mut is_anything_read = false;
    for (index, (file, path)) in files.into_iter().zip(paths).enumerate() {
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        // As in Redis: each file begins in database 0.
        let mut replay = Replay { commands: Commands::on(store, config), report, transaction: None };
        let is_last = index + 1 == paths.len();
        let file = bar.wrap_read(file);
        let is_dump = starts_as_dump(path)?;
        is_anything_read |= is_dump;
        let outcome = if is_dump {
            let before = loader.tally().bytes;
            let rest = loader.file(file).map_err(|error| told(&error))?;
            replay.read(rest, loader.tally().bytes - before)
        } else {
            replay.read(file, 0)
        };
        let End { commands, cut_bytes, offset } = outcome.map_err(|error| told(&error))?;
        is_anything_read |= commands > 0;
        if cut_bytes > 0 && !is_last {
            return Err(told(&format!(
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

/// The commands of one file.
struct Replay<'r> {
    commands: Commands,
    report: &'r mut Report,
    /// The requests since MULTI, which count only once EXEC has come.
    transaction: Option<Vec<u8>>,
}

/// How a file ended.
struct End {
    /// Complete commands in it.
    commands: u64,
    /// Bytes of the incomplete command or transaction at its end.
    cut_bytes: u64,
    /// Where that begins.
    offset: u64,
}

const BOUNDS: RequestLimits =
    RequestLimits { unauthenticated: false, bulk_bytes: limits::MOST_BULK_BYTES, requests: 1 };

impl Replay<'_> {
    /// Runs all complete commands; `offset` bytes of the file came before them.
    fn read(&mut self, file: impl Read, offset: u64) -> Result<End, String> {
        let mut file = CommandFile::new(BufReader::with_capacity(READ_BYTES, file), offset);
        let (mut batch, mut commands) = (Batch::default(), 0);
        // Up to here everything has been run.
        let mut done = offset;
        loop {
            let before = file.offset();
            let next = file.next_command()?;
            let after = file.offset();
            if next != Next::Command {
                let end = if next == Next::Cut || self.transaction.is_some() { done } else { after };
                self.report.command_bytes += end - offset;
                return Ok(End { commands, cut_bytes: after - end, offset: end });
            }
            let request = file.request();
            let told = |error: &dyn std::fmt::Display| format!("{error} (at byte {before})");
            let read = RequestReader::default().read(request, &BOUNDS, &mut batch);
            read.map_err(|error| told(&error))?;
            self.take(request, &batch).map_err(|error| told(&error))?;
            commands += 1;
            if self.transaction.is_none() {
                done = after;
            }
        }
    }

    /// Runs the request in `batch`, which is spelled `raw`, or keeps it until its transaction is complete.
    fn take(&mut self, raw: &[u8], batch: &Batch) -> Result<(), String> {
        let Some(arguments) = batch.requests(raw).next() else { return Ok(()) };
        let place = table().find(arguments.get(0).unwrap_or_default());
        let spec = place.map(|place| table().entries()[place].spec);
        if spec.is_some_and(|spec| matches!(spec.run, Handler::Exec)) {
            let Some(mut requests) = self.transaction.take() else {
                // As in Redis: an error that nobody hears.
                self.report.stray_execs += 1;
                return Ok(());
            };
            let mut all = Batch::default();
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
