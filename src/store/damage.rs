//! Keys whose value a panic has left damaged. Nobody is served from one, and no checkpoint or dump is made of it: the
//! journal, if one is kept, has the truth, and the next start makes the value anew. Removing the key ends it as well.

use super::values::value::Value;
use super::{DatabaseIndex, Hold, Store};
use crate::ranking::RankedMembers;
use parking_lot::RwLock;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The damaged keys of a store: none, but for a slip in our own code.
#[derive(Debug, Default)]
pub(super) struct Damage {
    count: AtomicUsize,
    keys: RwLock<BTreeSet<(DatabaseIndex, Box<[u8]>)>>,
}

impl Damage {
    fn change(&self, change: impl FnOnce(&mut BTreeSet<(DatabaseIndex, Box<[u8]>)>)) {
        let mut keys = self.keys.write();
        change(&mut keys);
        self.count.store(keys.len(), Ordering::Release);
    }

    /// The key has gone, or is another.
    pub(super) fn forget(&self, database: DatabaseIndex, key: &[u8]) {
        if self.is_there() {
            self.change(|keys| {
                keys.remove(&(database, key.into()));
            });
        }
    }

    /// All keys of a database have gone, or all of all.
    pub(super) fn forget_all(&self, database: Option<DatabaseIndex>) {
        if self.is_there() {
            self.change(|keys| keys.retain(|(of, _)| database.is_some_and(|database| database != *of)));
        }
    }

    fn is_there(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }
}

impl Store {
    /// Whether there is a damaged key. O(1).
    #[must_use]
    pub fn has_damage(&self) -> bool {
        self.damage.is_there()
    }

    /// Whether `key` was found damaged.
    #[must_use]
    pub fn is_damaged(&self, database: DatabaseIndex, key: &[u8]) -> bool {
        self.damage.keys.read().contains(&(database, key.into()))
    }

    /// Asked before and after all keys are written somewhere.
    ///
    /// # Errors
    /// The name of a damaged key, and what to do.
    pub fn refuse_damaged(&self) -> Result<(), String> {
        match self.damage.keys.read().first() {
            None => Ok(()),
            Some((database, key)) => Err(format!(
                "the value of key \"{}\" in database {database} was damaged by an internal error; a restart with \
                 the journal makes it anew, DEL gives it up",
                key.escape_ascii()
            )),
        }
    }
}

impl Hold<'_> {
    /// Looks at all of `key`'s value, which a panicking command may have left half changed, and returns whether it is
    /// sound; if not, the key counts as damaged. O(n) for a ranking of n members, other values cannot be damaged.
    pub fn check(&self, database: DatabaseIndex, key: &[u8]) -> bool {
        let Some(Value::Ranking(ranking)) = self.reader(database).peek(key) else { return true };
        let is_sound = catch_unwind(AssertUnwindSafe(|| ranking.check_invariants())).is_ok();
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
    use crate::store::change::ChangeBuffer;
    use crate::store::{Access, Missing, RankingEdit};

    #[test]
    fn a_damaged_key_is_known_until_it_is_removed() {
        let store = Store::new(1, 2, 1, Clock::manual(1_000));
        let mut hold = Hold::on(&store, &[0], Access::Write, ChangeBuffer::default());
        for key in [&b"sound"[..], b"broken"] {
            let mut writer = hold.writer(1);
            let add = writer.edit_ranking(key, Missing::Create, "zadd", |ranking| {
                ranking.update(b"member", |_| Score::new(1.0));
            });
            assert_eq!(add, Ok(Some(())));
        }
        assert!(hold.check(1, b"sound") && hold.check(1, b"broken") && hold.check(1, b"missing"));
        assert!(store.refuse_damaged().is_ok());

        let break_it = |ranking: &mut RankingEdit<'_, '_>| ranking.damage();
        assert_eq!(hold.writer(1).edit_ranking(b"broken", Missing::Skip, "zadd", break_it), Ok(Some(())));
        assert!(hold.check(1, b"sound") && !hold.check(1, b"broken"));
        assert!(store.is_damaged(1, b"broken") && !store.is_damaged(0, b"broken"));
        assert!(store.refuse_damaged().unwrap_err().contains("broken"));

        assert!(hold.writer(1).remove(b"broken"));
        assert!(!store.has_damage() && store.refuse_damaged().is_ok());
    }
}
