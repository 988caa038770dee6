//! Recovery: applies Changes without recording them.
//!
//! A checkpoint does not show one moment, so a Change may meet a key in a later state, even with a value of another
//! type. The Change is applied all the same, because the journal also has everything that followed it. In between, a
//! value may be in a state that it never had, for example empty. So this file does not remove an empty value. Only a
//! [`What::Dropped`] removes a key with its expiry; the store records one whenever an edit leaves a value empty.

use super::{Change, DatabaseNumbering, KeyPlace, What};
use crate::config::SetBounds;
use crate::ranking::{RankedMembers, Ranking};
use crate::store::keys::keyspace::{Keyspace, Spot};
use crate::store::keys::located::Located;
use crate::store::numbers::KeyspaceIndex;
use crate::store::sharded::Store;
use crate::store::values::board::Board;
use crate::store::values::kinds::{Kind, Value, ValueChange};
use crate::store::values::stored::{ReplayTarget, Stored};
use std::convert::Infallible;

impl Store {
    /// Applies `change`. The Changes of one key must come in the journal's order.
    ///
    /// # Errors
    /// The number of a database that does not exist: the journal was written with a larger `databases`.
    pub fn apply(&self, change: &Change<'_>) -> Result<(), UnknownDatabase> {
        self.check_keyspaces(change)?;
        match *change {
            Change::Key { keyspace, key, what } => {
                self.apply_to_key(keyspace, key, std::slice::from_ref(&what));
            }
            Change::Relocated(relocation) => {
                let [before, after] = relocation.places();
                let moved = self.take_whole(before);
                self.put_whole(after, moved);
            }
            Change::FlushDatabase(keyspace) => self.flush_unrecorded(Some(keyspace)),
            Change::FlushAll => self.flush_unrecorded(None),
            Change::Numbered(numbering) => self.renumber(&numbering.decoded()),
            Change::Templated(template) => {
                self.templates.set(template.prefix(), template.policy());
            }
            Change::Library { name, text } => self.libraries.set(name, text.map(Into::into)),
            Change::Follows(position) => self.set_position(position),
            Change::Reached(place) => self.set_place(place),
            Change::Continued => {}
        }
        Ok(())
    }

    /// # Errors
    /// As [`Store::apply`].
    pub(in crate::store) fn check_keyspaces(&self, change: &Change<'_>) -> Result<(), UnknownDatabase> {
        match change.highest_keyspace().filter(|&keyspace| keyspace >= self.databases()) {
            None => Ok(()),
            Some(keyspace) => Err(UnknownDatabase(keyspace)),
        }
    }

    /// Takes what is at a place, with its expiry.
    pub(in crate::store) fn take_whole(&self, (number, key): KeyPlace<'_>) -> Option<(Value, Option<u64>)> {
        let at = self.locate(key);
        let mut shard = self.shards[at.shard].write();
        let keyspace = shard.numbered_mut(number);
        let spot = keyspace.spot(at);
        let expire_at_ms = keyspace.at(spot).and_then(|entry| entry.expire_at_ms());
        keyspace.remove(spot).map(|value| (value, expire_at_ms))
    }

    /// Puts a value with its expiry in place of what is there; `None` only removes that.
    pub(in crate::store) fn put_whole(
        &self,
        (number, key): KeyPlace<'_>,
        value: Option<(Value, Option<u64>)>,
    ) {
        let at = self.locate(key);
        let mut shard = self.shards[at.shard].write();
        let keyspace = shard.numbered_mut(number);
        let spot = keyspace.spot(at);
        match value {
            Some((value, expire_at_ms)) => keyspace.put(key, spot, value, expire_at_ms),
            None => keyspace.remove(spot),
        };
    }

    /// Gives the databases the keyspaces of `aim`, one shard after the other.
    pub(in crate::store) fn renumber(&self, aim: &DatabaseNumbering) {
        for shard in &self.shards {
            let mut shard = shard.write();
            let done = shard.numbering().become_like(aim, |one, other| -> Result<(), Infallible> {
                shard.swap_databases(one, other);
                Ok(())
            });
            let Ok(()) = done;
        }
    }

