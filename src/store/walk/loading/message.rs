//! What the reading thread tells the lanes.

use super::wide::{PartBatch, WideNumber};
use crate::ranking::{Gathering, SortedPart};
use crate::store::numbers::DatabaseIndex;
use crossbeam::channel::Sender;
use crossbeam::sync::WaitGroup;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::thread;

/// More lanes than this would wait for the one thread that reads.
const LANES_MAX: usize = 8;

/// Members by the database and the key they are in.
pub(super) type Moved = HashMap<DatabaseIndex, HashMap<Box<[u8]>, HashSet<Box<[u8]>>>>;

/// From when on a ranking is gathered, and on how many threads. Tests choose little ones.
#[derive(Clone, Copy, Debug)]
pub struct LoaderSizes {
    /// Threads that apply.
    pub lanes: usize,
    /// Members from which on a ranking's changes are gathered: a smaller one stays in the processor's cache.
    pub gathered_members: usize,
    /// Members from which on a ranking is gathered on all lanes: enough that its parts' memory is little beside it.
    pub wide_members: usize,
}

impl Default for LoaderSizes {
    fn default() -> Self {
        let lanes = thread::available_parallelism().map_or(1, usize::from).min(LANES_MAX);
        Self { lanes, gathered_members: 4096, wide_members: 256 * 1024 }
    }
}

/// Where Changes were read, which says how they may be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BatchSource {
    Base,
    Segment,
}

pub(super) enum Message {
    /// What was expected, before anything of a base.
    Expect(Arc<Moved>),
    /// Changes, one after the other.
    Batch(BatchSource, Vec<u8>),
    /// What becomes of members in parts of wide rankings.
    Parts(Vec<PartBatch>),
    /// What is gathered of the ranking at this key is asked for: it becomes wide.
    HandOver(DatabaseIndex, Box<[u8]>, Sender<Option<Gathering>>),
    /// Nothing counts that is gathered of rankings in this database, or in all if `None`, but for wide ones.
    Forget(Option<DatabaseIndex>),
    /// Nothing counts that is gathered of this wide ranking.
    ForgetWide(WideNumber),
    /// Let go of when everything before it is done.
    Barrier(WaitGroup),
    /// There is no more.
    Finish,
}

/// A lane's parts of wide rankings.
pub(super) type SortedParts = Vec<(WideNumber, SortedPart)>;
