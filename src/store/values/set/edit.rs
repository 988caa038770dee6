//! Edits of a set.

use super::Members;
use crate::store::access::edit::Edit;

impl Edit<'_, '_, Members> {
    /// Adds `member`; returns whether it was new.
    pub fn insert(&mut self, member: &[u8]) -> bool {
        let is_new = self.value.insert(member);
        if is_new {
            self.record(|changes, database, key| changes.add_member(database, key, member));
        }
        is_new
    }

    /// Removes `member`; returns whether it was in the set.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let was_there = self.value.remove(member);
        if was_there {
            self.record(|changes, database, key| changes.remove_member(database, key, member));
        }
        was_there
    }
}
