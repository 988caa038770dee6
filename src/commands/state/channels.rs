//! Channels: which clients are subscribed to which, and how a message reaches them.
//!
//! The publisher's thread puts a message into the mailbox of each subscriber; the subscriber's connection sends it.
//! Keyspace events are messages too.

use super::client::Client;
use super::clients::Clients;
use crate::config::EventClasses;
use crate::resp::Protocol;
use crate::resp::reply::Reply;
use crate::store::Basis;
use crate::store::event::{EventSink, KeyEvent};
use crate::text::glob::{Case, matches};
use dashmap::DashMap;
use parking_lot::RwLock;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What can be subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Topic {
    /// The messages of one channel.
    Channel,
    /// Those of every channel whose name matches.
    Pattern,
    /// The messages of one sharded channel: a channel of its own, which no pattern matches.
    ShardChannel,
}

impl Topic {
    pub(in crate::commands) const ALL: [Self; 3] = [Self::Channel, Self::Pattern, Self::ShardChannel];

    /// What confirms that a subscription has begun.
    pub(in crate::commands) fn subscribed(self) -> &'static [u8] {
        match self {
            Self::Channel => b"subscribe",
            Self::Pattern => b"psubscribe",
            Self::ShardChannel => b"ssubscribe",
        }
    }

    /// What confirms that a subscription has ended.
    pub(in crate::commands) fn unsubscribed(self) -> &'static [u8] {
        match self {
            Self::Channel => b"unsubscribe",
            Self::Pattern => b"punsubscribe",
            Self::ShardChannel => b"sunsubscribe",
        }
    }
}

/// The clients that are subscribed to one channel or pattern.
type Listeners = Vec<Arc<Client>>;

/// Channels and their subscribers.
pub(in crate::commands) type ListenersByName = DashMap<Box<[u8]>, Listeners>;

/// The subscribers of all channels and patterns.
#[derive(Debug)]
pub struct Channels {
    clients: Arc<Clients>,
    pub(in crate::commands) channels: ListenersByName,
    pub(in crate::commands) shard_channels: ListenersByName,
    patterns: RwLock<BTreeMap<Box<[u8]>, Listeners>>,
}

/// The channels and patterns that one client is subscribed to.
#[derive(Debug, Default)]
pub struct Subscriptions {
    pub(in crate::commands) channels: BTreeSet<Box<[u8]>>,
    pub(in crate::commands) patterns: BTreeSet<Box<[u8]>>,
    pub(in crate::commands) shard_channels: BTreeSet<Box<[u8]>>,
}

impl Subscriptions {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many there are.
    pub(in crate::commands) fn len(&self) -> usize {
        self.channels.len() + self.patterns.len() + self.shard_channels.len()
    }

    pub(in crate::commands) fn of(&mut self, topic: Topic) -> &mut BTreeSet<Box<[u8]>> {
        match topic {
            Topic::Channel => &mut self.channels,
            Topic::Pattern => &mut self.patterns,
            Topic::ShardChannel => &mut self.shard_channels,
        }
    }

    /// How many a confirmation for `topic` counts: those of sharded channels, or all others.
    pub(in crate::commands) fn counted(&self, topic: Topic) -> usize {
        match topic {
            Topic::Channel | Topic::Pattern => self.channels.len() + self.patterns.len(),
            Topic::ShardChannel => self.shard_channels.len(),
        }
    }
}

impl Channels {
    /// Without subscribers.
    #[must_use]
    pub fn new(clients: Arc<Clients>) -> Self {
        Self {
            clients,
            channels: DashMap::new(),
            shard_channels: DashMap::new(),
            patterns: RwLock::default(),
        }
    }

    /// Sends `message`, which rests on `basis`, to the subscribers of `channel` and of patterns that match it. Returns how
    /// many subscriptions it was sent to.
    pub fn publish(&self, channel: &[u8], message: &[u8], basis: &Basis) -> usize {
        let mut receivers = 0;
        if let Some(clients) = self.channels.get(channel) {
            receivers += clients.len();
            let parts: [&[u8]; 3] = [b"message", channel, message];
            self.send(&parts, &clients, basis);
        }
        for (pattern, clients) in self.patterns.read().iter() {
            if matches(pattern, channel, Case::Sensitive) {
                receivers += clients.len();
                let parts: [&[u8]; 4] = [b"pmessage", pattern, channel, message];
                self.send(&parts, clients, basis);
            }
        }
        receivers
    }

