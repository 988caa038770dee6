//! Turns on contended shards: a thread whose batch would wait for a shard's lock hands the batch to the thread that has
//! the lock.
//!
//! When the pipelines of several threads write to one board, each batch would sleep until it gets the lock, and would
//! find the board in another processor's cache. Instead the first thread takes the shard's turn and runs the batches that
//! the others bring, while those read, parse and send for their other connections (flat combining: Hendler, Incze,
//! Shavit and Tzafrir, SPAA 2010). A turn only puts batches in order; each of them takes the locks all the same.
//! Figures: docs/decisions/0009-turns-on-contended-shards.md.

use super::work::Work;
use crate::commands::engine::{Leeway, Ran, Terms};
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

type Turn = CachePadded<Mutex<Queue>>;

#[derive(Default)]
struct Queue {
    is_taken: bool,
    waiting: VecDeque<QueuedWork>,
}

/// A batch that the thread which has the turn will run.
struct QueuedWork {
    work: Box<Work>,
    back: oneshot::Sender<Returned>,
    /// Whether it has waited for an earlier turn in vain. Such work comes first.
    waits_again: bool,
}

enum Returned {
    /// Some of its requests were run.
    Ran(Box<Work>, Ran),
    /// The thread that had the turn has given it up without running the batch. The next thread that asks has the turn.
    Untouched(Box<Work>),
}

impl Turns {
    pub(in crate::server) fn new(shards: usize) -> Self {
        Self(std::iter::repeat_with(Turn::default).take(shards).collect())
    }

    /// Runs the requests of `work`, which write to `shard`, here or on the thread whose turn it is, up to the first that is
    /// neither a command on keys nor a script. Returns the work and what came of it, or `None` if the other thread lost it in a panic.
    pub(in crate::server) async fn run(
        &self,
        shard: ShardIndex,
        mut work: Box<Work>,
        host: &Host,
        stats: &Arc<Stats>,
    ) -> Option<(Box<Work>, Ran)> {
        let turn = &self.0[shard];
        let mut waits_again = false;
        let mut work = loop {
            match enter(turn, work, waits_again) {
                Ok(work) => break work,
                Err(back) => match back.await.ok()? {
                    Returned::Ran(work, ran) => return Some((work, ran)),
                    Returned::Untouched(untouched) => (work, waits_again) = (untouched, true),
                },
            }
        };
        let _taken = Taken(turn);
        let now_ns = || host.clock.monotonic_ns();
        let end_ns = now_ns() + limits::TURN.as_nanos() as u64;
        let terms = Terms { stats, leeway: Leeway::InTurn };
        let run = |work: &mut Work| work.run(host, terms, usize::MAX);
        let ran = run(&mut work);
        let mut done: SmallVec<[_; 16]> = SmallVec::new();
        while now_ns() < end_ns {
            let Some(QueuedWork { mut work, back, .. }) = turn.lock().waiting.pop_front() else { break };
            let ran = run(&mut work);
            done.push((back, work, ran));
        }
        // All at the end: a thread that gets several batches back is woken once.
        for (back, work, ran) in done {
            // The receiver is gone if the connection ended with its thread.
            let _ = back.send(Returned::Ran(work, ran));
        }
        Some((work, ran))
    }
}

/// Takes the turn, or queues the work. Returns the work, or the channel that it will come back by.
fn enter(turn: &Turn, work: Box<Work>, waits_again: bool) -> Result<Box<Work>, oneshot::Receiver<Returned>> {
    let mut queue = turn.lock();
    if !queue.is_taken {
        queue.is_taken = true;
        return Ok(work);
    }
    let (back, returned) = oneshot::channel();
    let place = match waits_again {
        true => queue.waiting.iter().take_while(|queued| queued.waits_again).count(),
        false => queue.waiting.len(),
    };
    queue.waiting.insert(place, QueuedWork { work, back, waits_again });
    Err(returned)
}

/// The turn, while this thread has it. When it ends, also by a panic, all work that waits is given back and its threads ask
/// for the turn again. If the turn went to one of them, the others would wait for a thread that may be busy.
struct Taken<'t>(&'t Turn);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let waiting = {
            let mut queue = self.0.lock();
            queue.is_taken = false;
            std::mem::take(&mut queue.waiting)
        };
        for QueuedWork { work, back, .. } in waiting {
            let _ = back.send(Returned::Untouched(work));
        }
    }
}
