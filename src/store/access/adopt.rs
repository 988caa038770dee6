//! Taking over the keys of another store, with a record.

use super::guard::Access;
use super::hold::Hold;
use super::libraries::LibraryChange;
use crate::store::change::buffer::ChangeBuffer;
use crate::store::libraries::FunctionLibraries;
use crate::store::numbers::ShardIndex;
use crate::store::sharded::Store;

/// What becomes of the keys that are there when those of another store are taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adoption {
    /// They are removed first.
    InPlace,
    /// They stay; where both stores have a key, that of the other store counts.
    Merged,
    /// They stay, and no key may be in both.
    Beside,
}

impl Store {
    /// Takes the keys and the templates of `other`, a [sibling](Store::sibling), which is empty then, and makes the changes of
    /// libraries that `decide` returns for those that are there. No other command runs meanwhile. Returns false if a key of
    /// `Adoption::Beside` is there already; nothing has changed then. O(n).
    ///
    /// # Errors
    /// The error of `decide`; nothing has changed then.
    pub fn adopt<E>(
        &self,
        other: &Self,
        adoption: Adoption,
        decide: impl FnOnce(&FunctionLibraries) -> Result<Vec<LibraryChange>, E>,
    ) -> Result<bool, E> {
        let all: Vec<ShardIndex> = (0..self.shard_count()).collect();
        let mut hold = Hold::on(self, &all, Access::Write, ChangeBuffer::default());
        let libraries = decide(&self.libraries)?;
        let mut others: Vec<_> = other.shards.iter().map(|shard| shard.write()).collect();
        if adoption == Adoption::Beside {
            let is_there = |database| {
                let reader = hold.reader(database);
                others.iter().any(|shard| {
                    shard.keyspace(database).iter().any(|entry| reader.peek(entry.key).is_some())
                })
            };
            if (0..self.databases()).any(is_there) {
                return Ok(false);
            }
        }
        if adoption == Adoption::InPlace {
            hold.flush(None);
            hold.end_record();
        }
        hold.set_libraries(libraries);
        hold.end_record();
        for database in 0..self.databases() {
            for shard in &mut others {
                let keyspace = &mut shard.database_mut(database).keyspace;
                let keys: Vec<Box<[u8]>> = keyspace.iter().map(|entry| entry.key.into()).collect();
                for key in keys {
                    let spot = keyspace.spot(other.locate(&key));
                    let expire_at_ms = keyspace.at(spot).and_then(|entry| entry.expire_at_ms());
                    if let Some(value) = keyspace.remove(spot) {
                        hold.writer(database).restore(&key, value, expire_at_ms);
                        hold.end_record();
                    }
                }
            }
        }
        for (prefix, policy) in other.templates.list() {
            hold.set_template(&prefix, Some(&policy));
            hold.end_record();
        }
        let _ = hold.release();
        Ok(true)
    }
}
