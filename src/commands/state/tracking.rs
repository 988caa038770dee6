//! Client-side caching (CLIENT TRACKING): which clients keep copies of which keys, and how they learn that a copy is stale.
//!
//! A client that tracks has its reads noted while the shard of the key is locked. A change of the key takes the same lock,
//! so it comes behind the note, and its message comes behind the reply of the read. In the broadcast mode no reads are
//! noted; the client names prefixes of keys instead.

use super::client::Client;
use super::clients::Clients;
use super::marks::Mark;
use super::tracking_table::ReadKeys;
use crate::resp::Protocol;
use crate::resp::reply::Reply;
use crate::store::event::{StaleKey, StaleKeySink};
use crate::store::{Basis, Seq, Store};
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The channel by which a client that speaks RESP2 gets the invalidations of another.
const CHANNEL: &[u8] = b"__redis__:invalidate";

/// Who tracks what.
#[derive(Debug)]
pub struct Tracking {
    clients: Arc<Clients>,
    /// How many clients track. While it is 0, the store collects no changed keys.
    trackers: Mutex<usize>,
    read: ReadKeys,
    /// The clients that want to know of all keys with a prefix.
    prefixes: RwLock<BTreeMap<Box<[u8]>, BTreeSet<u64>>>,
}

/// The numbers of INFO.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "the fields are INFO's")]
pub struct TrackingCounts {
    pub clients: usize,
    pub keys: usize,
    pub items: usize,
    pub prefixes: usize,
}

/// What becomes of the keys of a message.
enum Stale<'k> {
    Keys(&'k [&'k [u8]]),
    All,
}

impl Tracking {
    /// Nobody tracks anything.
    #[must_use]
    pub fn new(clients: Arc<Clients>) -> Self {
        Self { clients, trackers: Mutex::default(), read: ReadKeys::default(), prefixes: RwLock::default() }
    }

    /// A further client tracks.
    pub(in crate::commands) fn begin(self: &Arc<Self>, store: &Store) {
        let mut trackers = self.trackers.lock();
        *trackers += 1;
        store.watch_all_keys(self, true);
    }

    /// A client does not track any more. Behind the last one everything is forgotten.
    pub(in crate::commands) fn end(self: &Arc<Self>, store: &Store) {
        let mut trackers = self.trackers.lock();
        *trackers -= 1;
        if *trackers == 0 {
            store.watch_all_keys(self, false);
            self.read.clear();
        }
    }

    /// The client wants to know of all keys with this prefix, or does not any more.
    pub(in crate::commands) fn want_prefix(&self, client: &Client, prefix: &[u8], is_wanted: bool) {
        let mut prefixes = self.prefixes.write();
        if is_wanted {
            prefixes.entry(prefix.into()).or_default().insert(client.id);
        } else if let Some(clients) = prefixes.get_mut(prefix) {
            clients.remove(&client.id);
            if clients.is_empty() {
                prefixes.remove(prefix);
            }
        }
    }

    /// Notes that the client has read `key`, whose shard is held. Of more than `most` keys (0: any number) others are
    /// forgotten; their readers are told to drop them. Returns whether this read of the client was not noted yet.
    pub(in crate::commands) fn note_read(&self, client: &Client, key: &[u8], most: usize) -> bool {
        let is_first = self.add(client.id, key);
        self.keep_at_most(most, Some(key));
        is_first
    }

    fn add(&self, client: u64, key: &[u8]) -> bool {
        self.read.add(key, client, |id| self.clients.get(id).is_some())
    }

    /// Forgets keys until there are at most `most` (0: any number). `kept` stays.
    pub fn keep_at_most(&self, most: usize, kept: Option<&[u8]>) {
        while most > 0 && self.read.len() > most {
            let Some((other, readers)) = self.read.take_any_but(kept) else { break };
            self.tell_readers(&readers, &other, None, &Basis::Record(Seq::default()));
        }
    }

    /// The numbers of INFO.
    #[must_use]
    pub fn counts(&self) -> TrackingCounts {
        TrackingCounts {
            clients: *self.trackers.lock(),
            keys: self.read.len(),
            items: self.read.readers(),
            prefixes: self.prefixes.read().len(),
        }
    }

    /// Tells the readers of a key that the client `by` has changed it.
    fn tell_readers(&self, readers: &[u64], key: &[u8], by: Option<u64>, basis: &Basis) {
        for id in readers {
            let Some(client) = self.clients.get(*id) else { continue };
            let is_own = by == Some(*id) && client.marks.has(Mark::NoLoop);
            if client.marks.has(Mark::Tracks) && !client.marks.has(Mark::Broadcast) && !is_own {
                self.tell(&client, &Stale::Keys(&[key]), basis);
            }
        }
    }

