//! Changes to the held keys of one database: the one way in which values change.
//!
//! Every change leaves its trace: a Change for the journal, an event for those who subscribe, and word to those who
//! watch or wait for the key.

use super::hold::{HELD, Hold, Reader};
use super::located::Located;
use crate::config::EventClasses;
use crate::ranking::{RankedMembers, Ranking, Score, Updated};
use crate::store::change::ChangeBuffer;
use crate::store::event::EventBuffer;
use crate::store::keys::interest::{Interests, ReadyKey, Waiter, Watch};
use crate::store::keys::keyspace::{Entry, Keyspace, Spot};
use crate::store::reclaim::FREED_HERE_BYTES;
use crate::store::values::members::Members;
use crate::store::values::value::{Kind, Value, WrongType};
use crate::store::{DatabaseIndex, ShardIndex, Store};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Write access to the held keys of one database.
#[derive(Debug)]
pub struct Writer<'h, 's> {
    hold: &'h mut Hold<'s>,
    database: DatabaseIndex,
    located: Option<Located<'h>>,
}

/// What an edit does when its key is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Starts with an empty value; the key comes to be if the edit leaves something in it.
    Create,
    /// Leaves it missing and does not call the edit.
    Skip,
}

/// A key looked up once: its keyspace, rid of the key if it had expired, and where a change of it leaves its trace.
struct Place<'w> {
    store: &'w Store,
    keyspace: &'w mut Keyspace,
    spot: Spot,
    trace: Trace<'w>,
}

impl Place<'_> {
    /// Removes the key; event `del`. Returns whether it was there.
    fn remove(&mut self) -> bool {
        let found = self.drop_value();
        if found {
            self.trace.event(EventClasses::GENERIC, "del");
            self.trace.tell(self.keyspace, false);
        }
        found
    }

    /// Removes the key, whose time has come; event `expired`.
    fn expire(&mut self) {
        self.drop_value();
        self.store.expired_keys.fetch_add(1, Ordering::Relaxed);
        self.trace.event(EventClasses::EXPIRED, "expired");
        self.keyspace.interests.note_expiry(self.trace.key);
        self.spot = self.spot.vacated();
    }

    fn drop_value(&mut self) -> bool {
        let old = self.keyspace.remove(self.spot);
        let found = old.is_some();
        if found {
            self.trace.changes.drop_key(self.trace.database, self.trace.key);
        }
        self.store.damage.forget(self.trace.database, self.trace.key);
        self.store.reclaimer.free_value(old);
        found
    }

    /// Makes the key a string. Returns the type of what was there.
    fn put_string(&mut self, value: &[u8], expire_at_ms: Option<u64>) -> Option<Kind> {
        self.trace.changes.set_string(self.trace.database, self.trace.key, value, expire_at_ms);
        if let Some(Value::String(old)) = self.keyspace.value_mut(self.spot)
            && old.len() <= FREED_HERE_BYTES
        {
            old.set(value);
            self.keyspace.set_expiry(self.spot, expire_at_ms);
            return Some(Kind::String);
        }
        let old = self.keyspace.put(self.trace.key, self.spot, Value::String(value.into()), expire_at_ms);
        let kind = old.as_ref().map(Value::kind);
        self.store.reclaimer.free_value(old);
        kind
    }

    /// An edit of the value in place is over: `event` of `class`, if it changed something. A value left empty is removed; one
    /// that the edit found so was made for it and is nobody's business.
    fn end_edit(
        &mut self,
        is_new: bool,
        has_changed: bool,
        is_empty: bool,
        class: EventClasses,
        event: &'static str,
    ) {
        if has_changed {
            if is_new {
                self.trace.event(EventClasses::NEW, "new");
            }
            self.trace.event(class, event);
            self.trace.tell(self.keyspace, is_new);
        }
        if is_empty && has_changed {
            self.remove();
        } else if is_empty {
            self.keyspace.remove(self.spot);
        }
    }
}

/// Where a change of one key leaves its trace.
#[derive(Debug)]
struct Trace<'w> {
    changes: &'w mut ChangeBuffer,
    events: &'w mut EventBuffer,
    ready: &'w mut Vec<ReadyKey>,
    database: DatabaseIndex,
    key: &'w [u8],
}

