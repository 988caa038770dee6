//! Whether the journal is on: whether replies wait for it, and whether a start would find what is written.

use std::sync::atomic::{AtomicU8, Ordering};

/// How far the journal is between off and on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JournalStage {
    /// Records are numbered, given to feeds, and dropped. No reply waits, and the directory is not locked.
    Off,
    /// It has been turned on, and its first base is not complete yet. A start would find what was in the directory before. So
    /// nothing is promised yet: no reply waits, and a fault refuses no write.
    Beginning,
    /// A start finds what replies have promised.
    On,
}

/// The stage, changed under the writer's lock and read by anybody.
#[derive(Debug)]
pub(super) struct SharedStage(AtomicU8);

impl SharedStage {
    pub(super) fn new(stage: JournalStage) -> Self {
        Self(AtomicU8::new(stage as u8))
    }

    pub(super) fn get(&self) -> JournalStage {
        match self.0.load(Ordering::Acquire) {
            0 => JournalStage::Off,
            1 => JournalStage::Beginning,
            _ => JournalStage::On,
        }
    }

    pub(super) fn set(&self, stage: JournalStage) {
        self.0.store(stage as u8, Ordering::Release);
    }
}
