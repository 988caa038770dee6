//! A key being changed, and the trace that each change leaves: a Change for the journal, an event for subscribers, and
//! a notice to the clients that watch or wait for the key.

use crate::config::EventClasses;
use crate::store::change::buffer::ChangeBuffer;
use crate::store::event::{EventBuffer, StaleKey};
use crate::store::keys::interest::{Interests, ReadyKey};
use crate::store::keys::keyspace::{Entry, Keyspace, Spot};
use crate::store::numbers::{DatabaseIndex, KeyspaceIndex};
use crate::store::sharded::Store;
use crate::store::values::kinds::{Kind, Value, WrongType};
use crate::store::values::stored::Stored;
use std::ops::Deref;

/// A key looked up to be changed: its keyspace, without the key if it had expired, and the trace of its changes.
pub(in crate::store) struct KeyEdit<'w> {
    pub(super) store: &'w Store,
    pub(in crate::store) keyspace: &'w mut Keyspace,
    pub(in crate::store) spot: Spot,
    pub(in crate::store) trace: Trace<'w>,
}

/// The places where a change of one key leaves its trace.
pub(in crate::store) struct Trace<'w> {
    pub(in crate::store) changes: &'w mut ChangeBuffer,
    pub(super) events: &'w mut EventBuffer,
    pub(super) interests: &'w mut Interests,
    pub(super) ready: &'w mut Vec<ReadyKey>,
    pub(in crate::store) database: DatabaseIndex,
    /// The keyspace that the database has: Changes name it.
    pub(in crate::store) keyspace: KeyspaceIndex,
    pub(in crate::store) key: &'w [u8],
}

/// A value being changed: each change is recorded as it is made. The folder of the value's type has the methods.
pub struct Edit<'e, 'w, T> {
    pub(in crate::store) value: &'e mut T,
    pub(in crate::store) trace: &'e mut Trace<'w>,
    pub(in crate::store) has_changed: bool,
    /// Whether transactions that watch the key may run all the same.
    pub(in crate::store) is_unwatched: bool,
    /// A second event of the change, behind its first.
    pub(in crate::store) second_event: Option<&'static str>,
    /// Whether those who wait for the key are served, although it is not new.
    pub(in crate::store) wakes: bool,
    /// What the change has taken out of the value, for another thread to free.
    pub(in crate::store) discarded: Option<Value>,
}

impl<T> Edit<'_, '_, T> {
    /// If something changes, that is event `event` too, behind the one that the edit is.
    pub fn is_also(&mut self, event: &'static str) {
        self.second_event = Some(event);
    }

    /// The clients that wait for the key find something new in it.
    pub(in crate::store) fn wakes_waiters(&mut self) {
        self.wakes = true;
    }

    /// Leaves a part that was taken out of the value to another thread to free.
    pub(in crate::store) fn discard(&mut self, part: Value) {
        self.discarded = Some(part);
    }

    /// Notes that the value has changed. `record` writes the Change.
    pub(in crate::store) fn record(&mut self, record: impl FnOnce(&mut ChangeBuffer, KeyspaceIndex, &[u8])) {
        self.has_changed = true;
        self.is_unwatched = false;
        self.trace.record(record);
    }

    /// As [`Edit::record`], for a change that does not break the transactions that watch the key.
    pub(in crate::store) fn record_unwatched(
        &mut self,
        record: impl FnOnce(&mut ChangeBuffer, DatabaseIndex, &[u8]),
    ) {
        let is_unwatched = self.is_unwatched || !self.has_changed;
        self.record(record);
        self.is_unwatched = is_unwatched;
    }
}

impl<T> Deref for Edit<'_, '_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value
    }
}

impl<T: Stored> std::fmt::Debug for Edit<'_, '_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a {} of {} elements", T::KIND.name(), self.value.elements())
    }
}

