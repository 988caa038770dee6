//! Random histories of a store, and a model of what each command does: plain maps, without Changes and replay.

use crate::config::SetBounds;
use crate::machine::chance::Chance;
use crate::ranking::Score;
use crate::store::change::{Change, ChangeBuffer, What, decode};
use crate::store::{Access, Board, DatabaseIndex, End, Hold, List, Members, Missing, Shards, Store};
use crate::store::{BoardChange, ListChange, SetChange, StringChange, ValueChange};
use std::collections::{BTreeMap, BTreeSet};

/// A command, with its arguments.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    SetScores(Key, Vec<(Vec<u8>, u32)>),
    RemoveScores(Key, Vec<Vec<u8>>),
    AddMembers(Key, Vec<Vec<u8>>),
    RemoveMembers(Key, Vec<Vec<u8>>),
    Push(Key, End, Vec<Vec<u8>>),
    Pop(Key, End, usize),
    /// Of the element at the place, or at the end if there is none.
    SetElement(Key, usize, Vec<u8>),
    /// Beside the first element that is equal to the first of the two.
    Insert(Key, End, [Vec<u8>; 2]),
    RemoveElements(Key, i64, Vec<u8>),
    SetString(Key, Vec<u8>, Option<u64>),
    /// Sets, renews or removes an expiry.
    Expire(Key, Option<u64>),
    Remove(Key),
    Flush(Option<DatabaseIndex>),
    /// A transaction: all commands in one record.
    Together(Vec<Deed>),
}

pub(super) type Key = (DatabaseIndex, Vec<u8>);

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

/// Bytes of a record after which the rest of a command goes into the next record.
const RECORD_BYTES: usize = 60;

pub(super) fn changes() -> ChangeBuffer {
    ChangeBuffer::with_record_bytes(RECORD_BYTES)
}

/// Draws a command. Keys are few, of any type, and expire within about a hundred milliseconds.
pub(super) fn deed(chance: &mut Chance, now_ms: u64) -> Deed {
    match chance.below(300) {
        0 => return Deed::Flush((chance.below(3) > 0).then(|| chance.below(2) as u32)),
        1..25 => return Deed::Together((0..2 + chance.below(8)).map(|_| simple(chance, now_ms)).collect()),
        _ => {}
    }
    simple(chance, now_ms)
}

fn simple(chance: &mut Chance, now_ms: u64) -> Deed {
    // Bytes that also occur as operations, databases and lengths.
    let bytes = |chance: &mut Chance, most: u64| {
        let len = chance.below(most);
        (0..len).map(|_| chance.below(7) as u8).collect::<Vec<_>>()
    };
    let member = |chance: &mut Chance| match chance.below(200) {
        0 => vec![b'x'; 1 + chance.below(6_000) as usize],
        1..20 => bytes(chance, 8),
        _ => chance.below(30).to_string().into_bytes(),
    };
    let key = match chance.below(10) {
        0 => bytes(chance, 2),
        _ => format!("key{}", chance.below(8)).into_bytes(),
    };
    let key = (chance.below(2) as u32, key);
    let soon = |chance: &mut Chance| now_ms + 1 + chance.below(120);
    let mut members = || (0..1 + chance.below(7)).map(|_| member(chance)).collect::<Vec<_>>();
    let (some, number) = (members(), chance.below(100));
    match number {
        0..20 => {
            let key = (key.0, format!("list{}", chance.below(4)).into_bytes());
            let end = if chance.below(2) == 0 { End::Front } else { End::Back };
            match chance.below(8) {
                0..4 => Deed::Push(key, end, some),
                4 => Deed::Pop(key, end, chance.below(7) as usize),
                5 => Deed::SetElement(key, chance.below(30) as usize, member(chance)),
                6 => Deed::Insert(key, end, [member(chance), member(chance)]),
                _ => Deed::RemoveElements(key, chance.below(5) as i64 - 2, member(chance)),
            }
        }
        20..40 => {
            let scored = some.into_iter().map(|member| (member, chance.below(50) as u32));
            Deed::SetScores(key, scored.collect())
        }
        40..48 => Deed::RemoveScores(key, some),
        48..58 => Deed::AddMembers(key, some),
        58..63 => Deed::RemoveMembers(key, some),
        63..70 => {
            let expiry = (chance.below(2) == 0).then(|| soon(chance));
            Deed::SetString(key, member(chance), expiry)
        }
        70..94 => {
            let expiry = match chance.below(8) {
                0 => None,
                1 => Some(now_ms + 1_000_000),
                _ => Some(soon(chance)),
            };
            Deed::Expire(key, expiry)
        }
        _ => Deed::Remove(key),
    }
}