    /// Applies Changes to one key, one after the other. Returns how many elements its value has if the last Change
    /// added elements of a counted kind; see [`Stored::apply`].
    pub(in crate::store) fn apply_to_key(
        &self,
        number: KeyspaceIndex,
        key: &[u8],
        changes: &[What<'_>],
    ) -> usize {
        let at = self.locate(key);
        let mut shard = self.shards[at.shard].write();
        let mut target = Target { store: self, keyspace: shard.numbered_mut(number), at };
        let mut rest = changes;
        let mut elements = 0;
        while let Some(what) = rest.first() {
            let mut done = 1;
            elements = 0;
            match *what {
                What::Value(_) => {
                    let run = rest.iter().map_while(|what| match *what {
                        What::Value(change) => Some(change),
                        What::Expiry(_) | What::Dropped => None,
                    });
                    (done, elements) =
                        if run.clone().next().is_some_and(|change| change.kind().dates_elements()) {
                            target.noting_dues(|target| ValueChange::apply(target, run))
                        } else {
                            ValueChange::apply(&mut target, run)
                        };
                }
                What::Expiry(expire_at_ms) => {
                    let spot = target.keyspace.spot(at);
                    target.keyspace.set_expiry(spot, expire_at_ms);
                }
                What::Dropped => {
                    let spot = target.keyspace.spot(at);
                    target.keyspace.remove(spot);
                }
            }
            rest = &rest[done..];
        }
        elements
    }

    /// Takes the ranking of the board at `key`, which has no policy, and leaves an empty one with the same expiry. Leaves the
    /// ranking in place if it takes more than `bytes` bytes.
    pub(in crate::store) fn take_ranking(
        &self,
        number: KeyspaceIndex,
        key: &[u8],
        bytes: usize,
    ) -> Option<Ranking> {
        self.with_ranking(number, key, |ranking| {
            let empty = || Ranking::with_seed(self.seed());
            (ranking.memory_bytes() <= bytes).then(|| std::mem::replace(ranking, empty()))
        })?
    }

    /// Puts the ranking in place of the empty one at `key`.
    pub(in crate::store) fn put_gathered(&self, number: KeyspaceIndex, key: &[u8], ranking: Ranking) {
        self.with_ranking(number, key, |there| *there = ranking);
    }

    /// Calls `visit` with the ranking of the board at `key`, if it has no policy.
    fn with_ranking<T>(
        &self,
        number: KeyspaceIndex,
        key: &[u8],
        visit: impl FnOnce(&mut Ranking) -> T,
    ) -> Option<T> {
        let at = self.locate(key);
        let mut shard = self.shards[at.shard].write();
        let keyspace = shard.numbered_mut(number);
        let board = keyspace.value_mut(keyspace.spot(at)).and_then(Board::of_mut);
        board.and_then(Board::ranking_mut).map(visit)
    }

    /// Empties a keyspace, or all if `None`, but for the keys that are `spared`. Nothing is recorded.
    pub(in crate::store) fn flush_sparing<'k>(
        &self,
        number: Option<KeyspaceIndex>,
        spared: impl Iterator<Item = KeyPlace<'k>>,
    ) {
        let kept: Vec<_> = spared.map(|place| (place, self.take_whole(place))).collect();
        self.flush_unrecorded(number);
        for (place, value) in kept {
            self.put_whole(place, value);
        }
    }

    fn flush_unrecorded(&self, number: Option<KeyspaceIndex>) {
        for shard in &self.shards {
            shard.write().flush_numbered(number, |keyspace| self.reclaimer.free_keyspace(keyspace));
        }
    }
}

/// A key to which Changes are applied.
struct Target<'t> {
    store: &'t Store,
    keyspace: &'t mut Keyspace,
    at: Located<'t>,
}

impl Target<'_> {
    /// Has `apply` change the value in its place, and sees to what the keyspace notes of it.
    fn noting_dues<R>(&mut self, apply: impl FnOnce(&mut Self) -> R) -> R {
        let due = |target: &Self| target.keyspace.get(target.at).and_then(|entry| entry.value.first_due_ms());
        let before = due(self);
        let result = apply(self);
        let after = due(self);
        self.keyspace.note_due(self.at.key, before, after);
        result
    }

    /// Looks the key up. A value of another type than `kind` is removed.
    fn spot_for(&mut self, kind: Kind) -> Spot {
        let spot = self.keyspace.spot(self.at);
        if self.keyspace.at(spot).is_none_or(|entry| entry.value.kind() == kind) {
            return spot;
        }
        self.keyspace.remove(spot);
        spot.vacated()
    }
}

impl ReplayTarget for Target<'_> {
    fn value(&mut self) -> Option<&mut Value> {
        let spot = self.keyspace.spot(self.at);
        self.keyspace.value_mut(spot)
    }

    fn value_or_new(&mut self, kind: Kind, new: fn(u64) -> Value) -> &mut Value {
        let spot = self.spot_for(kind);
        let seed = self.keyspace.seed();
        self.keyspace.any_value_or_new(self.at.key, spot, || new(seed)).0
    }

    fn seed(&self) -> u64 {
        self.keyspace.seed()
    }

    fn set_bounds(&self) -> SetBounds {
        self.store.set_bounds()
    }

    fn put(&mut self, value: Value, expire_at_ms: Option<u64>) {
        let spot = self.keyspace.spot(self.at);
        self.keyspace.put(self.at.key, spot, value, expire_at_ms);
    }
}

/// A Change names a database beyond `databases`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownDatabase(pub KeyspaceIndex);

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
    use crate::ranking::Score;
    use crate::store::access::guard::Access;
    use crate::store::access::hold::Hold;
    use crate::store::change::{ChangeBuffer, decode};

    /// Applies the Changes that `record` writes to `store`.
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
