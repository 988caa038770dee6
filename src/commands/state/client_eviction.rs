//! `maxmemory-clients`: the bound on the memory of all clients together. Beyond it, those that use most are disconnected.
//!
//! A client's memory is counted when a batch of its requests begins, and that of all clients ten times a second. As in
//! Redis, CLIENT NO-EVICT excepts a client, but its memory counts.

use super::client::Client;
use super::clients::Clients;
use super::marks::Mark;
use crate::config::MemoryBounds;
use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Clients {
    /// Counts the memory of `client`, and disconnects clients if all of them use too much. O(1) as long as they do not.
    pub fn bound_memory_with(&self, memory: &MemoryBounds, client: &Client) {
        let Some(bound_bytes) = memory.clients_bytes() else { return };
        let now = client.memory_bytes();
        let before = client.counted_bytes.swap(now, Ordering::Relaxed);
        let added = now.wrapping_sub(before);
        let total = self.memory_bytes.fetch_add(added, Ordering::Relaxed).wrapping_add(added);
        if total as u64 >= bound_bytes {
            self.bound_memory(memory);
        }
    }

    /// Counts the memory of all clients, and disconnects those that use most while it is too much. O(n log n).
    pub fn bound_memory(&self, memory: &MemoryBounds) {
        let Some(bound_bytes) = memory.clients_bytes() else { return };
        let mut clients: Vec<(usize, Arc<Client>)> =
            self.all().into_iter().map(|client| (client.memory_bytes(), client)).collect();
        let mut total = 0;
        for (bytes, client) in &clients {
            client.counted_bytes.store(*bytes, Ordering::Relaxed);
            total += bytes;
        }
        self.memory_bytes.store(total, Ordering::Relaxed);
        if (total as u64) < bound_bytes {
            return;
        }
        clients.retain(|(_, client)| !client.marks.has(Mark::NoEvict));
        clients.sort_unstable_by_key(|(bytes, client)| (Reverse(*bytes), client.id));
        for (bytes, client) in clients {
            if (total as u64) < bound_bytes {
                break;
            }
            let address = &client.peer.address;
            tracing::info!(id = client.id, %address, "disconnecting a client that uses {bytes} bytes: maxmemory-clients");
            self.evicted.fetch_add(1, Ordering::Relaxed);
            self.end(&client);
            total -= bytes;
        }
    }

    /// How many clients were disconnected because all of them used too much memory.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }
}
