//! Random histories of a store: the commands. `model.rs` is what each of them does.

use crate::config::SetBounds;
use crate::machine::chance::Chance;
use crate::ranking::Score;
use crate::store::change::ChangeBuffer;
use crate::store::{Access, Board, DatabaseIndex, End, Hold, List, Members, Missing, Shards, Store};
use std::collections::BTreeSet;

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
    /// Gives the key this name, if it exists and is another one.
    Rename(Key, Vec<u8>),
    /// Makes the second key hold what the first one does, if that exists.
    Copy(Key, Key),
    /// Brings the key to the other database, unless that has it.
    Move(Key),
    Flush(Option<DatabaseIndex>),
    /// Exchanges the two databases.
    Swap,
    /// A transaction: all commands in one record.
    Together(Vec<Deed>),
}

pub(super) type Key = (DatabaseIndex, Vec<u8>);

/// Bytes of a record after which the rest of a command goes into the next record.
const RECORD_BYTES: usize = 60;

/// Bytes of a value above which it is relocated by its name: some of the values are larger.
const RELOCATED_BYTES: usize = 60;

pub(super) fn changes() -> ChangeBuffer {
    ChangeBuffer::with_record_bytes(RECORD_BYTES).relocating_above(RELOCATED_BYTES)
}

/// Draws a command. Keys are few, of any type, and expire within about a hundred milliseconds.
pub(super) fn deed(chance: &mut Chance, now_ms: u64) -> Deed {
    match chance.below(300) {
        0 => return Deed::Flush((chance.below(3) > 0).then(|| chance.below(2) as u32)),
        1..4 => return Deed::Swap,
        4..28 => return Deed::Together((0..2 + chance.below(8)).map(|_| simple(chance, now_ms)).collect()),
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
        70..80 => {
            let other = format!("key{}", chance.below(8)).into_bytes();
            match chance.below(4) {
                0..2 => Deed::Rename(key, other),
                2 => Deed::Copy(key, (chance.below(2) as u32, other)),
                _ => Deed::Move(key),
            }
        }
        80..96 => {
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
    pub(super) fn keys(&self) -> Vec<&[u8]> {
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
            | Self::Move((_, key))
            | Self::Remove((_, key)) => vec![key],
            Self::Rename((_, key), other) | Self::Copy((_, key), (_, other)) => vec![key, other],
            Self::Flush(_) | Self::Swap => Vec::new(),
            Self::Together(deeds) => deeds.iter().flat_map(Self::keys).collect(),
        }
    }

    /// Runs the command on a store.
    pub(super) fn run(&self, store: &Store, changes: ChangeBuffer) -> ChangeBuffer {
        if let Self::Flush(database) = *self {
            Shards::free(store).flush(database).unwrap();
            return changes;
        }
        if let Self::Swap = *self {
            Shards::free(store).swap_databases(0, 1).unwrap();
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
                        edit.plain().unwrap().update(member, |_| Score::new(f64::from(*score)));
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
            Self::Rename((database, key), other) => {
                let mut writer = hold.writer(*database);
                if key != other && writer.reader().kind(key).is_some() {
                    writer.rename(key, other);
                }
            }
            Self::Copy((database, key), (to, other)) => {
                let mut writer = hold.writer(*database);
                if (database, key) != (to, other) && writer.reader().kind(key).is_some() {
                    writer.copy(key, *to, other);
                }
            }
            Self::Move((database, key)) => {
                let mut writer = hold.writer(*database);
                let is_free = writer.of_database(1 - database).reader().kind(key).is_none();
                if is_free && writer.reader().kind(key).is_some() {
                    writer.move_to(key, 1 - database);
                }
            }
            Self::Flush(_) | Self::Swap => unreachable!("alone, on all shards"),
            Self::Together(deeds) => deeds.iter().for_each(|deed| deed.run_on(hold)),
        }
    }
}
