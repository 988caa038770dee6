//! The checkpoints of a running journal.

use crate::store::change::sink::Seq;

/// The checkpoints since the start: for INFO, and to decide when the next one starts.
#[derive(Clone, Debug, Default)]
pub(super) struct CheckpointHistory {
    pub(super) completed: u64,
    pub(super) failed_in_a_row: u32,
    pub(super) last_error: Option<String>,
    pub(super) last_duration_ms: Option<u64>,
    /// The last record that the base replaces.
    pub(super) base_seq: Seq,
    pub(super) started_ms: Option<u64>,
    /// Rounds of the once-a-second thread until it may start a checkpoint again.
    pub(super) hold_off_rounds: u32,
}
