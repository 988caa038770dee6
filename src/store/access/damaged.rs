//! Finds damaged keys and answers which keys are damaged. See [`crate::store::damage`].

use super::hold::Hold;
use crate::store::damage::DAMAGE_TEXT;
use crate::store::numbers::DatabaseIndex;
use crate::store::sharded::Store;
use std::panic::{AssertUnwindSafe, catch_unwind};

impl Store {
    /// Whether there is a damaged key. O(1).
    #[must_use]
    pub fn has_damage(&self) -> bool {
        self.damage.is_there()
    }

    /// Whether the value of `key` was found damaged.
    #[must_use]
    pub fn is_damaged(&self, database: DatabaseIndex, key: &[u8]) -> bool {
        self.damage.contains(database, key)
    }

    /// Called before and after all keys are written to a file.
    ///
    /// # Errors
    /// The first damaged key, and how to repair it. Or the server stops, and the store is abandoned.
    pub fn refuse_damaged(&self) -> Result<(), String> {
        if self.is_abandoned() {
            return Err("the server stops in the middle of a script".to_owned());
        }
        match self.damage.first() {
            None => Ok(()),
            Some((database, key)) => Err(format!(
                "the value of key \"{}\" in database {database} {DAMAGE_TEXT}",
                key.escape_ascii()
            )),
        }
    }
}

impl Hold<'_> {
    /// Checks all of `key`'s value after a command has panicked, because the command may have left it half changed.
    /// Returns whether the value is sound. If it is not, the key counts as damaged. O(n).
    pub fn check(&self, database: DatabaseIndex, key: &[u8]) -> bool {
        let Some(value) = self.reader(database).peek(key) else { return true };
        let is_sound = catch_unwind(AssertUnwindSafe(|| value.check())).is_ok();
        if !is_sound {
            self.store.damage.change(|keys| {
                keys.insert((database, key.into()));
            });
        }
        is_sound
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::clock::Clock;
    use crate::ranking::Score;
    use crate::store::access::edit::Edit;
    use crate::store::access::guard::Access;
    use crate::store::access::writer::Missing;
    use crate::store::change::ChangeBuffer;
    use crate::store::values::board::Board;

    #[test]
    fn a_damaged_key_is_known_until_it_is_removed() {
        let store = Store::new(1, 2, 1, Clock::manual(1_000));
        let mut hold = Hold::on(&store, &[0], Access::Write, ChangeBuffer::default());
        for key in [&b"sound"[..], b"broken"] {
            let mut writer = hold.writer(1);
            let add = writer.edit(key, Missing::Create, "zadd", |board: &mut Edit<'_, '_, Board>| {
                board.plain().unwrap().update(b"member", |_| Score::new(1.0));
            });
            assert_eq!(add, Ok(Some(())));
        }
        assert!(hold.check(1, b"sound") && hold.check(1, b"broken") && hold.check(1, b"missing"));
        assert!(store.refuse_damaged().is_ok());

        let break_it = |board: &mut Edit<'_, '_, Board>| board.damage();
        assert_eq!(hold.writer(1).edit(b"broken", Missing::Skip, "zadd", break_it), Ok(Some(())));
        assert!(hold.check(1, b"sound") && !hold.check(1, b"broken"));
        assert!(store.is_damaged(1, b"broken") && !store.is_damaged(0, b"broken"));
        assert!(store.refuse_damaged().unwrap_err().contains("broken"));

        assert!(hold.writer(1).remove(b"broken"));
        assert!(!store.has_damage() && store.refuse_damaged().is_ok());
    }
}
