//! The start: what the journal says becomes true on several threads.
//!
//! Whoever reads the journal gives its Changes to a [`Loader`], which deals them out to lanes by key. A lane is a
//! thread that applies its keys' Changes in the order they came; between keys the order does not matter, and a
//! flush, which is about all keys, waits until every lane has come to it.
//!
//! A base holds each ranking in order, in stretches that follow each other. It is built from them leaf by leaf,
//! without looking anything up. Only a member whose score changed while the checkpoint walked the ranking can be
//! there twice, with both its scores. Such a member is left out: the Change that moved it is in the journal after
//! the base and will set its score. [`Loader::expect`] is told of those Changes before the base is given.

use super::change::{Change, Scored, decode};
use super::value::Value;
use super::{DatabaseIndex, Store, UnknownDatabase};
use crate::ranking::{RankingBuilder, Score};
use crossbeam::channel::{Receiver, Sender, bounded, unbounded};
use crossbeam::sync::WaitGroup;
use foldhash::quality::FixedState;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// Bytes of Changes that are given to a lane at once.
const BATCH_BYTES: usize = 128 * 1024;

/// Batches that wait for a lane before the reading does.
const BATCHES_AHEAD: usize = 8;

/// More lanes than this would wait for the one thread that reads.
const LANES_MAX: usize = 8;

/// Members by the database and the key they are in.
type Moved = HashMap<DatabaseIndex, HashMap<Box<[u8]>, HashSet<Box<[u8]>>>>;

/// Where Changes were read, which says how they may be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Base,
    Segment,
}

enum Message {
    /// What was expected, before anything of a base.
    Expect(Arc<Moved>),
    /// Changes, one after the other.
    Batch(Source, Vec<u8>),
    /// Let go of when everything before it is done.
    Barrier(WaitGroup),
}

/// A start on its way. Nobody else may change the store meanwhile.
pub struct Loader {
    store: Arc<Store>,
    lanes: Vec<Lane>,
    hasher: FixedState,
    moved: Moved,
    /// Emptied batches, for their memory.
    spare: Receiver<Vec<u8>>,
}

/// A lane, seen from the reading thread.
struct Lane {
    messages: Sender<Message>,
    thread: JoinHandle<()>,
    source: Source,
    batch: Vec<u8>,
}

impl Loader {
    /// Makes ready to fill `store`, with a lane for each processor.
    ///
    /// # Errors
    /// If a thread cannot be had.
    pub fn new(store: &Arc<Store>) -> io::Result<Self> {
        let lanes = thread::available_parallelism().map_or(1, usize::from).min(LANES_MAX);
        let (emptied, spare) = unbounded();
        let start = |number| {
            let (messages, received) = bounded(BATCHES_AHEAD);
            let worker = Worker::new(Arc::clone(store), emptied.clone());
            let name = format!("loader-{number}");
            let thread = thread::Builder::new().name(name).spawn(move || worker.run(&received))?;
            Ok(Lane { messages, thread, source: Source::Base, batch: Vec::new() })
        };
        let lanes = (0..lanes).map(start).collect::<io::Result<_>>()?;
        let hasher = FixedState::with_seed(store.seed);
        Ok(Self { store: Arc::clone(store), lanes, hasher, moved: Moved::default(), spare })
    }

    /// Takes note of a Change that came while the base was written, and that will be applied after it.
    pub fn expect(&mut self, change: &Change<'_>) {
        if let Change::SetScores { database, key, entries } = *change {
            let members = self.moved.entry(database).or_default().entry(key.into()).or_default();
            members.extend(entries.iter().map(|(member, _)| Box::from(member)));
        }
    }

    /// Makes a Change of a base true; `encoded` are its bytes.
    ///
    /// # Errors
    /// As [`Store::apply`].
    pub fn load(&mut self, change: &Change<'_>, encoded: &[u8]) -> Result<(), UnknownDatabase> {
        self.deal(Source::Base, change, encoded)
    }