impl Trace<'_> {
    fn event(&mut self, class: EventClasses, name: &'static str) {
        self.events.push(class, name, self.database, self.key);
    }

    /// The events of a value of type `new` in the place of one of type `old`.
    fn replacement(&mut self, old: Option<Kind>, new: Kind) {
        match old {
            None => self.event(EventClasses::NEW, "new"),
            Some(old) => {
                self.event(EventClasses::OVERWRITTEN, "overwritten");
                if old != new {
                    self.event(EventClasses::TYPE_CHANGED, "type_changed");
                }
            }
        }
    }

    /// Tells those who watch the key that it has changed, and those who wait for it if its value `is_new`.
    fn tell(&mut self, keyspace: &mut Keyspace, is_new: bool) {
        if keyspace.interests.note_change(self.key) && is_new {
            self.ready.push((self.database, self.key.into()));
        }
    }
}

impl<'h, 's> Writer<'h, 's> {
    pub(in crate::store) fn new(hold: &'h mut Hold<'s>, database: DatabaseIndex) -> Self {
        Self { hold, database, located: None }
    }

    /// The same keys, of which this one has been located.
    #[must_use]
    pub fn knowing(self, located: Option<Located<'h>>) -> Self {
        Self { located, ..self }
    }
}

impl Writer<'_, '_> {
    /// The same keys, to ask about before they are changed: as in Redis, that counts neither as a hit nor as a miss.
    #[must_use]
    pub fn reader(&self) -> Reader<'_> {
        self.hold.reader(self.database).uncounted()
    }

    /// The same keys, to ask about as a command that only reads does.
    #[must_use]
    pub fn source_reader(&self) -> Reader<'_> {
        self.hold.reader(self.database)
    }

    /// Changes the ranking at `key`; a ranking left empty is removed. If something changed, that is event `event`.
    /// Returns what `edit` returned, or `None` where the key is missing and `missing` says to skip it.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds something else; nothing is changed then.
    pub fn edit_ranking<T>(
        &mut self,
        key: &[u8],
        missing: Missing,
        event: &'static str,
        edit: impl FnOnce(&mut RankingEdit<'_, '_>) -> T,
    ) -> Result<Option<T>, WrongType> {
        let mut place = self.fresh(key);
        let is_new = place.spot.is_vacant();
        if missing == Missing::Skip && is_new {
            return Ok(None);
        }
        let (ranking, spot) = place.keyspace.ranking_or_new(key, place.spot)?;
        place.spot = spot;
        let mut ranking = RankingEdit { ranking, trace: &mut place.trace, has_changed: false };
        let result = edit(&mut ranking);
        let (has_changed, is_empty) = (ranking.has_changed, ranking.ranking.is_empty());
        place.end_edit(is_new, has_changed, is_empty, EventClasses::SORTED_SET, event);
        Ok(Some(result))
    }

    /// Changes the set at `key`, as [`Writer::edit_ranking`] does a ranking.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds something else; nothing is changed then.
    pub fn edit_set<T>(
        &mut self,
        key: &[u8],
        missing: Missing,
        event: &'static str,
        edit: impl FnOnce(&mut SetEdit<'_, '_>) -> T,
    ) -> Result<Option<T>, WrongType> {
        let mut place = self.fresh(key);
        let is_new = place.spot.is_vacant();
        if missing == Missing::Skip && is_new {
            return Ok(None);
        }
        let (members, spot) = place.keyspace.set_or_new(key, place.spot)?;
        place.spot = spot;
        let mut set = SetEdit { members, trace: &mut place.trace, has_changed: false };
        let result = edit(&mut set);
        let (has_changed, is_empty) = (set.has_changed, set.members.is_empty());
        place.end_edit(is_new, has_changed, is_empty, EventClasses::SET, event);
        Ok(Some(result))
    }

    /// Makes `key` the string `value`, expiring at `expire_at_ms` or never, in place of whatever it was. Event `set`.
    pub fn set_string(&mut self, key: &[u8], value: &[u8], expire_at_ms: Option<u64>) {
        let mut place = self.fresh(key);
        let old = place.put_string(value, expire_at_ms);
        place.trace.replacement(old, Kind::String);
        place.trace.event(EventClasses::STRING, "set");
        place.trace.tell(place.keyspace, old != Some(Kind::String));
    }

    /// Changes the string at `key` to what `edit` makes of it (`None` is a missing key), expiring as it did. Event
    /// `event`, if there is one.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds something else, or what `edit` says; nothing is changed then.
    pub fn edit_string<T: AsRef<[u8]>, E: From<WrongType>>(
        &mut self,
        key: &[u8],
        event: impl Into<Option<&'static str>>,
        edit: impl FnOnce(Option<&[u8]>) -> Result<T, E>,
    ) -> Result<(), E> {
        let mut place = self.fresh(key);
        let entry = place.keyspace.at(place.spot);
        let expire_at_ms = entry.and_then(Entry::expire_at_ms);
        let value = match entry.map(|entry| &entry.value) {
            None => edit(None)?,
            Some(Value::String(old)) => edit(Some(old))?,
            Some(_) => return Err(WrongType.into()),
        };
        let is_new = place.put_string(value.as_ref(), expire_at_ms).is_none();
        if is_new {
            place.trace.event(EventClasses::NEW, "new");
        }
        event.into().into_iter().for_each(|event| place.trace.event(EventClasses::STRING, event));
        place.trace.tell(place.keyspace, is_new);
        Ok(())
    }

    /// Makes `key` a ranking of `entries` that never expires, in place of whatever it was; event `event`. Without
    /// entries `key` is removed. `entries` as [`RankedMembers::from_sorted`] wants them. O(entries).
    pub fn put_ranking<'a>(
        &mut self,
        key: &[u8],
        event: &'static str,
        entries: impl Iterator<Item = (&'a [u8], Score)> + Clone,
    ) {
        if entries.clone().next().is_none() {
            self.remove(key);
            return;
        }
        let Place { store, keyspace, spot, mut trace } = self.fresh(key);
        let old = keyspace.put_ranking(key, spot, entries.clone());
        if old.is_some() {
            // Its old members are not said to be gone one by one.
            trace.changes.drop_key(trace.database, key);
        }
        entries.for_each(|(member, score)| trace.changes.set_score(trace.database, key, member, score));
        trace.replacement(old.as_ref().map(Value::kind), Kind::Ranking);
        trace.event(EventClasses::SORTED_SET, event);
        trace.tell(keyspace, true);
        store.reclaimer.free_value(old);
    }

    /// Makes `key` expire at `expire_at_ms` (event `expire`), or never (`persist`). Returns whether there is such a key.
    pub fn set_expiry(&mut self, key: &[u8], expire_at_ms: Option<u64>) -> bool {
        let Place { keyspace, spot, mut trace, .. } = self.fresh(key);
        let found = !spot.is_vacant();
        if found {
            keyspace.set_expiry(spot, expire_at_ms);
            trace.changes.set_expiry(trace.database, key, expire_at_ms);
            trace.event(EventClasses::GENERIC, if expire_at_ms.is_some() { "expire" } else { "persist" });
            trace.tell(keyspace, false);
        }
        found
    }

    /// Removes `key`; event `del`. Returns whether it was there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        self.fresh(key).remove()
    }

    /// An event of `key` beyond those that its changes are by themselves.
    pub fn notify(&mut self, class: EventClasses, event: &'static str, key: &[u8]) {
        self.hold.events.get_mut().push(class, event, self.database, key);
    }

    /// From now on `watch` breaks when `key` changes.
    pub fn watch(&mut self, key: &[u8], watch: &Arc<Watch>) {
        // A key whose time has come is missing already, as in Redis: its removal later is no change.
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

    /// Undoes [`Writer::watch`].
    pub fn unwatch(&mut self, key: &[u8], watch: &Arc<Watch>) {
        self.interests(key).unwatch(key, watch);
    }

    /// Who is interested in keys like this one. To ask or to tell changes no key, not even one whose time has come.
    fn interests(&mut self, key: &[u8]) -> &mut Interests {
        let shard = self.hold.locate(key).shard;
        &mut self.hold.guard_mut(shard).shard_mut().keyspace_mut(self.database).interests
    }

    /// Removes one key of `shard` that has expired, if there is one.
    pub(in crate::store) fn remove_one_expired(&mut self, shard: ShardIndex) -> bool {
        let (database, expired_by_ms) = (self.database, self.hold.expired_by_ms);
        let keyspace = self.hold.guard_mut(shard).shard_mut().keyspace_mut(database);
        let Some(key) = keyspace.expired_key(expired_by_ms) else { return false };
        self.fresh(&key);
        true
    }

    /// Looks the key up to change it, rid of what has expired.
    fn fresh<'w>(&'w mut self, key: &'w [u8]) -> Place<'w> {
        let (database, expired_by_ms) = (self.database, self.hold.expired_by_ms);
        let known = self.located.filter(|located| located.is_of(key));
        let at = known.unwrap_or_else(|| self.hold.locate(key));
        let position = self.hold.rest_position(at.shard);
        let Hold { store, first, rest, changes, events, ready, .. } = &mut *self.hold;
        let lock = position.map_or(first.as_mut(), |position| Some(&mut rest[position]));
        let keyspace = lock.expect(HELD).1.shard_mut().keyspace_mut(database);
        let spot = keyspace.spot(at);
        let trace = Trace { changes, events: events.get_mut(), ready, database, key };
        let mut place = Place { store, keyspace, spot, trace };
        if place.keyspace.at(spot).is_some_and(|entry| entry.is_expired(expired_by_ms)) {
            place.expire();
        }
        place
    }
}

