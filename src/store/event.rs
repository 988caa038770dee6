//! Keyspace events: what happened to which key, for subscribers; and changed keys, for clients that keep copies of values.

use super::change::basis::Basis;
use super::numbers::DatabaseIndex;
use crate::config::EventClasses;
use std::collections::HashSet;

/// Something that happened to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEvent {
    /// The event's name in Redis 8.2: `zadd`, `expired`.
    pub name: &'static str,
    /// The key's database.
    pub database: DatabaseIndex,
    /// The key.
    pub key: Box<[u8]>,
}

/// Receives events.
///
/// `publish` is called under the locks of the shards of the events, so the events of one key come in their order. It
/// must not block and must not call back into the store.
pub trait EventSink: Send + Sync {
    /// Takes `events`, in their order, for the channels that `classes` names. A subscriber must not get them before
    /// `basis` is safe.
    fn publish(&self, classes: EventClasses, events: &[KeyEvent], basis: &Basis);
}

/// A change that makes clients' copies of values worthless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StaleKey {
    /// A command has changed this key.
    Changed(Box<[u8]>),
    /// A command has changed this key, and its client has read the key since, for the first time.
    ReadSince(Box<[u8]>),
    /// The key has expired.
    Expired(Box<[u8]>),
    /// All keys of a database, or of all databases, were removed.
    All,
}

/// Receives changed keys.
///
/// `invalidate` is called under the locks of the shards of the keys. It must not block and must not call back into the store.
pub trait StaleKeySink: Send + Sync {
    /// Takes the changes that the client numbered `by` has made, in their order. A client must not get them before `basis` is
    /// safe.
    fn invalidate(&self, stale: Vec<StaleKey>, by: u64, basis: &Basis);
}

/// The events of one hold, of the classes that subscribers want.
#[derive(Debug, Default)]
pub(super) struct EventBuffer {
    wanted: EventClasses,
    events: Vec<KeyEvent>,
    stale: Vec<StaleKey>,
    /// Those of the changed keys that the client has read since, for the first time.
    read_since: Option<HashSet<Box<[u8]>>>,
}

impl EventBuffer {
    /// Sets the classes of the events that are kept from now on.
    pub(super) fn want(&mut self, wanted: EventClasses) {
        self.wanted = wanted;
    }

    /// Whether events of `class` are kept.
    pub(super) fn wants(&self, class: EventClasses) -> bool {
        self.wanted.has(class)
    }

    /// Keeps an event if its class is wanted.
    pub(super) fn push(
        &mut self,
        class: EventClasses,
        name: &'static str,
        database: DatabaseIndex,
        key: &[u8],
    ) {
        if self.wants(class) {
            self.events.push(KeyEvent { name, database, key: key.into() });
        }
    }

    /// Whether clients have copies of values.
    pub(super) fn wants_stale(&self) -> bool {
        self.wants(EventClasses::CACHED_KEYS)
    }

    /// Keeps a change of a key if clients have copies of values.
    pub(super) fn note_stale(&mut self, stale: impl FnOnce() -> StaleKey) {
        if self.wants_stale() {
            let stale = stale();
            if let StaleKey::Changed(key) = &stale {
                self.read_since.as_mut().map(|read| read.remove(key));
            }
            self.stale.push(stale);
        }
    }

    /// The client has read a key for the first time. If it has changed the key before that, what it read is not stale. O(1).
    pub(super) fn note_first_read(&mut self, key: &[u8]) {
        if self.has_stale() {
            self.read_since.get_or_insert_default().insert(key.into());
        }
    }

    /// Whether neither events nor changed keys are kept.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.stale.is_empty()
    }

    /// Whether changed keys are kept.
    pub(super) fn has_stale(&self) -> bool {
        !self.stale.is_empty()
    }

    /// Removes and returns the changed keys.
    pub(super) fn take_stale(&mut self) -> Vec<StaleKey> {
        let read_since = self.read_since.take().unwrap_or_default();
        let told = |stale| match stale {
            StaleKey::Changed(key) if read_since.contains(&key) => StaleKey::ReadSince(key),
            stale => stale,
        };
        std::mem::take(&mut self.stale).into_iter().map(told).collect()
    }

    /// Removes and returns the events.
    pub(super) fn take(&mut self) -> Vec<KeyEvent> {
        std::mem::take(&mut self.events)
    }
}
