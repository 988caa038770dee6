//! The state of the journal that INFO reports.

use super::counters::CallTimes;
use super::running::Journal;
use crate::machine::latency::Latencies;
use crate::store::change::sink::Seq;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far the disk is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalLag {
    /// Bytes of records that no file has yet.
    pub unwritten_bytes: u64,
    /// Bytes in files that no fdatasync has covered yet.
    pub unsynced_bytes: u64,
    /// How long the oldest record has been waiting that no fdatasync has covered yet, in milliseconds; 0 if there is none.
    pub unsynced_ms: u64,
}

/// The longest write and the longest sync of the journal's segments in some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlowestCalls {
    /// The write, in milliseconds.
    pub write_ms: u64,
    /// The sync, in milliseconds.
    pub sync_ms: u64,
}

/// The journal at one moment, for INFO's persistence section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Bytes of all files of the journal (`aof_current_size`).
    pub size_bytes: u64,
    /// Bytes of the base, 0 if there is none (`aof_base_size`).
    pub base_bytes: u64,
    /// Bytes of records that no file has yet (`aof_buffer_length`).
    pub pending_bytes: usize,
    /// The last record there is.
    pub last_seq: Seq,
    /// The last record that survives a crash of the process.
    pub written_seq: Seq,
    /// The last record that survives a power failure.
    pub synced_seq: Seq,
    /// Why writes are refused (`aof_last_write_status` is `ok` if they are not).
    pub refusal: Option<String>,
    /// fdatasync calls on segments.
    pub fsyncs: u64,
    /// fdatasync calls on segments that failed.
    pub failed_fsyncs: u64,
    /// Failed attempts to write.
    pub failed_writes: u64,
    /// Whether a checkpoint is running (`aof_rewrite_in_progress`).
    pub checkpoint_running: bool,
    /// How long it has been running, in whole seconds (`aof_current_rewrite_time_sec`).
    pub checkpoint_running_s: Option<u64>,
    /// Checkpoints completed since the start (`aof_rewrites`).
    pub checkpoints: u64,
    /// Checkpoints that have failed since the last one that succeeded (`aof_rewrites_consecutive_failures`).
    pub checkpoint_failures_in_a_row: u32,
    /// Why the last one failed, if it did (`aof_last_bgrewrite_status`).
    pub last_checkpoint_error: Option<String>,
    /// How long the last one took, in whole seconds (`aof_last_rewrite_time_sec`).
    pub last_checkpoint_s: Option<u64>,
    /// Records since the last base began.
    pub records_since_base: u64,
}

impl Journal {
    /// Whether [`Journal::take_slowest`] or [`Journal::sync_times`] will be called: only then times are measured.
    pub fn measure_calls(&self, is_wanted: bool) {
        self.counters.times.is_wanted.store(is_wanted, Ordering::Relaxed);
    }

    /// The longest calls since this was last called.
    pub fn take_slowest(&self) -> SlowestCalls {
        let take_ms = |longest_ns: &AtomicU64| longest_ns.swap(0, Ordering::Relaxed) / 1_000_000;
        let CallTimes { longest_write_ns, longest_sync_ns, .. } = &self.counters.times;
        SlowestCalls { write_ms: take_ms(longest_write_ns), sync_ms: take_ms(longest_sync_ns) }
    }

    /// How long the fdatasync calls on segments took since they are measured, and their sum in nanoseconds.
    pub fn sync_times(&self) -> (Latencies, u64) {
        let CallTimes { syncs, syncs_ns, .. } = &self.counters.times;
        (Latencies::of(std::iter::once(syncs)), syncs_ns.get())
    }

    /// How far the disk is behind at this moment. Does not wait for the disk.
    pub fn lag(&self) -> JournalLag {
        JournalLag {
            unwritten_bytes: self.pending_bytes.load(Ordering::Relaxed) as u64,
            unsynced_bytes: self.counters.unsynced.bytes(),
            unsynced_ms: self.counters.unsynced.age_ms(self.clock.now_ms()),
        }
    }

    /// The state at this moment. Does not wait for the disk.
    pub fn status(&self) -> Status {
        let base_bytes = self.base_bytes.load(Ordering::Relaxed);
        let segments = self.older_bytes.load(Ordering::Relaxed) + self.segment_bytes.load(Ordering::Relaxed);
        let history = self.history.lock().clone();
        let now_ms = self.clock.now_ms();
        let last_seq = self.last_seq();
        Status {
            size_bytes: base_bytes + segments,
            base_bytes,
            pending_bytes: self.pending_bytes.load(Ordering::Relaxed),
            last_seq,
            written_seq: Seq(self.written.load(Ordering::Acquire)),
            synced_seq: Seq(self.synced.load(Ordering::Acquire)),
            refusal: self.refusal(),
            fsyncs: self.counters.fsyncs.load(Ordering::Relaxed),
            failed_fsyncs: self.counters.failed_fsyncs.load(Ordering::Relaxed),
            failed_writes: self.counters.failed_writes.load(Ordering::Relaxed),
            checkpoint_running: self.checkpoint_running(),
            checkpoint_running_s: history.started_ms.map(|started| now_ms.saturating_sub(started) / 1000),
            checkpoints: history.completed,
            checkpoint_failures_in_a_row: history.failed_in_a_row,
            last_checkpoint_error: history.last_error,
            last_checkpoint_s: history.last_duration_ms.map(|ms| ms / 1000),
            records_since_base: last_seq.0.saturating_sub(history.base_seq.0),
        }
    }
}
