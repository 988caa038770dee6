//! A lane: one thread that applies the Changes of its keys, in their order.
//!
//! Its invariant: while it gathers the ranking of a key, the store has an empty board with the right expiry at that
//! key. A lane does not know the other lanes. It treats its parts of wide rankings like rankings of their own.

use super::building::BoardBuilder;
use super::message::{BatchSource, LoaderSizes, Message, Moving, SortedParts};
use super::wide::WideNumber;
use crate::ranking::{Gathering, Scratch};
use crate::store::change::{Change, KeyPlace, What, decode};
use crate::store::numbers::KeyspaceIndex;
use crate::store::sharded::Store;
use crate::store::values::board::change::BoardChange;
use crate::store::values::kinds::ValueChange;
use crossbeam::channel::{Receiver, Sender};
use foldhash::quality::FixedState;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

/// A ranking that takes more bytes a member is not gathered. Gathering unpacks the members to find their last entries,
/// and long members would take too much memory.
const SHORT_MEMBER_BYTES: usize = 64;

/// Bytes that any ranking may take in addition.
const SHORT_BYTES: usize = 16 * 1024;

/// The thread's side of a lane.
pub(super) struct LaneWorker {
    store: Arc<Store>,
    sizes: LoaderSizes,
    board: Option<BoardBuilder>,
    gathered: HashMap<KeyspaceIndex, HashMap<Box<[u8]>, Gathering, FixedState>>,
    parts: HashMap<(WideNumber, usize), Gathering, FixedState>,
    emptied: Sender<Vec<u8>>,
    outgrown: Sender<(KeyspaceIndex, Box<[u8]>)>,
}

impl LaneWorker {
    pub(super) fn new(
        store: Arc<Store>,
        sizes: LoaderSizes,
        emptied: Sender<Vec<u8>>,
        outgrown: Sender<(KeyspaceIndex, Box<[u8]>)>,
    ) -> Self {
        Self {
            store,
            sizes,
            board: None,
            gathered: HashMap::new(),
            parts: HashMap::default(),
            emptied,
            outgrown,
        }
    }

    /// Works until [`Message::Finish`], and returns its parts of wide rankings.
    pub(super) fn run(mut self, messages: &Receiver<Message>) -> SortedParts {
        for message in messages {
            match message {
                Message::Batch(source, mut batch) => {
                    match source {
                        BatchSource::Base => self.load(&batch),
                        BatchSource::Segment => {
                            self.close_board();
                            self.apply(&batch);
                        }
                    }
                    batch.clear();
                    // The reading thread may have finished already.
                    let _ = self.emptied.send(batch);
                }
                Message::Parts(batches) => {
                    for batch in batches {
                        let place = (batch.number, batch.part);
                        let seed = self.store.seed();
                        let gathering = self.parts.entry(place).or_insert_with(|| Gathering::with_seed(seed));
                        batch.read(|member, score| gathering.push(member, score));
                    }
                }
                Message::HandOver(keyspace, key, to) => {
                    let gathering = self.gathered.get_mut(&keyspace).and_then(|keys| keys.remove(&key));
                    // The reading thread waits for this reply.
                    let _ = to.send(gathering);
                }
                Message::Give(keyspace, key, to) => {
                    // The lane of the new place waits for it.
                    let _ = to.send(self.give((keyspace, &key)));
                }
                Message::Take(keyspace, key, from) => {
                    // If the other lane has panicked, so will the start.
                    self.take((keyspace, &key), from.recv().ok().flatten());
                }
                Message::Forget(None) => self.gathered.clear(),
                Message::Forget(Some(keyspace)) => drop(self.gathered.remove(&keyspace)),
                Message::ForgetWide(gone) => self.parts.retain(|&(number, _), _| number != gone),
                Message::Barrier(group) => {
                    self.close_board();
                    drop(group);
                }
                Message::Finish => return self.finish(),
            }
        }
        // The reading thread ended without `Finish`, because the start failed.
        Vec::new()
    }

