//! What the server knows of its master, if it has one: commands ask and change it, the link's thread acts on it.
//!
//! Each change of the master begins a new turn. The thread applies what comes by a link only in the turn of that link, and
//! looks at the turn under the locks of the data. So nothing of an earlier master is applied once the locks have been taken
//! after the change.

use super::lease::Lease;
use crate::machine::clock::Clock;
use parking_lot::{Condvar, Mutex};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Where a master is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasterAddress {
    /// Its name or IP address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl MasterAddress {
    /// Whether `other` is the same place, written in the same way but for the case of letters.
    #[must_use]
    pub fn is_named(&self, other: &Self) -> bool {
        self.host.eq_ignore_ascii_case(&other.host) && self.port == other.port
    }
}

impl fmt::Display for MasterAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// How far the link to the master has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkPhase {
    /// There is none; one will be made.
    #[default]
    Waiting,
    /// The connection is being made.
    Connecting,
    /// The two introduce themselves.
    Greeting,
    /// All data are being read.
    Syncing,
    /// The stream is being followed.
    Following,
}

impl LinkPhase {
    /// The word in ROLE.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "connect",
            Self::Connecting | Self::Greeting => "connecting",
            Self::Syncing => "sync",
            Self::Following => "connected",
        }
    }
}

/// The full sync that is being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncProgress {
    /// The bytes of the file, if the master has said how many.
    pub total_bytes: Option<u64>,
    /// The bytes that have come.
    pub read_bytes: u64,
}

/// What is known of the link.
#[derive(Clone, Debug, Default)]
pub struct LinkStatus {
    /// The master.
    pub master: Option<MasterAddress>,
    /// How far the link has come.
    pub phase: LinkPhase,
    /// When something came from the master for the last time, in unix milliseconds; 0 before the first.
    pub heard_ms: u64,
    /// Since when the stream is not followed, in unix milliseconds; 0 while it is, or if it never was.
    pub down_since_ms: u64,
    /// Since when the stream is followed, in unix milliseconds.
    pub up_since_ms: u64,
    /// How long the stream was not followed since the master was named, in milliseconds, the present time apart.
    pub down_ms: u64,
    /// The links that were tried since the last one that came about, and since the master was named.
    pub attempts: u64,
    /// See `attempts`.
    pub all_attempts: u64,
    /// The full sync that is being read.
    pub sync: SyncProgress,
    /// The bytes of the stream that have come.
    pub read_offset: u64,
    /// The bytes of the stream that have been applied.
    pub applied_offset: u64,
    /// What the last full sync has left out, a line for each kind.
    pub left_out: Vec<String>,
    /// Commands of the stream that could not be run.
    pub failed_commands: u64,
}

/// What the server knows of its master.
#[derive(Debug, Default)]
pub struct Upstream {
    follows: AtomicBool,
    /// Which server is the master is not known.
    awaits_leader: AtomicBool,
    is_stale: AtomicBool,
    turn: AtomicU64,
    /// How surely it leads, where it follows nobody.
    pub lease: Lease,
    status: Mutex<LinkStatus>,
    changed: Condvar,
}

