//! What the caller of a batch allows it ([`Terms`]), and what came of the batch ([`Ran`]).

use crate::commands::state::session::NextStep;
use crate::commands::state::stats::Stats;
use crate::resp::reply::ReplySource;
use crate::store::{Access, Seq, ShardIndex};

/// The terms on which a batch runs.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'t> {
    /// The counters of the thread that runs it.
    pub stats: &'t Stats,
    /// How long it may keep that thread.
    pub leeway: Leeway,
}

/// How long a batch may keep its thread, which depends on who waits for the thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leeway {
    /// The other connections of the thread wait. The batch ends before a command that takes long
    /// ([`NextStep::Aside`]). Only EXEC may leave a large reply to be sent in pieces ([`Ran::rest`]).
    Shared,
    /// Connections of other threads wait as well: as `Shared`, and the batch ends before the first request that is not a
    /// command on keys.
    InTurn,
    /// Only this connection waits. Every command may take long and may leave a large reply to be sent in pieces.
    Aside,
    /// There is no connection. Every command may take long, and every reply is written as a whole.
    InProcess,
}

impl Leeway {
    /// Whether a command may take long, and may wait for a lock as long as it takes.
    pub(super) fn may_take_long(self) -> bool {
        matches!(self, Self::Aside | Self::InProcess)
    }
}

/// What came of a batch.
#[derive(Debug, Default)]
pub struct Ran {
    /// How many of the requests were run.
    pub count: usize,
    /// What the connection does once the replies are sent.
    pub next: NextStep,
    /// The last record that the replies rest on: the batch's own, or another client's whose change they show. They must
    /// not be sent before the record is as safe as `appendfsync` promises.
    pub seq: Seq,
    /// Whether one of the replies is that of a command that may have changed something.
    pub has_written: bool,
    /// What the last reply goes on with. It must be sent before anything else.
    pub rest: Option<Box<dyn ReplySource>>,
    /// Whether the batch had to wait for a lock.
    pub contention: Contention,
}

impl Ran {
    /// The replies rest on the records up to `seq` as well.
    pub(super) fn rest_on(&mut self, seq: Seq) {
        self.seq = self.seq.max(seq);
    }
}

/// Which shards a batch locked, and whether it had to wait for one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Contention {
    /// The shard, as long as it is one. `None` before the first.
    only: Option<Option<ShardIndex>>,
    has_written: bool,
    has_waited: bool,
}

impl Contention {
    pub(super) fn note(&mut self, shards: &[ShardIndex], access: Access, has_waited: bool) {
        let shard = if let &[shard] = shards { Some(shard) } else { None };
        self.only = Some(self.only.unwrap_or(shard).filter(|only| Some(*only) == shard));
        self.has_written |= access == Access::Write;
        self.has_waited |= has_waited;
    }

    /// The shard whose turn the connection's next batch takes: the only one that this batch locked, if it wrote there and
    /// had to wait, in this batch or in one before. `before` is the answer after the batch before.
    #[must_use]
    pub fn shard(&self, before: Option<ShardIndex>) -> Option<ShardIndex> {
        let only = self.only.flatten().filter(|_| self.has_written);
        only.filter(|shard| self.has_waited || before == Some(*shard))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_contended_while_batches_write_to_it_alone_once_one_has_waited() {
        let locked = |locks: &[(&[ShardIndex], Access, bool)]| {
            let mut contention = Contention::default();
            locks.iter().for_each(|(shards, access, waited)| contention.note(shards, *access, *waited));
            contention
        };
        let waited = locked(&[(&[3], Access::Write, true), (&[3], Access::Read, false)]);
        assert_eq!(waited.shard(None), Some(3));
        let quick = locked(&[(&[3], Access::Write, false)]);
        assert_eq!((quick.shard(None), quick.shard(Some(3)), quick.shard(Some(4))), (None, Some(3), None));
        let others = [
            locked(&[]),
            locked(&[(&[3], Access::Read, true)]),
            locked(&[(&[3], Access::Write, true), (&[4], Access::Write, false)]),
            locked(&[(&[3, 4], Access::Write, true)]),
        ];
        assert!(others.iter().all(|batch| batch.shard(Some(3)).is_none()));
    }
}