/// A ranking being changed: each change is recorded as it is made.
pub struct RankingEdit<'e, 'w> {
    ranking: &'e mut Ranking,
    trace: &'e mut Trace<'w>,
    has_changed: bool,
}

impl RankingEdit<'_, '_> {
    /// The ranking as it is now.
    #[must_use]
    pub fn ranking(&self) -> &Ranking {
        self.ranking
    }

    /// Breaks the ranking's invariants, as a slip in our own code would.
    #[cfg(test)]
    pub(in crate::store) fn damage(&mut self) {
        self.ranking.damage();
    }

    /// See [`RankedMembers::update`].
    pub fn update(&mut self, member: &[u8], decide: impl FnOnce(Option<Score>) -> Option<Score>) -> Updated {
        let updated = self.ranking.update(member, decide);
        if let Some(score) = updated.after.filter(|_| updated.after != updated.before) {
            self.has_changed = true;
            self.trace.changes.set_score(self.trace.database, self.trace.key, member, score);
        }
        updated
    }

    /// See [`RankedMembers::remove`].
    pub fn remove(&mut self, member: &[u8]) -> Option<Score> {
        let removed = self.ranking.remove(member);
        if removed.is_some() {
            self.has_changed = true;
            self.trace.changes.remove_score(self.trace.database, self.trace.key, member);
        }
        removed
    }

