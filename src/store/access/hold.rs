//! A hold: the locks of a command's shards, and through them its keys.
//!
//! Invariant: a value changes only through a [`Writer`], and each change is recorded in the hold's buffer before the
//! lock is released; the records reach the journal while the locks are still held.

use super::guard::{Access, Guard};
use super::key_shards::KeyShards;
use super::reader::{Lookups, Reader};
use super::writer::Writer;
use crate::store::change::basis::OpenRecord;
use crate::store::change::buffer::ChangeBuffer;
use crate::store::change::position::StreamMarks;
use crate::store::change::seq::Seq;
use crate::store::event::EventBuffer;
use crate::store::keys::interest::{Interests, ReadyKey, Waiter};
use crate::store::keys::uses::{UseClock, UsesKept};
use crate::store::numbers::{DatabaseIndex, ShardIndex};
use crate::store::shard::Shard;
use crate::store::sharded::Store;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// The locks of one or several shards, and the results of the commands that run under them. The locks are held until
/// [`Hold::let_go`] or until the hold is dropped. After `let_go` the hold can take other locks.
pub struct Hold<'s> {
    pub(in crate::store) store: &'s Store,
    /// The first lock. Nearly every command needs only one, and it takes no allocation.
    pub(in crate::store) first: Option<(ShardIndex, Guard<'s, Shard>)>,
    /// The locks of further shards, ascending: every hold takes its locks in this order.
    pub(in crate::store) rest: Vec<(ShardIndex, Guard<'s, Shard>)>,
    pub(super) access: Access,
    pub(super) has_waited: bool,
    /// The number of the client whose commands run under it; 0 if it is none's.
    pub(super) client: u64,
    pub(super) now_ms: u64,
    /// See [`Store::expired_by_ms`].
    pub(in crate::store) expired_by_ms: u64,
    /// By which the commands under the hold note the uses of keys.
    pub(in crate::store) uses: UseClock,
    pub(in crate::store) changes: ChangeBuffer,
    /// In a cell, because a reader records events for missing keys.
    pub(in crate::store) events: RefCell<EventBuffer>,
    /// New keys that clients wait for.
    pub(in crate::store) ready: Vec<ReadyKey>,
    /// Clients that were served and wait for delivery.
    pub(super) served: Vec<Arc<dyn Waiter>>,
    lookups: Cell<Lookups>,
    /// The shards of the keys of the command under way.
    pub(super) key_shards: KeyShards,
    /// What it knows of the stream of a master whose commands it serves.
    pub(super) stream: StreamMarks,
    /// The record that the hold is making, if messages rest on it.
    pub(super) open_record: Option<Arc<OpenRecord>>,
}

/// A command declares its keys before it runs, so their shards are held.
pub(in crate::store) const HELD: &str = "the shards of a command's keys are held";

impl<'s> Hold<'s> {
    /// A hold without locks. It collects records in `changes`, an empty buffer, and [`Hold::release`] gives the buffer
    /// back.
    #[must_use]
    #[inline]
    pub fn new(store: &'s Store, changes: ChangeBuffer) -> Self {
        debug_assert!(changes.is_empty());
        Self {
            store,
            first: None,
            rest: Vec::new(),
            access: Access::Read,
            has_waited: false,
            client: 0,
            now_ms: 0,
            expired_by_ms: 0,
            uses: UseClock::at(UsesKept::LastUse, 0),
            changes,
            events: RefCell::default(),
            ready: Vec::new(),
            served: Vec::new(),
            lookups: Cell::default(),
            key_shards: KeyShards::default(),
            stream: StreamMarks::default(),
            open_record: None,
        }
    }

    /// The commands under it are those of the client with this number.
    pub fn act_for(&mut self, client: u64) {
        self.client = client;
    }

    /// [`Hold::new`] and [`Hold::lock`] in one.
    #[must_use]
    pub fn on(store: &'s Store, shards: &[ShardIndex], access: Access, changes: ChangeBuffer) -> Self {
        let mut hold = Self::new(store, changes);
        hold.lock(shards, access);
        hold
    }

    /// Releases the locks. Returns the record that the replies made under them rest on: the hold's own last record, or
    /// the shards' last record if the hold made none.
    #[inline]
    pub fn let_go(&mut self) -> Seq {
        let seq = self.append_changes();
        self.unlock();
        seq
    }

    /// As [`Hold::let_go`], at the end of the hold. Also returns the buffer, which is empty again.
    pub fn release(&mut self) -> (Seq, ChangeBuffer) {
        (self.let_go(), std::mem::take(&mut self.changes))
    }

    /// Whether it has no lock, and nothing to hand over.
    #[must_use]
    #[inline]
    pub fn is_idle(&mut self) -> bool {
        self.first.is_none() && self.changes.is_empty() && !self.must_tell()
    }

    /// Whether no lock is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// The last record that changed a key of the held shards before this hold.
    #[inline]
    pub(in crate::store) fn rests_on(&self) -> Seq {
        let last_seq = |(_, guard): &(ShardIndex, Guard<'_, Shard>)| guard.shard().last_seq;
        self.rest.iter().map(last_seq).fold(self.first.as_ref().map_or(Seq::default(), last_seq), Seq::max)
    }

    /// The record that the hold is making, for messages that rest on it.
    pub fn open_record(&mut self) -> Arc<OpenRecord> {
        Arc::clone(self.open_record.get_or_insert_default())
    }

    /// Whether the hold is for reading or for writing.
    #[must_use]
    pub fn access(&self) -> Access {
        self.access
    }

    /// Whether [`Hold::try_lock`] found a lock taken and had to wait for it.
    #[must_use]
    pub fn has_waited(&self) -> bool {
        self.has_waited
    }

    /// How many look-ups found their key so far, and how many did not.
    #[must_use]
    pub fn lookups(&self) -> Lookups {
        self.lookups.get()
    }

    /// Counts a look-up that found its key.
    #[inline]
    pub(super) fn count_hit(&self) {
        let lookups = self.lookups.get();
        self.lookups.set(Lookups { hits: lookups.hits + 1, ..lookups });
    }

    /// As [`Hold::lookups`], and sets the counts to 0.
    pub fn take_lookups(&mut self) -> Lookups {
        self.lookups.take()
    }

    /// Sets the counts: a command that is run again repeats its look-ups, which then count once.
    pub fn set_lookups(&self, lookups: Lookups) {
        self.lookups.set(lookups);
    }

    /// Whether this hold covers `shards` with at least `access`.
    #[must_use]
    #[inline]
    pub fn covers(&self, shards: &[ShardIndex], access: Access) -> bool {
        let is_first = |wanted: ShardIndex| self.first.as_ref().is_some_and(|(index, _)| *index == wanted);
        let is_held =
            |wanted: &ShardIndex| is_first(*wanted) || self.rest.iter().any(|(index, _)| index == wanted);
        self.access >= access && shards.iter().all(is_held)
    }

    /// The shards that are held.
    pub fn shards(&self) -> impl Iterator<Item = ShardIndex> {
        self.locks().map(|(index, _)| *index)
    }

    /// The time of the commands under this hold, in unix milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Read access to the keys of `database` in the held shards.
    #[must_use]
    pub fn reader(&self, database: DatabaseIndex) -> Reader<'_> {
        Reader::new(self, database)
    }

    /// Write access to the keys of `database` in the held shards.
    ///
    /// # Panics
    /// If the hold is for reading. The command table gives the access of each command, so this is an error in the
    /// table.
    pub fn writer(&mut self, database: DatabaseIndex) -> Writer<'_, 's> {
        assert!(self.access == Access::Write);
        Writer::new(self, database)
    }
}

impl<'s> Hold<'s> {
    pub(super) fn locks(&self) -> impl Iterator<Item = &(ShardIndex, Guard<'s, Shard>)> {
        self.first.iter().chain(&self.rest)
    }

    /// The position in `rest` of the lock of `shard`; `None` if it is the first lock.
    #[inline]
    pub(in crate::store) fn rest_position(&self, shard: ShardIndex) -> Option<usize> {
        if self.rest.is_empty() {
            return None;
        }
        let position = self.rest.binary_search_by_key(&shard, |(index, _)| *index).ok();
        assert!(
            position.is_some() || self.first.as_ref().is_some_and(|(index, _)| *index == shard),
            "{HELD}"
        );
        position
    }

    /// The clients that watch or wait for keys of `database` in `shard`.
    pub(super) fn interests(&self, shard: ShardIndex, database: DatabaseIndex) -> &Interests {
        &self.guard(shard).shard().database(database).interests
    }

    #[inline]
    pub(super) fn guard(&self, shard: ShardIndex) -> &Guard<'s, Shard> {
        match self.rest_position(shard) {
            None => &self.first.as_ref().expect(HELD).1,
            Some(position) => &self.rest[position].1,
        }
    }

    pub(in crate::store) fn guard_mut(&mut self, shard: ShardIndex) -> &mut Guard<'s, Shard> {
        match self.rest_position(shard) {
            None => &mut self.first.as_mut().expect(HELD).1,
            Some(position) => &mut self.rest[position].1,
        }
    }

    /// The shard numbered `index`, if it is held.
    pub(in crate::store) fn shard(&self, index: ShardIndex) -> Option<&Shard> {
        self.locks().find(|(held, _)| *held == index).map(|(_, guard)| guard.shard())
    }

    /// Hands over the records, the events and the served clients of the hold. Returns the record that the replies made
    /// under the hold rest on.
    #[inline]
    fn append_changes(&mut self) -> Seq {
        if self.changes.is_empty() && !self.must_tell() {
            self.rests_on()
        } else {
            self.append_held_changes()
        }
    }

    #[inline(never)]
    fn append_held_changes(&mut self) -> Seq {
        self.changes.end_record();
        let seq = if self.changes.is_empty() {
            self.rests_on()
        } else {
            let (store, changes) = (self.store, &self.changes);
            let counted = self.first.as_ref().and_then(|(shard, _)| store.count_unread(changes, *shard));
            let seq = counted.unwrap_or_else(|| store.append(changes, self.now_ms));
            self.changes.clear();
            if self.stream.reached.is_some() {
                self.note_place();
            }
            let locks = self.first.iter_mut().chain(&mut self.rest);
            locks.for_each(|(_, guard)| guard.shard_mut().last_seq = seq);
            seq
        };
        if self.must_tell() {
            self.tell(seq);
        }
        seq
    }
}

impl Hold<'_> {
    #[inline(never)]
    fn note_place(&mut self) {
        if let Some(place) = self.stream.reached.take() {
            self.store.set_place(place);
        }
    }
}

impl Drop for Hold<'_> {
    /// Also records what a command changed before it panicked.
    fn drop(&mut self) {
        self.append_changes();
    }
}

impl std::fmt::Debug for Hold<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hold")
            .field("first", &self.first.as_ref().map(|(index, _)| index))
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}
