//! Commands that wait until their records are as durable as `appendfsync` promises.

use super::error::Refused;
use super::running::Journal;
use super::stage::JournalStage;
use crate::config::FsyncPolicy;
use crate::store::change::sink::Seq;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// How often a task tries a busy writer before it goes to sleep, and how many pauses of the processor follow each
/// try. A write(2) takes about a microsecond, less than a wake-up from another thread.
const TRIES: usize = 16;
const PAUSES: usize = 16;

impl Journal {
    /// Waits until every record up to `seq` is as durable as the policy promises. With `EverySecond` and `Never` the
    /// calling thread writes the records that are pending; with `Always` one fdatasync serves all callers. Waits for nothing while
    /// the journal is off or its first base is being written.
    ///
    /// # Errors
    /// If the journal refuses writes and the record is not that durable yet. Its Changes are in the store all the
    /// same, and will be in the journal once it accepts writes again.
    pub fn acknowledged(&self, seq: Seq) -> Acknowledged<'_> {
        Acknowledged { journal: self, seq }
    }

    /// Whether [`Journal::acknowledged`] has nothing to wait for, and the journal does not refuse writes.
    pub fn acknowledges_at_once(&self, seq: Seq) -> bool {
        matches!(self.acknowledged(seq).at_once(), Some(Ok(())))
    }
}

/// Resolves when every record up to a sequence number is as durable as the policy promises, or when the journal
/// refuses writes.
#[must_use = "nothing is waited for unless it is awaited"]
pub struct Acknowledged<'a> {
    journal: &'a Journal,
    seq: Seq,
}

impl Acknowledged<'_> {
    fn answer(&self) -> Option<Result<(), Refused>> {
        if self.journal.has_reached(self.seq) {
            return Some(Ok(()));
        }
        self.journal.refusal().map(|reason| Err(Refused(reason)))
    }

    /// The answer, if nothing has to be waited for. Where the calling thread may write, it does so.
    fn at_once(&self) -> Option<Result<(), Refused>> {
        let journal = self.journal;
        if journal.stage.get() == JournalStage::Beginning {
            // Nothing is promised yet. But records must not gather in memory until a second is over.
            journal.try_flush();
        }
        if let Some(answer) = self.answer() {
            return Some(answer);
        }
        if journal.fsync_policy() != FsyncPolicy::Always {
            for _ in 0..TRIES {
                journal.try_flush();
                if let Some(answer) = self.answer() {
                    return Some(answer);
                }
                (0..PAUSES).for_each(|_| std::hint::spin_loop());
            }
        }
        None
    }
}

impl Future for Acknowledged<'_> {
    type Output = Result<(), Refused>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let journal = self.journal;
        if let Some(answer) = self.at_once() {
            return Poll::Ready(answer);
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