    /// See [`RankedMembers::remove_range`]. Removing everything leaves no Change for each member: the key's removal,
    /// which follows, says it all.
    pub fn remove_range(&mut self, ranks: Range<usize>) {
        let Trace { changes, database, key, .. } = &mut *self.trace;
        let is_everything = ranks == (0..self.ranking.len());
        self.has_changed |= !ranks.is_empty();
        self.ranking.remove_range(ranks, |member, _| {
            if !is_everything {
                changes.remove_score(*database, key, member);
            }
        });
    }
}

impl std::fmt::Debug for RankingEdit<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RankingEdit").field("members", &self.ranking.len()).finish_non_exhaustive()
    }
}

/// A set being changed: each change is recorded as it is made.
#[derive(Debug)]
pub struct SetEdit<'e, 'w> {
    members: &'e mut Members,
    trace: &'e mut Trace<'w>,
    has_changed: bool,
}

impl SetEdit<'_, '_> {
    /// Adds `member`; returns whether it was new.
    pub fn insert(&mut self, member: &[u8]) -> bool {
        let is_new = self.members.insert(member);
        if is_new {
            self.has_changed = true;
            self.trace.changes.add_member(self.trace.database, self.trace.key, member);
        }
        is_new
    }

    /// Removes `member`; returns whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let was_there = self.members.remove(member);
        if was_there {
            self.has_changed = true;
            self.trace.changes.remove_member(self.trace.database, self.trace.key, member);
        }
        was_there
    }
}