    /// Sends one message for each prefix to those who want to know of it.
    fn broadcast(&self, stale: &[StaleKey], by: u64, basis: &Basis) {
        let prefixes = self.prefixes.read();
        for (prefix, clients) in &*prefixes {
            let keys = |with_own: bool| -> Vec<&[u8]> {
                let keys = stale.iter().filter_map(|stale| match stale {
                    StaleKey::Changed(key) | StaleKey::ReadSince(key) if with_own => Some(&**key),
                    StaleKey::Expired(key) => Some(&**key),
                    StaleKey::Changed(_) | StaleKey::ReadSince(_) | StaleKey::All => None,
                });
                let matching: BTreeSet<&[u8]> = keys.filter(|key| key.starts_with(prefix)).collect();
                matching.into_iter().collect()
            };
            let all = keys(true);
            if all.is_empty() {
                continue;
            }
            for client in clients.iter().filter_map(|id| self.clients.get(*id)) {
                if client.id == by && client.marks.has(Mark::NoLoop) {
                    let others = keys(false);
                    if !others.is_empty() {
                        self.tell(&client, &Stale::Keys(&others), basis);
                    }
                } else {
                    self.tell(&client, &Stale::Keys(&all), basis);
                }
            }
        }
    }

    /// All keys are gone.
    fn tell_all(&self, basis: &Basis) {
        self.read.clear();
        for client in self.clients.all().iter().filter(|client| client.marks.has(Mark::Tracks)) {
            self.tell(client, &Stale::All, basis);
        }
    }

    /// Sends a message to the client, or to the one that gets its invalidations.
    fn tell(&self, client: &Arc<Client>, stale: &Stale<'_>, basis: &Basis) {
        let redirect = client.redirect.load(Ordering::Relaxed);
        let mut message = Vec::new();
        if redirect == 0 {
            // In RESP2 there are no messages outside of channels.
            if client.protocol() == Protocol::Resp3 {
                spell_push(&mut message, stale);
                self.clients.send(client, &message, basis);
            }
            return;
        }
        let Some(target) = self.clients.get(redirect) else {
            client.marks.set(Mark::BrokenRedirect, true);
            if client.protocol() == Protocol::Resp3 {
                let mut reply = Reply::new(&mut message, Protocol::Resp3);
                reply.push(2);
                reply.bulk(b"tracking-redir-broken");
                reply.integer(redirect.cast_signed());
                self.clients.send(client, &message, basis);
            }
            return;
        };
        if target.protocol() == Protocol::Resp3 {
            spell_push(&mut message, stale);
        } else if target.is_subscribed() {
            let mut reply = Reply::new(&mut message, Protocol::Resp2);
            reply.push(3);
            reply.bulk(b"message");
            reply.bulk(CHANNEL);
            // As in Redis, "all keys" is null in the protocol of the client that tracks.
            let mut reply = match stale {
                Stale::All => Reply::new(&mut message, client.protocol()),
                Stale::Keys(_) => reply,
            };
            spell(&mut reply, stale);
        } else {
            return;
        }
        self.clients.send(&target, &message, basis);
    }
}

fn spell_push(message: &mut Vec<u8>, stale: &Stale<'_>) {
    let mut reply = Reply::new(message, Protocol::Resp3);
    reply.push(2);
    reply.bulk(b"invalidate");
    spell(&mut reply, stale);
}

fn spell(reply: &mut Reply<'_>, stale: &Stale<'_>) {
    match stale {
        Stale::All => reply.null(),
        Stale::Keys(keys) => {
            reply.array(keys.len());
            keys.iter().for_each(|key| reply.bulk(key));
        }
    }
}

impl StaleKeySink for Tracking {
    fn invalidate(&self, stale: Vec<StaleKey>, by: u64, basis: &Basis) {
        for change in &stale {
            match change {
                StaleKey::Changed(key) => self.tell_readers(&self.read.take(key), key, Some(by), basis),
                StaleKey::ReadSince(key) => {
                    let mut readers = self.read.take(key);
                    readers.retain(|reader| *reader != by);
                    self.tell_readers(&readers, key, Some(by), basis);
                    self.add(by, key);
                }
                StaleKey::Expired(key) => self.tell_readers(&self.read.take(key), key, None, basis),
                StaleKey::All => self.tell_all(basis),
            }
        }
        self.broadcast(&stale, by, basis);
    }
}
