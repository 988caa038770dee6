//! `rankd import`: what Redis or Valkey holds becomes the journal of a directory that no server uses yet.
//!
//! Everything is read into a store first; only when all of it is there, a checkpoint puts it on disk. An import that
//! fails or is stopped leaves an empty journal.

mod aof;
mod aof_manifest;
mod command_file;
mod command_runner;
mod live;
mod report;

use super::start::startup;
use crate::config::Config;
use crate::journal::{Journal, JournalOptions};
use crate::machine::chance::Chance;
use crate::machine::clock::Clock;
use crate::machine::progress::ReadProgress;
use crate::net::address::ServerAddress;
use crate::rdb::RdbReader;
use crate::store::change::sink::ChangeSink;
use crate::store::{Census, Store};
use indicatif::{ProgressBar, ProgressStyle};
use report::ImportReport;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// How often the end of the checkpoint is looked for.
const POLL: Duration = Duration::from_millis(10);

/// Where the data are.
enum ImportSource {
    /// An RDB file.
    Dump(PathBuf),
    /// The files of an append-only file, in order.
    Aof(Vec<PathBuf>),
    /// A server.
    Live(ServerAddress),
}

/// Reads `source` into the directory that `config` names, and prints what became of it.
pub(super) fn run(config: &Config, source: &str) -> Result<(), String> {
    let origin = find(source)?;
    let clock = Clock::system();
    let started_ms = clock.now_ms();
    let seed = Chance::from_system().next_u64();
    let store = Arc::new(Store::new(startup::SHARDS, config.databases, seed, clock.clone()));
    let directory = config.dir.join(startup::JOURNAL_DIRECTORY);
    let options = JournalOptions {
        directory: directory.clone(),
        fsync: config.appendfsync,
        rewrite_percentage: 0,
        rewrite_min_bytes: 0,
        clock: clock.clone(),
    };
    let (journal, _) =
        Journal::open(options, &store, &ReadProgress::default()).map_err(|error| error.to_string())?;
    if store.census() != Census::default() {
        return Err(format!("{} holds data; import takes an empty directory", directory.display()));
    }
    let mut loader = match origin {
        ImportSource::Dump(_) => RdbReader::leaving_out_expired(&store),
        ImportSource::Aof(_) | ImportSource::Live(_) => RdbReader::new(&store),
    };
    let mut report = ImportReport::new(source);
    match origin {
        ImportSource::Dump(path) => {
            let file = open(&path)?;
            let bar = progress_bar(len_of(&file), "{binary_bytes}/{binary_total_bytes}");
            let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
            let mut rest = loader.file(bar.wrap_read(file)).map_err(|error| told(&error))?;
            let behind = std::io::copy(&mut rest, &mut std::io::sink()).map_err(|error| told(&error))?;
            bar.finish_and_clear();
            if behind > 0 {
                let what = "of something else follow the dump; an append-only file that begins with one is read \
                            under a name that ends in .aof";
                return Err(told(&format!("{behind} bytes {what}")));
            }
        }
        ImportSource::Aof(paths) => aof::read(&paths, config, &store, &mut loader, &mut report)?,
        ImportSource::Live(address) => live::read(&address, config, &mut loader, &mut report)?,
    }
    report.tally = loader.tally().clone();
    if let Some(miscount) = report.tally.miscount {
        return Err(format!("{source}: {miscount}: the file is not complete, or was not written by a Redis"));
    }
    // Only now, with everything read: what expired on the way may have been renewed.
    store.attach(Arc::clone(&journal) as Arc<dyn ChangeSink>);
    for shard in 0..store.shard_count() {
        while store.remove_expired(shard) {}
    }
    report.tally.expired_keys += store.expired_keys();
    report.census = store.census();
    put_on_disk(&journal)?;
    report.print(&directory, clock.now_ms().saturating_sub(started_ms));
    Ok(())
}

fn put_on_disk(journal: &Arc<Journal>) -> Result<(), String> {
    let bar = ProgressBar::new_spinner().with_message("writing the journal");
    // None can be running: checkpoints do not start by themselves here.
    journal.checkpoint().map_err(|_| "a checkpoint is running already".to_owned())?;
    while journal.checkpoint_running() {
        bar.tick();
        thread::sleep(POLL);
    }
    bar.finish_and_clear();
    if let Some(error) = journal.status().last_checkpoint_error {
        return Err(format!("the journal could not be written: {error}"));
    }
    journal.close().map_err(|refused| format!("the journal is not complete: {refused}"))
}

