//! A planned hand-over to a replica (FAILOVER): writes are held back until a replica has everything, then this server follows it.
//!
//! The thread of upkeep moves a hand-over on ten times a second, the link to the new master ends it. Whoever moves it on decides
//! under the lock of its state, and changes the server's role after that: no lock of a shard is taken under it.

use super::failover::{FailoverPhase, FailoverTerms, Handover};
use super::host::Host;
use super::interventions::{PauseCause, Paused};
use crate::replication::upstream::state::MasterAddress;
use crate::store::Shards;

impl Host {
    /// Begins a hand-over. Returns whether there was none: otherwise nothing has happened. Writes that begin after this are held
    /// back; the caller takes each lock once, so that those before are over.
    pub fn begin_failover(&self, terms: FailoverTerms) -> bool {
        let mut state = self.failover.0.lock();
        if state.current.is_some() {
            return false;
        }
        match &terms.target {
            Some(target) => tracing::info!("FAILOVER to {target} requested"),
            None => tracing::info!("FAILOVER to any replica requested"),
        }
        // As in Redis, PINGs go on where the wait may be long: a replica must not take the silence for the end of its master.
        self.process.quiet_stream(terms.until_ms.is_some());
        self.interventions.begin_pause(PauseCause::Failover, Paused::Writes, u64::MAX, self.clock.now_ms());
        state.begun += 1;
        state.current = Some(Handover { terms, phase: FailoverPhase::WaitsForSync });
        true
    }

    /// Moves a hand-over on. Called about ten times a second.
    pub fn tend_failover(&self) {
        let Some(terms) = self.failover.0.lock().waiting().map(|handover| handover.terms.clone()) else {
            return;
        };
        if terms.until_ms.is_some_and(|until_ms| until_ms <= self.clock.now_ms()) {
            match terms.target.filter(|_| terms.is_forced) {
                Some(target) => self.hand_over_to(target),
                None => {
                    let why = "no replica had everything in time";
                    self.abort_failover(why, &mut Shards::free(&self.store));
                }
            }
            return;
        }
        if self.process.stream_offset(self.store.last_seq()).is_none() {
            return;
        }
        let facts = self.process.replication();
        let mut places =
            facts.replicas.iter().filter(|replica| replica.is_online && replica.offset == facts.offset);
        let found = places.find_map(|replica| {
            let place = MasterAddress { host: replica.address.clone(), port: replica.port };
            terms.target.as_ref().is_none_or(|target| target.is_named(&place)).then_some(place)
        });
        if let Some(target) = found {
            self.hand_over_to(target);
        }
    }

    /// Follows the target, which becomes a master when the link to it is made.
    fn hand_over_to(&self, target: MasterAddress) {
        let number = {
            let mut state = self.failover.0.lock();
            let Some(handover) = state.waiting() else { return };
            (handover.terms.target, handover.phase) = (Some(target.clone()), FailoverPhase::InProgress);
            state.begun
        };
        tracing::info!("FAILOVER to {target}: it becomes the master now");
        self.take_role(Some(&target), &mut Shards::free(&self.store));
        if self.failover.0.lock().called_off == number && self.upstream.status().master == Some(target) {
            // By a client, while the role changed.
            self.take_role(None, &mut Shards::free(&self.store));
        }
    }

    /// The new master has answered: the hand-over is over, and clients may go on.
    pub fn complete_failover(&self) {
        tracing::info!("FAILOVER complete");
        self.end_failover();
    }

    /// Calls the hand-over off: this server is the master as before, and then clients go on. Returns whether there was one.
    pub fn abort_failover(&self, why: &str, shards: &mut Shards<'_, '_>) -> bool {
        let phase = {
            let mut state = self.failover.0.lock();
            let number = state.begun;
            if state.called_off == number {
                return false;
            }
            let Some(handover) = &state.current else { return false };
            match &handover.terms.target {
                Some(target) => tracing::warn!("FAILOVER to {target} called off: {why}"),
                None => tracing::warn!("FAILOVER to any replica called off: {why}"),
            }
            let phase = handover.phase;
            state.called_off = number;
            phase
        };
        if phase == FailoverPhase::InProgress {
            self.take_role(None, shards);
        }
        self.end_failover();
        true
    }

    fn end_failover(&self) {
        self.process.quiet_stream(false);
        self.failover.0.lock().current = None;
        self.interventions.end_pause(PauseCause::Failover);
    }
}
