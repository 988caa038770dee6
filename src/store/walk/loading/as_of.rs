//! Which keys stand in a base as of which record: up to there, the segment's Changes of such a key are in the base already.
//!
//! A list's Changes say what was done to it, so none may be made true twice. Every Change of such a key up to its record is
//! passed over, those that removed or renewed it too, and a flush up to there spares it
//! (docs/decisions/0012-changes-that-are-not-absolute.md). What is kept goes once the reading is past the highest record.

use crate::store::change::seq::Seq;
use crate::store::numbers::DatabaseIndex;
use hashbrown::HashTable;

/// The keys of a base that stand there as of a record.
#[derive(Default)]
pub(super) struct AsOfKeys {
    keys: HashTable<AsOfKey>,
    highest: Seq,
}

struct AsOfKey {
    /// Of the key.
    hash: u64,
    database: DatabaseIndex,
    key: Box<[u8]>,
    seq: Seq,
}

impl AsOfKeys {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key stands in the base as it was after record `seq`. The base may tell it twice; the last time counts. `hash` is
    /// the key's.
    pub(super) fn note(&mut self, hash: u64, database: DatabaseIndex, key: &[u8], seq: Seq) {
        self.highest = self.highest.max(seq);
        let is_it = |other: &AsOfKey| other.database == database && *other.key == *key;
        match self.keys.find_mut(hash, is_it) {
            Some(known) => known.seq = seq,
            None => {
                let known = AsOfKey { hash, database, key: key.into(), seq };
                self.keys.insert_unique(hash, known, |known| known.hash);
            }
        }
    }

    /// Whether the base shows what record `seq` did to the key already.
    pub(super) fn shows(&self, hash: u64, database: DatabaseIndex, key: &[u8], seq: Seq) -> bool {
        let is_it = |other: &AsOfKey| other.database == database && *other.key == *key;
        self.keys.find(hash, is_it).is_some_and(|known| known.seq >= seq)
    }

    /// The reading has come to record `seq`.
    pub(super) fn come_to(&mut self, seq: Seq) {
        if seq > self.highest {
            self.keys = HashTable::new();
        }
    }

    /// The keys that are in the base although record `seq` emptied their database, which is `database` or any.
    pub(super) fn spared(
        &self,
        database: Option<DatabaseIndex>,
        seq: Seq,
    ) -> impl Iterator<Item = (DatabaseIndex, &[u8])> {
        let is_spared = move |known: &&AsOfKey| {
            known.seq >= seq && database.is_none_or(|database| database == known.database)
        };
        self.keys.iter().filter(is_spared).map(|known| (known.database, &*known.key))
    }
}
