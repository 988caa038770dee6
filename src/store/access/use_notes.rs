//! What is kept of the uses of keys ([`crate::store::keys::uses`]), and whether commands note theirs.

use super::hold::Hold;
use crate::store::keys::uses::{Use, UseClock, UsesKept};
use crate::store::numbers::DatabaseIndex;
use crate::store::sharded::Store;

impl Store {
    /// Sets what is kept of the uses of keys.
    pub fn keep_uses(&self, kept: UsesKept) {
        self.uses_kept.set(kept);
    }

    /// Sets whether dump files say how keys are used, as Redis's do where the policy needs that.
    pub fn write_uses(&self, are_written: bool) {
        self.uses_kept.write(are_written);
    }

    /// Notes what is known of the uses of a key, if the same is kept of keys now. Nothing is recorded.
    pub fn set_use(&self, database: DatabaseIndex, key: &[u8], known: Use) {
        let at = self.locate(key);
        let uses = UseClock::at(self.uses_kept.get(), self.clock.now_ms());
        let shard = self.shards[at.shard].read();
        if let Some(entry) = shard.keyspace(database).get(at)
            && let Some(mark) = uses.mark(known)
        {
            entry.mark.set(mark);
        }
    }
}

impl Hold<'_> {
    /// Whether commands from now on note that they use keys, which is so at the beginning.
    pub fn note_uses(&mut self, notes: bool) {
        self.uses.notes = notes;
    }
}