    /// Makes a Change of a segment true; `encoded` are its bytes.
    ///
    /// # Errors
    /// As [`Store::apply`].
    pub fn apply(&mut self, change: &Change<'_>, encoded: &[u8]) -> Result<(), UnknownDatabase> {
        self.deal(Source::Segment, change, encoded)
    }

    fn deal(&mut self, source: Source, change: &Change<'_>, encoded: &[u8]) -> Result<(), UnknownDatabase> {
        if let Some(database) = change.database().filter(|&database| database >= self.store.databases()) {
            return Err(UnknownDatabase(database));
        }
        let Some(key) = change.key() else {
            self.wait();
            return self.store.apply(change);
        };
        if !self.moved.is_empty() {
            let moved = Arc::new(std::mem::take(&mut self.moved));
            for lane in &self.lanes {
                lane.send(Message::Expect(Arc::clone(&moved)));
            }
        }
        let place = (self.hasher.hash_one(key) >> 32) as usize % self.lanes.len();
        let lane = &mut self.lanes[place];
        if lane.source != source || lane.batch.len() + encoded.len() > BATCH_BYTES {
            lane.send_batch(self.spare.try_recv().unwrap_or_default());
            lane.source = source;
        }
        lane.batch.extend_from_slice(encoded);
        Ok(())
    }

    /// Waits until everything so far is true.
    fn wait(&mut self) {
        let group = WaitGroup::new();
        for lane in &mut self.lanes {
            lane.send_batch(Vec::new());
            lane.send(Message::Barrier(group.clone()));
        }
        group.wait();
    }

    /// Returns when everything is true.
    pub fn finish(self) {
        let threads: Vec<_> = self
            .lanes
            .into_iter()
            .map(|mut lane| {
                lane.send_batch(Vec::new());
                lane.thread
            })
            .collect();
        for thread in threads {
            // A slip in a lane is one of the start.
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    }
}

impl std::fmt::Debug for Loader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loader").field("lanes", &self.lanes.len()).finish_non_exhaustive()
    }
}

impl Lane {
    fn send_batch(&mut self, next: Vec<u8>) {
        let batch = std::mem::replace(&mut self.batch, next);
        if !batch.is_empty() {
            self.send(Message::Batch(self.source, batch));
        }
    }

    fn send(&self, message: Message) {
        // A lane that is gone has panicked; `finish` says so.
        let _ = self.messages.send(message);
    }
}

/// A lane's own side.
struct Worker {
    store: Arc<Store>,
    moved: Arc<Moved>,
    board: Option<Board>,
    emptied: Sender<Vec<u8>>,
}

/// A base's ranking that is being built.
struct Board {
    database: DatabaseIndex,
    key: Box<[u8]>,
    expire_at_ms: Option<u64>,
    builder: RankingBuilder,
    /// The last entry's score, which the next one's must not be below, nor its member where they are equal.
    last_score: Option<Score>,
    last_member: Vec<u8>,
}

impl Worker {
    fn new(store: Arc<Store>, emptied: Sender<Vec<u8>>) -> Self {
        Self { store, moved: Arc::default(), board: None, emptied }
    }

    fn run(mut self, messages: &Receiver<Message>) {
        for message in messages {
            match message {
                Message::Expect(moved) => self.moved = moved,
                Message::Batch(source, mut batch) => {
                    match source {
                        Source::Base => self.load(&batch),
                        Source::Segment => {
                            self.close_board();
                            self.apply(&batch);
                        }
                    }
                    batch.clear();
                    // The reading thread may be through already.
                    let _ = self.emptied.send(batch);
                }
                Message::Barrier(group) => {
                    self.close_board();
                    drop(group);
                }
            }
        }
        self.close_board();
    }

