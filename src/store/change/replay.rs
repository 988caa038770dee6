//! Recovery's way in: makes a Change true without recording it.
//!
//! A checkpoint is not one moment's picture, so a Change may meet a key in a state from after it, even of another
//! type. It then makes itself true all the same: what followed it in the journal will be replayed too. On the way a
//! value may pass through states that never were, an empty one among them; so a value that becomes empty here is left
//! alone, and only a [`Change::DropKey`], which the store records whenever an edit empties a value, takes the key and
//! its expiry away.

use super::Change;
use crate::ranking::{Aim, RankedMembers, Ranking, Score};
use crate::store::access::located::Located;
use crate::store::keys::keyspace::{Keyspace, Spot};
use crate::store::values::value::{Kind, Value};
use crate::store::{DatabaseIndex, Store};

/// Entries whose memory is loaded at once.
const PREFETCHED_ENTRIES: usize = 32;

impl Store {
    /// Makes `change` true. Changes of one key must come in the journal's order.
    ///
    /// # Errors
    /// The database's number, if there is no such database: the journal was written under a larger `databases`.
    pub fn apply(&self, change: &Change<'_>) -> Result<(), UnknownDatabase> {
        let database = change.database().unwrap_or_default();
        if database >= self.databases() {
            return Err(UnknownDatabase(database));
        }
        match (change.key(), change) {
            (Some(key), _) => {
                self.apply_to_key(database, key, std::slice::from_ref(change));
            }
            (None, Change::FlushDatabase { database }) => self.flush_unrecorded(Some(*database)),
            (None, Change::FlushAll) => self.flush_unrecorded(None),
            (None, _) => {}
        }
        Ok(())
    }

    /// Makes Changes of one key true, one after the other. Returns how many members its ranking has if scores were set
    /// last.
    pub(in crate::store) fn apply_to_key(
        &self,
        database: DatabaseIndex,
        key: &[u8],
        changes: &[Change<'_>],
    ) -> usize {
        let at = self.locate(key);
        let mut shard = self.shards[at.shard].write();
        let keyspace = shard.keyspace_mut(database);
        let mut rest = changes;
        let mut members = 0;
        while let Some((change, others)) = rest.split_first() {
            rest = others;
            members = 0;
            match *change {
                Change::SetScores { entries: first, .. } => {
                    // Scores set one after the other are one list.
                    let more = others.iter().take_while(|change| matches!(change, Change::SetScores { .. }));
                    rest = &others[more.clone().count()..];
                    let more = more.filter_map(|change| match change {
                        Change::SetScores { entries, .. } => Some(entries.iter()),
                        _ => None,
                    });
                    members = set_scores(keyspace, at, first.iter().chain(more.flatten()));
                }
                Change::AddMembers { members, .. } => {
                    let spot = spot_for(keyspace, at, Kind::Set);
                    let (set, _) = keyspace.set_or_new(key, spot).expect("missing or a set");
                    for member in members.iter() {
                        set.insert(member);
                    }
                }
                Change::RemoveScores { members, .. } => {
                    let spot = keyspace.spot(at);
                    if let Some(Value::Ranking(ranking)) = keyspace.value_mut(spot) {
                        for member in members.iter() {
                            ranking.remove(member);
                        }
                    }
                }
                Change::RemoveMembers { members, .. } => {
                    let spot = keyspace.spot(at);
                    if let Some(Value::Set(set)) = keyspace.value_mut(spot) {
                        for member in members.iter() {
                            set.remove(member);
                        }
                    }
                }
                Change::SetString { value, expire_at_ms, .. } => {
                    let spot = keyspace.spot(at);
                    keyspace.put(key, spot, Value::String(value.into()), expire_at_ms);
                }
                Change::SetExpiry { expire_at_ms, .. } => {
                    keyspace.set_expiry(keyspace.spot(at), expire_at_ms);
                }
                Change::DropKey { .. } => {
                    keyspace.remove(keyspace.spot(at));
                }
                Change::FlushDatabase { .. } | Change::FlushAll | Change::Continued => {
                    unreachable!("these have no key")
                }
            }
        }
        members
    }

    /// Takes the ranking at `key`, which is there, and leaves an empty one that expires when it did. Leaves it if it takes
    /// more bytes than `bytes`.
    pub(in crate::store) fn take_ranking(
        &self,
        database: DatabaseIndex,
        key: &[u8],
        bytes: usize,
    ) -> Option<Ranking> {
        self.with_ranking(database, key, |ranking| {
            let empty = || Ranking::with_seed(self.seed);
            (ranking.memory_bytes() <= bytes).then(|| std::mem::replace(ranking, empty()))
        })
    }

    /// Puts the ranking in place of the empty one that stands for it at `key`.
    pub(in crate::store) fn put_gathered(&self, database: DatabaseIndex, key: &[u8], ranking: Ranking) {
        self.with_ranking(database, key, |there| *there = ranking);
    }

    /// Calls `visit` with the ranking that is at `key`.
    fn with_ranking<T>(
        &self,
        database: DatabaseIndex,
        key: &[u8],
        visit: impl FnOnce(&mut Ranking) -> T,
    ) -> T {
        let at = self.locate(key);
        let mut shard = self.shards[at.shard].write();
        let keyspace = shard.keyspace_mut(database);
        match keyspace.value_mut(keyspace.spot(at)) {
            Some(Value::Ranking(ranking)) => visit(ranking),
            _ => unreachable!("a ranking stands there"),
        }
    }

    fn flush_unrecorded(&self, database: Option<DatabaseIndex>) {
        for shard in &self.shards {
            self.flush_shard(&mut shard.write(), database);
        }
    }
}

/// Looks a key up, rid of a value of another type than `kind`.
fn spot_for(keyspace: &mut Keyspace, at: Located<'_>, kind: Kind) -> Spot {
    let spot = keyspace.spot(at);
    if keyspace.at(spot).is_none_or(|entry| entry.value.kind() == kind) {
        return spot;
    }
    keyspace.remove(spot);
    spot.vacated()
}

/// Returns how many members there are then.
fn set_scores<'a>(
    keyspace: &mut Keyspace,
    at: Located<'_>,
    mut entries: impl Iterator<Item = (&'a [u8], Score)> + Clone,
) -> usize {
    let spot = spot_for(keyspace, at, Kind::Ranking);
    let (ranking, _) = keyspace.ranking_or_new(at.key, spot).expect("missing or a ranking");
    // Memory is loaded for many entries at once, as in a pipeline of ZADDs.
    loop {
        let ahead = entries.clone().take(PREFETCHED_ENTRIES);
        ranking.prefetch_updates(ahead.map(|(member, score)| (member, Aim::Score(score))));
        let mut taken = 0;
        for (member, score) in entries.by_ref().take(PREFETCHED_ENTRIES) {
            ranking.update(member, |_| Some(score));
            taken += 1;
        }
        if taken < PREFETCHED_ENTRIES {
            return ranking.len();
        }
    }
}

/// A Change names a database beyond `databases`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownDatabase(pub DatabaseIndex);

impl std::fmt::Display for UnknownDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "database {} is beyond the configured number of databases", self.0)
    }
}

