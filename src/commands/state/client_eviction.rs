//! `maxmemory-clients`: the bound on the memory of all clients together. Beyond it, those that use most are disconnected.
//!
//! A client's memory is counted when it changes: at each read of its requests, when replies or messages wait for it. The sum is
//! compared before the commands of each batch, and before keys are evicted. All clients are counted anew ten times a second. As
//! in Redis, CLIENT NO-EVICT excepts a client, but its memory counts.

use super::client::Client;
use super::clients::Clients;
use super::marks::Mark;
use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Clients {
    /// Counts the memory of `client`. O(1), and nothing if there is no bound.
    pub fn count(&self, client: &Client) {
        if self.bound_bytes.load(Ordering::Relaxed) == 0 {
            return;
        }
        let now = client.memory_bytes();
        let before = client.counted_bytes.swap(now, Ordering::Relaxed);
        self.memory_bytes.fetch_add(now.wrapping_sub(before), Ordering::Relaxed);
    }

    /// Disconnects clients if all of them use too much. O(1) as long as they do not. The thread must hold no shard.
    pub fn bound_memory(&self) {
        let bound_bytes = self.bound_bytes.load(Ordering::Relaxed);
        if bound_bytes > 0 && self.memory_bytes.load(Ordering::Relaxed) as u64 >= bound_bytes {
            self.count_all();
        }
    }

    /// Counts the memory of all clients, and disconnects those that use most while it is too much. O(n log n), and nothing if
    /// there is no bound. The thread must hold no shard.
    pub fn count_all(&self) {
        let bound_bytes = self.bound_bytes.load(Ordering::Relaxed);
        if bound_bytes == 0 {
            return;
        }
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
        let stays = [Mark::NoEvict, Mark::Replica, Mark::Master];
        clients.retain(|(_, client)| !stays.iter().any(|mark| client.marks.has(*mark)));
        clients.sort_unstable_by_key(|(bytes, client)| (Reverse(*bytes), client.id));
        for (bytes, client) in clients {
            if (total as u64) < bound_bytes {
                break;
            }
            if self.take_out_leaving(&client, bytes) {
                let address = &client.peer.address;
                tracing::info!(id = client.id, %address, "disconnecting a client that uses {bytes} bytes: maxmemory-clients");
                self.evicted.fetch_add(1, Ordering::Relaxed);
                self.end(&client);
            }
            total -= bytes;
        }
    }

    /// The bytes of clients that are being disconnected because all of them used too much.
    #[must_use]
    pub fn leaving_bytes(&self) -> usize {
        self.leaving_bytes.load(Ordering::Relaxed)
    }

    /// How many clients were disconnected because all of them used too much memory.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::state::peer::Peer;
    use crate::config::{ClientsBound, Config};

    #[test]
    fn what_a_disconnected_client_holds_is_known_until_its_connection_ends() {
        let clients = Clients::default();
        let [small, large] = [100, 1000].map(|bytes| {
            let client = clients.register(Peer::none(), 0);
            client.query_buffer_bytes.store(bytes, Ordering::Relaxed);
            clients.count(&client);
            client
        });
        clients.bound_memory();
        assert_eq!((clients.len(), clients.memory_bytes.load(Ordering::Relaxed)), (2, 0), "no bound");
        let mut config = Config::default();
        config.memory.clients = ClientsBound::Bytes(1000);
        clients.configure(&config);
        clients.count(&small);
        clients.bound_memory();
        assert_eq!(clients.len(), 2, "the other one is not counted yet");
        clients.count(&large);
        clients.bound_memory();
        assert!(clients.get(large.id).is_none() && clients.get(small.id).is_some());
        assert_eq!((clients.leaving_bytes(), clients.evicted()), (1000, 1));
        // Another thread that had it in its list.
        assert!(!clients.take_out_leaving(&large, 1000));
        clients.remove(&large);
        assert!(!clients.take_out_leaving(&large, 1000));
        clients.remove(&small);
        assert_eq!((clients.leaving_bytes(), clients.memory_bytes.load(Ordering::Relaxed)), (0, 0));
    }
}
