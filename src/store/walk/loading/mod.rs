//! The start: applies the journal's Changes on several threads.
//!
//! The reader of the journal gives its Changes to a [`Loader`], which distributes them to lanes by key. A lane is a
//! thread that applies the Changes of its keys in order. The order between keys does not matter, except for a flush,
//! which is about all keys: it waits until every lane has reached it; and for a key that is relocated: its lane gives the value
//! to the lane of its new place, which waits for it.
//!
//! A base holds each ranking in order, in consecutive parts. It is built from them leaf by leaf, without look-ups. A
//! member is in there twice, with two scores, only if its score changed while the ranking was walked. Then one of the two is
//! left out, it does not matter which: the Change that moved the member follows behind the base and sets its score.
//!
//! If a segment makes a ranking large, or adds to a large one, the ranking is not changed member by member, because
//! each insertion waits for memory. Instead the changes of its members are gathered ([`Gathering`]), and the ranking is
//! built at the end. Meanwhile the store has an empty board in its place; its expiry and its end are applied as they
//! come. If such a ranking becomes too large for one lane, its members are distributed to all lanes ([`wide`]).

mod as_of;
mod building;
mod lane;
mod message;
mod wide;

use crate::ranking::SortedPart;
use crate::store::change::replay::UnknownDatabase;
use crate::store::change::seq::Seq;
use crate::store::change::{Change, Relocation, What};
use crate::store::numbers::KeyspaceIndex;
use crate::store::sharded::Store;
use crate::store::values::board::change::BoardChange;
use crate::store::values::kinds::ValueChange;
use crate::store::values::list::change::ListChange;
use as_of::AsOfKeys;
use crossbeam::channel::{Receiver, Sender, bounded, unbounded};
use crossbeam::sync::WaitGroup;
use foldhash::quality::FixedState;
use lane::LaneWorker;
pub use message::LoaderSizes;
use message::{BatchSource, Message, SortedParts};
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use wide::{PartBatch, WideBoards, WideNumber};

/// Bytes of Changes in one batch for a lane.
const BATCH_BYTES: usize = 128 * 1024;

/// The number of batches that can wait for a lane. With more the reading thread waits.
const BATCHES_AHEAD: usize = 8;

/// A start in progress. Meanwhile no other thread may change the store.
pub struct Loader {
    store: Arc<Store>,
    sizes: LoaderSizes,
    lanes: Vec<Lane>,
    hasher: FixedState,
    /// The first record that came while the base was written.
    first_ahead: Option<Seq>,
    as_of: AsOfKeys,
    wide: WideBoards,
    /// Keys of rankings that have become too large for one lane.
    grown: Receiver<(KeyspaceIndex, Box<[u8]>)>,
    /// Emptied batches, whose memory is used again.
    spare: Receiver<Vec<u8>>,
}

/// The reading thread's side of a lane.
struct Lane {
    messages: Sender<Message>,
    thread: JoinHandle<SortedParts>,
    source: BatchSource,
    batch: Vec<u8>,
    parts: Vec<PartBatch>,
}

