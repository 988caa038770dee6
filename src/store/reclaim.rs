//! Frees large values on its own thread. So removing a key of ten million members holds the shard's lock no longer than
//! removing a small one.

use super::keys::keyspace::Keyspace;
use super::values::kinds::Value;
use crossbeam::channel::{Sender, unbounded};

/// A value of more bytes is freed on the thread. The allocator takes back this many bytes without touching their pages.
pub(super) const FREED_HERE_BYTES: usize = 16 * 1024;

/// A value of more allocations is also freed on the thread. This is also the number of elements that are sampled for
/// the value's size.
const FREED_HERE_ALLOCATIONS: usize = 256;

/// What the thread frees. It does nothing but drop it.
enum Garbage {
    Value { _value: Value },
    Keyspace { _keyspace: Keyspace },
}

/// The handle of the thread. The thread ends when the handle is dropped.
#[derive(Debug)]
pub(super) struct Reclaimer {
    queue: Sender<Garbage>,
}

impl Reclaimer {
    /// Starts the thread. If the thread cannot start, values are freed where they are removed.
    pub(super) fn start() -> Self {
        let (queue, garbage) = unbounded::<Garbage>();
        let drop_all = move || garbage.iter().for_each(drop);
        if let Err(error) = std::thread::Builder::new().name("reclaimer".into()).spawn(drop_all) {
            tracing::warn!(
                "cannot start the thread that frees large values; they are freed in place: {error}"
            );
        }
        Self { queue }
    }

    /// Frees a value: on the thread if the value is large.
    pub(super) fn free_value(&self, value: Option<Value>) {
        let Some(value) = value else { return };
        let has_many = value.allocations() > FREED_HERE_ALLOCATIONS;
        if has_many || value.memory_bytes(FREED_HERE_ALLOCATIONS) > FREED_HERE_BYTES {
            // A send fails only if the thread could not start. The error then contains the value, which is dropped
            // here.
            let _ = self.queue.send(Garbage::Value { _value: value });
        }
    }

    /// Frees a database's part of a shard.
    pub(super) fn free_keyspace(&self, keyspace: Keyspace) {
        let _ = self.queue.send(Garbage::Keyspace { _keyspace: keyspace });
    }
}
