//! The slow log: the last requests that took long.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

/// A request that took long.
#[derive(Debug)]
pub struct SlowRequest {
    /// Its name and arguments, shortened, with what is secret left out.
    pub arguments: Vec<Box<[u8]>>,
    /// How long it took, in microseconds.
    pub elapsed_us: u64,
    /// When it had run, in unix seconds.
    pub at_s: u64,
    /// The client's address and port.
    pub address: String,
    /// The client's name, empty if it has none.
    pub name: String,
}

/// An entry of the log: the request, and a number that only grows.
#[derive(Clone, Debug)]
pub struct SlowEntry {
    /// The number.
    pub id: u64,
    /// The request.
    pub request: Arc<SlowRequest>,
}

/// The last requests that took long. The lock is taken only for such a request, and by SLOWLOG.
#[derive(Debug, Default)]
pub struct SlowLog(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    next_id: u64,
    /// Newest first.
    entries: VecDeque<SlowEntry>,
}

impl SlowLog {
    /// Adds a request. The oldest entries go, so that at most `most` are left.
    pub fn add(&self, request: SlowRequest, most: usize) {
        let mut log = self.0.lock();
        let id = log.next_id;
        log.next_id += 1;
        log.entries.push_front(SlowEntry { id, request: Arc::new(request) });
        log.entries.truncate(most);
    }

    /// The newest entries, `most` of them, newest first.
    #[must_use]
    pub fn newest(&self, most: usize) -> Vec<SlowEntry> {
        self.0.lock().entries.iter().take(most).cloned().collect()
    }

    /// The number of entries.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.lock().entries.len()
    }

    /// Removes all entries. The numbers go on.
    pub fn reset(&self) {
        let removed = std::mem::take(&mut self.0.lock().entries);
        drop(removed);
    }
}
