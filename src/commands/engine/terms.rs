//! What the caller of a batch allows it ([`Terms`]), and what came of the batch ([`Ran`]).

use crate::commands::state::session::NextStep;
use crate::commands::state::stats::Stats;
use crate::resp::reply::ReplySource;
use crate::store::{Access, SHARDS, Seq, ShardIndex};

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
    /// Connections of other threads wait as well: as `Shared`, and the batch ends before the first request that is
    /// neither a command on keys nor a script.
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
    /// The shards that one of its locks at least was not about, one bit each.
    spared: u64,
    has_written: bool,
    has_waited: bool,
}

const _: () = assert!(SHARDS <= u64::BITS as usize);

fn bit_of(shard: ShardIndex) -> u64 {
    1 << (shard % SHARDS)
}

impl Contention {
    #[inline]
    pub(super) fn note(&mut self, shards: &[ShardIndex], access: Access, has_waited: bool) {
        self.spared |= !shards.iter().fold(0, |bits, shard| bits | bit_of(*shard));
        self.has_written |= access == Access::Write;
        self.has_waited |= has_waited;
    }

    /// The shard whose turn the connection's next batch takes: the first of those that each of this batch's locks was about, if the
    /// batch wrote and had to wait, or the batch before took the turn of one of them. `before` is the answer after that one.
    #[must_use]
    pub fn shard(&self, before: Option<ShardIndex>) -> Option<ShardIndex> {
        let was_contended = before.is_some_and(|shard| self.spared & bit_of(shard) == 0);
        let is_contended = self.has_written && (self.has_waited || was_contended);
        // The first, and not the one that it waited for, so that all who need the same shards take the same turn.
        let first = self.spared.trailing_ones() as ShardIndex;
        (is_contended && first < SHARDS).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_contended_while_batches_write_to_it_each_time_once_one_has_waited() {
        const WRITE: Access = Access::Write;
        let locked = |locks: &[(&[ShardIndex], Access, bool)]| {
            let mut contention = Contention::default();
            locks.iter().for_each(|(shards, access, waited)| contention.note(shards, *access, *waited));
            contention
        };
        let waited = locked(&[(&[3], WRITE, true), (&[3], Access::Read, false)]);
        assert_eq!(waited.shard(None), Some(3));
        let quick = locked(&[(&[3], WRITE, false)]);
        assert_eq!((quick.shard(None), quick.shard(Some(3)), quick.shard(Some(4))), (None, Some(3), None));
        // A board, beside it keys that differ from script to script, and one for which all shards were locked.
        let all: Vec<ShardIndex> = (0..SHARDS).collect();
        let scripts = [(&[3, 7][..], WRITE, true), (&[7, 9], WRITE, false), (&all, WRITE, false)];
        assert_eq!(locked(&scripts).shard(None), Some(7));
        assert_eq!(
            (locked(&scripts[1..]).shard(Some(9)), locked(&scripts[1..]).shard(Some(3))),
            (Some(7), None)
        );
        let others = [
            locked(&[]),
            locked(&[(&[3], Access::Read, true)]),
            locked(&[(&[3], WRITE, true), (&[4], WRITE, false)]),
            locked(&[(&[3, 4], WRITE, true), (&[4, 5], WRITE, false), (&[5], WRITE, false)]),
        ];
        assert!(others.iter().all(|batch| batch.shard(Some(3)).is_none()));
    }
}