impl KeyEdit<'_> {
    /// The present entry.
    pub(in crate::store) fn entry(&self) -> Option<Entry<'_>> {
        self.keyspace.at(self.spot)
    }

    /// Changes the value. A missing key gets a new value first; a value without elements is removed at the end, unless
    /// it stays. If
    /// something changed, the event is `event`.
    pub(super) fn edit<T: Stored, R>(
        &mut self,
        event: Option<&'static str>,
        edit: impl FnOnce(&mut Edit<'_, '_, T>) -> R,
    ) -> Result<R, WrongType> {
        let is_new = self.spot.is_vacant();
        let (value, spot) = self.keyspace.value_or_new::<T>(self.trace.key, self.spot)?;
        self.spot = spot;
        let (due_before, size_before) = (value.first_due_ms(), value.size());
        let was_empty = value.elements() == 0;
        let trace = &mut self.trace;
        let mut value = Edit {
            value,
            trace,
            has_changed: false,
            is_unwatched: false,
            second_event: None,
            wakes: false,
            discarded: None,
        };
        let result = edit(&mut value);
        let Edit { value, has_changed, is_unwatched, second_event, wakes, discarded, .. } = value;
        let (is_empty, due, size) = (value.elements() == 0, value.first_due_ms(), value.size());
        let is_gone = is_empty && !value.stays_when_empty();
        self.keyspace.note_due(self.trace.key, due_before, due);
        self.keyspace.note_size(self.trace.key, T::KIND, size_before, size);
        if !has_changed {
            if is_new {
                // The value was made for this edit and is still empty.
                self.keyspace.remove(self.spot);
            }
            return Ok(result);
        }
        if is_new {
            self.trace.event(EventClasses::NEW, "new");
        }
        for event in event.into_iter().chain(second_event) {
            self.trace.event(T::EVENTS, event);
        }
        if is_new || !is_unwatched {
            self.trace.note_change((was_empty && !is_empty) || wakes);
        } else if wakes {
            self.trace.wake_waiters();
        }
        if discarded.is_some() {
            self.store.reclaimer.free_value(discarded);
        }
        if is_gone {
            self.remove();
        } else if was_empty && !is_new {
            self.say_expiry_again();
        }
        Ok(result)
    }

    /// Records the expiry of a board that was empty. A server that knows no boards with a policy has its key only from here on.
    #[cold]
    fn say_expiry_again(&mut self) {
        let expire_at_ms = self.keyspace.at(self.spot).and_then(|entry| entry.expire_at_ms());
        if expire_at_ms.is_some() {
            self.trace.changes.set_expiry(self.trace.keyspace, self.trace.key, expire_at_ms);
        }
    }

    /// Puts `value`, which has elements, in place of any value that is there. It expires at `expire_at_ms` or never.
    /// The event is `event`.
    pub(super) fn put<T: Stored>(mut self, event: &'static str, value: T, expire_at_ms: Option<u64>) {
        let old = self.replace(value.into_value(), expire_at_ms);
        self.trace.replacement(old.as_ref().map(Value::kind), T::KIND);
        self.trace.event(T::EVENTS, event);
        self.trace.note_change(true);
        self.store.reclaimer.free_value(old);
    }

    /// As [`KeyEdit::put`], with the events of RESTORE, which come in another order.
    pub(super) fn restore(mut self, value: Value, expire_at_ms: Option<u64>) {
        let kind = value.kind();
        self.forget_uses();
        let old = self.replace(value, expire_at_ms);
        self.trace.event(EventClasses::NEW, "new");
        self.trace.event(EventClasses::GENERIC, "restore");
        if let Some(old) = &old {
            self.trace.replacement(Some(old.kind()), kind);
        }
        self.trace.note_change(true);
        self.store.reclaimer.free_value(old);
    }

    /// Gives the key the mark of one that is made now. As in Redis, a restored, renamed or copied key is one.
    pub(super) fn forget_uses(&self) {
        if let Some(entry) = self.entry() {
            entry.mark.set(self.keyspace.first_mark());
        }
    }

    /// Puts `value` in place of any value that is there, and records it. Returns the old value.
    pub(super) fn replace(&mut self, value: Value, expire_at_ms: Option<u64>) -> Option<Value> {
        let (keyspace, key) = (self.trace.keyspace, self.trace.key);
        let changes = &mut *self.trace.changes;
        if !self.spot.is_vacant() {
            // One Change removes the old value, however many elements it had.
            changes.drop_key(keyspace, key);
        }
        changes.head(keyspace, key, value.rules());
        value.visit(&mut |element| changes.element(keyspace, key, element, expire_at_ms));
        if expire_at_ms.is_some() && !value.kind().says_expiry() {
            changes.set_expiry(keyspace, key, expire_at_ms);
        }
        self.keyspace.put(key, self.spot, value, expire_at_ms)
    }

    /// Makes the key, which must exist, expire at `expire_at_ms` (event `expire`), or never (event `persist`).
    pub(super) fn set_expiry(&mut self, expire_at_ms: Option<u64>) {
        self.keyspace.set_expiry(self.spot, expire_at_ms);
        self.trace.changes.set_expiry(self.trace.keyspace, self.trace.key, expire_at_ms);
        let event = if expire_at_ms.is_some() { "expire" } else { "persist" };
        self.trace.event(EventClasses::GENERIC, event);
        self.trace.note_change(false);
    }

    /// Removes the key (event `del`). Returns whether it existed.
    pub(super) fn remove(&mut self) -> bool {
        let found = self.drop_value();
        if found {
            self.trace.event(EventClasses::GENERIC, "del");
            self.trace.note_change(true);
        }
        found
    }

    /// Removes the key because memory is short (event `evicted`). Returns whether it existed.
    pub(super) fn evict(&mut self) -> bool {
        let found = self.drop_value();
        if found {
            self.trace.event(EventClasses::EVICTED, "evicted");
            self.trace.note_change(false);
        }
        found
    }

    /// Removes the key, which has expired (event `expired`). Returns its spot.
    #[cold]
    pub(super) fn expire(mut self) -> Spot {
        self.drop_value();
        self.store.count_expired();
        self.trace.event(EventClasses::EXPIRED, "expired");
        if self.trace.interests.note_expiry(self.trace.key) {
            self.trace.ready.push((self.trace.database, self.trace.key.into()));
        }
        self.trace.events.note_stale(|| StaleKey::Expired(self.trace.key.into()));
        self.spot.vacated()
    }

    fn drop_value(&mut self) -> bool {
        let old = self.keyspace.remove(self.spot);
        let found = old.is_some();
        if found {
            self.trace.changes.drop_key(self.trace.keyspace, self.trace.key);
        }
        self.store.damage.forget(self.trace.database, self.trace.key);
        self.store.reclaimer.free_value(old);
        found
    }

    /// Frees a removed value, on the reclaimer's thread if it is large.
    pub(in crate::store) fn free(&self, value: Option<Value>) {
        self.store.reclaimer.free_value(value);
    }
}

