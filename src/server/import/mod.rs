//! `rankd import`: reads the data of a Redis or Valkey into the journal of a directory that no server uses yet.
//!
//! Everything is read into a store first. Then a checkpoint writes the store to disk. An import that fails or is
//! stopped leaves an empty journal.

mod aof;
mod aof_manifest;
mod boards;
mod command_file;
mod command_runner;
mod files;
mod live;
mod peer;
mod report;
mod source;

use crate::config::Config;
use crate::journal;
use crate::journal::{Journal, JournalOptions};
use crate::machine::chance::Chance;
use crate::machine::clock::Clock;
use crate::machine::progress::ReadProgress;
use crate::net::tls::client::TlsOptions;
use crate::rdb::RdbReader;
use crate::store::change::sink::ChangeSink;
use crate::store::{Census, SHARDS, Store};
pub(super) use boards::BoardOption;
use files::{len_of, open, progress_bar};
use indicatif::ProgressBar;
use report::ImportReport;
use source::{ImportSource, find};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// How often the checkpoint is polled for its end.
const POLL: Duration = Duration::from_millis(10);

/// Reads `source` (a server over TLS as `tls` says) into the directory that `config` names, makes `boards` of some sorted sets, and prints a report.
pub(super) fn run(
    config: &Config,
    source: &str,
    tls: &TlsOptions,
    boards: &[BoardOption],
) -> Result<(), String> {
    let origin = find(source)?;
    let clock = Clock::system();
    let started_ms = clock.now_ms();
    let seed = Chance::from_system().next_u64();
    let store = Arc::new(Store::new(SHARDS, config.databases, seed, clock.clone()));
    let directory = config.dir.join(journal::DIRECTORY_NAME);
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
    let mut reader = match origin {
        ImportSource::Dump(_) => RdbReader::leaving_out_expired(&store),
        ImportSource::Aof(_) | ImportSource::Live(_) => RdbReader::new(&store),
    };
    let mut report = ImportReport::new(source);
    match origin {
        ImportSource::Dump(path) => {
            let file = open(&path)?;
            let bar = progress_bar(len_of(&file), "{binary_bytes}/{binary_total_bytes}");
            let at_path = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
            let mut rest = reader.file(bar.wrap_read(file)).map_err(|error| at_path(&error))?;
            let behind = std::io::copy(&mut rest, &mut std::io::sink()).map_err(|error| at_path(&error))?;
            bar.finish_and_clear();
            if behind > 0 {
                let what = "of something else follow the dump; an append-only file that begins with one is read \
                            under a name that ends in .aof";
                return Err(at_path(&format!("{behind} bytes {what}")));
            }
        }
        ImportSource::Aof(paths) => aof::read(&paths, config, &store, &mut reader, &mut report)?,
        ImportSource::Live(address) => live::read(&address, tls, config, &mut reader, &mut report)?,
    }
    report.tally = reader.tally().clone();
    if let Some(miscount) = report.tally.miscount {
        return Err(format!("{source}: {miscount}: the file is not complete, or was not written by a Redis"));
    }
    report.boards = boards::convert(&store, boards)?;
    // Attached only now: later data may have renewed a key that had expired.
    store.attach(Arc::clone(&journal) as Arc<dyn ChangeSink>);
    for shard in 0..store.shard_count() {
        while store.remove_expired(shard) {}
    }
    report.tally.expired_keys += store.expired_keys();
    report.census = store.census();
    put_on_disk(&journal)?;
    report.print(&directory, clock.now_ms().saturating_sub(started_ms))
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
