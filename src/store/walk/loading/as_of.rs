//! The keys that a base has as of a record: the base already contains the Changes of such a key up to that record.
//!
//! Changes of a list say what was done to it, so none may be applied twice. The replay skips every Change of such a key up to
//! its record, also a removal and a new expiry, and a flush up to that record spares the key
//! (docs/decisions/0012-changes-that-are-not-absolute.md). The table is dropped when the replay has passed the highest
//! record.

use crate::store::change::seq::Seq;
use crate::store::numbers::KeyspaceIndex;
use hashbrown::HashTable;

/// The keys that a base has as of a record.
#[derive(Default)]
pub(super) struct AsOfKeys {
    keys: HashTable<AsOfKey>,
    highest: Seq,
}

struct AsOfKey {
    /// Of the key.
    hash: u64,
    keyspace: KeyspaceIndex,
    key: Box<[u8]>,
    seq: Seq,
}

impl AsOfKeys {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Notes that the base has the key as it was after record `seq`. If the base has it twice, the last one counts. `hash` is
    /// the hash of the key.
    pub(super) fn note(&mut self, hash: u64, keyspace: KeyspaceIndex, key: &[u8], seq: Seq) {
        self.highest = self.highest.max(seq);
        let is_it = |other: &AsOfKey| other.keyspace == keyspace && *other.key == *key;
        match self.keys.find_mut(hash, is_it) {
            Some(known) => known.seq = seq,
            None => {
                let known = AsOfKey { hash, keyspace, key: key.into(), seq };
                self.keys.insert_unique(hash, known, |known| known.hash);
            }
        }
    }

    /// Whether the base already contains what record `seq` did to the key.
    pub(super) fn shows(&self, hash: u64, keyspace: KeyspaceIndex, key: &[u8], seq: Seq) -> bool {
        let is_it = |other: &AsOfKey| other.keyspace == keyspace && *other.key == *key;
        self.keys.find(hash, is_it).is_some_and(|known| known.seq >= seq)
    }

    /// Notes that the replay has reached record `seq`.
    pub(super) fn come_to(&mut self, seq: Seq) {
        if seq > self.highest {
            self.keys = HashTable::new();
        }
    }

    /// The keys that a flush in record `seq` of `keyspace`, or of all databases if `None`, must spare.
    pub(super) fn spared(
        &self,
        keyspace: Option<KeyspaceIndex>,
        seq: Seq,
    ) -> impl Iterator<Item = (KeyspaceIndex, &[u8])> {
        let is_spared = move |known: &&AsOfKey| {
            known.seq >= seq && keyspace.is_none_or(|keyspace| keyspace == known.keyspace)
        };
        self.keys.iter().filter(is_spared).map(|known| (known.keyspace, &*known.key))
    }
}
