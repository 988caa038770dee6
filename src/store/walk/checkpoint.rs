//! A checkpoint's walk over the store: small steps under read locks while writers go on.
//!
//! What it sees is not one moment's picture. It need not be: every Change made after the walk began is in the journal
//! after the checkpoint, and Changes are absolute, so replaying them over whatever the walk saw ends in the truth.

use crate::limits;
use crate::ranking::{Bound, Order, RankedMembers, Score};
use crate::store::change::ChangeBuffer;
use crate::store::keys::keyspace::Entry;
use crate::store::values::value::Value;
use crate::store::{DatabaseIndex, Store};
use std::collections::VecDeque;

/// Keys looked at in one step; those with more than [`WHOLE_ELEMENTS`] are left for steps of their own.
const KEYS_PER_STEP: usize = 16;

/// Most elements of a value that is written together with its neighbours.
const WHOLE_ELEMENTS: usize = limits::MEMBERS_PER_LOCK / KEYS_PER_STEP;

/// A walk over everything the store holds.
#[derive(Debug)]
pub struct Snapshot<'s> {
    store: &'s Store,
    shard: usize,
    database: DatabaseIndex,
    /// Where the keyspace's scan goes on; `None` once it is through and only `large` is left of it.
    cursor: Option<u64>,
    /// Keys of this keyspace whose values take steps of their own.
    large: VecDeque<LargeKey>,
}

/// How far the walk has come in a large value.
#[derive(Debug)]
struct LargeKey {
    key: Box<[u8]>,
    resume: Resume,
}

#[derive(Debug)]
enum Resume {
    Start,
    /// After this entry of a ranking.
    After(Score, Box<[u8]>),
    /// At this place of a set.
    At(u64),
}

impl Store {
    /// Begins a walk over everything.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot { store: self, shard: 0, database: 0, cursor: Some(0), large: VecDeque::new() }
    }
}

impl Snapshot<'_> {
    /// Adds what the next stretch of the store holds to `out`, as one closed record. Holds one shard's lock, for
    /// reading, over about [`limits::MEMBERS_PER_LOCK`] elements. Returns whether there may be more.
    pub fn step(&mut self, out: &mut ChangeBuffer) -> bool {
        if let Some(large) = self.large.pop_front() {
            self.step_large(large, out);
        } else if let Some(cursor) = self.cursor {
            self.step_keys(cursor, out);
        } else {
            self.database += 1;
            if self.database == self.store.databases() {
                self.database = 0;
                self.shard += 1;
            }
            if self.shard == self.store.shard_count() {
                return false;
            }
            self.cursor = Some(0);
        }
        out.end_record();
        true
    }

    fn step_keys(&mut self, cursor: u64, out: &mut ChangeBuffer) {
        let database = self.database;
        let shard = self.store.shards[self.shard].read();
        let next = shard.keyspace(database).scan(cursor, KEYS_PER_STEP, |entry| {
            let elements = match &entry.value {
                Value::String(_) => 1,
                Value::Set(members) => members.len(),
                Value::Ranking(ranking) => ranking.len(),
            };
            if elements > WHOLE_ELEMENTS {
                self.large.push_back(LargeKey { key: (*entry.key).into(), resume: Resume::Start });
            } else {
                write_whole(entry, database, out);
            }
        });
        self.cursor = Some(next).filter(|&next| next != 0);
    }

    fn step_large(&mut self, large: LargeKey, out: &mut ChangeBuffer) {
        let database = self.database;
        let LargeKey { key, resume } = large;
        let shard = self.store.shards[self.shard].read();
        // A key that has gone or changed its type since has left Changes that say so.
        let Some(entry) = shard.keyspace(database).get(self.store.locate(&key)) else { return };
        let next = match (&entry.value, resume) {
            (Value::Ranking(ranking), resume @ (Resume::Start | Resume::After(..))) => {
                let start = match &resume {
                    Resume::After(score, member) => ranking.position(Bound::AboveEntry(*score, member)),
                    _ => 0,
                };
                let end = ranking.len().min(start + limits::MEMBERS_PER_LOCK);
                ranking.visit(start..end, Order::Ascending, |member, score| {
                    out.set_score(database, &key, member, score);
                });
                let mut next = None;
                if end < ranking.len() {
                    ranking.visit(end - 1..end, Order::Ascending, |member, score| {
                        next = Some(Resume::After(score, member.into()));
                    });
                }
                next
            }
            (Value::Set(members), resume @ (Resume::Start | Resume::At(_))) => {
                let from = if let Resume::At(from) = resume { from } else { 0 };
                let write = |member: &[u8]| out.add_member(database, &key, member);
                Some(members.scan(from, limits::MEMBERS_PER_LOCK, write))
                    .filter(|&next| next != 0)
                    .map(Resume::At)
            }
            (Value::String(_), _) => {
                write_whole(entry, database, out);
                return;
            }
            // Another type than when the walk began in it.
            _ => return,
        };
        if let Some(at_ms) = entry.expire_at_ms() {
            out.set_expiry(database, &key, Some(at_ms));
        }
        if let Some(resume) = next {
            self.large.push_front(LargeKey { key, resume });
        }
    }
}

fn write_whole(entry: &Entry, database: DatabaseIndex, out: &mut ChangeBuffer) {
    let key = &*entry.key;
    match &entry.value {
        Value::String(bytes) => {
            out.set_string(database, key, bytes, entry.expire_at_ms());
            return;
        }
        Value::Set(members) => members.for_each(|member| out.add_member(database, key, member)),
        Value::Ranking(ranking) => {
            ranking.visit(0..ranking.len(), Order::Ascending, |member, score| {
                out.set_score(database, key, member, score);
            });
        }
    }
    if let Some(at_ms) = entry.expire_at_ms() {
        out.set_expiry(database, key, Some(at_ms));
    }
}
