//! A connection's own state, as its commands see it.

use super::channels::{Subscriptions, Topic};
use super::clients::Client;
use super::host::Host;
use super::stats::Stats;
use super::transaction::{Transaction, Watching};
use crate::config::Config;
use crate::resp::Protocol;
use crate::resp::reply::Reply;
use crate::resp::reply::ReplySource;
use crate::store::change::ChangeBuffer;
use crate::store::{Basis, DatabaseIndex, OpenRecord, Seq, ShardIndex};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What happens to the connection once the replies so far are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It goes on.
    Continue,
    /// It is closed after the replies so far.
    Close,
    /// It is closed at once and nothing more is sent.
    Drop,
    /// It goes on once what it waits for ([`Client::waiting`]) has come to an end.
    Wait,
    /// It goes on with the first request that was not run, where it may take long ([`Session::may_take_long`]).
    Aside,
}

/// Which large replies a connection sends from [`Session::rest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streaming {
    /// None: it has every reply written whole.
    Nothing,
    /// Those within EXEC, which runs where it is. Other commands that reply much are run aside.
    Transactions,
    /// All.
    Everything,
}

/// How a connection listens to channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) struct Listening {
    subscriptions: usize,
    protocol: Protocol,
}

impl Listening {
    /// Whether a message from `before` would come unexpected: it listens to less, or by another protocol.
    pub(in crate::commands) fn has_less_than(self, before: Self) -> bool {
        self.subscriptions < before.subscriptions || self.protocol != before.protocol
    }
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    /// The connection in the registry.
    pub client: Arc<Client>,
    /// The counters of the thread that serves it.
    pub stats: Arc<Stats>,
    /// The protocol it speaks.
    pub protocol: Protocol,
    /// The database it has selected.
    pub database: DatabaseIndex,
    /// Whether it has given the password, or none was needed when it connected.
    pub authenticated: bool,
    /// What happens to it after the present batch.
    pub next: Next,
    /// The last record that its replies since the last time they were sent rest on: its own, or that of another client
    /// whose change they show. They wait until it is as safe as `appendfsync` promises.
    pub rests_on: Seq,
    /// Whether one of these replies is that of a command that may have changed something.
    pub has_written: bool,
    /// The record of the transaction that is run, if it has published something.
    pub(in crate::commands) open_record: Option<Arc<OpenRecord>>,
    /// The one shard that its last batch was on, if it wrote there and had to wait, in that batch or in an earlier one.
    pub contended: Option<ShardIndex>,
    /// Whether its batch is run while others wait for its end, which is for commands on keys alone.
    pub is_in_turn: bool,
    /// Whether its commands may keep their thread for long, because no other connection waits for it.
    pub may_take_long: bool,
    /// Which replies may be left in `rest`.
    pub streaming: Streaming,
    /// What its last reply goes on with: it is to be sent before anything else.
    pub rest: Option<Box<dyn ReplySource>>,
    /// What it has queued since MULTI.
    pub(in crate::commands) transaction: Option<Transaction>,
    /// The keys it watches.
    pub(in crate::commands) watching: Option<Watching>,
    /// The channels it listens to.
    pub(in crate::commands) subscriptions: Subscriptions,
    /// Buffer for the Changes of its commands, kept between batches for its memory.
    pub(in crate::commands) changes: ChangeBuffer,
}

impl Session {
    /// The session of a connection that has just come.
    #[must_use]
    pub fn new(client: Arc<Client>, stats: Arc<Stats>, config: &Config) -> Self {
        Self {
            client,
            stats,
            protocol: Protocol::Resp2,
            database: 0,
            authenticated: config.requirepass.is_empty(),
            next: Next::Continue,
            rests_on: Seq::default(),
            has_written: false,
            open_record: None,
            contended: None,
            is_in_turn: false,
            may_take_long: true,
            streaming: Streaming::Nothing,
            rest: None,
            transaction: None,
            watching: None,
            subscriptions: Subscriptions::default(),
            changes: ChangeBuffer::default(),
        }
    }

    /// The replies that have not been sent rest on the records up to `seq` as well.
    pub fn rest_on(&mut self, seq: Seq) {
        self.rests_on = self.rests_on.max(seq);
    }

    /// What a message rests on that it publishes now: what it has learned and done so far.
    pub(in crate::commands) fn basis(&self) -> Basis {
        match &self.open_record {
            Some(record) => Basis::Open(Arc::clone(record)),
            None => Basis::Record(self.rests_on),
        }
    }

    /// Whether commands must be refused until AUTH.
    #[must_use]
    pub fn must_authenticate(&self, config: &Config) -> bool {
        !self.authenticated && !config.requirepass.is_empty()
    }

    /// How it listens to channels just now.
    pub(in crate::commands) fn listening(&self) -> Listening {
        Listening { subscriptions: self.subscriptions.len(), protocol: self.protocol }
    }

    /// Watches no key any more.
    pub(in crate::commands) fn stop_watching(&mut self, host: &Host) {
        if let Some(watching) = self.watching.take() {
            watching.end(&host.store);
        }
    }

    /// Ends what others know of: its waits, watches and subscriptions. A connection calls it when it closes.
    pub fn end(&mut self, host: &Host) {
        // Its lock is given back before shards' are taken: CLIENT LIST in a transaction wants them the other way round.
        let waiting = self.client.waiting.lock().take();
        if let Some(waiting) = waiting {
            waiting.give_up();
            waiting.leave(&host.store);
        }
        self.transaction = None;
        self.stop_watching(host);
        self.unsubscribe_all(host);
    }

    /// Whether it may only subscribe and unsubscribe: it listens to channels by RESP2, where messages could not be told
    /// from replies.
    pub(in crate::commands) fn only_listens(&self) -> bool {
        self.protocol == Protocol::Resp2 && !self.subscriptions.is_empty()
    }

    /// Writes down what CLIENT LIST shows of its transaction.
    pub(in crate::commands) fn note_transaction(&self) {
        let queued = self.transaction.as_ref().map_or(-1, |transaction| transaction.places.len() as i64);
        let bytes = self.transaction.as_ref().map_or(0, |transaction| transaction.requests.bytes());
        self.client.queued.store(queued, Ordering::Relaxed);
        self.client.queued_bytes.store(bytes, Ordering::Relaxed);
        self.client.watched.store(self.watching.as_ref().map_or(0, Watching::len), Ordering::Relaxed);
    }

    /// Selects a database.
    pub fn select(&mut self, database: DatabaseIndex) {
        self.database = database;
        self.client.database.store(database, Ordering::Relaxed);
    }

    /// Speaks another protocol from now on.
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
            host.channels.add(topic, name, &self.client);
        }
        let kind: &[u8] = if topic == Topic::Channel { b"subscribe" } else { b"psubscribe" };
        self.confirm(kind, Some(name), reply);
    }

    pub(in crate::commands) fn unsubscribe(&mut self, host: &Host, topic: Topic, name: &[u8]) {
        if self.subscriptions.of(topic).remove(name) {
            host.channels.remove(topic, name, &self.client);
        }
    }

    /// Listens to nothing any more.
    pub(in crate::commands) fn unsubscribe_all(&mut self, host: &Host) {
        for topic in [Topic::Channel, Topic::Pattern] {
            for name in std::mem::take(self.subscriptions.of(topic)) {
                host.channels.remove(topic, &name, &self.client);
            }
        }
        self.note_subscriptions();
    }

    pub(in crate::commands) fn confirm(&mut self, kind: &[u8], name: Option<&[u8]>, reply: &mut Reply<'_>) {
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
