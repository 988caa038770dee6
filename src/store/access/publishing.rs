//! What a hold tells others of its changes: keyspace events, and keys of whose values clients keep copies.

use super::hold::Hold;
use crate::store::change::basis::Basis;
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

    pub(super) fn publish(&self, events: &[KeyEvent], stale: Vec<StaleKey>, basis: &Basis) {
        if !events.is_empty() {
            self.store.publish(events, basis);
        }
        if !stale.is_empty() {
            self.store.invalidate(stale, self.client, basis);
        }
    }
}
