//! Changes as commands of another server: what a replica, a key-space feed and `rankd journal dump --resp` send.
//!
//! Any Redis or Valkey from version 5 on has these commands, but for the expiry of fields (Redis 7.4, Valkey 9) and some
//! options of streams (version 7). If a server is in the state before a Change and gets its
//! commands, it ends in the state after it.

use super::{Change, DatabaseNumbering, Destination, Relocation, What};
use crate::store::numbers::{DatabaseIndex, KeyspaceIndex};
use crate::store::values::board::change::BoardChange;
use crate::store::values::hash::change::HashChange;
use crate::store::values::kinds::ValueChange;
use crate::store::values::list::End;
use crate::store::values::list::change::ListChange;
use crate::store::values::set::change::SetChange;
use crate::store::values::stream::change::StreamChange;
use crate::store::values::stream::{GroupPosition, StreamId};
use crate::store::values::string::change::StringChange;

/// Writes Changes as commands for one receiver, whose databases have the keyspaces of their own numbers at first.
#[derive(Clone, Debug, Default)]
pub struct Speller {
    /// Whether the receiver has selected another database than `selected`, perhaps.
    has_forgotten: bool,
    /// The database that the receiver has selected; 0 at first.
    selected: DatabaseIndex,
    /// The keyspaces of the receiver's databases.
    numbering: DatabaseNumbering,
}

impl Speller {
    /// Writes for a receiver whose databases have these keyspaces: one that holds nothing yet, before it gets a walk over a
    /// store with this numbering.
    #[must_use]
    pub fn numbered(numbering: DatabaseNumbering) -> Self {
        Self { has_forgotten: false, selected: 0, numbering }
    }

    /// The keyspaces of the receiver's databases by now.
    #[must_use]
    pub fn numbering(&self) -> &DatabaseNumbering {
        &self.numbering
    }

    /// The next command on a key is behind a SELECT: a further receiver begins here.
    pub fn forget_selected(&mut self) {
        self.has_forgotten = true;
    }

    /// Calls `send` with the words of each command that makes `change` true, in order.
    ///
    /// # Errors
    /// An error of `send`, at which it stops.
    pub fn spell<E>(
        &mut self,
        change: &Change<'_>,
        send: &mut impl FnMut(&[&[u8]]) -> Result<(), E>,
    ) -> Result<(), E> {
        match *change {
            Change::Key { keyspace, key, what } => {
                self.select(keyspace, send)?;
                match what {
                    What::Value(change) => spell_value(key, change, send),
                    What::Expiry(Some(at_ms)) => send(&[b"PEXPIREAT", key, at_ms.to_string().as_bytes()]),
                    What::Expiry(None) => send(&[b"PERSIST", key]),
                    What::Dropped => send(&[b"DEL", key]),
                }
            }
            Change::Relocated(Relocation { keyspace, key, to }) => {
                self.select(keyspace, send)?;
                match to {
                    Destination::Name(name) => send(&[b"RENAME", key, name]),
                    Destination::Keyspace(keyspace) => {
                        let database = self.numbering.database_of(keyspace).to_string();
                        send(&[b"MOVE", key, database.as_bytes()])
                    }
                }
            }
            Change::FlushDatabase(keyspace) => {
                self.select(keyspace, send)?;
                send(&[b"FLUSHDB"])
            }
            Change::FlushAll => send(&[b"FLUSHALL"]),
            Change::Numbered(numbering) => self.numbering.become_like(&numbering.decoded(), |one, other| {
                send(&[b"SWAPDB", one.to_string().as_bytes(), other.to_string().as_bytes()])
            }),
            // The other server has no policies.
            Change::Templated(_) => Ok(()),
            Change::Library { text: Some(text), .. } => send(&[b"FUNCTION", b"LOAD", b"REPLACE", text]),
            Change::Library { name, text: None } => send(&[b"FUNCTION", b"DELETE", name]),
            // About this server, not about its data.
            Change::Follows(_) | Change::Reached(_) => Ok(()),
            // The next record has further commands of the same change.
            Change::Continued => Ok(()),
        }
    }

