//! Write access to the held keys of one database. Values change only through it.
//!
//! Every change leaves a trace ([`super::edit`]): a Change for the journal, an event for subscribers, and a notice to
//! the clients that watch or wait for the key.

use super::edit::{Edit, KeyEdit, Trace};
use super::hold::{HELD, Hold};
use super::reader::Reader;
use crate::config::EventClasses;
use crate::store::keys::interest::{Interests, Waiter, Watch};
use crate::store::keys::keyspace::Due;
use crate::store::keys::located::Located;
use crate::store::keys::uses::Use;
use crate::store::numbers::{DatabaseIndex, ShardIndex};
use crate::store::shard::Database;
use crate::store::values::board::Board;
use crate::store::values::kinds::{Value, WrongType};
use crate::store::values::list::{End, List};
use crate::store::values::stored::Stored;
use std::sync::Arc;

/// Write access to the held keys of one database.
#[derive(Debug)]
pub struct Writer<'h, 's> {
    hold: &'h mut Hold<'s>,
    database: DatabaseIndex,
    located: Option<Located<'h>>,
}

/// The key holds a board with a policy, which nothing replaces in passing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HasPolicy;

/// What an edit does when its key is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Makes an empty value first. The key exists afterwards if the edit leaves elements in the value.
    Create,
    /// Does not call the edit: the key stays missing.
    Skip,
}

/// When a key is to expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewExpiry {
    /// When it expires anyway.
    AsBefore,
    /// At this moment, in unix milliseconds (event `expire`), or never (event `persist`).
    At(Option<u64>),
    /// At once: the key is removed (event `del`).
    Now,
}

impl<'h, 's> Writer<'h, 's> {
    pub(in crate::store) fn new(hold: &'h mut Hold<'s>, database: DatabaseIndex) -> Self {
        Self { hold, database, located: None }
    }

    /// The same access; one key has been located already.
    #[must_use]
    pub fn knowing(self, located: Option<Located<'h>>) -> Self {
        Self { located, ..self }
    }
}