    fn finish(mut self) -> SortedParts {
        self.close_board();
        for (keyspace, keys) in self.gathered.drain() {
            for (key, gathering) in keys {
                self.store.put_gathered(keyspace, &key, gathering.finish());
            }
        }
        let mut scratch = Scratch::default();
        self.parts
            .into_iter()
            .map(|((number, _), gathering)| (number, gathering.sort(&mut scratch)))
            .collect()
    }

    fn give(&mut self, (keyspace, key): KeyPlace<'_>) -> Option<Moving> {
        self.close_board();
        let gathering = self.gathered.get_mut(&keyspace).and_then(|keys| keys.remove(key));
        let (value, expire_at_ms) = self.store.take_whole((keyspace, key))?;
        Some(Moving { value, expire_at_ms, gathering })
    }

    fn take(&mut self, (keyspace, key): KeyPlace<'_>, moving: Option<Moving>) {
        self.close_board();
        if let Some(keys) = self.gathered.get_mut(&keyspace) {
            keys.remove(key);
        }
        let (value, gathering) = match moving {
            Some(Moving { value, expire_at_ms, gathering }) => (Some((value, expire_at_ms)), gathering),
            None => (None, None),
        };
        self.store.put_whole((keyspace, key), value);
        if let Some(gathering) = gathering {
            let members = gathering.members();
            self.gathered.entry(keyspace).or_default().insert(key.into(), gathering);
            self.report_outgrown(keyspace, key, members);
        }
    }

    /// Applies the Changes of a segment key by key; the Changes of one key stay in their order.
    fn apply(&mut self, batch: &[u8]) {
        let hasher = FixedState::with_seed(self.store.seed());
        let mut changes: Vec<_> = decoded(batch).map(|at| (hasher.hash_one(at.key), at)).collect();
        // The sort is stable, so the Changes of each key stay in order, even if keys with equal hashes are mixed.
        changes.sort_by_key(|(hash, _)| *hash);
        let mut whats = Vec::new();
        for stretch in changes.chunk_by(|(_, one), (_, other)| one.place() == other.place()) {
            let (keyspace, key) = stretch[0].1.place();
            whats.clear();
            whats.extend(stretch.iter().map(|(_, at)| at.what));
            let rest = self.gather(keyspace, key, &whats);
            if rest.is_empty() {
                continue;
            }
            let members = self.store.apply_to_key(keyspace, key, rest);
            if members < self.sizes.gathered_members {
                continue;
            }
            let bytes = SHORT_BYTES + members * SHORT_MEMBER_BYTES;
            if let Some(ranking) = self.store.take_ranking(keyspace, key, bytes) {
                let gathering = Gathering::of(self.store.seed(), &ranking);
                self.gathered.entry(keyspace).or_default().insert(key.into(), gathering);
                self.report_outgrown(keyspace, key, members);
            }
        }
    }

