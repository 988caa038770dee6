//! Values that go from one key to another: by RENAME and MOVE, which take the value itself, and by COPY.
//!
//! The record of COPY has the value's elements as Changes of the destination, like those of a walk. That of RENAME and MOVE has
//! them if the value is small, with the removal of the source. Each Change is as absolute as those of any other command. So a
//! checkpoint that runs meanwhile may see the value at both keys, at either, or at none: the record, which is replayed over it,
//! has the whole value. A list of which the base has a later state is not pushed to twice, because its Changes up to that
//! record are skipped (`src/store/walk/loading/as_of.rs`).
//!
//! RENAME and MOVE of a large value record only the two places ([`Change::Relocated`](crate::store::change::Change::Relocated)). That is true once: so while there is a
//! [`Snapshot`](crate::store::Snapshot), over whose contents a record may be replayed, they record the elements too. They also do
//! for a board that is empty: a server that knows no boards with a policy has no such key.

use super::edit::KeyEdit;
use super::writer::Writer;
use crate::config::EventClasses;
use crate::store::change::{Destination, Relocation};
use crate::store::numbers::{DatabaseIndex, KeyspaceIndex};
use crate::store::values::kinds::{Kind, Value};

/// Elements of which [`Value::memory_bytes`] looks at the size.
const SAMPLES: usize = 5;

/// A value that is at no key at the moment.
pub(super) struct TakenValue {
    pub(super) value: Value,
    pub(super) expire_at_ms: Option<u64>,
    /// The keyspace it was in, if the record does not say yet that it is not there any more.
    pub(super) unrecorded: Option<KeyspaceIndex>,
}

impl Writer<'_, '_> {
    /// Gives what is at `from` to the key `to`, with its expiry, in place of any value that is there (events `rename_from`
    /// and `rename_to`). `from` exists and is another key. O(1), or O(n) for the record; see [`Writer::recorded_elements`].
    pub fn rename(&mut self, from: &[u8], to: &[u8]) {
        let Some(taken) = self.take(from) else { return };
        let new = taken.value.kind();
        let old = self.put_taken(to, taken, |keyspace| Relocation {
            keyspace,
            key: from,
            to: Destination::Name(to),
        });
        self.notify(EventClasses::GENERIC, "rename_from", from);
        self.notify(EventClasses::GENERIC, "rename_to", to);
        self.notify_overwritten(to, old, new);
    }

    /// Gives the key to `database`, which does not have it (events `move_from` and `move_to`). O(1) or O(n), as
    /// [`Writer::rename`].
    pub fn move_to(&mut self, key: &[u8], database: DatabaseIndex) {
        let Some(taken) = self.take(key) else { return };
        let mut destination = self.of_database(database);
        let number = destination.fresh(key).trace.keyspace;
        let to = Destination::Keyspace(number);
        destination.put_taken(key, taken, |keyspace| Relocation { keyspace, key, to });
        self.notify(EventClasses::GENERIC, "move_from", key);
        self.of_database(database).notify(EventClasses::GENERIC, "move_to", key);
    }

    /// The number of elements that the record of a RENAME or MOVE of `key` would have: none if it would have only the places.
    #[must_use]
    pub fn recorded_elements(&self, key: &[u8]) -> usize {
        let value = self.reader().peek(key);
        value.filter(|value| !self.relocates_by_name(value)).map_or(0, Value::elements)
    }

    fn relocates_by_name(&self, value: &Value) -> bool {
        let bytes = self.relocated_bytes();
        // Each element takes a byte at least, and a large value is not measured.
        let is_large = value.elements() > bytes || value.memory_bytes(SAMPLES) > bytes;
        is_large && value.elements() > 0 && !self.has_snapshot()
    }

    /// Makes `to` in `database` hold what `from` holds, with the same expiry, in place of any value that is there (event
    /// `copy_to`). `from` exists and is another key. O(n).
    pub fn copy(&mut self, from: &[u8], database: DatabaseIndex, to: &[u8]) {
        let KeyEdit { keyspace, spot, .. } = self.fresh(from);
        let Some(entry) = keyspace.at(spot) else { return };
        let (value, expire_at_ms) = (entry.value.copy(), entry.expire_at_ms());
        let kind = value.kind();
        let copy = TakenValue { value, expire_at_ms, unrecorded: None };
        let mut destination = self.of_database(database);
        let old = destination.put_elements(to, copy);
        destination.notify(EventClasses::GENERIC, "copy_to", to);
        destination.notify_overwritten(to, old, kind);
    }

