//! Frees large values on its own thread. So removing a key of ten million members holds the shard's lock no longer than
//! removing a small one.
//!
//! What waits to be freed is counted, so that eviction does not make room a second time.

use super::keys::keyspace::Keyspace;
use super::values::kinds::Value;
use crossbeam::channel::{Sender, unbounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A value of more bytes is freed on the thread. The allocator takes back this many bytes without touching their pages.
pub(super) const FREED_HERE_BYTES: usize = 16 * 1024;

/// A value of more allocations is also freed on the thread. This is also the number of elements that are sampled for
/// the value's size.
const FREED_HERE_ALLOCATIONS: usize = 256;

/// Keys of a keyspace that are sampled for its size.
const SAMPLED_KEYS: usize = 32;

/// What the thread frees. It does nothing but drop it.
enum Garbage {
    Value { _value: Value },
    Keyspace { _keyspace: Keyspace },
}

/// What has been given to the thread.
#[derive(Debug, Default)]
struct Given {
    /// About the bytes that are not freed yet.
    pending_bytes: AtomicUsize,
    pending: AtomicU64,
    freed: AtomicU64,
}

/// A piece of garbage, about how many bytes it takes, and how many values it is.
type Weighed = (Garbage, usize, u64);

/// The handle of the thread. The thread ends when the handle is dropped.
#[derive(Debug)]
pub(super) struct Reclaimer {
    queue: Sender<Weighed>,
    given: Arc<Given>,
}

impl Reclaimer {
    /// Starts the thread. If the thread cannot start, values are freed where they are removed.
    pub(super) fn start() -> Self {
        let (queue, garbage) = unbounded::<Weighed>();
        let given = Arc::new(Given::default());
        let own = Arc::clone(&given);
        let drop_all = move || {
            for (garbage, bytes, values) in &garbage {
                drop(garbage);
                own.pending_bytes.fetch_sub(bytes, Ordering::Relaxed);
                own.pending.fetch_sub(values, Ordering::Relaxed);
                own.freed.fetch_add(values, Ordering::Relaxed);
            }
        };
        if let Err(error) = std::thread::Builder::new().name("reclaimer".into()).spawn(drop_all) {
            tracing::warn!(
                "cannot start the thread that frees large values; they are freed in place: {error}"
            );
        }
        Self { queue, given }
    }

    /// Frees a value: on the thread if the value is large.
    pub(super) fn free_value(&self, value: Option<Value>) {
        let Some(value) = value else { return };
        let bytes = value.memory_bytes(FREED_HERE_ALLOCATIONS);
        if bytes > FREED_HERE_BYTES || value.allocations() > FREED_HERE_ALLOCATIONS {
            self.give((Garbage::Value { _value: value }, bytes, 1));
        }
    }

    /// Frees a database's part of a shard. O(segments).
    pub(super) fn free_keyspace(&self, keyspace: Keyspace) {
        let bytes = keyspace.about_bytes(SAMPLED_KEYS);
        let values = keyspace.len() as u64;
        self.give((Garbage::Keyspace { _keyspace: keyspace }, bytes, values));
    }

    fn give(&self, garbage: Weighed) {
        let (_, bytes, values) = garbage;
        self.given.pending_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.given.pending.fetch_add(values, Ordering::Relaxed);
        // A send fails only if the thread could not start. The error then contains the value, which is dropped here.
        if self.queue.send(garbage).is_err() {
            self.given.pending_bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.given.pending.fetch_sub(values, Ordering::Relaxed);
        }
    }

    /// About the bytes of what the thread has not freed yet.
    pub(super) fn pending_bytes(&self) -> usize {
        self.given.pending_bytes.load(Ordering::Relaxed)
    }

    /// How many values wait to be freed, and how many have been since the start or the last reset.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.given.pending.load(Ordering::Relaxed), self.given.freed.load(Ordering::Relaxed))
    }

    /// Sets the count of what has been freed to 0.
    pub(super) fn reset_freed(&self) {
        self.given.freed.store(0, Ordering::Relaxed);
    }
}
