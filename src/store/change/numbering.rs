//! The numbering: which keyspace each database has.
//!
//! SWAPDB moves no key. It exchanges the keyspaces of two databases, and its Change has the whole numbering, which is absolute
//! like any other Change: a base may have a later numbering than the records that are replayed over it.

use super::buffer::ChangeBuffer;
use super::codec::{Malformed, put_varint, take_count, take_keyspace, take_while};
use super::operation;
use crate::store::numbers::{DatabaseIndex, KeyspaceIndex};
use std::collections::BTreeMap;

/// Which keyspace each database has. Only databases whose keyspace has another number take memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseNumbering {
    keyspaces: BTreeMap<DatabaseIndex, KeyspaceIndex>,
    databases: BTreeMap<KeyspaceIndex, DatabaseIndex>,
}

impl DatabaseNumbering {
    /// The keyspace of `database`. O(log n) with n databases whose keyspace has another number.
    #[must_use]
    pub fn keyspace_of(&self, database: DatabaseIndex) -> KeyspaceIndex {
        self.keyspaces.get(&database).copied().unwrap_or(database)
    }

    /// The database that has `keyspace`. O(log n), as [`DatabaseNumbering::keyspace_of`].
    #[must_use]
    pub fn database_of(&self, keyspace: KeyspaceIndex) -> DatabaseIndex {
        self.databases.get(&keyspace).copied().unwrap_or(keyspace)
    }

    /// Whether each database has the keyspace of its own number.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.keyspaces.is_empty()
    }

    /// Exchanges the keyspaces of two databases.
    pub fn swap(&mut self, one: DatabaseIndex, other: DatabaseIndex) {
        let (keyspace, others) = (self.keyspace_of(one), self.keyspace_of(other));
        self.give(one, others);
        self.give(other, keyspace);
    }

    /// Calls `swap` with databases whose keyspaces are to be exchanged, one pair after the other, so that this numbering
    /// becomes `aim`. O(n log n) with n databases whose keyspace has another number in one of the two.
    ///
    /// # Errors
    /// An error of `swap`, at which it stops.
    pub fn become_like<E>(
        &mut self,
        aim: &Self,
        mut swap: impl FnMut(DatabaseIndex, DatabaseIndex) -> Result<(), E>,
    ) -> Result<(), E> {
        let databases: Vec<_> = self.keyspaces.keys().chain(aim.keyspaces.keys()).copied().collect();
        for database in databases {
            let holder = self.database_of(aim.keyspace_of(database));
            if holder != database {
                self.swap(database, holder);
                swap(database, holder)?;
            }
        }
        Ok(())
    }

    fn give(&mut self, database: DatabaseIndex, keyspace: KeyspaceIndex) {
        if database == keyspace {
            self.keyspaces.remove(&database);
            self.databases.remove(&keyspace);
        } else {
            self.keyspaces.insert(database, keyspace);
            self.databases.insert(keyspace, database);
        }
    }

    /// Each database whose keyspace has another number, ascending, and that number.
    fn pairs(&self) -> impl Iterator<Item = (DatabaseIndex, KeyspaceIndex)> {
        self.keyspaces.iter().map(|(&database, &keyspace)| (database, keyspace))
    }
}

impl FromIterator<(DatabaseIndex, KeyspaceIndex)> for DatabaseNumbering {
    /// The numbering of databases and their keyspaces, which are the same numbers in another order.
    fn from_iter<I: IntoIterator<Item = (DatabaseIndex, KeyspaceIndex)>>(pairs: I) -> Self {
        let mut numbering = Self::default();
        pairs.into_iter().for_each(|(database, keyspace)| numbering.give(database, keyspace));
        numbering
    }
}

/// A numbering, still encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodedNumbering<'a> {
    count: u32,
    bytes: &'a [u8],
}

impl<'a> EncodedNumbering<'a> {
    /// Reads a numbering from the front of `rest`.
    ///
    /// # Errors
    /// If the databases are not ascending, one of them has the keyspace of its own number, or the keyspaces are not the same
    /// numbers.
    pub(super) fn take(rest: &mut &'a [u8]) -> Result<Self, Malformed> {
        let count = take_count(rest)?;
        let bytes = take_while(rest, count, |rest| take_pair(rest).map(|_| ()))?;
        let numbering = Self { count, bytes };
        let pairs = || numbering.pairs();
        let mut keyspaces: Vec<_> = pairs().map(|(_, keyspace)| keyspace).collect();
        keyspaces.sort_unstable();
        let is_whole = pairs().is_sorted_by(|one, other| one.0 < other.0)
            && pairs().all(|(database, keyspace)| database != keyspace)
            && pairs().map(|(database, _)| database).eq(keyspaces);
        if is_whole { Ok(numbering) } else { Err(Malformed) }
    }

