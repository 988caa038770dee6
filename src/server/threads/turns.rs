//! Turns on contended shards: whose batch waits for a shard's lock hands it to the thread that has the lock.
//!
//! When the pipelines of several threads write to one board, each batch would wait for the lock, asleep, be woken, and
//! find the board in another processor's cache. Instead the first of them takes the shard's turn and runs what the
//! others bring meanwhile, while those read, parse and send for their other connections (flat combining: Hendler,
//! Incze, Shavit and Tzafrir, SPAA 2010). The locks themselves know nothing of it: a turn is no permission, only order.
//! Figures: docs/decisions/0009-turns-on-contended-shards.md.

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

/// A batch that somebody else is to run.
struct QueuedBatch {
    work: Box<Work>,
    back: oneshot::Sender<Returned>,
}

enum Returned {
    /// So many of its requests were run.
    Ran(Box<Work>, usize),
    /// Whoever had the turn has done enough. It is nobody's: the first who asks has it.
    Untouched(Box<Work>),
}

impl Turns {
    pub(in crate::server) fn new(shards: usize) -> Self {
        Self(std::iter::repeat_with(Turn::default).take(shards).collect())
    }

    /// Runs the requests of `work`, which write to `shard`, here or on the thread whose turn it is, up to the first that is
    /// no command on keys. Returns the work and how many were run, or `None` if that thread lost it in a panic.
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
        // All at once: a thread is woken as often as it is told while it sleeps.
        for (back, work, ran) in done {
            // Nobody there any more: its connection ended with its thread.
            let _ = back.send(Returned::Ran(work, ran));
        }
        Some((work, ran))
    }
}

/// Takes the turn, or queues the work and tells where it will come back.
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

/// The turn in somebody's hands. However it ends, all who wait get their work back and try anew: to leave the turn to one
/// of them would have the others wait for a thread that may be busy.
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
