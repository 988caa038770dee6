//! The change of a server's role: which master it follows, or that it is a master.

use super::host::Host;
use crate::commands::call::error::CommandError;
use crate::config::ReplicaSettings;
use crate::replication::upstream::state::MasterAddress;
use crate::store::{Hold, Shards};

impl Host {
    /// Begins to follow `master`, or ends to follow one. When it returns, no command of an earlier master is applied any more, and
    /// none of a client that must not write.
    pub fn take_role(&self, master: Option<&MasterAddress>, shards: &mut Shards<'_, '_>) {
        self.change_master(master, None);
        self.put_into_effect(master, shards);
    }

    /// As [`Host::take_role`], unless somebody has decided since `turn`.
    pub fn take_role_in(&self, turn: u64, master: Option<&MasterAddress>) {
        if self.change_master(master, Some(turn)) {
            self.put_into_effect(master, &mut Shards::free(&self.store));
        }
    }

    fn put_into_effect(&self, master: Option<&MasterAddress>, shards: &mut Shards<'_, '_>) {
        // What was under way is over then.
        for shard in 0..self.store.shard_count() {
            drop(shards.look(&[shard]));
        }
        let held = match shards {
            Shards::Free(..) => None,
            Shards::Held(hold) => Some(&**hold),
        };
        self.settle_master(master, held);
    }

    /// The change is in effect for all that take their locks after this: what an earlier master still sends is not applied, and
    /// clients of a read-only replica change nothing, nor do those of a replica that becomes a master until that is settled.
    /// With a `turn` it happens only if that is the present one. Returns whether it did.
    fn change_master(&self, master: Option<&MasterAddress>, turn: Option<u64>) -> bool {
        let mut is_changed = false;
        self.settings.change(|config| {
            // Whoever begins a turn is in here.
            is_changed = turn.is_none_or(|turn| self.upstream.turn() == turn);
            if !is_changed {
                return;
            }
            config.replica.master = master.map(|master| (master.host.clone(), master.port));
            if master.is_some() {
                self.refuse_clients(&config.replica);
            }
            self.upstream.follow(master.cloned(), self.clock.now_ms());
        });
        is_changed
    }

    /// Does what follows from a change of the master, when nothing is under way any more that began before it. `held` are the
    /// locks that the caller holds. A new master's stream begins before clients may write.
    fn settle_master(&self, master: Option<&MasterAddress>, held: Option<&Hold<'_>>) {
        match master {
            Some(master) => {
                tracing::info!("the master is {master} from now on");
                self.end_waits(&CommandError::BECAME_REPLICA);
            }
            None => {
                tracing::info!("this server is a master from now on");
            }
        }
        self.process.master_changed(master.is_some(), held);
        if master.is_none() {
            self.store.follow(None);
        }
        self.refuse_clients(&self.config().replica);
    }

    /// Which server is the master is not known: this one follows nobody, and accepts no writes until [`Host::take_role`] or
    /// [`Host::lead`].
    pub fn await_leader(&self) {
        self.settings.apply(|config| {
            if self.upstream.await_leader() {
                self.refuse_clients(&config.replica);
            }
        });
    }

    /// This server is the master, as those say who decide it, unless somebody has decided since `turn`.
    pub fn lead(&self, turn: u64) {
        // Data that have followed another master are this server's own from here on.
        if self.upstream.is_set() || self.store.position().is_some() {
            self.take_role_in(turn, None);
            return;
        }
        self.settings.apply(|config| {
            if self.upstream.turn() == turn {
                self.upstream.end_await();
                self.refuse_clients(&config.replica);
            }
        });
    }

    /// Puts into effect who may change something.
    pub fn refuse_clients(&self, settings: &ReplicaSettings) {
        let awaits = self.upstream.awaits_leader();
        let follows = settings.master.is_some() || awaits;
        self.store.leave_removal_to_master(follows);
        self.store.refuse_clients(follows && (settings.read_only || awaits));
    }

    /// Ends the waits of all clients with an error.
    fn end_waits(&self, error: &CommandError) {
        for client in self.clients.all() {
            let waiting = client.waiting.lock().clone();
            if let Some(waiting) = waiting {
                waiting.end(|reply| reply.error(&error.0));
            }
        }
    }
}
