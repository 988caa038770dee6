//! Frees large values on a thread of its own, so that removing a key of ten million members takes its shard's lock
//! for no longer than removing a small one.

use super::keys::keyspace::Keyspace;
use super::values::kinds::Value;
use crossbeam::channel::{Sender, unbounded};

/// A value of more bytes than this is handed over: as much as the allocator takes back without looking at its pages.
pub(super) const FREED_HERE_BYTES: usize = 16 * 1024;

/// So is one of more allocations; and this many elements tell how long they are.
const FREED_HERE_ALLOCATIONS: usize = 256;

/// What is waiting to be freed; the thread does nothing with it but drop it.
enum Garbage {
    Value { _value: Value },
    Keyspace { _keyspace: Keyspace },
}

/// The handle on the thread that frees; the thread ends when the handle is dropped.
#[derive(Debug)]
pub(super) struct Reclaimer {
    queue: Sender<Garbage>,
}

impl Reclaimer {
    /// Starts the thread. Without one (no thread to be had) values are freed where they are removed.
    pub(super) fn start() -> Self {
        let (queue, garbage) = unbounded::<Garbage>();
        let drop_all = move || garbage.iter().for_each(drop);
        if let Err(error) = std::thread::Builder::new().name("reclaimer".into()).spawn(drop_all) {
            tracing::warn!("no thread to free large values on, they are freed in place: {error}");
        }
        Self { queue }
    }

    /// Frees a value, elsewhere if it is large.
    pub(super) fn free_value(&self, value: Option<Value>) {
        let Some(value) = value else { return };
        let has_many = value.allocations() > FREED_HERE_ALLOCATIONS;
        if has_many || value.memory_bytes(FREED_HERE_ALLOCATIONS) > FREED_HERE_BYTES {
            // A send fails only where the thread could not start; what comes back is then dropped here.
            let _ = self.queue.send(Garbage::Value { _value: value });
        }
    }

    /// Frees a database's part of a shard.
    pub(super) fn free_keyspace(&self, keyspace: Keyspace) {
        let _ = self.queue.send(Garbage::Keyspace { _keyspace: keyspace });
    }
}
