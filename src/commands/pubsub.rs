//! Channels: who has subscribed to what, and how messages get to them.
//!
//! A message is put into the mailboxes of its subscribers ([`super::mailbox`]) while the publisher's command runs;
//! their connections send it on. Keyspace events are messages too.

use super::call::Call;
use super::clients::Client;
use super::error::{CommandError, Outcome};
use super::host::Host;
use super::introspection;
use super::mailbox::Overflowed;
use super::session::Session;
use super::spec::{CommandSpec, Flag, Group, Manner, Run};
use crate::config::EventClasses;
use crate::glob::{Case, matches};
use crate::resp::Protocol;
use crate::resp::reply::Reply;
use crate::store::Basis;
use crate::store::event::{EventSink, KeyEvent};
use dashmap::DashMap;
use parking_lot::RwLock;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const BASE: CommandSpec = CommandSpec {
    group: Group::PubSub,
    since: "2.0.0",
    flags: &[Flag::Pubsub, Flag::Noscript, Flag::Loading, Flag::Stale],
    ..CommandSpec::BASE
};

const PUBSUB_BASE: CommandSpec =
    CommandSpec { since: "2.8.0", flags: &[Flag::Pubsub, Flag::Loading, Flag::Stale], ..BASE };

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "subscribe",
        syntax: "channel [channel ...]",
        summary: "Listens to channels",
        complexity: "O(N) for N channels",
        arity: -2,
        run: Run::Session(subscribe),
        manners: &[Manner::RunsWhileListening],
        ..BASE
    },
    CommandSpec {
        name: "unsubscribe",
        syntax: "[channel [channel ...]]",
        summary: "Listens to channels no more, or to none at all",
        complexity: "O(N) for N channels",
        arity: -1,
        run: Run::Session(unsubscribe),
        manners: &[Manner::RunsWhileListening],
        ..BASE
    },
    CommandSpec {
        name: "psubscribe",
        syntax: "pattern [pattern ...]",
        summary: "Listens to all channels that match patterns",
        complexity: "O(N) for N patterns",
        arity: -2,
        run: Run::Session(psubscribe),
        manners: &[Manner::RunsWhileListening],
        ..BASE
    },
    CommandSpec {
        name: "punsubscribe",
        syntax: "[pattern [pattern ...]]",
        summary: "Listens to patterns no more, or to none at all",
        complexity: "O(N) for N patterns",
        arity: -1,
        run: Run::Session(punsubscribe),
        manners: &[Manner::RunsWhileListening],
        ..BASE
    },
    CommandSpec {
        name: "publish",
        syntax: "channel message",
        summary: "Sends a message to those who listen to a channel; returns how many do",
        complexity: "O(N + M) for N listeners and M patterns of anyone",
        arity: 3,
        flags: &[Flag::Pubsub, Flag::Loading, Flag::Stale, Flag::Fast],
        run: Run::Session(publish),
        ..BASE
    },
    CommandSpec {
        name: "pubsub",
        syntax: "",
        summary: "Commands about channels",
        since: "2.8.0",
        complexity: "Depends on subcommand",
        arity: -2,
        flags: &[],
        subcommands: PUBSUB,
        ..BASE
    },
];

const PUBSUB: &[CommandSpec] = &[
    CommandSpec {
        name: "channels",
        syntax: "[pattern]",
        summary: "Returns the channels that somebody listens to",
        complexity: "O(N) with N channels in use",
        arity: -2,
        run: Run::Session(pubsub_channels),
        ..PUBSUB_BASE
    },
    CommandSpec {
        name: "numsub",
        syntax: "[channel [channel ...]]",
        summary: "Counts those who listen to channels",
        complexity: "O(N) for N channels",
        arity: -2,
        run: Run::Session(pubsub_numsub),
        ..PUBSUB_BASE
    },
    CommandSpec {
        name: "numpat",
        syntax: "",
        summary: "Counts the patterns that somebody listens to",
        complexity: "O(1)",
        arity: 2,
        run: Run::Session(pubsub_numpat),
        ..PUBSUB_BASE
    },
    CommandSpec {
        name: "shardchannels",
        syntax: "[pattern]",
        summary: "Returns the sharded channels that somebody listens to: none, for there are none",
        since: "7.0.0",
        arity: -2,
        run: Run::Session(pubsub_shardchannels),
        ..PUBSUB_BASE
    },
    CommandSpec {
        name: "shardnumsub",
        syntax: "[shardchannel [shardchannel ...]]",
        summary: "Counts those who listen to sharded channels: nobody, for there are none",
        since: "7.0.0",
        complexity: "O(N) for N channels",
        arity: -2,
        run: Run::Session(pubsub_shardnumsub),
        ..PUBSUB_BASE
    },
    CommandSpec {
        group: Group::PubSub,
        since: "6.2.0",
        run: Run::Session(|_, _, _, reply| introspection::help("pubsub", reply)),
        ..introspection::HELP
    },
];