    fn pairs(self) -> impl Iterator<Item = (DatabaseIndex, KeyspaceIndex)> + 'a {
        let mut rest = self.bytes;
        (0..self.count).map(move |_| take_pair(&mut rest).expect("checked when it was read"))
    }

    /// The highest number in it; `None` if each database has the keyspace of its own number.
    #[must_use]
    pub fn highest(self) -> Option<DatabaseIndex> {
        self.pairs().last().map(|(database, _)| database)
    }

    /// The numbering.
    #[must_use]
    pub fn decoded(self) -> DatabaseNumbering {
        self.pairs().collect()
    }
}

fn take_pair(rest: &mut &[u8]) -> Result<(DatabaseIndex, KeyspaceIndex), Malformed> {
    Ok((take_keyspace(rest)?, take_keyspace(rest)?))
}

impl ChangeBuffer {
    /// Records that databases have these keyspaces.
    pub fn number(&mut self, numbering: &DatabaseNumbering) {
        let out = self.change_of_all(operation::NUMBER);
        let count = u32::try_from(numbering.keyspaces.len()).expect("a database has 32 bits");
        out.extend_from_slice(&count.to_le_bytes());
        for (database, keyspace) in numbering.pairs() {
            put_varint(out, u64::from(database));
            put_varint(out, u64::from(keyspace));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::chance::Chance;
    use crate::store::change::{Change, decode};
    use std::convert::Infallible;

    fn encoded(numbering: &DatabaseNumbering) -> Vec<u8> {
        let mut changes = ChangeBuffer::default();
        changes.number(numbering);
        changes.end_record();
        changes.records().next().unwrap().to_vec()
    }

    #[test]
    fn a_numbering_is_always_a_permutation_and_comes_back_from_its_bytes() {
        for seed in 0..200 {
            let mut chance = Chance::seeded(seed);
            let databases = 1 + chance.below(6) as DatabaseIndex;
            let mut drawn = || {
                let mut numbering = DatabaseNumbering::default();
                for _ in 0..chance.below(12) {
                    numbering.swap(
                        chance.below(u64::from(databases)) as u32,
                        chance.below(u64::from(databases)) as u32,
                    );
                }
                numbering
            };
            let (mut numbering, aim) = (drawn(), drawn());
            for database in 0..databases {
                assert_eq!(numbering.database_of(numbering.keyspace_of(database)), database, "seed {seed}");
            }
            let bytes = encoded(&numbering);
            let Ok(Change::Numbered(read)) = decode(&mut &bytes[..]) else { panic!("{bytes:?}") };
            assert_eq!(read.decoded(), numbering, "seed {seed}");
            assert_eq!(read.highest().is_none(), numbering.is_plain());

            let mut follower = numbering.clone();
            let follow = |one, other| -> Result<(), Infallible> {
                follower.swap(one, other);
                Ok(())
            };
            numbering.become_like(&aim, follow).unwrap();
            assert_eq!((&numbering, &follower), (&aim, &aim), "seed {seed}");
        }
    }

    #[test]
    fn what_is_no_permutation_is_malformed() {
        let bad: [&[u8]; 6] = [
            &[1, 0, 0, 0, 0, 0],
            &[1, 0, 0, 0, 0, 1],
            &[2, 0, 0, 0, 1, 0, 0, 1],
            &[2, 0, 0, 0, 0, 1, 0, 1],
            &[2, 0, 0, 0, 0, 1, 1, 2],
            &[255, 255, 255, 255, 0, 1, 1, 0],
        ];
        for pairs in bad {
            let body = [&[operation::NUMBER][..], pairs].concat();
            assert_eq!(decode(&mut &body[..]), Err(Malformed), "{pairs:?}");
        }
        let body = [operation::NUMBER, 2, 0, 0, 0, 0, 1, 1, 0];
        assert!(matches!(decode(&mut &body[..]), Ok(Change::Numbered(_))));
    }
}