impl<'s> Writer<'_, 's> {
    /// Read access to the same keys, for a command that then changes them. As in Redis, it counts neither hits nor
    /// misses.
    #[must_use]
    pub fn reader(&self) -> Reader<'_> {
        self.source_reader().uncounted()
    }

    /// Read access to the same keys that counts hits and misses, as for a command that only reads.
    #[must_use]
    pub fn source_reader(&self) -> Reader<'_> {
        self.hold.reader(self.database).knowing(self.located)
    }

    /// Access to the same keys of another database.
    #[must_use]
    pub fn of_database(&mut self, database: DatabaseIndex) -> Writer<'_, 's> {
        Writer::new(self.hold, database)
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> DatabaseIndex {
        self.database
    }

    /// The number of databases.
    #[must_use]
    pub fn databases(&self) -> DatabaseIndex {
        self.hold.store.databases()
    }

    /// Whether the command is a master's.
    pub(super) fn obeys_master(&self) -> bool {
        self.hold.stream.obeys_master
    }

    /// See [`ChangeBuffer::relocating_above`](crate::store::change::ChangeBuffer::relocating_above).
    pub(super) fn relocated_bytes(&self) -> usize {
        self.hold.changes.relocated_bytes()
    }

    /// Whether there is a [`Snapshot`](crate::store::Snapshot).
    pub(super) fn has_snapshot(&self) -> bool {
        self.hold.store.has_snapshot()
    }

    /// Changes the value of type `T` at `key`, and removes it if it has no elements afterwards. If something changed,
    /// the event is `event`. Returns what `edit` returned, or `None` if the key is missing and `missing` is `Skip`.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds something else; nothing is changed then.
    pub fn edit<T: Stored, R>(
        &mut self,
        key: &[u8],
        missing: Missing,
        event: impl Into<Option<&'static str>>,
        edit: impl FnOnce(&mut Edit<'_, '_, T>) -> R,
    ) -> Result<Option<R>, WrongType> {
        let mut key = self.fresh(key);
        if missing == Missing::Skip && key.spot.is_vacant() {
            return Ok(None);
        }
        key.edit(event.into(), edit).map(Some)
    }

    /// Makes `key` this sorted set, which never expires, in place of any value that is there (event `event`). If it is
    /// empty, removes `key`. O(n).
    ///
    /// # Errors
    /// [`HasPolicy`] if a board with a policy is there; nothing is changed then.
    pub fn put_board(&mut self, key: &[u8], event: &'static str, board: Board) -> Result<(), HasPolicy> {
        if self.reader().peek(key).and_then(Value::rules).is_some() {
            return Err(HasPolicy);
        }
        if board.is_empty() {
            self.remove(key);
        } else {
            self.put(key, event, board, None);
        }
        Ok(())
    }

    /// Makes `key` a list of `elements` that never expires, in place of any value that is there (event `event`). If there
    /// are none, removes `key`. O(n).
    pub fn put_list<'a>(
        &mut self,
        key: &[u8],
        event: &'static str,
        elements: impl Iterator<Item = &'a [u8]>,
    ) {
        let mut list = List::with_seed(self.hold.store.seed());
        elements.for_each(|element| list.push(End::Back, element));
        self.put(key, event, list, None);
    }

    /// Puts `value`, which expires at `expire_at_ms` or never, in place of any value that is at `key` (event `restore`).
    /// O(n).
    pub fn restore(&mut self, key: &[u8], value: Value, expire_at_ms: Option<u64>) {
        debug_assert!(value.elements() > 0 || value.stays_when_empty());
        self.fresh(key).restore(value, expire_at_ms);
    }

    /// Puts `value`, which expires at `expire_at_ms` or never, in place of any value that is at `key` (event `event`).
    /// A value without elements removes the key. O(n).
    pub(in crate::store) fn put<T: Stored>(
        &mut self,
        key: &[u8],
        event: &'static str,
        value: T,
        expire_at_ms: Option<u64>,
    ) {
        if value.elements() == 0 && !value.stays_when_empty() {
            self.remove(key);
        } else {
            self.fresh(key).put(event, value, expire_at_ms);
        }
    }

    /// Makes `key` expire at `expire_at_ms` (event `expire`), or never (event `persist`). Returns whether the key
    /// exists.
    pub fn set_expiry(&mut self, key: &[u8], expire_at_ms: Option<u64>) -> bool {
        self.choose_expiry(key, |_| NewExpiry::At(expire_at_ms))
    }

    /// Lets `choose` say when `key` is to expire. It is given when the key expires so far, in unix milliseconds (`None`: never),
    /// and is not called if there is no such key. Returns whether it has changed something.
    pub fn choose_expiry(&mut self, key: &[u8], choose: impl FnOnce(Option<u64>) -> NewExpiry) -> bool {
        let mut key = self.fresh(key);
        let Some(entry) = key.entry() else { return false };
        match choose(entry.expire_at_ms()) {
            NewExpiry::AsBefore => false,
            NewExpiry::At(expire_at_ms) => {
                key.set_expiry(expire_at_ms);
                true
            }
            NewExpiry::Now => key.remove(),
        }
    }

    /// Removes `key` (event `del`). Returns whether it existed.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        self.fresh(key).remove()
    }

    /// Removes `key` because memory is short (event `evicted`). Returns whether it existed and had not expired.
    pub(in crate::store) fn evict(&mut self, key: &[u8]) -> bool {
        self.fresh(key).evict()
    }

    /// Notes what is known of the uses of `key`, if the same is kept of keys now.
    pub fn set_use(&mut self, key: &[u8], known: Use) {
        if let Some(mark) = self.hold.uses.mark(known)
            && let Some(entry) = self.fresh(key).entry()
        {
            entry.mark.set(mark);
        }
    }

    /// Adds an event of `key` beyond the events of its changes.
    pub fn notify(&mut self, class: EventClasses, event: &'static str, key: &[u8]) {
        self.hold.events.get_mut().push(class, event, self.database, key);
    }

    /// Makes `watch` break when `key` changes.
    pub fn watch(&mut self, key: &[u8], watch: &Arc<Watch>) {
        // As in Redis, an expired key is missing already, so its removal later is no change.
        let has_expired = self.reader().has_expired(key);
        self.interests(key).watch(key, Arc::clone(watch), has_expired);
    }

    /// Queues `waiter` for `key`; see [`Hold::end_record`].
    pub fn wait_for(&mut self, key: &[u8], waiter: Arc<dyn Waiter>) {
        self.interests(key).wait(key, waiter);
    }

    /// Takes `waiter` out of the queue for `key`. O(log w) with w clients in it.
    pub fn stop_waiting(&mut self, key: &[u8], waiter: &dyn Waiter) {
        self.interests(key).leave(key, waiter);
    }

    /// Ends what [`Writer::watch`] began.
    pub fn unwatch(&mut self, key: &[u8], watch: &Arc<Watch>) {
        self.interests(key).unwatch(key, watch);
    }

    /// The clients interested in keys of this key's shard and database. This removes no expired key.
    fn interests(&mut self, key: &[u8]) -> &mut Interests {
        let shard = self.hold.locate(key).shard;
        &mut self.hold.guard_mut(shard).shard_mut().database_mut(self.database).interests
    }

    /// Looks at one key of `shard` that is due, and removes it if it has expired. Returns false if none is due.
    pub(in crate::store) fn remove_next_due(&mut self, shard: ShardIndex) -> bool {
        let (database, expired_by_ms) = (self.database, self.hold.expired_by_ms);
        let keyspace = &mut self.hold.guard_mut(shard).shard_mut().database_mut(database).keyspace;
        let Some(due) = keyspace.next_due(expired_by_ms) else { return false };
        if let Due::Expired(key) = due {
            self.fresh(&key);
        }
        true
    }

    /// A key of `shard` whose value has expired elements, and the time up to which elements have expired.
    pub(in crate::store) fn due_key(&mut self, shard: ShardIndex) -> Option<(Box<[u8]>, u64)> {
        let (database, expired_by_ms) = (self.database, self.hold.expired_by_ms);
        let keyspace = &mut self.hold.guard_mut(shard).shard_mut().database_mut(database).keyspace;
        keyspace.due_key(expired_by_ms).map(|key| (key, expired_by_ms))
    }

    /// Looks the key up to change it. An expired key is removed first. In line, because the result is large.
    #[inline(always)]
    pub(in crate::store) fn fresh<'w>(&'w mut self, key: &'w [u8]) -> KeyEdit<'w> {
        let (database, expired_by_ms) = (self.database, self.hold.expired_by_ms);
        let known = self.located.filter(|located| located.is_of(key));
        let at = known.unwrap_or_else(|| self.hold.locate(key));
        let position = self.hold.rest_position(at.shard);
        let Hold { store, first, rest, changes, events, ready, uses, .. } = &mut *self.hold;
        let lock = position.map_or(first.as_mut(), |position| Some(&mut rest[position]));
        let Database { keyspace, number, interests } = lock.expect(HELD).1.shard_mut().database_mut(database);
        let mut spot = keyspace.spot(at);
        keyspace.set_first_mark(uses.first_mark());
        let mut trace =
            Trace { changes, events: events.get_mut(), interests, ready, database, keyspace: *number, key };
        match keyspace.at(spot) {
            Some(entry) if entry.is_expired(expired_by_ms) => {
                spot = KeyEdit { store, keyspace, spot, trace: trace.reborrow() }.expire();
            }
            Some(entry) => uses.note(entry.mark),
            None => {}
        }
        KeyEdit { store, keyspace, spot, trace }
    }
}