    /// Changes of a segment: key by key, those of one key in their order.
    fn apply(&self, batch: &[u8]) {
        let hasher = FixedState::with_seed(self.store.seed);
        let mut changes: Vec<_> =
            decoded(batch).map(|change| (hasher.hash_one(change.key()), change)).collect();
        // Stable. Keys with equal hashes would lie between each other, each in order still.
        changes.sort_by_key(|(hash, _)| *hash);
        let changes: Vec<_> = changes.into_iter().map(|(_, change)| change).collect();
        for stretch in changes.chunk_by(|one, other| place(one) == place(other)) {
            let (database, key) = place(&stretch[0]);
            self.store.apply_to_key(database, key, stretch);
        }
    }

    /// Changes of a base: rankings are built, the rest is applied.
    fn load(&mut self, batch: &[u8]) {
        for change in decoded(batch) {
            let (database, key) = place(&change);
            if self.board.as_ref().is_some_and(|board| (board.database, &*board.key) != (database, key)) {
                self.close_board();
            }
            let done = match (&change, &mut self.board) {
                (Change::SetScores { entries, .. }, _) => self.load_scores(database, key, *entries),
                (Change::SetExpiry { expire_at_ms, .. }, Some(board)) => {
                    board.expire_at_ms = *expire_at_ms;
                    true
                }
                _ => false,
            };
            if !done {
                self.close_board();
                self.store.apply_to_key(database, key, &[change]);
            }
        }
    }

    /// Adds entries to the ranking at `key`. False if that cannot be done by building: the walk came past the key
    /// twice, which it may if keys were added meanwhile.
    fn load_scores(&mut self, database: DatabaseIndex, key: &[u8], entries: Scored<'_>) -> bool {
        if self.board.is_none() {
            let at = self.store.locate(key);
            if self.store.shards[at.shard].read().keyspace(database).get(at).is_some() {
                return false;
            }
            self.board = Some(Board::new(database, key, self.store.seed));
        }
        let board = self.board.as_mut().expect("made if it was missing");
        let moved = self.moved.get(&database).and_then(|keys| keys.get(key));
        entries
            .iter()
            .filter(|(member, _)| moved.is_none_or(|moved| !moved.contains(*member)))
            .all(|(member, score)| board.push(member, score))
    }

    /// Makes the ranking that was being built true.
    fn close_board(&mut self) {
        let Some(board) = self.board.take() else { return };
        let value = Value::Ranking(Box::new(board.builder.finish()));
        let at = self.store.locate(&board.key);
        let mut shard = self.store.shards[at.shard].write();
        let keyspace = shard.keyspace_mut(board.database);
        let spot = keyspace.spot(at);
        keyspace.put(&board.key, spot, value, board.expire_at_ms);
    }
}

impl Board {
    fn new(database: DatabaseIndex, key: &[u8], seed: u64) -> Self {
        Self {
            database,
            key: key.into(),
            expire_at_ms: None,
            builder: RankingBuilder::with_seed(seed),
            last_score: None,
            last_member: Vec::new(),
        }
    }

    /// Adds an entry. False if it is not above the last.
    fn push(&mut self, member: &[u8], score: Score) -> bool {
        let is_above =
            self.last_score.is_none_or(|last| score > last || (score == last && *member > *self.last_member));
        if is_above {
            self.last_score = Some(score);
            self.last_member.clear();
            self.last_member.extend_from_slice(member);
            self.builder.push(member, score);
        }
        is_above
    }
}

/// Where a Change that was dealt out belongs.
fn place<'a>(change: &Change<'a>) -> (DatabaseIndex, &'a [u8]) {
    change.database().zip(change.key()).expect("only Changes of one key are dealt out")
}

/// The Changes in `batch`, which has been decoded once already.
fn decoded(mut batch: &[u8]) -> impl Iterator<Item = Change<'_>> {
    std::iter::from_fn(move || {
        (!batch.is_empty()).then(|| decode(&mut batch).expect("decoded before it was dealt out"))
    })
}
