//! The numbers of records while the journal is off and there is no feed: then nobody reads them. The store only counts its records
//! ([`crate::store::Store::unread_records`]), each shard its own, so threads that change different shards share nothing here.

use crate::store::change::sink::Seq;
use std::sync::atomic::{AtomicU64, Ordering};

/// Twice the number of the last record, less the records that the store has counted; odd: the buffer of [`super::pending`] gives the
/// numbers, and the store counts none. `unread` tells how many the store has counted.
#[derive(Debug)]
pub(super) struct FreeNumbers(AtomicU64);

const HAS_BUFFER: u64 = 1;

impl FreeNumbers {
    /// The buffer gives the numbers.
    pub(super) fn of_buffer() -> Self {
        Self(AtomicU64::new(HAS_BUFFER))
    }

    /// Whether the buffer does not give the numbers.
    pub(super) fn are_free(&self) -> bool {
        self.0.load(Ordering::Acquire) & HAS_BUFFER == 0
    }

    /// Numbers `count` records that the store has not counted, because somebody was about to read them, and returns the last
    /// number. `None` if the buffer does that.
    pub(super) fn count(&self, count: u64, unread: impl Fn() -> u64) -> Option<Seq> {
        let mut before = self.0.load(Ordering::Acquire);
        while before & HAS_BUFFER == 0 {
            let after = before + 2 * count;
            match self.0.compare_exchange_weak(before, after, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(Seq(after / 2 + unread())),
                Err(now) => before = now,
            }
        }
        None
    }

    /// The last number. `None` if the buffer has it.
    pub(super) fn last(&self, unread: impl Fn() -> u64) -> Option<Seq> {
        let now = self.0.load(Ordering::Acquire);
        (now & HAS_BUFFER == 0).then(|| Seq(now / 2 + unread()))
    }

    /// The buffer, which is locked, gives the numbers from here on. Returns the last one, if it did not do so before.
    pub(super) fn give_to_buffer(&self, unread: impl Fn() -> u64) -> Option<Seq> {
        let before = self.0.swap(HAS_BUFFER, Ordering::AcqRel);
        (before & HAS_BUFFER == 0).then(|| Seq(before / 2 + unread()))
    }

    /// The buffer, which is locked, has given the number `last`, and gives no more.
    pub(super) fn take_from_buffer(&self, last: Seq, unread: u64) {
        self.0.store(2 * (last.0 - unread), Ordering::Release);
    }
}