    /// Has the receiver select the database that has this keyspace.
    ///
    /// # Errors
    /// An error of `send`.
    pub fn select<E>(
        &mut self,
        keyspace: KeyspaceIndex,
        send: &mut impl FnMut(&[&[u8]]) -> Result<(), E>,
    ) -> Result<(), E> {
        let database = self.numbering.database_of(keyspace);
        if database != self.selected || self.has_forgotten {
            send(&[b"SELECT", database.to_string().as_bytes()])?;
            self.selected = database;
            self.has_forgotten = false;
        }
        Ok(())
    }
}

fn spell_value<E>(
    key: &[u8],
    change: ValueChange<'_>,
    send: &mut impl FnMut(&[&[u8]]) -> Result<(), E>,
) -> Result<(), E> {
    match change {
        ValueChange::String(StringChange::Set { value, expire_at_ms }) => {
            send(&[b"SET", key, value])?;
            match expire_at_ms {
                Some(at_ms) => send(&[b"PEXPIREAT", key, at_ms.to_string().as_bytes()]),
                None => Ok(()),
            }
        }
        ValueChange::String(StringChange::Patch { offset, bytes }) => {
            send(&[b"SETRANGE", key, offset.to_string().as_bytes(), bytes])
        }
        ValueChange::List(change) => spell_list(key, change, send),
        ValueChange::Set(SetChange::Add(members)) => send(&list(b"SADD", key, members.iter())),
        ValueChange::Set(SetChange::Remove(members)) => send(&list(b"SREM", key, members.iter())),
        ValueChange::SortedSet(BoardChange::SetScores(entries)) => {
            let scores: Vec<_> = entries.iter().map(|(_, score)| score.to_string()).collect();
            let words = scores.iter().zip(entries.iter());
            let words = words.flat_map(|(score, (member, _))| [score.as_bytes(), member]);
            send(&list(b"ZADD", key, words))
        }
        ValueChange::SortedSet(BoardChange::SetAttained(entries)) => {
            let scores: Vec<_> =
                entries.iter().map(|(_, attained, _)| attained.points.nearest().to_string()).collect();
            let words = scores.iter().zip(entries.iter());
            let words = words.flat_map(|(score, (member, ..))| [score.as_bytes(), member]);
            send(&list(b"ZADD", key, words))
        }
        // The other server has no policies.
        ValueChange::SortedSet(BoardChange::SetRules(_) | BoardChange::NoteIds(_)) => Ok(()),
        ValueChange::SortedSet(BoardChange::Remove(members)) => send(&list(b"ZREM", key, members.iter())),
        ValueChange::Hash(HashChange::SetFields(entries)) => {
            send(&list(b"HSET", key, entries.iter().flat_map(|(field, value)| [field, value])))
        }
        ValueChange::Hash(HashChange::RemoveFields(fields)) => send(&list(b"HDEL", key, fields.iter())),
        ValueChange::Stream(change) => spell_stream(key, change, send),
        ValueChange::Hash(HashChange::ExpireFields(times)) => {
            times.iter().try_for_each(|(field, at_ms)| match at_ms {
                Some(at_ms) => {
                    let at_ms = at_ms.to_string();
                    send(&[b"HPEXPIREAT", key, at_ms.as_bytes(), b"FIELDS", b"1", field])
                }
                None => send(&[b"HPERSIST", key, b"FIELDS", b"1", field]),
            })
        }
    }
}

fn spell_list<E>(
    key: &[u8],
    change: ListChange<'_>,
    send: &mut impl FnMut(&[&[u8]]) -> Result<(), E>,
) -> Result<(), E> {
    match change {
        ListChange::Push(End::Front, elements) => send(&list(b"LPUSH", key, elements.iter())),
        ListChange::Push(End::Back, elements) => send(&list(b"RPUSH", key, elements.iter())),
        // LPOP with a count came with Redis 6.2.
        ListChange::Pop(End::Front, count) => send(&[b"LTRIM", key, count.to_string().as_bytes(), b"-1"]),
        ListChange::Pop(End::Back, count) => {
            let last = format!("-{}", count + 1);
            send(&[b"LTRIM", key, b"0", last.as_bytes()])
        }
        ListChange::Set { index, element } => send(&[b"LSET", key, index.to_string().as_bytes(), element]),
        ListChange::Insert { side, pivot, element, .. } => {
            let side: &[u8] = if side == End::Front { b"BEFORE" } else { b"AFTER" };
            send(&[b"LINSERT", key, side, pivot, element])
        }
        ListChange::Remove { count, element } => send(&[b"LREM", key, count.to_string().as_bytes(), element]),
        // The elements follow, and the receiver has no such key.
        ListChange::AsOf(_) => Ok(()),
    }
}

