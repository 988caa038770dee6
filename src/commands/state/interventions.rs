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
    pauses: Mutex<Pauses>,
    monitors: RwLock<Vec<Arc<Client>>>,
}

/// Who holds commands back. Each has a pause of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseCause {
    /// CLIENT PAUSE.
    Clients,
    /// FAILOVER.
    Failover,
    /// The end of the server.
    Shutdown,
    /// The journal has no base of the data yet.
    Journal,
}

#[derive(Debug, Default)]
struct Pauses {
    /// By their causes: what is held back, and until when.
    by_cause: [Option<(Paused, u64)>; 4],
    /// How many times one or more of them have ended.
    ends: u64,
    /// Wake the connections that wait for the next end.
    wakers: Vec<Waker>,
}

impl Pauses {
    /// Those that are not over at `now_ms`.
    fn lasting(&self, now_ms: u64) -> impl Iterator<Item = (Paused, u64)> + '_ {
        self.by_cause.iter().flatten().copied().filter(move |(_, until_ms)| now_ms < *until_ms)
    }
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

    /// What is held back at `now_ms`, and until when at least.
    #[must_use]
    pub fn pause(&self, now_ms: u64) -> Option<(Paused, u64)> {
        if !self.has(PAUSE) {
            return None;
        }
        let pauses = self.pauses.lock();
        let what = pauses.lasting(now_ms).map(|(what, _)| what).max()?;
        let until_ms = pauses.lasting(now_ms).map(|(_, until_ms)| until_ms).min()?;
        Some((what, until_ms))
    }

    /// Whether a command is held back at `now_ms`; `may_write` says whether it is one of [`Paused::Writes`].
    pub(in crate::commands) fn holds_back(&self, may_write: bool, now_ms: u64) -> bool {
        self.pause(now_ms).is_some_and(|(what, _)| what == Paused::All || may_write)
    }

    /// Begins a pause, or changes it: as in Redis it becomes longer and never shorter, and goes on to hold back all commands.
    pub fn begin_pause(&self, cause: PauseCause, what: Paused, until_ms: u64, now_ms: u64) {
        let mut pauses = self.pauses.lock();
        let pause = &mut pauses.by_cause[cause as usize];
        let before = pause.filter(|(_, until_ms)| now_ms < *until_ms);
        *pause = Some(before.map_or((what, until_ms), |before| (before.0.max(what), before.1.max(until_ms))));
        self.set(PAUSE, true);
    }

    /// Ends the pause that has this cause.
    pub(in crate::commands) fn end_pause(&self, cause: PauseCause) {
        let mut pauses = self.pauses.lock();
        pauses.by_cause[cause as usize] = None;
        self.note_end(&mut pauses);
    }

    /// Ends the pauses whose time is over.
    pub fn end_pause_if_over(&self, now_ms: u64) {
        if self.has(PAUSE) {
            let mut pauses = self.pauses.lock();
            let before = pauses.by_cause;
            pauses.by_cause = before.map(|pause| pause.filter(|(_, until_ms)| now_ms < *until_ms));
            if pauses.by_cause != before {
                self.note_end(&mut pauses);
            }
        }
    }

    /// All who wait try again: what is still held back may be less than what they wait with.
    fn note_end(&self, pauses: &mut Pauses) {
        pauses.ends += 1;
        self.set(PAUSE, pauses.by_cause.iter().any(Option::is_some));
        std::mem::take(&mut pauses.wakers).into_iter().for_each(Waker::wake);
    }

    /// How many times pauses have ended.
    #[must_use]
    pub fn ended_pauses(&self) -> u64 {
        self.pauses.lock().ends
    }

    /// Whether there is no pause, or one has ended since there were so many ends. If not, wakes the task when one ends.
    pub fn poll_unpaused(&self, ends: u64, context: &mut Context<'_>) -> Poll<()> {
        let mut pauses = self.pauses.lock();
        if pauses.ends != ends || pauses.by_cause.iter().all(Option::is_none) {
            return Poll::Ready(());
        }
        if !pauses.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            pauses.wakers.push(context.waker().clone());
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
        interventions.begin_pause(PauseCause::Clients, Paused::Writes, 100, 5);
        assert_eq!([true, false].map(|writes| interventions.holds_back(writes, 99)), [true, false]);
        interventions.begin_pause(PauseCause::Clients, Paused::All, 50, 6);
        interventions.begin_pause(PauseCause::Clients, Paused::Writes, 60, 7);
        assert_eq!(interventions.pause(99), Some((Paused::All, 100)));
        interventions.end_pause_if_over(99);
        assert!(interventions.has(PAUSE));
        interventions.end_pause_if_over(100);
        assert!(!interventions.has(PAUSE));
        interventions.begin_pause(PauseCause::Clients, Paused::Writes, 120, 100);
        assert_eq!(interventions.pause(101), Some((Paused::Writes, 120)));
        interventions.end_pause(PauseCause::Clients);
        assert_eq!(interventions.pause(101), None);
    }

    #[test]
    fn each_cause_has_a_pause_of_its_own() {
        let interventions = Interventions::default();
        interventions.begin_pause(PauseCause::Failover, Paused::Writes, u64::MAX, 5);
        interventions.begin_pause(PauseCause::Clients, Paused::All, 100, 5);
        assert_eq!(interventions.pause(6), Some((Paused::All, 100)));
        let ends = interventions.ended_pauses();
        interventions.end_pause(PauseCause::Clients);
        assert_eq!(
            interventions.pause(6),
            Some((Paused::Writes, u64::MAX)),
            "CLIENT UNPAUSE does not end it"
        );
        let mut context = Context::from_waker(Waker::noop());
        assert!(interventions.poll_unpaused(ends, &mut context).is_ready(), "reads go on");
        assert!(interventions.poll_unpaused(ends + 1, &mut context).is_pending());
        interventions.end_pause(PauseCause::Failover);
        assert_eq!(interventions.pause(6), None);
    }
}
