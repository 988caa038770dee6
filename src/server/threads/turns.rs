//! Turns on contended shards: a thread whose batch would wait for a shard's lock hands the batch to the thread that
//! holds the lock.
//!
//! When the pipelines of several threads write to one board, each thread would sleep until it gets the lock, be
//! woken, and find the board in another processor's cache. Instead the first thread takes the shard's turn and runs
//! the batches of the others, which meanwhile serve their other connections (flat combining: Hendler, Incze, Shavit
//! and Tzafrir, SPAA 2010). The locks do not depend on turns: a turn orders batches and permits nothing. Figures:
//! docs/decisions/0009-turns-on-contended-shards.md.

use super::work::Work;
use crate::commands::state::host::Host;
use crate::commands::state::stats::Stats;
use crate::limits;
use crate::store::ShardIndex;
use crossbeam::utils::CachePadded;
use parking_lot::Mutex;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::oneshot;

/// The turns of all shards.
pub(in crate::server) struct Turns(Box<[Turn]>);

type Turn = CachePadded<Mutex<TurnQueue>>;

#[derive(Default)]
struct TurnQueue {
    is_taken: bool,
    waiting: VecDeque<QueuedBatch>,
}

/// A batch that another thread is to run.
struct QueuedBatch {
    work: Box<Work>,
    back: oneshot::Sender<Returned>,
}

enum Returned {
    /// The batch, and how many of its requests were run.
    Ran(Box<Work>, usize),
    /// The thread that had the turn has ended it. The first thread that asks takes it next.
    Untouched(Box<Work>),
}

impl Turns {
    pub(in crate::server) fn new(shards: usize) -> Self {
        Self(std::iter::repeat_with(Turn::default).take(shards).collect())
    }

    /// Runs the requests of `work`, which write to `shard`, on this thread or on the thread that has the turn, up to
    /// the first request that is no command on keys. Returns the work and how many were run, or `None` if the other
    /// thread lost the work in a panic.
    pub(in crate::server) async fn run(
        &self,
        shard: ShardIndex,
        mut work: Box<Work>,
        host: &Host,
        stats: &Arc<Stats>,
    ) -> Option<(Box<Work>, usize)> {
        let turn = &self.0[shard];
        let mut work = loop {
            match enter(turn, work) {
                Ok(work) => break work,
                Err(back) => match back.await.ok()? {
                    Returned::Ran(work, ran) => return Some((work, ran)),
                    Returned::Untouched(untouched) => work = untouched,
                },
            }
        };
        let _taken = TakenTurn(turn);
        let now_ns = || host.clock.monotonic_ns();
        let end_ns = now_ns() + limits::TURN.as_nanos() as u64;
        let run = |work: &mut Work| {
            work.session.is_in_turn = true;
            let ran = work.run(host, stats, usize::MAX);
            work.session.is_in_turn = false;
            ran
        };
        let ran = run(&mut work);
        let mut done: SmallVec<[_; 16]> = SmallVec::new();
        while now_ns() < end_ns {
            let Some(QueuedBatch { mut work, back }) = turn.lock().waiting.pop_front() else { break };
            let ran = run(&mut work);
            done.push((back, work, ran));
        }
        // Sent together, at the end: a message wakes its thread if that sleeps.
        for (back, work, ran) in done {
            // The receiver is gone if its connection has ended with its thread.
            let _ = back.send(Returned::Ran(work, ran));
        }
        Some((work, ran))
    }
}

/// Takes the turn, or queues the work and returns the channel on which it comes back.
fn enter(turn: &Turn, work: Box<Work>) -> Result<Box<Work>, oneshot::Receiver<Returned>> {
    let mut queue = turn.lock();
    if !queue.is_taken {
        queue.is_taken = true;
        return Ok(work);
    }
    let (back, returned) = oneshot::channel();
    queue.waiting.push_back(QueuedBatch { work, back });
    Err(returned)
}

/// The turn, while a thread has it. When it ends, all queued work goes back, and its threads try again: if the turn
/// went to one of them, the others would wait for a thread that may be busy.
struct TakenTurn<'t>(&'t Turn);

impl Drop for TakenTurn<'_> {
    fn drop(&mut self) {
        let waiting = {
            let mut queue = self.0.lock();
            queue.is_taken = false;
            std::mem::take(&mut queue.waiting)
        };
        for QueuedBatch { work, back } in waiting {
            let _ = back.send(Returned::Untouched(work));
        }
    }
}