    /// Sends `message`, which rests on `basis`, to the subscribers of a sharded channel. Returns how many there are.
    pub(in crate::commands) fn publish_sharded(
        &self,
        channel: &[u8],
        message: &[u8],
        basis: &Basis,
    ) -> usize {
        let Some(clients) = self.shard_channels.get(channel) else { return 0 };
        self.send(&[b"smessage", channel, message], &clients, basis);
        clients.len()
    }

    fn send(&self, parts: &[&[u8]], clients: &[Arc<Client>], basis: &Basis) {
        let mut message = Message::new(parts);
        for client in clients {
            let spelled = message.spelled(client.protocol());
            self.clients.send(client, spelled, basis);
        }
    }

    /// The number of channels, and of patterns, that have subscribers.
    #[must_use]
    pub fn len(&self) -> (usize, usize) {
        (self.channels.len(), self.patterns.read().len())
    }

    /// Calls `visit` with each subscription to what `topic` says: the channel or pattern, and the client. O(subscriptions).
    pub(in crate::commands) fn for_each_subscription(
        &self,
        topic: Topic,
        visit: &mut dyn FnMut(&[u8], &Arc<Client>),
    ) {
        let mut visit_all = |channels: &ListenersByName| {
            channels.iter().for_each(|entry| {
                entry.value().iter().for_each(|client| visit(entry.key(), client));
            });
        };
        match topic {
            Topic::Channel => visit_all(&self.channels),
            Topic::ShardChannel => visit_all(&self.shard_channels),
            Topic::Pattern => self.patterns.read().iter().for_each(|(pattern, clients)| {
                clients.iter().for_each(|client| visit(pattern, client));
            }),
        }
    }

    pub(in crate::commands) fn add(&self, topic: Topic, name: &[u8], client: &Arc<Client>) {
        match topic {
            Topic::Channel => self.channels.entry(name.into()).or_default().push(Arc::clone(client)),
            Topic::ShardChannel => {
                self.shard_channels.entry(name.into()).or_default().push(Arc::clone(client));
            }
            Topic::Pattern => {
                self.patterns.write().entry(name.into()).or_default().push(Arc::clone(client));
            }
        }
    }

    pub(in crate::commands) fn remove(&self, topic: Topic, name: &[u8], client: &Arc<Client>) {
        let leave = |clients: &mut Listeners| {
            clients.retain(|other| other.id != client.id);
            clients.is_empty()
        };
        match topic {
            Topic::Channel => {
                self.channels.remove_if_mut(name, |_, clients| leave(clients));
            }
            Topic::ShardChannel => {
                self.shard_channels.remove_if_mut(name, |_, clients| leave(clients));
            }
            Topic::Pattern => {
                let mut patterns = self.patterns.write();
                if patterns.get_mut(name).is_some_and(leave) {
                    patterns.remove(name);
                }
            }
        }
    }
}

impl Channels {
    /// Ends all subscriptions of a client whose connection is being closed by another. O(N) with N subscriptions of all clients.
    pub(in crate::commands) fn forget(&self, client: &Client) {
        if !client.is_subscribed() {
            return;
        }
        let leave = |clients: &mut Listeners| {
            clients.retain(|other| other.id != client.id);
            !clients.is_empty()
        };
        self.channels.retain(|_, clients| leave(clients));
        self.shard_channels.retain(|_, clients| leave(clients));
        self.patterns.write().retain(|_, clients| leave(clients));
    }
}

/// A message, written once for each protocol.
struct Message<'m> {
    parts: &'m [&'m [u8]],
    resp2: Vec<u8>,
    resp3: Vec<u8>,
}

impl<'m> Message<'m> {
    fn new(parts: &'m [&'m [u8]]) -> Self {
        Self { parts, resp2: Vec::new(), resp3: Vec::new() }
    }

    fn spelled(&mut self, protocol: Protocol) -> &[u8] {
        let spelled = match protocol {
            Protocol::Resp3 => &mut self.resp3,
            Protocol::Resp2 => &mut self.resp2,
        };
        if spelled.is_empty() {
            let mut reply = Reply::new(spelled, protocol);
            reply.push(self.parts.len());
            self.parts.iter().for_each(|part| reply.bulk(part));
        }
        spelled
    }
}

impl EventSink for Channels {
    fn publish(&self, classes: EventClasses, events: &[KeyEvent], basis: &Basis) {
        for KeyEvent { name, database, key } in events {
            if classes.has(EventClasses::TO_KEYSPACE) {
                let channel = [format!("__keyspace@{database}__:").as_bytes(), key].concat();
                Channels::publish(self, &channel, name.as_bytes(), basis);
            }
            if classes.has(EventClasses::TO_KEYEVENT) {
                let channel = format!("__keyevent@{database}__:{name}");
                Channels::publish(self, channel.as_bytes(), key, basis);
            }
        }
    }
}
