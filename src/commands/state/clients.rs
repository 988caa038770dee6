//! The registry of clients behind CLIENT LIST and INFO. The map is locked only when a connection begins or ends, one part
//! of it at a time.

use super::client::Client;
use super::mailbox::{Closed, MailBounds, Overflowed};
use super::peer::Peer;
use crate::config::Config;
use crate::store::Basis;
use dashmap::DashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Every connection.
#[derive(Debug, Default)]
pub struct Clients {
    by_id: DashMap<u64, Arc<Client>>,
    last_id: AtomicU64,
    bounds: Arc<MailBounds>,
    /// How many were disconnected because more waited for them than `client-output-buffer-limit` allows.
    cut_off: AtomicU64,
    /// How many were disconnected because a request was longer than `client-query-buffer-limit`.
    overlong: AtomicU64,
    /// The most bytes that all clients together may use (`maxmemory-clients`); 0: any number.
    pub(super) bound_bytes: AtomicU64,
    /// The bytes that they use, as far as they are counted.
    pub(super) memory_bytes: AtomicUsize,
    /// The bytes of those of them that are being disconnected.
    pub(super) leaving_bytes: AtomicUsize,
    /// How many were disconnected because that was too much.
    pub(super) evicted: AtomicU64,
}

impl Clients {
    /// Registers a connection.
    pub fn register(&self, peer: Peer, now_ms: u64) -> Arc<Client> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let client = Arc::new(Client::new(id, peer, now_ms, Arc::clone(&self.bounds)));
        self.by_id.insert(id, Arc::clone(&client));
        client
    }

    /// Forgets a connection that has ended.
    pub fn remove(&self, client: &Client) {
        self.take_out(client);
        let left = client.leaving_bytes.swap(0, Ordering::Relaxed);
        self.leaving_bytes.fetch_sub(left, Ordering::Relaxed);
    }

    /// Takes a connection that will end out of all lists.
    pub fn take_out(&self, client: &Client) {
        self.take_out_leaving(client, 0);
    }

    /// As [`Clients::take_out`], and notes the bytes that it will still use until it has ended. Returns false, and notes nothing,
    /// if it was in no list any more: another thread has taken it out.
    pub(super) fn take_out_leaving(&self, client: &Client, bytes: usize) -> bool {
        // Noted while it is listed, so that its end, which takes it out first, finds the note.
        let note = |_: &u64, client: &Arc<Client>| {
            self.leaving_bytes.fetch_add(bytes, Ordering::Relaxed);
            client.leaving_bytes.fetch_add(bytes, Ordering::Relaxed);
            true
        };
        let was_listed = self.by_id.remove_if(&client.id, note).is_some();
        if was_listed {
            let counted = client.counted_bytes.swap(0, Ordering::Relaxed);
            self.memory_bytes.fetch_sub(counted, Ordering::Relaxed);
        }
        was_listed
    }

    /// Ends a connection. For other clients it is gone at once: it is in no list, and no longer waits for a key.
    pub(in crate::commands) fn end(&self, client: &Client) {
        self.take_out(client);
        let waiting = client.waiting.lock().clone();
        if let Some(waiting) = waiting {
            waiting.give_up();
        }
        client.mailbox.close(Closed::Killed);
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

    /// Puts a message into a client's mailbox. A client that does not read its messages is disconnected, and counted.
    pub(in crate::commands) fn send(&self, client: &Client, message: &[u8], basis: &Basis) {
        if client.send(message, basis) == Err(Overflowed) {
            self.count_cut_off();
        }
        self.count(client);
    }

    /// Counts a client that is disconnected because too much waits for it.
    pub fn count_cut_off(&self) {
        self.cut_off.fetch_add(1, Ordering::Relaxed);
    }

    /// How many clients were disconnected because too much waited for them.
    #[must_use]
    pub fn cut_off(&self) -> u64 {
        self.cut_off.load(Ordering::Relaxed)
    }

    /// Counts a client that is disconnected because its request is longer than `client-query-buffer-limit`.
    pub fn count_overlong(&self) {
        self.overlong.fetch_add(1, Ordering::Relaxed);
    }

    /// How many clients were disconnected because a request was too long.
    #[must_use]
    pub fn overlong(&self) -> u64 {
        self.overlong.load(Ordering::Relaxed)
    }

    /// Sets the counts of disconnected clients to 0 (CONFIG RESETSTAT).
    pub(in crate::commands) fn reset_counts(&self) {
        for count in [&self.cut_off, &self.overlong, &self.evicted] {
            count.store(0, Ordering::Relaxed);
        }
    }

    /// Puts `client-output-buffer-limit` and `maxmemory-clients` into effect.
    pub fn configure(&self, config: &Config) {
        self.bound_bytes.store(config.memory.clients_bytes().unwrap_or(0), Ordering::Relaxed);
        self.bounds.set(&config.output_limits);
    }
}
