//! What a client is, as its commands know it: protocol, database, transaction, subscriptions.

use super::channels::{Subscriptions, Topic};
use super::client::Client;
use super::host::Host;
use super::marks::Mark;
use super::master_stream::MasterStream;
use super::modes::Modes;
use super::replica_request::ReplicaRequest;
use super::transaction::{Transaction, Watching};
use crate::commands::acl::Users;
use crate::commands::acl::identity::Identity;
use crate::resp::Protocol;
use crate::resp::reply::Reply;
use crate::store::{DatabaseIndex, Seq};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What a connection does once the replies so far are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NextStep {
    /// It goes on with its next request.
    #[default]
    Continue,
    /// It is closed.
    Close,
    /// It is closed when the server ends, behind all listening sockets: it has asked for that.
    End,
    /// It is closed at once; the replies so far are not sent either.
    Drop,
    /// It waits: the last command blocks ([`Client::waiting`]). Its reply comes when the wait ends.
    Wait,
    /// It runs its next request on a thread where a command may take long.
    Aside,
    /// It runs its next request when CLIENT PAUSE has ended.
    Pause,
    /// It is a replica's from now on ([`Session::take_replica_request`]).
    Replicate,
}

/// How many messages a client expects, and in which protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) struct Listening {
    subscriptions: usize,
    protocol: Protocol,
}

impl Listening {
    /// Whether a message sent as of `before` would surprise the client: it has fewer subscriptions now, or another
    /// protocol.
    pub(in crate::commands) fn has_less_than(self, before: Self) -> bool {
        self.subscriptions < before.subscriptions || self.protocol != before.protocol
    }
}

/// A client, as its commands know it.
#[derive(Debug)]
pub struct Session {
    /// Its entry in the registry.
    pub client: Arc<Client>,
    /// The protocol it speaks.
    pub protocol: Protocol,
    /// The database it has selected.
    pub database: DatabaseIndex,
    /// Its user.
    pub(in crate::commands) identity: Identity,
    /// The requests it has queued since MULTI.
    pub(in crate::commands) transaction: Option<Transaction>,
    /// The keys it watches.
    pub(in crate::commands) watching: Option<Watching>,
    /// The channels it is subscribed to.
    pub(in crate::commands) subscriptions: Subscriptions,
    /// Set if its requests are those of a master.
    pub(in crate::commands) master: Option<MasterStream>,
    /// How its requests are treated.
    pub(in crate::commands) modes: Modes,
    /// The time that TIME has told in the atomic unit under way, in unix microseconds.
    pub(in crate::commands) unit_time_us: Option<u64>,
    /// The transaction or script has removed all keys: behind it the dump file is written.
    pub(in crate::commands) owes_save: bool,
    /// What it has said of itself as a replica.
    replica: Option<Box<ReplicaRequest>>,
    /// The last record that one of its earlier batches has written, or that such a batch has seen.
    last_written: Seq,
}

impl Session {
    /// The session of a client that has just connected.
    #[must_use]
    pub fn new(client: Arc<Client>, users: &Users) -> Self {
        Self {
            client,
            protocol: Protocol::Resp2,
            database: 0,
            identity: Identity::unknown(users),
            transaction: None,
            watching: None,
            unit_time_us: None,
            owes_save: false,
            subscriptions: Subscriptions::default(),
            master: None,
            modes: Modes::default(),
            replica: None,
            last_written: Seq(0),
        }
    }

    /// What it has said of itself as a replica.
    pub(in crate::commands) fn replica_request(&mut self) -> &mut ReplicaRequest {
        self.replica.get_or_insert_default()
    }

    /// What it has said of itself as a replica, and what it asks for.
    pub fn take_replica_request(&mut self) -> Option<ReplicaRequest> {
        self.replica.take().map(|request| *request)
    }

    /// The last record that its earlier batches may have written.
    pub(in crate::commands) fn last_written(&self) -> Seq {
        self.last_written
    }

    /// Notes the last record that a batch may have written.
    pub fn note_written(&mut self, seq: Seq) {
        self.last_written = self.last_written.max(seq);
    }

    /// Whether commands must be refused until AUTH.
    #[must_use]
    pub fn must_authenticate(&self, users: &Users) -> bool {
        self.identity.must_authenticate(users)
    }

    /// How many messages it expects just now.
    pub(in crate::commands) fn listening(&self) -> Listening {
        Listening { subscriptions: self.subscriptions.len(), protocol: self.protocol }
    }

