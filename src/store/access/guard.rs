//! The lock of one shard, held for reading or for writing.

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

/// How often a write asks for a lock before its thread waits: for about a microsecond, as long as
/// [`Store::load_ahead`](crate::store::Store::load_ahead) holds the locks of a pipeline. Who waits gives the processor away. Without
/// this SET, HSET and INCR in pipelines of 64 took a fifth more CPU with two threads. A read waits for the commands of a write, which
/// take longer: with it 60 % ZADDs and 40 % ZRANGEs on one board took an eighth more.
const TRIES: usize = 32;

/// What the owner of a hold may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Read, at the same time as other readers.
    Read,
    /// Read and write, exclusively.
    Write,
}

/// The lock of a shard `S`.
pub(in crate::store) enum Guard<'s, S> {
    Read(RwLockReadGuard<'s, S>),
    Write(RwLockWriteGuard<'s, S>),
}

impl<'s, S> Guard<'s, S> {
    /// Takes the lock if it is free, or for a write, if it is free soon.
    #[inline(always)]
    pub(super) fn soon(shard: &'s RwLock<S>, access: Access) -> Option<Self> {
        match access {
            Access::Read => shard.try_read().map(Guard::Read),
            Access::Write => shard.try_write().or_else(|| Self::spin(shard)).map(Guard::Write),
        }
    }

    #[cold]
    fn spin(shard: &'s RwLock<S>) -> Option<RwLockWriteGuard<'s, S>> {
        (0..TRIES).find_map(|_| {
            std::hint::spin_loop();
            shard.try_write()
        })
    }

    /// Waits for the lock, at most as long as `patience`.
    pub(super) fn within(shard: &'s RwLock<S>, access: Access, patience: Duration) -> Option<Self> {
        match access {
            Access::Read => shard.try_read_for(patience).map(Guard::Read),
            Access::Write => shard.try_write_for(patience).map(Guard::Write),
        }
    }
}

impl<S> Guard<'_, S> {
    pub(super) fn shard(&self) -> &S {
        match self {
            Guard::Read(shard) => shard,
            Guard::Write(shard) => shard,
        }
    }

    pub(in crate::store) fn shard_mut(&mut self) -> &mut S {
        match self {
            Guard::Write(shard) => shard,
            Guard::Read(_) => unreachable!("a writer is made from a write hold only"),
        }
    }
}
