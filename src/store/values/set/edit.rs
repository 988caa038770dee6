//! Edits of a set.

use super::Members;
use crate::config::SetBounds;
use crate::machine::chance::Chance;
use crate::store::access::edit::Edit;
use crate::store::access::writer::Writer;
use crate::store::values::words::Text;

impl Edit<'_, '_, Members> {
    /// Adds `member`; returns whether it was new.
    pub fn insert(&mut self, member: &[u8], bounds: SetBounds) -> bool {
        let is_new = self.value.insert(Text::of(member), bounds);
        if is_new {
            self.record(|changes, database, key| changes.add_member(database, key, member));
        }
        is_new
    }

    /// See [`Members::expect`].
    pub fn expect(&mut self, first: &[u8], members: usize, bounds: SetBounds) {
        self.value.expect(Text::of(first), members, bounds);
    }

    /// Removes `member`; returns whether it was in the set.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let was_there = self.value.remove(Text::of(member));
        if was_there {
            self.record(|changes, database, key| changes.remove_member(database, key, member));
        }
        was_there
    }

    /// Removes a member that is drawn at random, and calls `show` with it. Returns whether there was one.
    pub fn take_drawn(&mut self, chance: &mut Chance, show: impl FnOnce(&[u8])) -> bool {
        let Some(drawn) = self.value.draw(chance) else { return false };
        let member = drawn.bytes(&mut itoa::Buffer::new()).to_vec();
        show(&member);
        self.remove(&member)
    }
}

impl Writer<'_, '_> {
    /// Makes `key` the set `members`, which never expires, in place of any value that is there (event `event`). A set
    /// without members removes the key. O(n).
    pub fn put_set(&mut self, key: &[u8], event: &'static str, members: Members) {
        self.put(key, event, members, None);
    }
}
