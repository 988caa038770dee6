//! What a running journal counts and measures of its calls of the system.

use crate::machine::clock::Clock;
use crate::machine::counter::Counter;
use crate::machine::latency::Histogram;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counts since the start.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) fsyncs: AtomicU64,
    pub(super) failed_fsyncs: AtomicU64,
    pub(super) failed_writes: AtomicU64,
    pub(super) times: CallTimes,
    pub(super) unsynced: Unsynced,
}

/// How long the calls of the system take. That is measured only if somebody asks.
#[derive(Debug, Default)]
pub(super) struct CallTimes {
    pub(super) is_wanted: AtomicBool,
    /// The longest since they were last asked for.
    pub(super) longest_write_ns: AtomicU64,
    pub(super) longest_sync_ns: AtomicU64,
    /// All syncs since the start. One thread at a time syncs.
    pub(super) syncs: Histogram,
    pub(super) syncs_ns: Counter,
}

impl CallTimes {
    /// Runs `write`, and notes its time if times are wanted.
    pub(super) fn of_write<T>(&self, clock: &Clock, write: impl FnOnce() -> T) -> T {
        self.timed(clock, write, |ns| {
            self.longest_write_ns.fetch_max(ns, Ordering::Relaxed);
        })
    }

    /// Runs `sync`, and notes its time if times are wanted. Only the thread that has the turn to sync may call this.
    pub(super) fn of_sync<T>(&self, clock: &Clock, sync: impl FnOnce() -> T) -> T {
        self.timed(clock, sync, |ns| {
            self.longest_sync_ns.fetch_max(ns, Ordering::Relaxed);
            self.syncs.count(ns, 1);
            self.syncs_ns.add(ns);
        })
    }

    fn timed<T>(&self, clock: &Clock, call: impl FnOnce() -> T, note: impl FnOnce(u64)) -> T {
        if !self.is_wanted.load(Ordering::Relaxed) {
            return call();
        }
        let started_ns = clock.monotonic_ns();
        let result = call();
        note(clock.monotonic_ns().saturating_sub(started_ns));
        result
    }
}

/// What no fdatasync has covered yet. Written under the writer's lock, read by anybody.
#[derive(Debug, Default)]
pub(super) struct Unsynced {
    /// Bytes written to segments since the start.
    written_bytes: Counter,
    /// Those of them that an fdatasync has covered, or that a complete base has replaced.
    synced_bytes: AtomicU64,
    /// When the first of the bytes was written that the sync under way does not cover, in unix milliseconds; 0: there is
    /// none.
    since_ms: AtomicU64,
    /// The same of the bytes that it covers.
    syncing_since_ms: AtomicU64,
}

impl Unsynced {
    /// An attempt to write begins at `now_ms`.
    pub(super) fn begin_write(&self, now_ms: impl FnOnce() -> u64) {
        if self.since_ms.load(Ordering::Relaxed) == 0 {
            self.since_ms.store(now_ms(), Ordering::Relaxed);
        }
    }

    /// This many bytes have been written.
    pub(super) fn note_written(&self, bytes: usize) {
        self.written_bytes.add(bytes as u64);
    }

    /// A sync of everything that has been written begins. Returns how much that is, for [`Unsynced::end_sync`].
    pub(super) fn begin_sync(&self) -> u64 {
        let since_ms = self.since_ms.swap(0, Ordering::Relaxed);
        if self.syncing_since_ms.load(Ordering::Relaxed) == 0 {
            self.syncing_since_ms.store(since_ms, Ordering::Relaxed);
        }
        self.written_bytes.get()
    }

    /// Everything up to `written_bytes` is on disk.
    pub(super) fn end_sync(&self, written_bytes: u64) {
        self.synced_bytes.fetch_max(written_bytes, Ordering::Relaxed);
        self.syncing_since_ms.store(0, Ordering::Relaxed);
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> u64 {
        let synced_bytes = self.synced_bytes.load(Ordering::Relaxed);
        self.written_bytes.get().saturating_sub(synced_bytes)
    }

    /// For how long the first of them has been waiting at `now_ms`; 0 if there are none.
    pub(super) fn age_ms(&self, now_ms: u64) -> u64 {
        let first = [&self.syncing_since_ms, &self.since_ms].map(|since| since.load(Ordering::Relaxed));
        first.into_iter().find(|since_ms| *since_ms > 0).map_or(0, |since_ms| now_ms.saturating_sub(since_ms))
    }
}
