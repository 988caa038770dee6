//! A model of a store, for random histories: plain maps, without Changes and replay.

use super::history::{Deed, Key};
use crate::store::change::{Change, ChangeBuffer, DatabaseNumbering, What, decode};
use crate::store::{BoardChange, End, ListChange, SetChange, Store, StringChange, ValueChange};
use std::collections::{BTreeMap, BTreeSet};

/// A model of what a store holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Model(BTreeMap<Key, (Value, Option<u64>)>);

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Ranking(BTreeMap<Vec<u8>, u32>),
    List(Vec<Vec<u8>>),
    Set(BTreeSet<Vec<u8>>),
    String(Vec<u8>),
}

impl Model {
    /// Applies what `deed` does at `now_ms`.
    pub(super) fn apply(&mut self, deed: &Deed, now_ms: u64) {
        deed.keys().into_iter().for_each(|key| {
            self.0.retain(|(_, held), (_, expiry)| held != key || expiry.is_none_or(|at| at > now_ms));
        });
        match deed {
            Deed::SetScores(key, scored) => {
                let new = (Value::Ranking(BTreeMap::new()), None);
                if let Value::Ranking(held) = &mut self.0.entry(key.clone()).or_insert(new).0 {
                    held.extend(scored.iter().cloned());
                }
            }
            Deed::RemoveScores(key, members) => {
                if let Some((Value::Ranking(held), _)) = self.0.get_mut(key) {
                    held.retain(|member, _| !members.contains(member));
                }
            }
            Deed::AddMembers(key, members) => {
                let new = (Value::Set(BTreeSet::new()), None);
                if let Value::Set(held) = &mut self.0.entry(key.clone()).or_insert(new).0 {
                    held.extend(members.iter().cloned());
                }
            }
            Deed::RemoveMembers(key, members) => {
                if let Some((Value::Set(held), _)) = self.0.get_mut(key) {
                    held.retain(|member| !members.contains(member));
                }
            }
            Deed::Push(key, end, elements) => {
                let new = (Value::List(Vec::new()), None);
                if let Value::List(held) = &mut self.0.entry(key.clone()).or_insert(new).0 {
                    for element in elements {
                        held.insert(if *end == End::Front { 0 } else { held.len() }, element.clone());
                    }
                }
            }
            Deed::Pop(key, end, count) => {
                if let Some(held) = self.list_at(key) {
                    let count = held.len().min(*count);
                    held.drain(if *end == End::Front { 0..count } else { held.len() - count..held.len() });
                }
            }
            Deed::SetElement(key, index, element) => {
                if let Some(held) = self.list_at(key) {
                    let last = held.len() - 1;
                    held[last.min(*index)].clone_from(element);
                }
            }
            Deed::Insert(key, side, [pivot, element]) => {
                if let Some(held) = self.list_at(key)
                    && let Some(at) = held.iter().position(|other| other == pivot)
                {
                    held.insert(at + usize::from(*side == End::Back), element.clone());
                }
            }
            Deed::RemoveElements(key, count, element) => {
                if let Some(held) = self.list_at(key) {
                    for _ in 0..if *count == 0 { u64::MAX } else { count.unsigned_abs() } {
                        let mut places = held.iter();
                        let place = if *count < 0 {
                            places.rposition(|other| other == element)
                        } else {
                            places.position(|other| other == element)
                        };
                        let Some(place) = place else { break };
                        held.remove(place);
                    }
                }
            }
            Deed::SetString(key, value, expiry) => {
                self.0.insert(key.clone(), (Value::String(value.clone()), *expiry));
            }
            Deed::Expire(key, expiry) => {
                if let Some((_, held)) = self.0.get_mut(key) {
                    *held = *expiry;
                }
            }
            Deed::Remove(key) => drop(self.0.remove(key)),
            Deed::Rename((database, key), other) => {
                if key != other
                    && let Some(held) = self.0.remove(&(*database, key.clone()))
                {
                    self.0.insert((*database, other.clone()), held);
                }
            }
            Deed::Copy(from, to) => {
                if let Some(held) = self.0.get(from).cloned() {
                    self.0.insert(to.clone(), held);
                }
            }
            Deed::Move((database, key)) => {
                let to = (1 - database, key.clone());
                if !self.0.contains_key(&to)
                    && let Some(held) = self.0.remove(&(*database, key.clone()))
                {
                    self.0.insert(to, held);
                }
            }
            Deed::Swap => {
                let all = std::mem::take(&mut self.0).into_iter();
                self.0 = all.map(|((database, key), held)| ((1 - database, key), held)).collect();
            }
            Deed::Flush(None) => self.0.clear(),
            Deed::Flush(Some(database)) => self.0.retain(|(held, _), _| held != database),
            Deed::Together(deeds) => deeds.iter().for_each(|deed| self.apply(deed, now_ms)),
        }
        self.0.retain(|_, (value, _)| match value {
            Value::Ranking(held) => !held.is_empty(),
            Value::List(held) => !held.is_empty(),
            Value::Set(held) => !held.is_empty(),
            Value::String(_) => true,
        });
    }