    /// Takes the value off `key`, and its expiry.
    pub(super) fn take(&mut self, key: &[u8]) -> Option<TakenValue> {
        let by_name = self.reader().peek(key).is_some_and(|value| self.relocates_by_name(value));
        let KeyEdit { keyspace, spot, mut trace, .. } = self.fresh(key);
        let expire_at_ms = keyspace.at(spot).and_then(|entry| entry.expire_at_ms());
        let value = keyspace.remove(spot)?;
        if !by_name {
            trace.changes.drop_key(trace.keyspace, key);
        }
        trace.note_change(true);
        Some(TakenValue { value, expire_at_ms, unrecorded: by_name.then_some(trace.keyspace) })
    }

    /// Puts a value at `key` (event `new`), as `relocation` of the keyspace it was in says, or by its elements. Returns the
    /// type of the value that was there.
    pub(super) fn put_taken<'k>(
        &mut self,
        key: &[u8],
        taken: TakenValue,
        relocation: impl FnOnce(KeyspaceIndex) -> Relocation<'k>,
    ) -> Option<Kind> {
        let Some(from) = taken.unrecorded else { return self.put_elements(key, taken) };
        let mut edit = self.fresh(key);
        edit.trace.changes.relocate(relocation(from));
        let old = edit.keyspace.put(key, edit.spot, taken.value, taken.expire_at_ms);
        edit.note_put(old)
    }

    /// Puts a value that has elements at `key` (event `new`). Returns the type of the value that was there.
    fn put_elements(&mut self, key: &[u8], taken: TakenValue) -> Option<Kind> {
        let mut edit = self.fresh(key);
        let old = edit.replace(taken.value, taken.expire_at_ms);
        edit.note_put(old)
    }

    /// As in Redis, these events come behind that of the command.
    fn notify_overwritten(&mut self, key: &[u8], old: Option<Kind>, new: Kind) {
        let Some(old) = old else { return };
        self.notify(EventClasses::OVERWRITTEN, "overwritten", key);
        if old != new {
            self.notify(EventClasses::TYPE_CHANGED, "type_changed", key);
        }
    }
}

impl KeyEdit<'_> {
    /// Notes that a value is at the key, in place of `old`, and frees that. Returns the type of `old`.
    fn note_put(&mut self, old: Option<Value>) -> Option<Kind> {
        self.forget_uses();
        self.store.damage.forget(self.trace.database, self.trace.key);
        self.trace.event(EventClasses::NEW, "new");
        self.trace.note_change(true);
        let kind = old.as_ref().map(Value::kind);
        self.free(old);
        kind
    }
}

#[cfg(test)]
mod tests {
    use crate::limits::RELOCATED_BYTES;
    use crate::machine::clock::Clock;
    use crate::store::access::guard::Access;
    use crate::store::access::hold::Hold;
    use crate::store::change::ChangeBuffer;
    use crate::store::sharded::Store;

    /// The bytes of the record of a RENAME of a string of so many bytes.
    fn record_of(store: &Store, bytes: usize) -> usize {
        let mut hold = Hold::on(store, &[0], Access::Write, ChangeBuffer::default());
        hold.writer(0).set_string(b"old", &vec![b'x'; bytes], Some(5_000));
        let before = hold.changes.len();
        hold.writer(0).rename(b"old", b"new");
        assert_eq!(hold.reader(0).expiry(b"new"), Some(Some(5_000)));
        assert_eq!(hold.reader(0).expiry(b"old"), None);
        hold.changes.len() - before
    }

    #[test]
    fn a_large_value_is_recorded_by_its_names_while_there_is_no_snapshot() {
        let store = Store::new(1, 1, 1, Clock::manual(1_000));
        assert!(record_of(&store, RELOCATED_BYTES - 100) > RELOCATED_BYTES - 100);
        assert!(record_of(&store, RELOCATED_BYTES + 100) < 20);
        let snapshot = store.snapshot();
        assert!(record_of(&store, RELOCATED_BYTES + 100) > RELOCATED_BYTES);
        drop(snapshot);
        assert!(record_of(&store, RELOCATED_BYTES + 100) < 20);
    }
}