impl Trace<'_> {
    /// The same places, for a shorter time.
    pub(super) fn reborrow(&mut self) -> Trace<'_> {
        let Self { changes, events, interests, ready, database, keyspace, key } = self;
        Trace { changes, events, interests, ready, database: *database, keyspace: *keyspace, key }
    }

    /// Lets `record` write a Change, unless nobody reads it.
    pub(in crate::store) fn record(&mut self, record: impl FnOnce(&mut ChangeBuffer, KeyspaceIndex, &[u8])) {
        if !self.changes.skips_change() {
            record(self.changes, self.keyspace, self.key);
        }
    }

    /// Adds an event of the key.
    pub(in crate::store) fn event(&mut self, class: EventClasses, name: &'static str) {
        self.events.push(class, name, self.database, self.key);
    }

    /// Adds the events for a value of type `new` that replaces one of type `old`.
    pub(in crate::store) fn replacement(&mut self, old: Option<Kind>, new: Kind) {
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

    /// Serves the clients that wait for the key.
    fn wake_waiters(&mut self) {
        if self.interests.is_awaited(self.key) {
            self.ready.push((self.database, self.key.into()));
        }
    }

    /// Breaks the transactions that watch the key, and notes that copies of the value are stale. If the key is new, has elements
    /// again or more in it, or is gone, the clients that wait for it will be served.
    #[inline]
    pub(in crate::store) fn note_change(&mut self, serves: bool) {
        // Mostly there is nobody to be told.
        if self.events.wants_stale() || !self.interests.are_none() {
            self.tell_of_change(serves);
        }
    }

    #[inline(never)]
    fn tell_of_change(&mut self, serves: bool) {
        self.events.note_stale(|| StaleKey::Changed(self.key.into()));
        if self.interests.note_change(self.key) && serves {
            self.ready.push((self.database, self.key.into()));
        }
    }
}
