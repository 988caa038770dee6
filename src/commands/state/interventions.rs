//! What intervenes in the commands of all clients: CLIENT PAUSE, MONITOR, and scripts that run too long. Nearly always nothing does, and a command tests
//! one number.

use super::client::Client;
use super::clients::Clients;
use crate::store::{Basis, Seq};
use parking_lot::{Mutex, RwLock};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Waker};

/// Which commands CLIENT PAUSE holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Paused {
    /// Those that may change something, and PUBLISH.
    Writes,
    /// All.
    All,
}

/// What intervenes.
#[derive(Debug, Default)]
pub struct Interventions {
    /// One bit for each kind that there is.
    present: AtomicU8,
    pause: Mutex<Pause>,
    monitors: RwLock<Vec<Arc<Client>>>,
}

#[derive(Debug, Default)]
struct Pause {
    what: Option<Paused>,
    until_ms: u64,
    /// Wake the connections that wait for its end.
    wakers: Vec<Waker>,
}

const PAUSE: u8 = 1;
const MONITORS: u8 = 2;
const BUSY: u8 = 4;

impl Interventions {
    /// Whether anything intervenes.
    pub(in crate::commands) fn any(&self) -> bool {
        self.present.load(Ordering::Relaxed) != 0
    }

    fn has(&self, kind: u8) -> bool {
        self.present.load(Ordering::Relaxed) & kind != 0
    }

    fn set(&self, kind: u8, is_there: bool) {
        if is_there {
            self.present.fetch_or(kind, Ordering::SeqCst);
        } else {
            self.present.fetch_and(!kind, Ordering::SeqCst);
        }
    }

    /// Whether a script runs too long.
    pub(in crate::commands) fn is_busy(&self) -> bool {
        self.has(BUSY)
    }

    /// A script runs too long, or no script does any more.
    pub(super) fn set_busy(&self, is_busy: bool) {
        self.set(BUSY, is_busy);
    }

    /// What is held back at `now_ms`, and until when.
    #[must_use]
    pub fn pause(&self, now_ms: u64) -> Option<(Paused, u64)> {
        if !self.has(PAUSE) {
            return None;
        }
        let pause = self.pause.lock();
        pause.what.filter(|_| now_ms < pause.until_ms).map(|what| (what, pause.until_ms))
    }

    /// Whether a command is held back at `now_ms`; `may_write` says whether it is one of [`Paused::Writes`].
    pub(in crate::commands) fn holds_back(&self, may_write: bool, now_ms: u64) -> bool {
        self.pause(now_ms).is_some_and(|(what, _)| what == Paused::All || may_write)
    }

    /// Begins a pause, or changes it: as in Redis it becomes longer and never shorter, and goes on to hold back all commands.
    pub fn begin_pause(&self, what: Paused, until_ms: u64, now_ms: u64) {
        let before = self.pause(now_ms);
        let mut pause = self.pause.lock();
        pause.what = Some(before.map_or(what, |(before, _)| before.max(what)));
        pause.until_ms = until_ms.max(before.map_or(0, |(_, until_ms)| until_ms));
        self.set(PAUSE, true);
    }

    /// Ends the pause.
    pub(in crate::commands) fn end_pause(&self) {
        let mut pause = self.pause.lock();
        self.set(PAUSE, false);
        pause.what = None;
        std::mem::take(&mut pause.wakers).into_iter().for_each(Waker::wake);
    }

    /// Ends a pause whose time is over.
    pub fn end_pause_if_over(&self, now_ms: u64) {
        if self.has(PAUSE) && self.pause(now_ms).is_none() {
            self.end_pause();
        }
    }

    /// Whether there is no pause. If there is one, wakes the task when it is ended.
    pub fn poll_unpaused(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut pause = self.pause.lock();
        if pause.what.is_none() {
            return Poll::Ready(());
        }
        if !pause.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            pause.wakers.push(context.waker().clone());
        }
        Poll::Pending
    }

    /// The client gets a line for each command from now on.
    pub(in crate::commands) fn begin_monitor(&self, client: &Arc<Client>) {
        let mut monitors = self.monitors.write();
        monitors.push(Arc::clone(client));
        self.set(MONITORS, true);
    }

    /// The client gets no further lines.
    pub(in crate::commands) fn end_monitor(&self, client: &Client) {
        let mut monitors = self.monitors.write();
        monitors.retain(|other| other.id != client.id);
        self.set(MONITORS, !monitors.is_empty());
    }

    /// Whether a client gets lines.
    pub(in crate::commands) fn has_monitors(&self) -> bool {
        self.has(MONITORS)
    }

    /// Sends a line to the clients that get lines.
    pub(in crate::commands) fn show(&self, clients: &Clients, line: &[u8]) {
        for client in &*self.monitors.read() {
            clients.send(client, line, &Basis::Record(Seq::default()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_grows_and_ends_by_itself() {
        let interventions = Interventions::default();
        assert!(!interventions.holds_back(true, 5));
        interventions.begin_pause(Paused::Writes, 100, 5);
        assert_eq!([true, false].map(|writes| interventions.holds_back(writes, 99)), [true, false]);
        interventions.begin_pause(Paused::All, 50, 6);
        interventions.begin_pause(Paused::Writes, 60, 7);
        assert_eq!(interventions.pause(99), Some((Paused::All, 100)));
        interventions.end_pause_if_over(99);
        assert!(interventions.has(PAUSE));
        interventions.end_pause_if_over(100);
        assert!(!interventions.has(PAUSE));
        interventions.begin_pause(Paused::Writes, 120, 100);
        assert_eq!(interventions.pause(101), Some((Paused::Writes, 120)));
        interventions.end_pause();
        assert_eq!(interventions.pause(101), None);
    }
}
