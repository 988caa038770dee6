//! What a hold tells others of its changes: keyspace events, and keys of whose values clients keep copies.

use super::hold::Hold;
use crate::store::change::basis::Basis;
use crate::store::change::seq::Seq;
use crate::store::event::{KeyEvent, StaleKey};

impl Hold<'_> {
    /// Publishes the collected events, and collects events of the classes that are configured now.
    pub fn publish_events(&mut self) {
        let events = self.events.get_mut();
        let happened = events.take();
        events.want(self.store.event_classes());
        let stale = events.take_stale();
        if happened.is_empty() && stale.is_empty() {
            return;
        }
        let basis = Basis::Open(self.open_record());
        self.publish(&happened, stale, &basis);
    }

    /// Whether changed keys wait to be told to the clients that keep copies of their values.
    #[must_use]
    pub fn has_stale_keys(&self) -> bool {
        self.events.borrow().has_stale()
    }

    /// The client of the hold has read `key`, whose shard is held, for the first time since it was last told of a change of it.
    pub fn note_first_read(&self, key: &[u8]) {
        self.events.borrow_mut().note_first_read(key);
    }

    /// Whether somebody is to be told of the records of the hold. Mostly nobody is.
    #[inline]
    pub(super) fn must_tell(&mut self) -> bool {
        let has_clients = !self.served.is_empty() || !self.ready.is_empty();
        has_clients || self.open_record.is_some() || !self.events.get_mut().is_empty()
    }

    /// Tells of the records of the hold, of which `seq` is the last.
    #[inline(never)]
    pub(super) fn tell(&mut self, seq: Seq) {
        // A client that was served gets its reply before the messages about what that has changed.
        self.served.drain(..).for_each(|waiter| waiter.deliver(seq));
        let (events, stale) = (self.events.get_mut().take(), self.events.get_mut().take_stale());
        self.publish(&events, stale, &Basis::Record(seq));
        if let Some(record) = self.open_record.take() {
            record.close(seq);
        }
        // Not empty only after a panic of a command. These keys belong to the locks that are about to be released.
        self.ready.clear();
    }

    fn publish(&self, events: &[KeyEvent], stale: Vec<StaleKey>, basis: &Basis) {
        if !events.is_empty() {
            self.store.publish(events, basis);
        }
        if !stale.is_empty() {
            self.store.invalidate(stale, self.client, basis);
        }
    }
}