    /// Adds Changes to the gathered ranking at their key, up to a Change that ends the ranking. Returns the rest.
    fn gather<'c>(&mut self, keyspace: KeyspaceIndex, key: &[u8], changes: &'c [What<'c>]) -> &'c [What<'c>] {
        let Some(keys) = self.gathered.get_mut(&keyspace) else { return changes };
        let Some(gathering) = keys.get_mut(key) else { return changes };
        let before = gathering.members();
        for (number, what) in changes.iter().enumerate() {
            match *what {
                What::Value(ValueChange::SortedSet(BoardChange::SetScores(entries))) => {
                    entries.iter().for_each(|(member, score)| gathering.push(member, Some(score)));
                }
                What::Value(ValueChange::SortedSet(BoardChange::Remove(members))) => {
                    members.iter().for_each(|member| gathering.push(member, None));
                }
                what if what.ends_plain_board() => {
                    keys.remove(key);
                    return &changes[number..];
                }
                // A Change of the key's expiry, or a Change of another type of value, which has no effect here.
                _ => {
                    self.store.apply_to_key(keyspace, key, std::slice::from_ref(what));
                }
            }
        }
        let members = gathering.members();
        if before < self.sizes.wide_members {
            self.report_outgrown(keyspace, key, members);
        }
        &[]
    }

    /// Notifies the reading thread if a ranking of so many members is too large for one lane.
    fn report_outgrown(&self, keyspace: KeyspaceIndex, key: &[u8], members: usize) {
        if members >= self.sizes.wide_members {
            // The reading thread may have finished already.
            let _ = self.outgrown.send((keyspace, key.into()));
        }
    }

    /// Loads the Changes of a base: builds boards, and applies the rest.
    fn load(&mut self, batch: &[u8]) {
        for at in decoded(batch) {
            let (keyspace, key) = at.place();
            if self.board.as_ref().is_some_and(|board| !board.is_at(keyspace, key)) {
                self.close_board();
            }
            let done = match (at.what, &mut self.board) {
                (What::Value(ValueChange::SortedSet(change)), _) => self.load_board((keyspace, key), change),
                (What::Expiry(expire_at_ms), Some(board)) => {
                    board.expire_at_ms = expire_at_ms;
                    true
                }
                _ => false,
            };
            if !done {
                self.close_board();
                self.store.apply_to_key(keyspace, key, &[at.what]);
            }
        }
    }

    /// Begins the board at `key` or adds to it. Returns false if the board cannot be built this way, because the walk visited
    /// the key twice. That is possible if keys were added during the walk.
    fn load_board(&mut self, (keyspace, key): KeyPlace<'_>, change: BoardChange<'_>) -> bool {
        if self.board.is_none() {
            let rules = match change {
                BoardChange::SetScores(_) => None,
                BoardChange::SetRules(encoded) => Some(encoded.rules()),
                BoardChange::Remove(_) | BoardChange::SetAttained(_) | BoardChange::NoteIds(_) => {
                    return false;
                }
            };
            let at = self.store.locate(key);
            if self.store.shards[at.shard].read().numbered(keyspace).get(at).is_some() {
                return false;
            }
            let has_rules = rules.is_some();
            self.board = Some(BoardBuilder::new(keyspace, key, self.store.seed(), rules));
            if has_rules {
                return true;
            }
        }
        let board = &mut self.board.as_mut().expect("made if it was missing").board;
        match change {
            BoardChange::SetScores(entries) => {
                entries.iter().all(|(member, score)| board.push_score(member, score))
            }
            BoardChange::SetAttained(entries) => {
                entries.iter().all(|(member, attained, _)| board.push_attained(member, attained))
            }
            BoardChange::NoteIds(ids) => ids.iter().all(|(ordinal, id)| board.note_id(ordinal, id)),
            BoardChange::Remove(_) | BoardChange::SetRules(_) => false,
        }
    }

    /// Puts the finished board into the store.
    fn close_board(&mut self) {
        if let Some(board) = self.board.take() {
            board.close(&self.store);
        }
    }
}

/// A Change of a key.
struct KeyChange<'a> {
    keyspace: KeyspaceIndex,
    key: &'a [u8],
    what: What<'a>,
}

impl<'a> KeyChange<'a> {
    fn place(&self) -> (KeyspaceIndex, &'a [u8]) {
        (self.keyspace, self.key)
    }
}

/// The Changes in `batch`. They were decoded once before.
fn decoded(mut batch: &[u8]) -> impl Iterator<Item = KeyChange<'_>> {
    std::iter::from_fn(move || {
        (!batch.is_empty()).then(|| match decode(&mut batch) {
            Ok(Change::Key { keyspace, key, what }) => KeyChange { keyspace, key, what },
            _ => unreachable!("only Changes of one key are dealt out, and decoded before"),
        })
    })
}
