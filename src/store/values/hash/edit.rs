//! How a command changes a hash.

use super::Fields;
use crate::store::access::edit::Edit;
use crate::store::access::writer::{Missing, Writer};
use crate::store::numbers::ShardIndex;

/// The expiry of a field after its value is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldExpiry {
    /// The field never expires.
    Never,
    /// The field keeps its expiry, unless it had expired.
    Kept,
    /// The field expires at this unix millisecond.
    At(u64),
}

impl Edit<'_, '_, Fields> {
    /// Sets `field`. Returns whether it is new; a field that had expired by `expired_by_ms` counts as new.
    pub fn set(&mut self, field: &[u8], value: &[u8], expiry: FieldExpiry, expired_by_ms: u64) -> bool {
        let before = self.value.expiry(field);
        let had_expired = before.is_some_and(|at_ms| at_ms <= expired_by_ms);
        let is_new = self.value.set(field, value) || had_expired;
        self.record(|changes, database, key| changes.set_field(database, key, field, value));
        let at_ms = match expiry {
            FieldExpiry::Never => None,
            FieldExpiry::Kept => before.filter(|_| !had_expired),
            FieldExpiry::At(at_ms) => Some(at_ms),
        };
        if at_ms.is_some() {
            self.expire(field, at_ms);
        }
        is_new
    }

    /// Makes `field`, which must exist, expire at `at_ms`, or never (`None`).
    pub fn expire(&mut self, field: &[u8], at_ms: Option<u64>) {
        self.value.set_expiry(field, at_ms);
        self.record(|changes, database, key| changes.expire_field(database, key, field, at_ms));
    }

    /// Removes `field`. Returns whether it was there, expired or not.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        let was_there = self.value.remove(field);
        if was_there {
            self.record(|changes, database, key| changes.remove_field(database, key, field));
        }
        was_there
    }
}

impl Writer<'_, '_> {
    /// Removes up to `most` expired fields of one key of `shard`, with the event `hexpired`. Returns how many were removed;
    /// `None` if no key of the shard has expired fields.
    pub(in crate::store) fn remove_expired_fields(
        &mut self,
        shard: ShardIndex,
        most: usize,
    ) -> Option<usize> {
        let (key, expired_by_ms) = self.due_key(shard)?;
        let removed = self.edit::<Fields, _>(&key, Missing::Skip, "hexpired", |fields| {
            let mut removed = 0;
            while removed < most {
                let Some(field) = fields.value.due(expired_by_ms).map(Box::<[u8]>::from) else { break };
                removed += usize::from(fields.remove(&field));
            }
            removed
        });
        // The key itself has expired or is damaged if the edit did not run.
        Some(removed.ok().flatten().unwrap_or(0))
    }
}