impl Loader {
    /// Prepares to fill `store`, with a lane for each processor.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn new(store: &Arc<Store>) -> io::Result<Self> {
        Self::with_sizes(store, LoaderSizes::default())
    }

    /// As [`Loader::new`], with other sizes.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn with_sizes(store: &Arc<Store>, sizes: LoaderSizes) -> io::Result<Self> {
        let (emptied, spare) = unbounded();
        let (outgrown, grown) = unbounded();
        let start = |number| {
            let (messages, received) = bounded(BATCHES_AHEAD);
            let worker = LaneWorker::new(Arc::clone(store), sizes, emptied.clone(), outgrown.clone());
            let name = format!("loader-{number}");
            let thread = thread::Builder::new().name(name).spawn(move || worker.run(&received))?;
            Ok(Lane { messages, thread, source: BatchSource::Base, batch: Vec::new(), parts: Vec::new() })
        };
        let lanes = (0..sizes.lanes).map(start).collect::<io::Result<_>>()?;
        let hasher = FixedState::with_seed(store.seed());
        let wide = WideBoards::default();
        Ok(Self {
            store: Arc::clone(store),
            sizes,
            lanes,
            hasher,
            first_ahead: None,
            as_of: AsOfKeys::default(),
            wide,
            grown,
            spare,
        })
    }

    /// Takes note of a record that came while the base was written, and will be applied after it. Records come in their order.
    pub fn expect(&mut self, seq: Seq) {
        self.first_ahead.get_or_insert(seq);
    }

    /// Applies a Change of a base. `encoded` are its bytes.
    ///
    /// # Errors
    /// As [`Store::apply`].
    pub fn load(&mut self, change: &Change<'_>, encoded: &[u8]) -> Result<(), UnknownDatabase> {
        self.deal(BatchSource::Base, Seq::default(), change, encoded)
    }

    /// Applies a Change of a segment. `encoded` are its bytes.
    ///
    /// # Errors
    /// As [`Store::apply`].
    pub fn apply(&mut self, seq: Seq, change: &Change<'_>, encoded: &[u8]) -> Result<(), UnknownDatabase> {
        self.as_of.come_to(seq);
        self.deal(BatchSource::Segment, seq, change, encoded)
    }

    fn deal(
        &mut self,
        source: BatchSource,
        seq: Seq,
        change: &Change<'_>,
        encoded: &[u8],
    ) -> Result<(), UnknownDatabase> {
        self.store.check_keyspaces(change)?;
        let (keyspace, key, what) = match *change {
            Change::Key { keyspace, key, what } => (keyspace, key, what),
            Change::Relocated(relocation) => {
                self.relocate(relocation);
                return Ok(());
            }
            Change::FlushDatabase(keyspace) => {
                self.flush(Some(keyspace), seq);
                return Ok(());
            }
            Change::FlushAll => {
                self.flush(None, seq);
                return Ok(());
            }
            // The lanes know keyspaces, not databases.
            Change::Numbered(numbering) => {
                self.store.renumber(&numbering.decoded());
                return Ok(());
            }
            Change::Templated(template) => {
                self.store.templates.set(template.prefix(), template.policy());
                return Ok(());
            }
            Change::Library { name, text } => {
                self.store.libraries.set(name, text.map(Into::into));
                return Ok(());
            }
            Change::Follows(position) => {
                self.store.set_position(position);
                return Ok(());
            }
            Change::Reached(place) => {
                self.store.set_place(place);
                return Ok(());
            }
            Change::Continued => return Ok(()),
        };
        let hash = self.hasher.hash_one(key);
        if let What::Value(ValueChange::List(ListChange::AsOf(seq))) = what
            && self.first_ahead.is_some_and(|first| first <= seq)
        {
            self.as_of.note(hash, keyspace, key, seq);
        }
        if source == BatchSource::Segment
            && !self.as_of.is_empty()
            && self.as_of.shows(hash, keyspace, key, seq)
        {
            return Ok(());
        }
        if !self.wide.is_empty() && self.deal_wide(hash, (keyspace, key), &what) {
            return Ok(());
        }
        let place = self.lane_of(hash);
        let lane = &mut self.lanes[place];
        if lane.source != source || lane.batch.len() + encoded.len() > BATCH_BYTES {
            lane.send_batch(self.spare.try_recv().unwrap_or_default());
            lane.source = source;
            lane.batch.extend_from_slice(encoded);
            self.widen_grown();
            return Ok(());
        }
        lane.batch.extend_from_slice(encoded);
        Ok(())
    }

    /// A flush ends everything before it, so the lanes must have applied that.
    fn flush(&mut self, keyspace: Option<KeyspaceIndex>, seq: Seq) {
        self.wait();
        for number in self.wide.forget(keyspace) {
            self.forget_wide(number);
        }
        self.send_all(|| Message::Forget(keyspace));
        self.store.flush_sparing(keyspace, self.as_of.spared(keyspace, seq));
    }

    /// Has the lane of the old place give the value to the lane of the new one. Neither lane waits for anything but that: the
    /// second one for the first, and what the first one may wait for was sent earlier. No base has a key as of this record
    /// or a later one, because there was no walk.
    fn relocate(&mut self, relocation: Relocation<'_>) {
        let [from, to] = relocation.places().map(|place| (self.hasher.hash_one(place.1), place));
        if !self.wide.is_empty() {
            if let Some(number) = self.wide.remove(to.0, to.1.0, to.1.1) {
                self.forget_wide(number);
            }
            self.wide.relocate(from, to);
        }
        let (gives, takes) = bounded(1);
        self.send_behind(from.0, Message::Give(from.1.0, from.1.1.into(), gives));
        self.send_behind(to.0, Message::Take(to.1.0, to.1.1.into(), takes));
        self.widen_grown();
    }

    /// Sends a message to the lane of the key with this hash, behind all of its Changes so far.
    fn send_behind(&mut self, hash: u64, message: Message) {
        let place = self.lane_of(hash);
        let lane = &mut self.lanes[place];
        lane.send_batch(self.spare.try_recv().unwrap_or_default());
        lane.send(message);
    }

    fn lane_of(&self, hash: u64) -> usize {
        (hash >> 32) as usize % self.lanes.len()
    }

    /// Distributes the members of a Change to a wide ranking. Returns false if the Change is for the key's lane: it is
    /// about another key, or about the key itself. If it ends the ranking, the ranking is not wide any more.
    fn deal_wide(&mut self, hash: u64, (keyspace, key): (KeyspaceIndex, &[u8]), what: &What<'_>) -> bool {
        let Some(board) = self.wide.find(hash, keyspace, key) else { return false };
        let (lanes, hasher) = (&mut self.lanes, &self.hasher);
        let mut push = |member: &[u8], score| {
            if let Some(batch) = board.push(hasher.hash_one(member), member, score) {
                let lane = batch.part % lanes.len();
                lanes[lane].send_part(batch);
            }
        };
        if let What::Value(ValueChange::SortedSet(change)) = *what {
            match change {
                BoardChange::SetScores(entries) => {
                    entries.iter().for_each(|(member, score)| push(member, Some(score)));
                }
                BoardChange::Remove(members) => members.iter().for_each(|member| push(member, None)),
                // These are about a board with a policy, which is none of the wide ones.
                BoardChange::SetRules(_) | BoardChange::SetAttained(_) | BoardChange::NoteIds(_) => {}
            }
            if !change.ends_plain_board() {
                return true;
            }
        }
        if what.ends_plain_board()
            && let Some(number) = self.wide.remove(hash, keyspace, key)
        {
            self.forget_wide(number);
        }
        false
    }

    /// Distributes rankings that have become too large for one lane to all lanes.
    fn widen_grown(&mut self) {
        while let Ok((keyspace, key)) = self.grown.try_recv() {
            let hash = self.hasher.hash_one(&*key);
            let place = self.lane_of(hash);
            let lane = &mut self.lanes[place];
            lane.send_batch(Vec::new());
            let (handed, received) = bounded(1);
            lane.send(Message::HandOver(keyspace, key.clone(), handed));
            // The ranking may have been removed in the meantime.
            let Ok(Some(gathering)) = received.recv() else { continue };
            let (lanes, hasher) = (&mut self.lanes, &self.hasher);
            let board = self.wide.add(hash, keyspace, key);
            gathering.replay(|member, score| {
                if let Some(batch) = board.push(hasher.hash_one(member), member, score) {
                    let lane = batch.part % lanes.len();
                    lanes[lane].send_part(batch);
                }
            });
        }
    }

    fn forget_wide(&mut self, number: WideNumber) {
        for lane in &mut self.lanes {
            lane.send_parts();
        }
        self.send_all(|| Message::ForgetWide(number));
    }

    fn send_all(&self, message: impl Fn() -> Message) {
        self.lanes.iter().for_each(|lane| lane.send(message()));
    }

    /// Waits until all Changes so far are applied.
    fn wait(&mut self) {
        let group = WaitGroup::new();
        for lane in &mut self.lanes {
            lane.send_batch(Vec::new());
            lane.send(Message::Barrier(group.clone()));
        }
        group.wait();
    }

    /// Waits until all Changes are applied.
    pub fn finish(mut self) {
        for lane in &mut self.lanes {
            lane.send_batch(Vec::new());
        }
        for batch in self.wide.take_rest() {
            let lane = batch.part % self.lanes.len();
            self.lanes[lane].send_part(batch);
        }
        for lane in &mut self.lanes {
            lane.send_parts();
            lane.send(Message::Finish);
        }
        let mut parts = HashMap::<WideNumber, Vec<SortedPart>>::new();
        for lane in self.lanes {
            drop(lane.messages);
            // A panic in a lane becomes a panic of the start.
            let sorted = lane.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            for (number, part) in sorted {
                parts.entry(number).or_default().push(part);
            }
        }
        self.wide.finish(&self.store, parts, self.sizes.lanes);
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

    fn send_part(&mut self, batch: PartBatch) {
        self.parts.push(batch);
        if self.parts.len() * wide::PART_BYTES >= BATCH_BYTES {
            self.send_parts();
        }
    }

    fn send_parts(&mut self) {
        let parts = std::mem::take(&mut self.parts);
        if !parts.is_empty() {
            self.send(Message::Parts(parts));
        }
    }

    fn send(&self, message: Message) {
        // If the lane has panicked, the send fails, and `finish` reports the panic.
        let _ = self.messages.send(message);
    }
}
