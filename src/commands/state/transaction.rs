//! A connection's transaction between MULTI and EXEC: the requests it has queued, and the keys it watches.

use super::client::name_bytes;
use crate::resp::queue::RequestQueue;
use crate::resp::request::Arguments;
use crate::store::change::ChangeBuffer;
use crate::store::keys::interest::Watch;
use crate::store::{Access, DatabaseIndex, Hold, Store};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What queued scripts say of themselves, taken together. One that says nothing counts for nothing: its commands are checked when they
/// run.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::commands) struct QueuedScripts {
    /// One may write.
    pub(in crate::commands) write: bool,
    /// One may need memory.
    pub(in crate::commands) need_memory: bool,
    /// One must not run on data that may be old.
    pub(in crate::commands) need_new_data: bool,
}

/// A transaction between MULTI and EXEC.
#[derive(Debug, Default)]
pub(in crate::commands) struct Transaction {
    pub(in crate::commands) requests: RequestQueue,
    /// The commands of `requests`, as their places in the table.
    pub(in crate::commands) places: Vec<usize>,
    pub(in crate::commands) scripts: QueuedScripts,
    /// A request could not be queued, so nothing will be run.
    pub(in crate::commands) must_abort: bool,
}

impl Transaction {
    pub(in crate::commands) fn queue(&mut self, place: usize, request: Arguments<'_>) {
        // As in Redis, requests that will not be run are not kept.
        if !self.must_abort {
            self.requests.push(request);
            self.places.push(place);
        }
    }
}

/// The keys that a session watches.
#[derive(Debug, Default)]
pub(in crate::commands) struct Watching {
    watch: Arc<Watch>,
    keys: BTreeSet<(DatabaseIndex, Box<[u8]>)>,
    /// The bytes that their names take.
    name_bytes: usize,
}

impl Watching {
    pub(in crate::commands) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().map(|(_, key)| &**key)
    }

    pub(in crate::commands) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The bytes that the keys' names take, with their places in tables.
    pub(in crate::commands) fn name_bytes(&self) -> usize {
        self.name_bytes
    }

    /// Watches a key too. Locks its shard.
    pub(in crate::commands) fn watch(&mut self, store: &Store, database: DatabaseIndex, key: &[u8]) {
        if self.keys.insert((database, key.into())) {
            self.name_bytes += name_bytes(key);
            hold_key(store, key).writer(database).watch(key, &self.watch);
        }
    }

    /// Whether a watched key has changed or expired. `hold` must have their shards.
    pub(in crate::commands) fn is_broken(&self, hold: &Hold<'_>) -> bool {
        let has_expired = |(database, key): &(DatabaseIndex, Box<[u8]>)| {
            hold.reader(*database).has_expired_under(key, &self.watch)
        };
        self.watch.is_broken() || self.keys.iter().any(has_expired)
    }

    /// Stops watching. Locks one shard after the other.
    pub(in crate::commands) fn end(self, store: &Store) {
        for (database, key) in &self.keys {
            hold_key(store, key).writer(*database).unwatch(key, &self.watch);
        }
    }
}

fn hold_key<'s>(store: &'s Store, key: &[u8]) -> Hold<'s> {
    Hold::on(store, &[store.shard_of(key)], Access::Write, ChangeBuffer::default())
}
