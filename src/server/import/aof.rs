//! Redis's append-only file: a directory with a manifest (Redis 7 on) or one file, beginning with a dump or not.

use super::commands::Commands;
use super::report::Report;
use super::{len_of, open, progress_bar, starts_as_dump};
use crate::config::Config;
use crate::limits;
use crate::quoting::split_words;
use crate::rdb::Loader;
use crate::resp::request::{Batch, RequestLimits, RequestReader};
use crate::store::Store;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes asked of a file at a time.
const READ_BYTES: u64 = 256 * 1024;

/// An append-only file that was found.
pub(super) struct Found {
    /// By what a user would name it.
    pub(super) place: PathBuf,
    /// Its files, in the order they are read.
    pub(super) files: Vec<PathBuf>,
}

/// The append-only file in `directory`: its manifest there, or in a directory there, or as one old file.
pub(super) fn find(directory: &Path) -> Result<Option<Found>, String> {
    let mut places = vec![directory.to_owned()];
    let told = |error: std::io::Error| format!("{}: {error}", directory.display());
    for entry in std::fs::read_dir(directory).map_err(told)? {
        places.push(entry.map_err(told)?.path());
    }
    places[1..].sort();
    let mut found = Vec::new();
    for place in places.iter().filter(|place| place.is_dir()) {
        for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "manifest") {
                found.push(Found { place: place.clone(), files: manifest(&entry.path())? });
            }
        }
    }
    let old = directory.join("appendonly.aof");
    if found.is_empty() && old.is_file() {
        return Ok(Some(Found { place: old.clone(), files: vec![old] }));
    }
    let several = found.len() > 1;
    let first = found.pop();
    if several {
        Err(format!("{}: several manifests are here; name one", directory.display()))
    } else {
        Ok(first)
    }
}

/// The files that a manifest lists: lines of `file NAME seq NUMBER type b|i|h`, the base first.
fn manifest(path: &Path) -> Result<Vec<PathBuf>, String> {
    let told = |what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
    let text = std::fs::read(path).map_err(|error| told(&error))?;
    let directory = path.parent().unwrap_or(Path::new(""));
    let mut files = Vec::new();
    for line in text.split(|&byte| byte == b'\n') {
        let mut line = line.to_vec();
        let mut ranges = Vec::new();
        split_words(&mut line, |word| ranges.push(word)).map_err(|_| told(&"unbalanced quotes"))?;
        let words: Vec<_> =
            ranges.into_iter().map(|range| String::from_utf8_lossy(&line[range]).into_owned()).collect();
        if words.first().is_none_or(|word| word.starts_with('#')) {
            continue;
        }
        let value =
            |name: &str| words.chunks_exact(2).find(|pair| pair[0] == name).map(|pair| pair[1].as_str());
        let (Some(name), Some(kind)) = (value("file"), value("type")) else {
            return Err(told(&"a line that names no file and type"));
        };
        if name.contains('/') {
            return Err(told(&"a file of another directory"));
        }
        match kind {
            "b" | "i" => files.push(directory.join(name)),
            // History: replaced, and about to be removed.
            "h" => {}
            _ => return Err(told(&"a file of no known type")),
        }
    }
    Ok(files)
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
    for (index, (file, path)) in files.into_iter().zip(paths).enumerate() {
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        // As in Redis: each file begins in database 0.
        let mut replay = Replay { commands: Commands::on(store, config), report, transaction: None };
        let is_last = index + 1 == paths.len();
        let file = bar.wrap_read(file);
        let outcome = if starts_as_dump(path)? {
            let before = loader.tally().bytes;
            let rest = loader.file(file).map_err(|error| told(&error))?;
            replay.read(rest, loader.tally().bytes - before, is_last)
        } else {
            replay.read(file, 0, is_last)
        };
        outcome.map_err(|error| told(&error))?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// The commands of one file.
struct Replay<'r> {
    commands: Commands,
    report: &'r mut Report,
    /// The requests since MULTI, which count only once EXEC has come.
    transaction: Option<Vec<u8>>,
}

const BOUNDS: RequestLimits =
    RequestLimits { unauthenticated: false, bulk_bytes: limits::MOST_BULK_BYTES, requests: 1 };

impl Replay<'_> {
    /// Runs all complete commands; `offset` bytes of the file came before them.
    fn read(&mut self, mut file: impl Read, mut offset: u64, is_last: bool) -> Result<(), String> {
        let (mut reader, mut batch) = (RequestReader::default(), Batch::default());
        let mut buffer = Vec::new();
        loop {
            let mut start = 0;
            loop {
                let rest = &mut buffer[start..];
                let read = reader.read(rest, &BOUNDS, &mut batch);
                read.map_err(|error| format!("{error}, at byte {offset}"))?;
                let consumed = batch.consumed_bytes();
                if batch.is_empty() && consumed == 0 {
                    break;
                }
                let raw = &buffer[start..start + consumed];
                self.take(raw, &batch).map_err(|error| format!("{error} (at byte {offset})"))?;
                reader.consumed(consumed);
                start += consumed;
                offset += consumed as u64;
                self.report.command_bytes += consumed as u64;
            }
            buffer.drain(..start);
            let more = READ_BYTES.max(reader.missing_bytes(buffer.len()) as u64);
            let came = (&mut file).take(more).read_to_end(&mut buffer).map_err(|error| error.to_string())?;
            if came == 0 {
                break;
            }
        }
        let cut = buffer.len() + self.transaction.take().map_or(0, |transaction| transaction.len());
        if cut > 0 && !is_last {
            return Err(format!("it ends in the middle of a command or transaction, at byte {offset}"));
        }
        self.report.cut_bytes += cut as u64;
        Ok(())
    }

    /// Runs the request in `batch`, which is spelled `raw`, or keeps it until its transaction is complete.
    fn take(&mut self, raw: &[u8], batch: &Batch) -> Result<(), String> {
        let Some(arguments) = batch.requests(raw).next() else { return Ok(()) };
        let name = arguments.get(0).unwrap_or_default();
        if name.starts_with(b"#") {
            // A timestamp (`aof-timestamp-enabled`).
            return Ok(());
        }
        if name.eq_ignore_ascii_case(b"multi") {
            self.transaction = Some(Vec::new());
        } else if name.eq_ignore_ascii_case(b"exec") {
            let mut requests = self.transaction.take().ok_or("EXEC without MULTI")?;
            let mut all = Batch::default();
            let bounds = RequestLimits { requests: usize::MAX, ..BOUNDS };
            let read = RequestReader::default().read(&mut requests, &bounds, &mut all);
            read.map_err(|error| error.to_string())?;
            for arguments in all.requests(&requests) {
                self.commands.run(arguments, self.report)?;
            }
        } else if let Some(transaction) = &mut self.transaction {
            transaction.extend_from_slice(raw);
        } else {
            self.commands.run(arguments, self.report)?;
        }
        Ok(())
    }
}