impl Upstream {
    /// Whether there is a master.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.follows.load(Ordering::Relaxed)
    }

    /// Whether the data may be old: there is a master whose stream is not being followed, or it is not known who is the master.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.is_stale.load(Ordering::Relaxed)
    }

    /// Whether it is not known which server is the master: this one follows nobody, and must accept no writes.
    #[must_use]
    pub fn awaits_leader(&self) -> bool {
        self.awaits_leader.load(Ordering::Relaxed)
    }

    /// Whether this server was the master at `at_ns`, so that what replicas had acknowledged then may be promised.
    #[must_use]
    pub fn led_at(&self, at_ns: u64, clock: &Clock) -> bool {
        !self.follows.load(Ordering::SeqCst) && self.lease.covers(at_ns, || clock.uptime_ns())
    }

    /// From now on it is not known which server is the master. Nothing happens where one is followed. Returns whether it did.
    pub fn await_leader(&self) -> bool {
        let _status = self.status.lock();
        let happens = !self.is_set();
        if happens {
            self.awaits_leader.store(true, Ordering::SeqCst);
            self.is_stale.store(true, Ordering::SeqCst);
        }
        happens
    }

    /// This server is the master, if it was not known.
    pub fn end_await(&self) {
        let _status = self.status.lock();
        if self.awaits_leader.swap(false, Ordering::SeqCst) {
            self.is_stale.store(false, Ordering::SeqCst);
        }
    }

    /// The present turn.
    #[must_use]
    pub fn turn(&self) -> u64 {
        self.turn.load(Ordering::SeqCst)
    }

    /// What is known of the link.
    #[must_use]
    pub fn status(&self) -> LinkStatus {
        self.status.lock().clone()
    }

    /// Begins a new turn, with this master or with none. The link of the turn before ends.
    pub fn follow(&self, master: Option<MasterAddress>, now_ms: u64) {
        let mut status = self.status.lock();
        self.turn.fetch_add(1, Ordering::SeqCst);
        self.follows.store(master.is_some(), Ordering::SeqCst);
        self.awaits_leader.store(false, Ordering::SeqCst);
        self.is_stale.store(master.is_some(), Ordering::SeqCst);
        let down_since_ms = if master.is_some() { now_ms } else { 0 };
        *status = LinkStatus {
            master,
            down_since_ms,
            read_offset: status.applied_offset,
            applied_offset: status.applied_offset,
            ..LinkStatus::default()
        };
        self.changed.notify_all();
    }

    /// The data include so much of the stream: a start has found them.
    pub fn know(&self, offset: u64) {
        let mut status = self.status.lock();
        (status.read_offset, status.applied_offset) = (offset, offset);
    }

    /// Changes what is known of the link, if `turn` is the present one. Returns whether it is.
    pub fn note(&self, turn: u64, note: impl FnOnce(&mut LinkStatus)) -> bool {
        let mut status = self.status.lock();
        let is_present = self.turn() == turn;
        if is_present {
            note(&mut status);
            let is_stale = status.master.is_some() && status.phase != LinkPhase::Following;
            self.is_stale.store(is_stale, Ordering::SeqCst);
        }
        is_present
    }

    /// Waits until there is a turn other than `turn`, or `patience` is over.
    pub fn wait_for_turn(&self, turn: u64, patience: Duration) {
        let mut status = self.status.lock();
        if self.turn() == turn {
            self.changed.wait_for(&mut status, patience);
        }
    }

    /// Wakes the thread that waits for a turn.
    pub fn wake(&self) {
        let _status = self.status.lock();
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> Option<MasterAddress> {
        Some(MasterAddress { host: "localhost".into(), port })
    }

    #[test]
    fn what_belongs_to_an_earlier_turn_is_not_noted() {
        let upstream = Upstream::default();
        assert!(!upstream.is_set() && !upstream.is_stale());
        upstream.follow(address(1), 5);
        let first = upstream.turn();
        assert!(upstream.is_set() && upstream.is_stale());
        assert!(upstream.note(first, |status| status.phase = LinkPhase::Following));
        assert!(!upstream.is_stale());
        upstream.follow(address(2), 9);
        assert!(upstream.is_stale());
        assert!(!upstream.note(first, |status| status.phase = LinkPhase::Following));
        let status = upstream.status();
        assert_eq!((status.phase, status.down_since_ms, status.master), (LinkPhase::Waiting, 9, address(2)));
        upstream.follow(None, 10);
        assert!(!upstream.is_set() && !upstream.is_stale() && upstream.status().down_since_ms == 0);
    }

    #[test]
    fn a_master_with_sentinels_led_when_they_named_it_and_shortly_after_that() {
        let (upstream, clock) = (Upstream::default(), Clock::manual(1_000));
        let now = || clock.uptime_ns();
        assert!(upstream.led_at(now(), &clock), "it has no sentinels");
        upstream.lease.watch();
        assert!(!upstream.led_at(0, &clock), "they have not said anything");
        let asked = now();
        upstream.lease.renew(asked);
        clock.advance(Duration::from_millis(49));
        assert!(upstream.led_at(now(), &clock));
        clock.advance(Duration::from_millis(1));
        assert!(!upstream.led_at(now(), &clock) && !upstream.led_at(asked + 1, &clock));
        // What had come before the question counts for ever.
        clock.advance(Duration::from_secs(1000));
        assert!(upstream.led_at(asked, &clock) && upstream.led_at(0, &clock));
        upstream.lease.revoke();
        assert!(!upstream.led_at(0, &clock));
        upstream.lease.renew(now());
        upstream.follow(address(1), 5);
        assert!(!upstream.led_at(0, &clock), "another one leads");
        upstream.follow(None, 6);
        assert!(upstream.led_at(now(), &clock));
        assert!(!upstream.lease.take_wanted());
        upstream.lease.want();
        assert!(upstream.lease.take_wanted() && !upstream.lease.take_wanted());
    }

    #[test]
    fn it_may_be_unknown_who_leads_until_somebody_says_it() {
        let upstream = Upstream::default();
        assert!(
            upstream.await_leader() && upstream.awaits_leader() && upstream.is_stale() && !upstream.is_set()
        );
        upstream.end_await();
        assert!(!upstream.awaits_leader() && !upstream.is_stale());
        for master in [address(1), None] {
            upstream.follow(None, 5);
            assert!(upstream.await_leader());
            upstream.follow(master.clone(), 6);
            assert!(!upstream.awaits_leader());
            assert_eq!(upstream.is_stale(), master.is_some());
        }
        upstream.follow(address(1), 7);
        assert!(!upstream.await_leader() && !upstream.awaits_leader(), "a master is followed");
    }
}
