//! The journal's thread. Once a second it writes records that no command waits for, syncs (`everysec`), tries a full
//! disk again, and starts a checkpoint that is due. With `always` it also writes and syncs for all commands that
//! wait.

use super::running::Journal;
use super::segment_writer::FlushAttempt;
use crate::config::FsyncPolicy;
use crossbeam::channel::{self, Receiver};
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

const ROUND: Duration = Duration::from_secs(1);

impl Journal {
    /// Starts the thread, unless it runs: once the journal has been on, it stays. It keeps the journal alive only while it works,
    /// and ends when the journal is closed or dropped.
    pub(super) fn start_rounds(self: &Arc<Self>) -> io::Result<()> {
        if self.has_rounds.load(Ordering::Acquire) {
            return Ok(());
        }
        let (journal, kicked) = (Arc::downgrade(self), self.kicked.clone());
        let thread =
            thread::Builder::new().name("journal".to_owned()).spawn(move || run(&journal, &kicked))?;
        self.has_rounds.store(true, Ordering::Release);
        self.threads.lock().push(thread);
        Ok(())
    }

    /// Does what is due once a second.
    pub(super) fn round(self: &Arc<Self>) {
        self.flush(FlushAttempt::Again);
        if self.fsync_policy() != FsyncPolicy::Never {
            self.sync();
        }
        if self.is_checkpoint_due() {
            // If a checkpoint has been started meanwhile, it serves as well.
            let _ = self.checkpoint();
        }
    }

    /// Writes and syncs for the commands that wait for an fdatasync.
    pub(super) fn commit_group(&self) {
        self.flush(FlushAttempt::First);
        self.sync();
    }

    /// Whether a checkpoint should start now: to replace a broken segment, after an end that was not in order, or
    /// because the journal has grown. Each failure in a row doubles the rounds until the next attempt.
    pub(super) fn is_checkpoint_due(&self) -> bool {
        if !self.is_on() || self.checkpoint_running() {
            return false;
        }
        let mut history = self.history.lock();
        if history.hold_off_rounds > 0 {
            history.hold_off_rounds -= 1;
            return false;
        }
        drop(history);
        self.needs_base() || self.has_outgrown_base()
    }

    fn has_outgrown_base(&self) -> bool {
        let percentage = u64::from(self.rewrite_percentage.load(Ordering::Relaxed));
        let min_bytes = self.rewrite_min_bytes.load(Ordering::Relaxed);
        let base = self.base_bytes.load(Ordering::Relaxed);
        let since = self.older_bytes.load(Ordering::Relaxed) + self.segment_bytes.load(Ordering::Relaxed);
        let outgrown = since.saturating_mul(100) >= base.saturating_mul(percentage);
        percentage > 0 && base + since > min_bytes && outgrown
    }
}

fn run(journal: &Weak<Journal>, kicked: &Receiver<()>) {
    let seconds = channel::tick(ROUND);
    loop {
        let is_round = channel::select! {
            recv(seconds) -> _ => true,
            recv(kicked) -> kick => match kick {
                Ok(()) => false,
                Err(_) => return,
            },
        };
        let Some(journal) = journal.upgrade() else { return };
        if journal.is_closing() {
            return;
        }
        if is_round {
            journal.round();
        } else if journal.fsync_policy() == FsyncPolicy::Always {
            journal.commit_group();
        }
    }
}
