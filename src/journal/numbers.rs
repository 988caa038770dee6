//! The numbers of records that are only counted: while the journal is off and there is no feed, a record takes one change of a
//! number, and not the lock of the buffer.

use crate::store::change::sink::Seq;
use std::sync::atomic::{AtomicU64, Ordering};

/// Twice the number of the last record; odd: the buffer of [`super::pending`] gives the numbers.
#[derive(Debug)]
pub(super) struct FreeNumbers(AtomicU64);

const HAS_BUFFER: u64 = 1;

impl FreeNumbers {
    /// The buffer gives the numbers.
    pub(super) fn of_buffer() -> Self {
        Self(AtomicU64::new(HAS_BUFFER))
    }

    /// Numbers `count` records and returns the last number. `None` if the buffer does that.
    pub(super) fn count(&self, count: u64) -> Option<Seq> {
        let mut before = self.0.load(Ordering::Acquire);
        while before & HAS_BUFFER == 0 {
            let after = before + 2 * count;
            match self.0.compare_exchange_weak(before, after, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(Seq(after / 2)),
                Err(now) => before = now,
            }
        }
        None
    }

    /// The last number. `None` if the buffer has it.
    pub(super) fn last(&self) -> Option<Seq> {
        let now = self.0.load(Ordering::Acquire);
        (now & HAS_BUFFER == 0).then_some(Seq(now / 2))
    }

    /// The buffer, which is locked, gives the numbers from here on. Returns the last one, if it did not do so before.
    pub(super) fn give_to_buffer(&self) -> Option<Seq> {
        let before = self.0.swap(HAS_BUFFER, Ordering::AcqRel);
        (before & HAS_BUFFER == 0).then_some(Seq(before / 2))
    }

    /// The buffer, which is locked, has given the number `last`, and gives no more.
    pub(super) fn take_from_buffer(&self, last: Seq) {
        self.0.store(2 * last.0, Ordering::Release);
    }
}
