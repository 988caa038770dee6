//! Who is interested in a key: clients that wait for it to hold something, and transactions that must not run once it
//! has changed.
//!
//! One table for each keyspace, under its shard's lock. It is empty nearly always, and then costs a branch a change.

use super::sink::Seq;
use super::writer::Writer;
use foldhash::quality::FixedState;
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A client that waits for one of several keys to hold something.
pub trait Waiter: Send + Sync {
    /// Serves the client from the keys that it waits for and that `keys` covers; one of them has changed. What it takes
    /// is a record of its own.
    fn serve(&self, keys: &mut Writer<'_, '_>) -> Served;

    /// What the client was served with is in the journal's hands as of `seq` (`None`: it changed nothing).
    fn deliver(&self, seq: Option<Seq>);
}

/// How serving a waiting client went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// It has what it waited for.
    Yes,
    /// There is nothing for it.
    NotYet,
    /// It does not wait any more.
    Gone,
}

/// Whether one of the keys that a transaction watches has changed.
#[derive(Debug, Default)]
pub struct Watch(AtomicBool);

impl Watch {
    /// Whether one has.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Those interested in one key.
#[derive(Default)]
struct Interested {
    /// First come, first served.
    waiters: VecDeque<Arc<dyn Waiter>>,
    watches: Vec<Arc<Watch>>,
}

/// Those interested in the keys of a keyspace.
pub(super) struct Interests {
    by_key: HashMap<Box<[u8]>, Interested, FixedState>,
}

impl Interests {
    pub(super) fn with_seed(seed: u64) -> Self {
        Self { by_key: HashMap::with_hasher(FixedState::with_seed(seed)) }
    }

    /// `key` was changed: whoever watches it is told. Returns whether somebody waits for it.
    pub(super) fn note_change(&mut self, key: &[u8]) -> bool {
        if self.by_key.is_empty() {
            return false;
        }
        let Some(interested) = self.by_key.get_mut(key) else { return false };
        interested.watches.drain(..).for_each(|watch| watch.0.store(true, Ordering::Release));
        let is_waited_for = !interested.waiters.is_empty();
        self.forget_if_idle(key);
        is_waited_for
    }

    /// Every key for which `existed` holds was removed.
    pub(super) fn note_flush(&mut self, existed: impl Fn(&[u8]) -> bool) {
        for (_, interested) in self.by_key.iter_mut().filter(|(key, _)| existed(key)) {
            interested.watches.drain(..).for_each(|watch| watch.0.store(true, Ordering::Release));
        }
        self.by_key.retain(|_, interested| !interested.is_idle());
    }

    pub(super) fn watch(&mut self, key: &[u8], watch: Arc<Watch>) {
        self.interested(key).watches.push(watch);
    }

    pub(super) fn unwatch(&mut self, key: &[u8], watch: &Arc<Watch>) {
        if let Some(interested) = self.by_key.get_mut(key) {
            interested.watches.retain(|other| !Arc::ptr_eq(other, watch));
            self.forget_if_idle(key);
        }
    }

    /// Queues `waiter` behind those who wait for `key` already.
    pub(super) fn wait(&mut self, key: &[u8], waiter: Arc<dyn Waiter>) {
        self.interested(key).waiters.push_back(waiter);
    }

    /// The client at `position` of the queue for `key`.
    pub(super) fn waiter(&self, key: &[u8], position: usize) -> Option<Arc<dyn Waiter>> {
        self.by_key.get(key)?.waiters.get(position).cloned()
    }

    /// Takes the client at `position` out of the queue for `key`.
    pub(super) fn leave(&mut self, key: &[u8], position: usize) {
        if let Some(interested) = self.by_key.get_mut(key) {
            interested.waiters.remove(position);
            self.forget_if_idle(key);
        }
    }

    /// Takes `waiter` out of the queue for `key`, wherever it stands.
    pub(super) fn stop_waiting(&mut self, key: &[u8], waiter: &Arc<dyn Waiter>) {
        if let Some(interested) = self.by_key.get_mut(key) {
            interested.waiters.retain(|other| !Arc::ptr_eq(other, waiter));
            self.forget_if_idle(key);
        }
    }

    /// The number of keys that somebody waits for.
    pub(super) fn awaited_keys(&self) -> usize {
        self.by_key.values().filter(|interested| !interested.waiters.is_empty()).count()
    }

    fn interested(&mut self, key: &[u8]) -> &mut Interested {
        self.by_key.entry(key.into()).or_default()
    }

    fn forget_if_idle(&mut self, key: &[u8]) {
        if self.by_key.get(key).is_some_and(Interested::is_idle) {
            self.by_key.remove(key);
        }
    }
}

impl Interested {
    fn is_idle(&self) -> bool {
        self.waiters.is_empty() && self.watches.is_empty()
    }
}

impl std::fmt::Debug for Interests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interests").field("keys", &self.by_key.len()).finish()
    }
}
