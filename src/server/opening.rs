//! The journal is read while the server already answers, mostly with LOADING.

use super::process::RunningProcess;
use crate::commands::host::Host;
use crate::journal::{Journal, Options, Progress, Recovered};
use crate::store::sink::ChangeSink;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, interval_at};

/// Time between two lines of progress in the log.
const LINES_APART: Duration = Duration::from_secs(1);

/// Reads the journal and makes it the host's. The log tells of its progress, if it takes long.
///
/// # Errors
/// Why the server cannot start.
pub(super) async fn open(
    options: Options,
    host: &Arc<Host>,
    process: &Arc<RunningProcess>,
) -> Result<Recovered, String> {
    let (done, mut outcome) = oneshot::channel();
    let (store, progress) = (Arc::clone(&host.store), Arc::clone(&process.progress));
    let read = move || drop(done.send(Journal::open(options, &store, &progress)));
    let thread = std::thread::Builder::new().name("opening".to_owned()).spawn(read);
    thread.map_err(|error| format!("a thread to read the journal: {error}"))?;
    let begun = Instant::now();
    let mut lines = interval_at(begun + LINES_APART, LINES_APART);
    let (journal, recovered) = loop {
        tokio::select! {
            opened = &mut outcome => {
                let opened = opened.map_err(|_| "reading the journal panicked; please report this")?;
                break opened.map_err(|error| error.to_string())?;
            }
            _ = lines.tick() => tell(&process.progress, begun.elapsed()),
        }
    };
    host.store.attach(Arc::clone(&journal) as Arc<dyn ChangeSink>);
    process.take_journal(journal);
    // What CONFIG SET has changed meanwhile.
    crate::commands::host::Process::configure(&**process, &host.config());
    host.is_loading.store(false, Ordering::Release);
    Ok(recovered)
}

fn tell(progress: &Progress, elapsed: Duration) {
    let (read, total) = (progress.read_bytes(), progress.total_bytes());
    let percent = 100.0 * read as f64 / total.max(1) as f64;
    let left_s = elapsed.as_secs_f64() * (total.saturating_sub(read)) as f64 / read.max(1) as f64;
    tracing::info!("reading the journal: {percent:.0} % of {} MiB, about {left_s:.0} s left", total >> 20);
}
