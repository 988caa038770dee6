//! The messages of the reading thread to the lanes.

use super::wide::{PartBatch, WideNumber};
use crate::ranking::{Gathering, SortedPart};
use crate::store::numbers::KeyspaceIndex;
use crate::store::values::kinds::Value;
use crossbeam::channel::{Receiver, Sender};
use crossbeam::sync::WaitGroup;
use std::thread;

/// The one thread that reads cannot keep more lanes busy.
const LANES_MAX: usize = 8;

/// The size from which a ranking is gathered, and the number of threads. Tests choose small sizes.
#[derive(Clone, Copy, Debug)]
pub struct LoaderSizes {
    /// The number of threads that apply Changes.
    pub lanes: usize,
    /// From this many members on, a ranking's changes are gathered. A smaller ranking stays in the processor's cache.
    pub gathered_members: usize,
    /// From this many members on, a ranking is gathered on all lanes. The memory of its parts is small compared with
    /// its own.
    pub wide_members: usize,
}

impl Default for LoaderSizes {
    fn default() -> Self {
        let lanes = thread::available_parallelism().map_or(1, usize::from).min(LANES_MAX);
        Self { lanes, gathered_members: 4096, wide_members: 256 * 1024 }
    }
}

/// The file that Changes are from. It decides how they may be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BatchSource {
    Base,
    Segment,
}

pub(super) enum Message {
    /// Consecutive Changes.
    Batch(BatchSource, Vec<u8>),
    /// Changes of members in parts of wide rankings.
    Parts(Vec<PartBatch>),
    /// Asks for the gathered ranking at this key, which becomes wide.
    HandOver(KeyspaceIndex, Box<[u8]>, Sender<Option<Gathering>>),
    /// Takes what is at this key and sends it to the lane of its new place; `None` if there is nothing.
    Give(KeyspaceIndex, Box<[u8]>, Sender<Option<Moving>>),
    /// Puts what comes in place of what is at this key. The lane waits for it.
    Take(KeyspaceIndex, Box<[u8]>, Receiver<Option<Moving>>),
    /// Discards the gathered rankings in this keyspace, or in all if `None`. Wide rankings have their own message.
    Forget(Option<KeyspaceIndex>),
    /// Discards the parts of this wide ranking.
    ForgetWide(WideNumber),
    /// The lane drops this after everything before it is applied.
    Barrier(WaitGroup),
    /// The last message.
    Finish,
}

/// A value on its way from one lane to another.
pub(super) struct Moving {
    pub(super) value: Value,
    pub(super) expire_at_ms: Option<u64>,
    /// The ranking that is gathered for it; the value is an empty board then.
    pub(super) gathering: Option<Gathering>,
}

/// A lane's parts of wide rankings.
pub(super) type SortedParts = Vec<(WideNumber, SortedPart)>;