/// The name of a group that makes a stream and is gone at once.
const MAKING_GROUP: &[u8] = b"rankd";

fn spell_stream<E>(
    key: &[u8],
    change: StreamChange<'_>,
    send: &mut impl FnMut(&[&[u8]]) -> Result<(), E>,
) -> Result<(), E> {
    let texts = |ids: &mut dyn Iterator<Item = StreamId>| ids.map(|id| id.to_string()).collect::<Vec<_>>();
    match change {
        StreamChange::Make => {
            send(&[b"XGROUP", b"CREATE", key, MAKING_GROUP, b"0", b"MKSTREAM"])?;
            send(&[b"XGROUP", b"DESTROY", key, MAKING_GROUP])
        }
        StreamChange::Add(entries) => entries.iter().try_for_each(|entry| {
            let id = entry.id.to_string();
            let fields = entry.pairs().flat_map(|(name, value)| [name, value]);
            send(&list(b"XADD", key, std::iter::once(id.as_bytes()).chain(fields)))
        }),
        StreamChange::Remove(ids) => {
            let ids = texts(&mut ids.iter());
            send(&list(b"XDEL", key, ids.iter().map(String::as_bytes)))
        }
        StreamChange::TrimTo(up_to) => match up_to.next() {
            Some(first) => send(&[b"XTRIM", key, b"MINID", b"=", first.to_string().as_bytes()]),
            None => send(&[b"XTRIM", key, b"MAXLEN", b"=", b"0"]),
        },
        StreamChange::Head(head) => {
            let (last, added) = (head.last.to_string(), head.added.to_string());
            let deleted = head.max_deleted.to_string();
            let words: [&[u8]; 5] =
                [last.as_bytes(), b"ENTRIESADDED", added.as_bytes(), b"MAXDELETEDID", deleted.as_bytes()];
            send(&list(b"XSETID", key, words.into_iter()))
        }
        StreamChange::MakeGroup(group, position) => spell_group(b"CREATE", key, group, position, send),
        StreamChange::MoveGroup(group, position) => spell_group(b"SETID", key, group, position, send),
        StreamChange::DropGroup(group) => send(&[b"XGROUP", b"DESTROY", key, group]),
        StreamChange::Consumer(group, name, _) => send(&[b"XGROUP", b"CREATECONSUMER", key, group, name]),
        StreamChange::DropConsumer(group, name) => send(&[b"XGROUP", b"DELCONSUMER", key, group, name]),
        StreamChange::Pending(group, name, list) => list.iter().try_for_each(|(id, delivery)| {
            let [id, at_ms, count] = [id.to_string(), delivery.at_ms.to_string(), delivery.count.to_string()];
            let (at_ms, count) = (at_ms.as_bytes(), count.as_bytes());
            send(&[
                b"XCLAIM",
                key,
                group,
                name,
                b"0",
                id.as_bytes(),
                b"TIME",
                at_ms,
                b"RETRYCOUNT",
                count,
                b"FORCE",
                b"JUSTID",
            ])
        }),
        // The other server does not know ids of producers.
        StreamChange::Producers(_) | StreamChange::Requests(_) | StreamChange::RequestCounts(..) => Ok(()),
        StreamChange::NotPending(group, ids) => {
            let ids = texts(&mut ids.iter());
            send(&list(b"XACK", key, std::iter::once(group).chain(ids.iter().map(String::as_bytes))))
        }
    }
}

fn spell_group<E>(
    word: &[u8],
    key: &[u8],
    group: &[u8],
    position: GroupPosition,
    send: &mut impl FnMut(&[&[u8]]) -> Result<(), E>,
) -> Result<(), E> {
    let last = position.last.to_string();
    let read = position.entries_read.map_or_else(|| "-1".to_owned(), |read| read.to_string());
    send(&[b"XGROUP", word, key, group, last.as_bytes(), b"ENTRIESREAD", read.as_bytes()])
}

/// A command on `key` with all of `words`.
fn list<'a>(name: &'a [u8], key: &'a [u8], words: impl Iterator<Item = &'a [u8]>) -> Vec<&'a [u8]> {
    [name, key].into_iter().chain(words).collect()
}
