//! One client, as other threads see it. Its connection updates it with plain stores.

use super::mailbox::{MailBounds, Mailbox, Overflowed};
use super::marks::{Mark, Marks};
use super::peer::Peer;
use super::slow_log::SlowRequest;
use super::waiting::BlockedClient;
use super::waiting_request::WaitingRequest;
use crate::machine::counter::Counter;
use crate::resp::Protocol;
use crate::store::Basis;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// The bytes that a name kept for a client takes: its own, and about those of its places in the client's set and in the
/// table of all clients.
pub(super) fn name_bytes(name: &[u8]) -> usize {
    name.len() + 64
}

/// One client, as other threads see it.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields are CLIENT LIST's")]
pub struct Client {
    pub id: u64,
    pub peer: Peer,
    pub connected_ms: u64,
    pub last_active_ms: AtomicU64,
    pub database: AtomicU32,
    /// 2 or 3.
    pub protocol: AtomicU32,
    pub marks: Marks,
    /// The client that gets its invalidations; 0 if it gets them itself.
    pub redirect: AtomicU64,
    pub query_buffer_bytes: AtomicUsize,
    /// Bytes of memory of its query buffer that nothing has come for.
    pub query_buffer_free_bytes: AtomicUsize,
    /// Bytes of the arguments of the command that is running; only CLIENT INFO and CLIENT LIST count their own.
    pub argument_bytes: AtomicUsize,
    pub output_buffer_bytes: AtomicUsize,
    /// Bytes of the names of what it is subscribed to and tracks, and of what it watches.
    name_bytes: AtomicUsize,
    pub(super) watched_bytes: AtomicUsize,
    /// Its share of the memory that is counted for all clients.
    pub(super) counted_bytes: AtomicUsize,
    /// What it frees when its connection ends, if it is being disconnected for its memory.
    pub(super) leaving_bytes: AtomicUsize,
    pub input_bytes: Counter,
    pub output_bytes: Counter,
    pub commands: Counter,
    /// The place in the command table of the last command of the last batch, plus 1; 0 before the first.
    last_command: AtomicUsize,
    /// Channels, patterns and sharded channels subscribed to.
    pub channels: AtomicUsize,
    pub patterns: AtomicUsize,
    pub shard_channels: AtomicUsize,
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
    /// The request that it waits with.
    pub waiting_request: Mutex<Option<WaitingRequest>>,
    /// What goes into the slow log when the wait is over.
    pub slow_wait: Mutex<Option<SlowRequest>>,
}

/// What a client calls itself, its user, and its library.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields are CLIENT LIST's")]
pub struct Names {
    pub name: String,
    pub user: String,
    pub library: String,
    pub library_version: String,
}

impl Default for Names {
    /// Those of a client that has not said anything yet.
    fn default() -> Self {
        let (name, library, library_version) = Default::default();
        Self { name, user: "default".to_owned(), library, library_version }
    }
}

impl Client {
    pub(super) fn new(id: u64, peer: Peer, now_ms: u64, bounds: Arc<MailBounds>) -> Self {
        Self {
            id,
            peer,
            connected_ms: now_ms,
            last_active_ms: AtomicU64::new(now_ms),
            database: AtomicU32::new(0),
            protocol: AtomicU32::new(2),
            marks: Marks::default(),
            redirect: AtomicU64::new(0),
            query_buffer_bytes: AtomicUsize::new(0),
            query_buffer_free_bytes: AtomicUsize::new(0),
            argument_bytes: AtomicUsize::new(0),
            output_buffer_bytes: AtomicUsize::new(0),
            name_bytes: AtomicUsize::new(0),
            watched_bytes: AtomicUsize::new(0),
            counted_bytes: AtomicUsize::new(0),
            leaving_bytes: AtomicUsize::new(0),
            input_bytes: Counter::default(),
            output_bytes: Counter::default(),
            commands: Counter::default(),
            last_command: AtomicUsize::new(0),
            channels: AtomicUsize::new(0),
            patterns: AtomicUsize::new(0),
            shard_channels: AtomicUsize::new(0),
            queued: AtomicI64::new(-1),
            queued_bytes: AtomicUsize::new(0),
            watched: AtomicUsize::new(0),
            names: Mutex::default(),
            mailbox: Mailbox::new(bounds),
            waiting: Mutex::default(),
            waiting_request: Mutex::default(),
            slow_wait: Mutex::default(),
        }
    }

    /// Puts a message into its mailbox. If too many wait there already, its connection will be closed.
    ///
    /// # Errors
    /// If this is the first message that does not fit.
    pub fn send(&self, message: &[u8], basis: &Basis) -> Result<(), Overflowed> {
        self.mailbox.put(message, basis, self.is_subscribed())
    }

    /// Notes that its last command is the one at `place` in the command table.
    pub fn note_command(&self, place: usize) {
        self.last_command.store(place + 1, Ordering::Relaxed);
    }

    /// The place in the command table of the last command of the last batch.
    pub(super) fn last_command(&self) -> Option<usize> {
        self.last_command.load(Ordering::Relaxed).checked_sub(1)
    }

    /// The protocol it speaks now.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        if self.protocol.load(Ordering::Relaxed) == 3 { Protocol::Resp3 } else { Protocol::Resp2 }
    }

    /// Notes the protocol that the connection speaks now.
    pub fn set_protocol(&self, protocol: Protocol) {
        let number = if protocol == Protocol::Resp3 { 3 } else { 2 };
        self.protocol.store(number, Ordering::Relaxed);
    }

    /// The bytes of its replies and messages that wait to be sent.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.output_buffer_bytes.load(Ordering::Relaxed) + self.mailbox.bytes()
    }

    /// A name is kept for it: of a channel, a pattern or a tracked prefix. Only its connection calls this.
    pub(in crate::commands) fn keep_name(&self, name: &[u8]) {
        let bytes = self.name_bytes.load(Ordering::Relaxed);
        self.name_bytes.store(bytes + name_bytes(name), Ordering::Relaxed);
    }

    /// A name that was kept for it is kept no longer. Only its connection calls this.
    pub(in crate::commands) fn drop_name(&self, name: &[u8]) {
        let bytes = self.name_bytes.load(Ordering::Relaxed);
        self.name_bytes.store(bytes - name_bytes(name), Ordering::Relaxed);
    }

    /// The bytes of its buffers and of the names that are kept for it.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let parts = [
            &self.query_buffer_bytes,
            &self.query_buffer_free_bytes,
            &self.queued_bytes,
            &self.name_bytes,
            &self.watched_bytes,
        ];
        self.waiting_bytes() + parts.iter().map(|bytes| bytes.load(Ordering::Relaxed)).sum::<usize>()
    }

    /// Whether it has subscribed to anything.
    #[must_use]
    pub fn is_subscribed(&self) -> bool {
        [&self.channels, &self.patterns, &self.shard_channels]
            .iter()
            .any(|subscribed| subscribed.load(Ordering::Relaxed) > 0)
    }

    /// Whether it listens to others and need not send anything.
    #[must_use]
    pub fn only_hears(&self) -> bool {
        self.is_subscribed() || self.marks.has(Mark::Monitors)
    }

    /// Whether its command waits: for a key, or for the end of a pause.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.marks.has(Mark::Postponed) || self.waiting.lock().is_some()
    }
}
