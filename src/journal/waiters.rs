//! The tasks that wait for records, each with the number of its record.

use crate::store::change::sink::Seq;
use parking_lot::Mutex;
use std::task::Waker;

/// Tasks to wake, with the record each waits for.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    waiting: Mutex<Vec<(Seq, Waker)>>,
}

impl Waiters {
    pub(super) fn add(&self, seq: Seq, waker: &Waker) {
        self.waiting.lock().push((seq, waker.clone()));
    }

    /// Wakes the tasks that wait for records up to `seq`.
    pub(super) fn wake_up_to(&self, seq: Seq) {
        let mut due = Vec::new();
        self.waiting.lock().retain_mut(|(waits_for, waker)| {
            let later = *waits_for > seq;
            if !later {
                // The list drops its waker on return; cloning it only increments a counter.
                due.push(waker.clone());
            }
            later
        });
        due.into_iter().for_each(Waker::wake);
    }

    /// Wakes every task; each then looks at its own record.
    pub(super) fn wake_all(&self) {
        let due = std::mem::take(&mut *self.waiting.lock());
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }
}