/// What `source` names.
fn find(source: &str) -> Result<ImportSource, String> {
    if source.contains("://") {
        return source.parse().map(ImportSource::Live);
    }
    let path = Path::new(source);
    if !path.is_dir() {
        return find_file(path);
    }
    let aof = aof::find(path)?;
    let dump = Some(path.join("dump.rdb")).filter(|dump| dump.is_file());
    match (aof, dump) {
        (Some(aof), None) => Ok(ImportSource::Aof(aof.files)),
        (None, Some(dump)) => Ok(ImportSource::Dump(dump)),
        // Which of the two Redis would read is in its configuration, not here.
        (Some(aof), Some(dump)) => Err(format!(
            "{source} holds an append-only file and a dump; name the one to read: {} or {}",
            aof.place.display(),
            dump.display()
        )),
        (None, None) => Err(format!("{source}: neither an append-only file nor a dump.rdb is here")),
    }
}

/// What the file at `path` is, by its first bytes.
fn find_file(path: &Path) -> Result<ImportSource, String> {
    let told = |what: &str| Err(format!("{}: {what}", path.display()));
    if aof_manifest::is_manifest(path) {
        return aof_manifest::files(path).map(ImportSource::Aof);
    }
    let head = head_of(path)?;
    if head.is_empty() {
        return told("it is empty");
    }
    let is_dump = is_head_of_dump(&head);
    if !is_dump && !matches!(head[0], b'*' | b'#') {
        return told(
            "neither an RDB file (which begins with REDIS or VALKEY) nor an append-only file (with * or #)",
        );
    }
    if let Some(manifest) = aof::manifest_of(path)? {
        return Err(format!(
            "{} is a part of the append-only file that {} lists; name the directory",
            path.display(),
            manifest.display()
        ));
    }
    // An old append-only file can begin with a dump; by its name one can tell.
    let is_aof = path.extension().is_some_and(|extension| extension == "aof");
    let path = path.to_owned();
    Ok(if is_dump && !is_aof { ImportSource::Dump(path) } else { ImportSource::Aof(vec![path]) })
}

fn starts_as_dump(path: &Path) -> Result<bool, String> {
    head_of(path).map(|head| is_head_of_dump(&head))
}

fn is_head_of_dump(head: &[u8]) -> bool {
    head.starts_with(b"REDIS") || head.starts_with(b"VALKEY")
}

fn head_of(path: &Path) -> Result<Vec<u8>, String> {
    use std::io::Read;
    let mut head = Vec::new();
    let read = open(path)?.take(6).read_to_end(&mut head);
    read.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(head)
}

fn open(path: &Path) -> Result<File, String> {
    File::open(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn len_of(file: &File) -> u64 {
    file.metadata().map_or(0, |metadata| metadata.len())
}

/// A bar on standard error, if that is a terminal. `amount` says how far it is.
fn progress_bar(len: u64, amount: &str) -> ProgressBar {
    let template = format!("{{bar:40}} {amount} {{msg}} ETA {{eta}}");
    let style = ProgressStyle::with_template(&template).expect("a template that a test has drawn");
    ProgressBar::new(len).with_style(style)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_can_be_drawn() {
        for amount in ["{binary_bytes}/{binary_total_bytes}", "{human_pos}/{human_len} keys"] {
            progress_bar(10, amount).finish();
        }
    }

    #[test]
    fn a_source_is_known_by_what_it_holds() {
        let directory = tempfile::tempdir().unwrap();
        let of = |name: &str| find(&directory.path().join(name).to_string_lossy());
        let write = |name: &str, bytes: &[u8]| std::fs::write(directory.path().join(name), bytes).unwrap();
        assert!(of("").is_err_and(|error| error.contains("neither an append-only file nor a dump.rdb")));
        write("dump.rdb", b"REDIS0012");
        assert!(matches!(of(""), Ok(ImportSource::Dump(_))));
        assert!(matches!(of("dump.rdb"), Ok(ImportSource::Dump(_))));
        write("appendonly.aof", b"REDIS0012");
        assert!(matches!(of("appendonly.aof"), Ok(ImportSource::Aof(files)) if files.len() == 1));
        assert!(of("").is_err_and(|error| error.contains("name the one to read")));
        assert!(of("missing").is_err_and(|error| error.contains("missing")));
        assert!(matches!(find("redis://localhost"), Ok(ImportSource::Live(_))));
        assert!(find("http://localhost").is_err());
    }
}
