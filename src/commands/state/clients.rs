//! The registry of clients behind CLIENT LIST and INFO.
//!
//! A connection updates its own entry with plain stores; CLIENT LIST reads all of them. The map is locked only when a
//! connection begins or ends, one part of it at a time.

use super::mailbox::Mailbox;
use super::slow_log::SlowRequest;
use super::waiting::BlockedClient;
use crate::resp::Protocol;
use dashmap::DashMap;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// Every connection.
#[derive(Debug, Default)]
pub struct Clients {
    by_id: DashMap<u64, Arc<Client>>,
    last_id: AtomicU64,
}

/// One client, as other threads see it.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields are CLIENT LIST's")]
pub struct Client {
    pub id: u64,
    pub address: SocketAddr,
    pub local_address: SocketAddr,
    pub connected_ms: u64,
    pub last_active_ms: AtomicU64,
    pub database: AtomicU32,
    /// 2 or 3.
    pub protocol: AtomicU32,
    pub query_buffer_bytes: AtomicUsize,
    pub output_buffer_bytes: AtomicUsize,
    pub input_bytes: AtomicU64,
    pub output_bytes: AtomicU64,
    pub commands: AtomicU64,
    /// Channels and patterns subscribed to.
    pub channels: AtomicUsize,
    pub patterns: AtomicUsize,
    /// Requests queued since MULTI, -1 outside of a transaction; and their bytes.
    pub queued: AtomicI64,
    pub queued_bytes: AtomicUsize,
    /// Keys watched.
    pub watched: AtomicUsize,
    pub names: Mutex<Names>,
    /// Messages for it.
    pub mailbox: Mailbox,
    /// Its wait, while it is blocked.
    pub waiting: Mutex<Option<Arc<BlockedClient>>>,
    /// What goes into the slow log when the wait is over.
    pub slow_wait: Mutex<Option<SlowRequest>>,
}

/// What a client calls itself, and its last command.
#[derive(Debug, Default, Clone)]
#[expect(missing_docs, reason = "the fields are CLIENT LIST's")]
pub struct Names {
    pub name: String,
    pub library: String,
    pub library_version: String,
    /// Position in the command table of the last command of the last batch.
    pub last_command: Option<usize>,
}

impl Clients {
    /// Registers a connection.
    pub fn register(&self, address: SocketAddr, local_address: SocketAddr, now_ms: u64) -> Arc<Client> {
        let client = Arc::new(Client {
            id: self.last_id.fetch_add(1, Ordering::Relaxed) + 1,
            address,
            local_address,
            connected_ms: now_ms,
            last_active_ms: AtomicU64::new(now_ms),
            database: AtomicU32::new(0),
            protocol: AtomicU32::new(2),
            query_buffer_bytes: AtomicUsize::new(0),
            output_buffer_bytes: AtomicUsize::new(0),
            input_bytes: AtomicU64::new(0),
            output_bytes: AtomicU64::new(0),
            commands: AtomicU64::new(0),
            channels: AtomicUsize::new(0),
            patterns: AtomicUsize::new(0),
            queued: AtomicI64::new(-1),
            queued_bytes: AtomicUsize::new(0),
            watched: AtomicUsize::new(0),
            names: Mutex::default(),
            mailbox: Mailbox::default(),
            waiting: Mutex::default(),
            slow_wait: Mutex::default(),
        });
        self.by_id.insert(client.id, Arc::clone(&client));
        client
    }

    /// Forgets a connection.
    pub fn remove(&self, id: u64) {
        self.by_id.remove(&id);
    }

    /// The number of connections.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is no connection.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The connection numbered `id`.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<Arc<Client>> {
        self.by_id.get(&id).map(|client| Arc::clone(&client))
    }

    /// Every connection, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Client>> {
        let mut all: Vec<_> = self.by_id.iter().map(|client| Arc::clone(&client)).collect();
        all.sort_unstable_by_key(|client| client.id);
        all
    }
}

impl Client {
    /// The connection's line in CLIENT LIST. `command_name` spells a position in the command table.
    #[must_use]
    pub fn line(&self, now_ms: u64, command_name: impl Fn(usize) -> String) -> String {
        let names = self.names.lock().clone();
        let seconds_since = |ms: u64| now_ms.saturating_sub(ms) / 1000;
        let query_bytes = self.query_buffer_bytes.load(Ordering::Relaxed);
        let output_bytes = self.output_buffer_bytes.load(Ordering::Relaxed);
        let queued_bytes = self.queued_bytes.load(Ordering::Relaxed);
        format!(
            "id={} addr={} laddr={} fd=0 name={} age={} idle={} flags={} db={} sub={} psub={} ssub=0 multi={} watch={} \
             qbuf={query_bytes} qbuf-free=0 argv-mem=0 multi-mem={queued_bytes} rbs=0 rbp=0 obl=0 oll=0 \
             omem={output_bytes} tot-mem={} events=r cmd={} user=default redir=-1 resp={} lib-name={} lib-ver={} io-thread=0 \
             tot-net-in={} tot-net-out={} tot-cmds={}",
            self.id,
            self.address,
            self.local_address,
            names.name,
            seconds_since(self.connected_ms),
            seconds_since(self.last_active_ms.load(Ordering::Relaxed)),
            self.flags(),
            self.database.load(Ordering::Relaxed),
            self.channels.load(Ordering::Relaxed),
            self.patterns.load(Ordering::Relaxed),
            self.queued.load(Ordering::Relaxed),
            self.watched.load(Ordering::Relaxed),
            self.memory_bytes(),
            names.last_command.map_or_else(|| "NULL".into(), command_name),
            self.protocol.load(Ordering::Relaxed),
            names.library,
            names.library_version,
            self.input_bytes.load(Ordering::Relaxed),
            self.output_bytes.load(Ordering::Relaxed),
            self.commands.load(Ordering::Relaxed),
        )
    }

    /// The bytes of its buffers.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let buffers = [&self.query_buffer_bytes, &self.output_buffer_bytes, &self.queued_bytes];
        buffers.iter().map(|bytes| bytes.load(Ordering::Relaxed)).sum()
    }

    /// Its flags in Redis's letters: subscribed, in a transaction, blocked.
    fn flags(&self) -> String {
        let states = [
            (self.is_subscribed(), 'P'),
            (self.queued.load(Ordering::Relaxed) >= 0, 'x'),
            (self.waiting.lock().is_some(), 'b'),
        ];
        let flags: String = states.iter().filter(|(is_so, _)| *is_so).map(|(_, flag)| flag).collect();
        if flags.is_empty() { "N".into() } else { flags }
    }

    /// Whether it has subscribed to anything.
    #[must_use]
    pub fn is_subscribed(&self) -> bool {
        self.channels.load(Ordering::Relaxed) + self.patterns.load(Ordering::Relaxed) > 0
    }

    /// Notes the protocol that the connection speaks now.
    pub fn set_protocol(&self, protocol: Protocol) {
        let number = if protocol == Protocol::Resp3 { 3 } else { 2 };
        self.protocol.store(number, Ordering::Relaxed);
    }
}