    /// Stops watching keys.
    pub(in crate::commands) fn stop_watching(&mut self, host: &Host) {
        if let Some(watching) = self.watching.take() {
            watching.end(&host.store);
        }
    }

    /// Ends all that other threads may come across: its wait, watches, subscriptions and tracking. Its connection calls this when it
    /// closes.
    pub fn end(&mut self, host: &Host) {
        // The lock is given back before shards are locked: CLIENT LIST in a transaction takes the two the other way round.
        let waiting = self.client.waiting.lock().take();
        if let Some(waiting) = waiting {
            waiting.give_up();
            waiting.leave(&host.store);
        }
        self.transaction = None;
        self.stop_watching(host);
        self.unsubscribe_all(host);
        self.modes.tracked.end(&self.client, host);
        if self.client.marks.has(Mark::Monitors) {
            self.client.marks.set(Mark::Monitors, false);
            host.interventions.end_monitor(&self.client);
        }
    }

    /// Whether the reply of the command that has waited is sent.
    #[must_use]
    pub fn wants_waited_reply(&mut self) -> bool {
        !std::mem::take(&mut self.modes.waits_silently)
    }

    /// Whether it may send little else than subscribe and unsubscribe: it is subscribed by RESP2, in which a client cannot
    /// distinguish replies from messages.
    pub(in crate::commands) fn only_listens(&self) -> bool {
        self.protocol == Protocol::Resp2 && !self.subscriptions.is_empty()
    }

    /// Copies what CLIENT LIST shows of its transaction into the registry.
    pub(in crate::commands) fn note_transaction(&self) {
        let queued = self.transaction.as_ref().map_or(-1, |transaction| transaction.places.len() as i64);
        let bytes = self.transaction.as_ref().map_or(0, |transaction| transaction.requests.bytes());
        self.client.queued.store(queued, Ordering::Relaxed);
        self.client.queued_bytes.store(bytes, Ordering::Relaxed);
        let watched =
            self.watching.as_ref().map_or((0, 0), |watching| (watching.len(), watching.name_bytes()));
        self.client.watched.store(watched.0, Ordering::Relaxed);
        self.client.watched_bytes.store(watched.1, Ordering::Relaxed);
    }

    /// Selects a database.
    pub fn select(&mut self, database: DatabaseIndex) {
        self.database = database;
        self.client.database.store(database, Ordering::Relaxed);
    }

    /// Replies in `protocol` from now on.
    pub fn speak(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        self.client.set_protocol(protocol);
    }
}

impl Session {
    pub(in crate::commands) fn subscribe(
        &mut self,
        host: &Host,
        topic: Topic,
        name: &[u8],
        reply: &mut Reply<'_>,
    ) {
        if self.subscriptions.of(topic).insert(name.into()) {
            self.client.keep_name(name);
            host.channels.add(topic, name, &self.client);
        }
        self.confirm(topic, topic.subscribed(), Some(name), reply);
    }

    pub(in crate::commands) fn unsubscribe(&mut self, host: &Host, topic: Topic, name: &[u8]) {
        if self.subscriptions.of(topic).remove(name) {
            self.client.drop_name(name);
            host.channels.remove(topic, name, &self.client);
        }
    }

    /// Ends all subscriptions.
    pub(in crate::commands) fn unsubscribe_all(&mut self, host: &Host) {
        for topic in Topic::ALL {
            for name in std::mem::take(self.subscriptions.of(topic)) {
                self.client.drop_name(&name);
                host.channels.remove(topic, &name, &self.client);
            }
        }
        self.note_subscriptions();
    }

    pub(in crate::commands) fn confirm(
        &mut self,
        topic: Topic,
        kind: &[u8],
        name: Option<&[u8]>,
        reply: &mut Reply<'_>,
    ) {
        reply.push(3);
        reply.bulk(kind);
        match name {
            Some(name) => reply.bulk(name),
            None => reply.null(),
        }
        reply.count(self.subscriptions.counted(topic));
        self.note_subscriptions();
    }

    fn note_subscriptions(&self) {
        self.client.channels.store(self.subscriptions.channels.len(), Ordering::Relaxed);
        self.client.patterns.store(self.subscriptions.patterns.len(), Ordering::Relaxed);
        self.client.shard_channels.store(self.subscriptions.shard_channels.len(), Ordering::Relaxed);
    }
}
