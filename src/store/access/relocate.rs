//! Values that go from one key to another: by RENAME and MOVE, which take the value itself, and by COPY.
//!
//! The record has the value's elements as Changes of the destination, like those of a walk, and the removal of the source.
//! Each Change is as absolute as those of any other command. So a checkpoint that runs meanwhile may see the value at both
//! keys, at either, or at none: the record, which is replayed over it, has the whole value. A list of which the base has a later state is not
//! pushed to twice, because its Changes up to that record are skipped (`src/store/walk/loading/as_of.rs`).

use super::edit::KeyEdit;
use super::writer::Writer;
use crate::config::EventClasses;
use crate::limits;
use crate::store::change::buffer::ChangeBuffer;
use crate::store::change::{Change, What, decode};
use crate::store::numbers::DatabaseIndex;
use crate::store::values::LooseValue;
use crate::store::values::kinds::{Kind, Value};
use crate::store::values::stored::WalkOrder;

impl Writer<'_, '_> {
    /// Gives what is at `from` to the key `to`, with its expiry, in place of any value that is there (events `rename_from`
    /// and `rename_to`). `from` exists and is another key. O(n) for the record.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) {
        let Some((value, expire_at_ms)) = self.take(from) else { return };
        let new = value.kind();
        let old = self.put_whole(to, value, expire_at_ms);
        self.notify(EventClasses::GENERIC, "rename_from", from);
        self.notify(EventClasses::GENERIC, "rename_to", to);
        self.notify_overwritten(to, old, new);
    }

    /// Gives the key to `database`, which does not have it (events `move_from` and `move_to`). O(n) for the record.
    pub fn move_to(&mut self, key: &[u8], database: DatabaseIndex) {
        let Some((value, expire_at_ms)) = self.take(key) else { return };
        self.of_database(database).put_whole(key, value, expire_at_ms);
        self.notify(EventClasses::GENERIC, "move_from", key);
        self.of_database(database).notify(EventClasses::GENERIC, "move_to", key);
    }

    /// Makes `to` in `database` hold what `from` holds, with the same expiry, in place of any value that is there (event
    /// `copy_to`). `from` exists and is another key. O(n).
    pub fn copy(&mut self, from: &[u8], database: DatabaseIndex, to: &[u8]) {
        let seed = self.seed();
        let KeyEdit { keyspace, spot, .. } = self.fresh(from);
        let Some(entry) = keyspace.at(spot) else { return };
        let (expire_at_ms, kind) = (entry.expire_at_ms(), entry.value.kind());
        let Some(copy) = copy_of(entry.value, seed) else { return };
        let mut destination = self.of_database(database);
        let old = destination.put_whole(to, copy, expire_at_ms);
        destination.notify(EventClasses::GENERIC, "copy_to", to);
        destination.notify_overwritten(to, old, kind);
    }

    /// Takes the value off `key`, and its expiry.
    fn take(&mut self, key: &[u8]) -> Option<(Value, Option<u64>)> {
        let KeyEdit { keyspace, spot, mut trace, .. } = self.fresh(key);
        let expire_at_ms = keyspace.at(spot).and_then(|entry| entry.expire_at_ms());
        let value = keyspace.remove(spot)?;
        trace.changes.drop_key(trace.database, key);
        trace.note_change(false);
        Some((value, expire_at_ms))
    }

    /// Puts a value that has elements at `key` (event `new`). Returns the type of the value that was there.
    fn put_whole(&mut self, key: &[u8], value: Value, expire_at_ms: Option<u64>) -> Option<Kind> {
        let mut edit = self.fresh(key);
        let old = edit.replace(value, expire_at_ms);
        edit.store.damage.forget(edit.trace.database, key);
        edit.trace.event(EventClasses::NEW, "new");
        edit.trace.note_change(true);
        let old_kind = old.as_ref().map(Value::kind);
        edit.free(old);
        old_kind
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

/// A value with the same elements: [`Stored::copy`], or made from the Changes of a walk over the value.
fn copy_of(value: &Value, seed: u64) -> Option<Value> {
    if let Some(copy) = value.copy() {
        return Some(copy);
    }
    let mut copy = LooseValue::with_seed(seed);
    let (mut changes, mut position) = (ChangeBuffer::default(), None);
    loop {
        position =
            value.walk(position.as_ref(), limits::MEMBERS_PER_LOCK, WalkOrder::InOrder, &mut |element| {
                changes.element(0, b"", element, None);
            });
        changes.end_record();
        for mut body in changes.records() {
            while !body.is_empty() {
                if let Ok(Change::Key { what: What::Value(change), .. }) = decode(&mut body) {
                    copy.apply(change);
                }
            }
        }
        changes.clear();
        if position.is_none() {
            return copy.into_value();
        }
    }
}
