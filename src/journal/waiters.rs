//! Commands that wait until their records are as durable as `appendfsync` promises.

use super::Journal;
use super::error::Refused;
use crate::config::FsyncPolicy;
use crate::store::change::sink::Seq;
use parking_lot::Mutex;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// How often a task tries a busy writer before it goes to sleep, and how many pauses of the processor follow each
/// try. A write(2) takes about a microsecond, less than a wake-up from another thread.
const TRIES: usize = 16;
const PAUSES: usize = 16;

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

/// Resolves when every record up to a sequence number is as durable as the policy promises, or when the journal
/// refuses writes.
#[must_use = "nothing is waited for unless it is awaited"]
pub struct Acknowledged<'a> {
    pub(super) journal: &'a Journal,
    pub(super) seq: Seq,
}

impl Acknowledged<'_> {
    fn answer(&self) -> Option<Result<(), Refused>> {
        if self.journal.has_reached(self.seq) {
            return Some(Ok(()));
        }
        self.journal.refusal().map(|reason| Err(Refused(reason)))
    }
}

impl Future for Acknowledged<'_> {
    type Output = Result<(), Refused>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let journal = self.journal;
        if let Some(answer) = self.answer() {
            return Poll::Ready(answer);
        }
        if journal.fsync_policy() != FsyncPolicy::Always {
            for _ in 0..TRIES {
                journal.try_flush();
                if let Some(answer) = self.answer() {
                    return Poll::Ready(answer);
                }
                (0..PAUSES).for_each(|_| std::hint::spin_loop());
            }
        }
        // A thread that changes the answer then wakes the list. So a task that joins the list before it asks again
        // misses no change.
        journal.waiters.add(self.seq, context.waker());
        if journal.fsync_policy() == FsyncPolicy::Always {
            journal.kick();
        } else {
            // The thread that held the writer has either released it by now, or will wake this task when it does.
            journal.try_flush();
        }
        self.answer().map_or(Poll::Pending, Poll::Ready)
    }
}