impl Deed {
    fn keys(&self) -> Vec<&[u8]> {
        match self {
            Self::SetScores((_, key), _)
            | Self::RemoveScores((_, key), _)
            | Self::AddMembers((_, key), _)
            | Self::RemoveMembers((_, key), _)
            | Self::Push((_, key), ..)
            | Self::Pop((_, key), ..)
            | Self::SetElement((_, key), ..)
            | Self::Insert((_, key), ..)
            | Self::RemoveElements((_, key), ..)
            | Self::SetString((_, key), ..)
            | Self::Expire((_, key), _)
            | Self::Remove((_, key)) => vec![key],
            Self::Flush(_) => Vec::new(),
            Self::Together(deeds) => deeds.iter().flat_map(Self::keys).collect(),
        }
    }

    /// Runs the command on a store.
    pub(super) fn run(&self, store: &Store, changes: ChangeBuffer) -> ChangeBuffer {
        if let Self::Flush(database) = *self {
            Shards::free(store).flush(database);
            return changes;
        }
        let shards: BTreeSet<_> = self.keys().into_iter().map(|key| store.shard_of(key)).collect();
        let shards: Vec<_> = shards.into_iter().collect();
        let mut hold = Hold::on(store, &shards, Access::Write, changes);
        self.run_on(&mut hold);
        hold.end_record();
        hold.release().1
    }

    fn run_on(&self, hold: &mut Hold<'_>) {
        // A command on a key of another type is an error and changes nothing.
        match self {
            Self::SetScores((database, key), scored) => {
                let _ = hold.writer(*database).edit::<Board, _>(key, Missing::Create, "edit", |edit| {
                    for (member, score) in scored {
                        edit.update(member, |_| Score::new(f64::from(*score)));
                    }
                });
            }
            Self::RemoveScores((database, key), members) => {
                let _ = hold.writer(*database).edit::<Board, _>(key, Missing::Skip, "edit", |edit| {
                    for member in members {
                        edit.remove(member);
                    }
                });
            }
            Self::AddMembers((database, key), members) => {
                let _ = hold.writer(*database).edit::<Members, _>(key, Missing::Create, "edit", |edit| {
                    for member in members {
                        edit.insert(member, SetBounds::DEFAULT);
                    }
                });
            }
            Self::RemoveMembers((database, key), members) => {
                let _ = hold.writer(*database).edit::<Members, _>(key, Missing::Skip, "edit", |edit| {
                    for member in members {
                        edit.remove(member);
                    }
                });
            }
            Self::Push((database, key), end, elements) => {
                let _ = hold.writer(*database).edit::<List, _>(key, Missing::Create, "edit", |edit| {
                    elements.iter().for_each(|element| edit.push(*end, element));
                });
            }
            Self::Pop((database, key), end, count) => {
                let _ = hold
                    .writer(*database)
                    .edit::<List, _>(key, Missing::Skip, "edit", |edit| edit.pop(*end, *count));
            }
            Self::SetElement((database, key), index, element) => {
                let _ = hold.writer(*database).edit::<List, _>(key, Missing::Skip, "edit", |edit| {
                    let last = edit.len() - 1;
                    edit.set(last.min(*index), element);
                });
            }
            Self::Insert((database, key), side, [pivot, element]) => {
                let _ = hold.writer(*database).edit::<List, _>(key, Missing::Skip, "edit", |edit| {
                    let mut first = None;
                    edit.find(pivot, End::Front, usize::MAX, |place| {
                        first = Some(place);
                        false
                    });
                    first.into_iter().for_each(|at| edit.insert_beside((at, *side, pivot), element));
                });
            }
            Self::RemoveElements((database, key), count, element) => {
                let _ = hold
                    .writer(*database)
                    .edit::<List, _>(key, Missing::Skip, "edit", |edit| edit.remove_equal(*count, element));
            }
            Self::SetString((database, key), value, expiry) => {
                hold.writer(*database).set_string(key, value, *expiry);
            }
            Self::Expire((database, key), expiry) => {
                hold.writer(*database).set_expiry(key, *expiry);
            }
            Self::Remove((database, key)) => {
                hold.writer(*database).remove(key);
            }
            Self::Flush(_) => unreachable!("alone, on all shards"),
            Self::Together(deeds) => deeds.iter().for_each(|deed| deed.run_on(hold)),
        }
    }
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
        let mut model = Self::default();
        let mut walk = store.snapshot();
        let mut records = ChangeBuffer::default();
        loop {
            let more = walk.step(&mut records);
            records.end_record();
            for mut body in records.records() {
                while !body.is_empty() {
                    model.take(&decode(&mut body).unwrap());
                }
            }
            records.clear();
            if !more {
                return model;
            }
        }
    }

    fn take(&mut self, change: &Change<'_>) {
        match *change {
            Change::Key { database, key, what: What::Value(change) } => {
                self.take_value(database, key, change);
            }
            Change::Key { database, key, what: What::Expiry(expire_at_ms) } => {
                self.0.get_mut(&(database, key.to_vec())).expect("its value comes first").1 = expire_at_ms;
            }
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