impl std::error::Error for UnknownDatabase {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::clock::Clock;
    use crate::store::change::{ChangeBuffer, decode};
    use crate::store::{Access, Hold};

    /// What `record` holds is made true in `store`.
    fn replay(store: &Store, record: impl FnOnce(&mut ChangeBuffer)) {
        let mut changes = ChangeBuffer::default();
        record(&mut changes);
        changes.end_record();
        for mut body in changes.records() {
            while !body.is_empty() {
                store.apply(&decode(&mut body).unwrap()).unwrap();
            }
        }
    }

    /// A checkpoint saw {b} expiring; the Changes before that, replayed over it, empty the value on the way. The key's
    /// expiry was lost then: a dated board lived for ever after a restart.
    #[test]
    fn an_emptied_value_keeps_its_expiry_until_its_key_is_dropped() {
        let store = Store::new(1, 1, 1, Clock::manual(1_000));
        let score = Score::new(1.0).unwrap();
        let expiry = |key: &[u8]| {
            let hold = Hold::on(&store, &[0], Access::Read, ChangeBuffer::default());
            hold.reader(0).expiry(key)
        };
        replay(&store, |base| {
            base.set_score(0, b"board", b"b", score);
            base.set_expiry(0, b"board", Some(5_000));
            base.add_member(0, b"set", b"b");
            base.set_expiry(0, b"set", Some(5_000));
        });
        replay(&store, |journal| {
            journal.set_score(0, b"board", b"b", score);
            journal.remove_score(0, b"board", b"b");
            journal.set_score(0, b"board", b"b", score);
            journal.remove_score(0, b"board", b"a");
            journal.remove_member(0, b"set", b"b");
            journal.add_member(0, b"set", b"b");
        });
        assert_eq!(expiry(b"board"), Some(Some(5_000)));
        assert_eq!(expiry(b"set"), Some(Some(5_000)));
        replay(&store, |journal| {
            journal.remove_score(0, b"board", b"b");
            journal.drop_key(0, b"board");
        });
        assert_eq!(expiry(b"board"), None);
    }
}