    fn list_at(&mut self, key: &Key) -> Option<&mut Vec<Vec<u8>>> {
        self.0
            .get_mut(key)
            .and_then(|(value, _)| if let Value::List(held) = value { Some(held) } else { None })
    }

    /// A copy without expired keys: no client can see whether they have been removed yet.
    pub(super) fn at(mut self, now_ms: u64) -> Self {
        self.0.retain(|_, (_, expiry)| expiry.is_none_or(|at| at > now_ms));
        self
    }

    /// Everything that `store` holds.
    pub(super) fn of(store: &Store) -> Self {
        let (mut model, mut numbering) = (Self::default(), DatabaseNumbering::default());
        let mut walk = store.snapshot();
        let mut records = ChangeBuffer::default();
        loop {
            let more = walk.step(&mut records);
            records.end_record();
            for mut body in records.records() {
                while !body.is_empty() {
                    model.take(&decode(&mut body).unwrap(), &mut numbering);
                }
            }
            records.clear();
            if !more {
                return model;
            }
        }
    }

    fn take(&mut self, change: &Change<'_>, numbering: &mut DatabaseNumbering) {
        match *change {
            Change::Key { keyspace, key, what: What::Value(change) } => {
                self.take_value(numbering.database_of(keyspace), key, change);
            }
            Change::Key { keyspace, key, what: What::Expiry(expire_at_ms) } => {
                let place = (numbering.database_of(keyspace), key.to_vec());
                self.0.get_mut(&place).expect("its value comes first").1 = expire_at_ms;
            }
            Change::Numbered(numbers) => *numbering = numbers.decoded(),
            ref other => panic!("not what is held: {other:?}"),
        }
    }

    fn take_value(&mut self, database: u32, key: &[u8], change: ValueChange<'_>) {
        match change {
            ValueChange::SortedSet(BoardChange::SetScores(entries)) => {
                let new = (Value::Ranking(BTreeMap::new()), None);
                let held = &mut self.0.entry((database, key.to_vec())).or_insert(new).0;
                let Value::Ranking(held) = held else { panic!("{change:?}, {held:?}") };
                held.extend(entries.iter().map(|(member, score)| (member.to_vec(), score.get() as u32)));
            }
            ValueChange::Set(SetChange::Add(members)) => {
                let new = (Value::Set(BTreeSet::new()), None);
                let held = &mut self.0.entry((database, key.to_vec())).or_insert(new).0;
                let Value::Set(held) = held else { panic!("{change:?}, {held:?}") };
                held.extend(members.iter().map(<[u8]>::to_vec));
            }
            ValueChange::List(ListChange::AsOf(_)) => {
                let before = self.0.insert((database, key.to_vec()), (Value::List(Vec::new()), None));
                assert_eq!(before, None, "{key:?} twice");
            }
            ValueChange::List(ListChange::Push(End::Back, elements)) => {
                let held = self.list_at(&(database, key.to_vec())).expect("it has begun");
                held.extend(elements.iter().map(<[u8]>::to_vec));
            }
            ValueChange::String(StringChange::Set { value, expire_at_ms }) => {
                self.0.insert((database, key.to_vec()), (Value::String(value.to_vec()), expire_at_ms));
            }
            other => panic!("not what is held: {other:?}"),
        }
    }
}
