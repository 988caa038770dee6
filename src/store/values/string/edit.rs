//! Edits of a string.

use super::ByteString;
use crate::config::EventClasses;
use crate::store::access::edit::{Edit, KeyEdit};
use crate::store::access::reader::Reader;
use crate::store::access::writer::Writer;
use crate::store::reclaim::FREED_HERE_BYTES;
use crate::store::values::kinds::{Kind, Value, WrongType};

impl Edit<'_, '_, ByteString> {
    /// Writes `bytes` from `offset` on. Bytes missing before `offset` become zeros. The journal gets only `bytes`,
    /// however long the string is.
    pub fn patch(&mut self, offset: usize, bytes: &[u8]) {
        self.value.patch(offset, bytes);
        self.record(|changes, database, key| changes.patch_string(database, key, offset, bytes));
    }
}

impl<'h> Reader<'h> {
    /// The bytes of the string at `key`, `None` if there is no such key.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds something else.
    pub fn string(&self, key: &[u8]) -> Result<Option<&'h [u8]>, WrongType> {
        Ok(self.get::<ByteString>(key)?.map(|string| &**string))
    }
}

impl Writer<'_, '_> {
    /// Makes `key` the string `value`, which expires at `expire_at_ms` or never, in place of any value that is there
    /// (event `set`).
    pub fn set_string(&mut self, key: &[u8], value: &[u8], expire_at_ms: Option<u64>) {
        let mut key = self.fresh(key);
        let old = put_string(&mut key, value, expire_at_ms);
        key.trace.replacement(old, Kind::String);
        key.trace.event(EventClasses::STRING, "set");
        key.trace.note_change(old != Some(Kind::String));
    }

    /// Replaces the string at `key` by the result of `edit`, which gets the old string (`None` if the key is missing).
    /// The expiry stays. The event is `event`.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds another type, or an error of `edit`. Nothing is changed then.
    pub fn edit_string<T: AsRef<[u8]>, E: From<WrongType>>(
        &mut self,
        key: &[u8],
        event: impl Into<Option<&'static str>>,
        edit: impl FnOnce(Option<&[u8]>) -> Result<T, E>,
    ) -> Result<(), E> {
        let mut key = self.fresh(key);
        let expire_at_ms = key.entry().and_then(|entry| entry.expire_at_ms());
        let value = match key.entry().map(|entry| entry.value) {
            None => edit(None)?,
            Some(Value::String(old)) => edit(Some(old))?,
            Some(_) => return Err(WrongType.into()),
        };
        let is_new = put_string(&mut key, value.as_ref(), expire_at_ms).is_none();
        if is_new {
            key.trace.event(EventClasses::NEW, "new");
        }
        if let Some(event) = event.into() {
            key.trace.event(EventClasses::STRING, event);
        }
        key.trace.note_change(is_new);
        Ok(())
    }
}

/// Makes the key a string. Returns the type of the old value.
fn put_string(key: &mut KeyEdit<'_>, value: &[u8], expire_at_ms: Option<u64>) -> Option<Kind> {
    key.trace.record(|changes, keyspace, key| changes.set_string(keyspace, key, value, expire_at_ms));
    if let Some(Value::String(old)) = key.keyspace.value_mut(key.spot)
        && old.len() <= FREED_HERE_BYTES
    {
        let size_before = old.len();
        old.set(value);
        key.keyspace.note_size(key.trace.key, Kind::String, size_before, value.len());
        key.keyspace.set_expiry(key.spot, expire_at_ms);
        return Some(Kind::String);
    }
    let old = key.keyspace.put(key.trace.key, key.spot, Value::String(value.into()), expire_at_ms);
    let kind = old.as_ref().map(Value::kind);
    key.free(old);
    kind
}
