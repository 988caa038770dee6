//! Reads the journal, or without one the dump file, while the server already answers, mostly with LOADING.

use super::supervisor;
use crate::commands::state::host::Host;
use crate::commands::state::host::Process;
use crate::config::NoEffect;
use crate::journal::{Journal, JournalOptions, Recovered};
use crate::machine::progress::ReadProgress;
use crate::rdb::LoadTally;
use crate::replication::{EndedAs, History, SavedData};
use crate::server::process::RunningProcess;
use crate::store::change::position::{FollowedPosition, StreamPlace};
use crate::store::change::sink::ChangeSink;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, interval_at};

/// Time between two lines of the log that report progress.
const LINES_APART: Duration = Duration::from_secs(1);

/// What the start has read.
pub(in crate::server) enum Opened {
    /// The journal was read.
    Journal(Recovered),
    /// The dump file was read, if there is one.
    Dump(Option<LoadTally>),
}

/// Reads the journal, or the dump file if the process starts from none, and attaches the journal, on or off, to the host's store. If
/// that takes long, the log reports the progress.
///
/// # Errors
/// Why the server cannot start.
pub(in crate::server) async fn open(
    options: JournalOptions,
    host: &Arc<Host>,
    process: &Arc<RunningProcess>,
) -> Result<Opened, String> {
    let (done, mut outcome) = oneshot::channel();
    let (store, running) = (Arc::clone(&host.store), Arc::clone(process));
    let read = move || {
        let read = if running.starts_from_journal {
            Journal::open(options, &store, &running.progress)
                .map(|(journal, recovered)| (journal, Opened::Journal(recovered)))
                .map_err(|error| error.to_string())
        } else {
            let loaded = running.dump.load(&running.progress);
            loaded.map(|loaded| (Journal::off(options, &store), Opened::Dump(loaded)))
        };
        // The receiver is gone if the server has been stopped.
        let _ = done.send(read);
    };
    let thread = std::thread::Builder::new().name("opening".to_owned()).spawn(read);
    thread.map_err(|error| format!("the thread that reads the data could not be started: {error}"))?;
    let begun = Instant::now();
    let mut lines = interval_at(begun + LINES_APART, LINES_APART);
    let (journal, opened) = loop {
        tokio::select! {
            opened = &mut outcome => {
                let opened = opened.map_err(|_| "reading the data panicked; please report this")?;
                break opened?;
            }
            _ = lines.tick() => {
                let percent = report(&process.progress, begun.elapsed());
                supervisor::has_read(host.config().supervised, percent);
            }
        }
    };
    host.store.attach(Arc::clone(&journal) as Arc<dyn ChangeSink>);
    process.take_journal(journal);
    let data = || match process.journal() {
        Some(journal) => Some(SavedData::Journal(journal.last_seq())),
        None => process.replication.dumped(),
    };
    let ended_as = process.replication.resume(data)?;
    if let Some(EndedAs::Replica { selected }) = ended_as
        && host.store.position().is_none()
    {
        // A dump file does not say how far a stream was followed.
        let History { id, offset, .. } = process.replication.outflow.history();
        let history = id.as_str().as_bytes().try_into().expect("an identifier has as many digits");
        let reached = StreamPlace { offset, database: selected };
        host.store.follow(Some(FollowedPosition { history, reached }));
    }
    if process.replication.outflow.is_active() {
        // What is written from here on is in the stream.
        process.replication.streaming.turn_on(None)?;
    }
    process.dump.begin();
    // CONFIG SET may have changed settings meanwhile.
    let mut configured = Ok(());
    host.settings.apply(|config| configured = process.configure(config));
    if let Err(NoEffect { directive, why }) = configured {
        tracing::warn!("{directive}: {why}");
        host.settings.change(|config| config.appendonly = process.journal().is_some());
    }
    host.is_loading.store(false, Ordering::Release);
    Ok(opened)
}

/// Reports the progress in the log. Returns how much has been read, in percent.
fn report(progress: &ReadProgress, elapsed: Duration) -> f64 {
    let (read, total) = (progress.read_bytes(), progress.total_bytes());
    let percent = 100.0 * read as f64 / total.max(1) as f64;
    let left_s = elapsed.as_secs_f64() * (total.saturating_sub(read)) as f64 / read.max(1) as f64;
    tracing::info!("reading the data: {percent:.0} % of {} MiB, about {left_s:.0} s left", total >> 20);
    percent
}