/// What can be subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Topic {
    Channel,
    Pattern,
}

/// Who listens to one channel or pattern.
type Listeners = Vec<Arc<Client>>;

/// Who listens to what.
#[derive(Debug, Default)]
pub struct Channels {
    channels: DashMap<Box<[u8]>, Listeners>,
    patterns: RwLock<BTreeMap<Box<[u8]>, Listeners>>,
    /// Clients that did not read what they listened to, and were disconnected for it.
    pub(super) overflows: AtomicU64,
}

/// What one connection listens to.
#[derive(Debug, Default)]
pub struct Subscriptions {
    channels: BTreeSet<Box<[u8]>>,
    patterns: BTreeSet<Box<[u8]>>,
}

impl Subscriptions {
    /// Whether it listens to nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty()
    }

    /// How many it listens to.
    pub(super) fn len(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    fn of(&mut self, topic: Topic) -> &mut BTreeSet<Box<[u8]>> {
        match topic {
            Topic::Channel => &mut self.channels,
            Topic::Pattern => &mut self.patterns,
        }
    }
}

impl Channels {
    /// Sends `message`, which rests on `basis`, to those who listen to `channel`. Returns how many get it, patterns counted
    /// one by one.
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

    fn send(&self, parts: &[&[u8]], clients: &[Arc<Client>], basis: &Basis) {
        let mut message = Message::new(parts);
        let overflows = clients.iter().filter(|client| message.send(client, basis).is_err()).count();
        if overflows > 0 {
            self.overflows.fetch_add(overflows as u64, Ordering::Relaxed);
        }
    }

    /// The number of channels, and of patterns, that somebody listens to.
    #[must_use]
    pub fn len(&self) -> (usize, usize) {
        (self.channels.len(), self.patterns.read().len())
    }

    fn add(&self, topic: Topic, name: &[u8], client: &Arc<Client>) {
        match topic {
            Topic::Channel => self.channels.entry(name.into()).or_default().push(Arc::clone(client)),
            Topic::Pattern => {
                self.patterns.write().entry(name.into()).or_default().push(Arc::clone(client));
            }
        }
    }

    fn remove(&self, topic: Topic, name: &[u8], client: &Arc<Client>) {
        let leave = |clients: &mut Listeners| {
            clients.retain(|other| other.id != client.id);
            clients.is_empty()
        };
        match topic {
            Topic::Channel => {
                self.channels.remove_if_mut(name, |_, clients| leave(clients));
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

/// A message, spelled once for each protocol that a receiver speaks.
struct Message<'m> {
    parts: &'m [&'m [u8]],
    resp2: Vec<u8>,
    resp3: Vec<u8>,
}

impl<'m> Message<'m> {
    fn new(parts: &'m [&'m [u8]]) -> Self {
        Self { parts, resp2: Vec::new(), resp3: Vec::new() }
    }

    fn send(&mut self, client: &Client, basis: &Basis) -> Result<(), Overflowed> {
        let (spelled, protocol) = match client.protocol.load(Ordering::Relaxed) {
            3 => (&mut self.resp3, Protocol::Resp3),
            _ => (&mut self.resp2, Protocol::Resp2),
        };
        if spelled.is_empty() {
            let mut reply = Reply::new(spelled, protocol);
            reply.push(self.parts.len());
            self.parts.iter().for_each(|part| reply.bulk(part));
        }
        client.mailbox.put(spelled, basis)
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

impl Session {
    fn subscribe(&mut self, host: &Host, topic: Topic, name: &[u8], reply: &mut Reply<'_>) {
        if self.subscriptions.of(topic).insert(name.into()) {
            host.channels.add(topic, name, &self.client);
        }
        let kind: &[u8] = if topic == Topic::Channel { b"subscribe" } else { b"psubscribe" };
        self.confirm(kind, Some(name), reply);
    }

    fn unsubscribe(&mut self, host: &Host, topic: Topic, name: &[u8]) {
        if self.subscriptions.of(topic).remove(name) {
            host.channels.remove(topic, name, &self.client);
        }
    }

    /// Listens to nothing any more.
    pub(super) fn unsubscribe_all(&mut self, host: &Host) {
        for topic in [Topic::Channel, Topic::Pattern] {
            for name in std::mem::take(self.subscriptions.of(topic)) {
                host.channels.remove(topic, &name, &self.client);
            }
        }
        self.note_subscriptions();
    }

    fn confirm(&mut self, kind: &[u8], name: Option<&[u8]>, reply: &mut Reply<'_>) {
        reply.push(3);
        reply.bulk(kind);
        match name {
            Some(name) => reply.bulk(name),
            None => reply.null(),
        }
        reply.count(self.subscriptions.len());
        self.note_subscriptions();
    }

    fn note_subscriptions(&self) {
        self.client.channels.store(self.subscriptions.channels.len(), Ordering::Relaxed);
        self.client.patterns.store(self.subscriptions.patterns.len(), Ordering::Relaxed);
    }
}

fn subscribe(host: &Host, session: &mut Session, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    call.cursor(1).for_each(|channel| session.subscribe(host, Topic::Channel, channel, reply));
    Ok(())
}

fn psubscribe(host: &Host, session: &mut Session, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    call.cursor(1).for_each(|pattern| session.subscribe(host, Topic::Pattern, pattern, reply));
    Ok(())
}

fn unsubscribe(host: &Host, session: &mut Session, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    leave(host, session, call, reply, Topic::Channel, b"unsubscribe");
    Ok(())
}

fn punsubscribe(host: &Host, session: &mut Session, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    leave(host, session, call, reply, Topic::Pattern, b"punsubscribe");
    Ok(())
}

/// Without a name, leaves all that there are; of none at all, null is confirmed.
fn leave(
    host: &Host,
    session: &mut Session,
    call: &Call<'_>,
    reply: &mut Reply<'_>,
    topic: Topic,
    kind: &[u8],
) {
    let mut names: Vec<Box<[u8]>> = call.cursor(1).map(Into::into).collect();
    if names.is_empty() {
        names = session.subscriptions.of(topic).iter().cloned().collect();
    }
    for name in &names {
        session.unsubscribe(host, topic, name);
        session.confirm(kind, Some(name), reply);
    }
    if names.is_empty() {
        session.confirm(kind, None, reply);
    }
}

fn publish(host: &Host, session: &mut Session, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.count(host.channels.publish(call.argument(1), call.argument(2), &session.basis()));
    Ok(())
}

/// The pattern of CHANNELS or SHARDCHANNELS, if there is one.
fn only_pattern<'c>(call: &Call<'c>) -> Result<Option<&'c [u8]>, CommandError> {
    let mut pattern = call.cursor(1);
    match (pattern.next(), pattern.remaining()) {
        (pattern, 0) => Ok(pattern),
        _ => Err(introspection::unknown_subcommand_or_arity("pubsub", call.argument(0))),
    }
}

fn pubsub_channels(host: &Host, _: &mut Session, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let pattern = only_pattern(call)?;
    let is_asked_for = |name: &[u8]| pattern.is_none_or(|pattern| matches(pattern, name, Case::Sensitive));
    let names = host.channels.channels.iter().map(|entry| entry.key().clone());
    let names: Vec<Box<[u8]>> = names.filter(|name| is_asked_for(name)).collect();
    reply.array(names.len());
    names.iter().for_each(|name| reply.bulk(name));
    Ok(())
}

fn pubsub_numsub(host: &Host, _: &mut Session, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let names = call.cursor(1);
    reply.array(names.remaining() * 2);
    for name in names {
        reply.bulk(name);
        reply.count(host.channels.channels.get(name).map_or(0, |clients| clients.len()));
    }
    Ok(())
}

fn pubsub_numpat(host: &Host, _: &mut Session, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.count(host.channels.len().1);
    Ok(())
}

fn pubsub_shardchannels(_: &Host, _: &mut Session, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    only_pattern(call)?;
    reply.array(0);
    Ok(())
}

fn pubsub_shardnumsub(_: &Host, _: &mut Session, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let names = call.cursor(1);
    reply.array(names.remaining() * 2);
    for name in names {
        reply.bulk(name);
        reply.count(0);
    }
    Ok(())
}
