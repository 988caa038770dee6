//! The locks of a command's keys: taken for it, kept for the next command where that needs the same, and given back.

use super::runner::{Refusal, Runner, Scope};
use crate::commands::call::Call;
use crate::commands::call::error::{Outcome, Stop};
use crate::commands::spec::{CommandSpec, Manner};
use crate::commands::state::marks::Mark;
use crate::limits;
use crate::store::{Access, ShardIndex, Store};
use smallvec::SmallVec;

/// The shards of a command. Few commands have more keys than fit.
pub(super) type ShardList = SmallVec<[ShardIndex; 16]>;

/// The shards of a command's keys, ascending and each once. `note` is told the shard of each key.
fn shards_of_keys(
    store: &Store,
    spec: &CommandSpec,
    call: &Call<'_>,
    mut note: impl FnMut(&[u8], ShardIndex),
) -> ShardList {
    if spec.finds_keys(call) {
        return (0..store.shard_count()).collect();
    }
    let mut shards = ShardList::new();
    spec.for_each_key(call, &mut |key| {
        let shard = store.shard_of(key);
        note(key, shard);
        // However many keys there are, there are few shards.
        if !shards.contains(&shard) {
            shards.push(shard);
        }
    });
    shards.sort_unstable();
    shards
}

impl Runner<'_> {
    /// Sees to it that the shards of the command's keys are held, and refuses the command if one of the keys is damaged.
    /// Other commands get the lock in between: see [`limits::COMMANDS_PER_LOCK`].
    ///
    /// # Errors
    /// [`Refusal::TakesLong`] if a lock cannot be had within the time that the thread has for it, and
    /// [`Refusal::Rejected`] for a damaged key.
    pub(super) fn hold_keys(
        &mut self,
        spec: &CommandSpec,
        call: &Call<'_>,
        access: Access,
    ) -> Result<(), Refusal> {
        let touches = !self.session.client.marks.has(Mark::NoTouch) || spec.is(Manner::AlwaysTouches);
        self.hold.note_uses(touches);
        self.hold.forget_key_shards();
        match call.located {
            Some(located) => self.hold_shards(spec, call, &[located.shard()], access)?,
            None => self.hold_shards_of_keys(spec, call, access)?,
        }
        if access == Access::Write {
            self.check_role(spec).map_err(Refusal::Rejected)?;
        }
        self.check_damage(spec, call).map_err(Refusal::Rejected)
    }

    #[inline(never)]
    fn hold_shards_of_keys(&mut self, spec: &CommandSpec, call: &Call<'_>, access: Access) -> Outcome {
        let (known, are_arguments) = (self.hold.key_shards(), spec.keys.are_arguments());
        let shards = shards_of_keys(&self.host.store, spec, call, |key, shard| {
            // The bytes of other keys are gone when the command runs, and something else may be in their place.
            if are_arguments {
                known.note(key, shard);
            }
        });
        self.hold_shards(spec, call, &shards, access)
    }

    /// See [`Runner::hold_keys`]. In line, down to the lock itself: nearly every command has one shard, and for one the loops over
    /// shards vanish.
    #[inline(always)]
    fn hold_shards(
        &mut self,
        spec: &CommandSpec,
        call: &Call<'_>,
        shards: &[ShardIndex],
        access: Access,
    ) -> Outcome {
        match self.scope {
            Scope::Command => {
                let goes_on = self.commands_in_hold < limits::COMMANDS_PER_LOCK;
                if !(goes_on && self.hold.covers(shards, access)) {
                    self.let_go();
                    self.lock(shards, access)?;
                }
                self.commands_in_hold += 1;
                if access == Access::Write && self.has_movers(spec) {
                    self.hold_for_waiters(spec, call, SmallVec::from_slice(shards))?;
                }
            }
            // To take a lock now would break the order of locks, and to give one back would end the unit.
            Scope::Unit { .. } => {
                self.commands_in_hold += 1;
                assert!(self.hold.covers(shards, access), "a unit holds its commands' shards");
            }
        }
        Ok(())
    }

    /// Sees to it that no shard is held but those of a unit, for a command that takes its own locks or none. Refuses the
    /// command if one of its keys is damaged.
    pub(super) fn hold_nothing(&mut self, spec: &CommandSpec, call: &Call<'_>) -> Result<(), Refusal> {
        self.release();
        self.hold.forget_key_shards();
        let stats = self.terms.stats;
        if stats.counts_by_shard() {
            let shards = shards_of_keys(&self.host.store, spec, call, |_, _| ());
            stats.note_shards(shards.into_iter(), 1);
        }
        self.check_damage(spec, call).map_err(Refusal::Rejected)
    }

    /// Locks `shards`. None must be held.
    ///
    /// # Errors
    /// [`Stop::TakesLong`] if waiting for them would take longer than the thread has time for.
    #[inline(always)]
    pub(super) fn lock(&mut self, shards: &[ShardIndex], access: Access) -> Outcome {
        if self.terms.leeway.may_take_long() {
            self.hold.lock(shards, access);
        } else if !self.hold.try_lock(shards, access, self.timing.now_ms) {
            return Err(Stop::TakesLong);
        }
        self.ran.contention.note(shards, access, self.hold.has_waited());
        if self.session.is_superseded(self.host) {
            self.hold.let_go();
            return Err(Stop::Superseded);
        }
        if self.is_paused_for(access) {
            self.hold.let_go();
            return Err(Stop::Paused);
        }
        Ok(())
    }

    /// A command ends here, and with it its record, unless it is part of a unit.
    pub(super) fn end_record(&mut self) {
        if self.scope == Scope::Command {
            self.close_record();
        }
    }

    /// Closes the record of what has run. If that was a master's, the record says where in the stream it ends.
    pub(super) fn close_record(&mut self) {
        if let Some(place) = self.session.place_behind(self.ran.count) {
            self.hold.is_at(place);
        }
        self.hold.end_record();
    }

    /// Gives the locks back, unless they are a unit's, and counts the look-ups under them.
    pub(super) fn release(&mut self) {
        if self.scope != Scope::Command {
            // The command that follows may publish messages of its own, or change which events are published.
            self.hold.publish_events();
            return;
        }
        self.let_go();
        let lookups = self.hold.take_lookups();
        self.terms.stats.keyspace_hits.add(lookups.hits);
        self.terms.stats.keyspace_misses.add(lookups.misses);
    }

    /// Gives the locks back. The records made under them are passed to the journal first.
    #[inline]
    pub(super) fn let_go(&mut self) {
        if self.hold.is_idle() {
            return;
        }
        self.ran.has_written |= self.hold.access() == Access::Write;
        self.terms.stats.note_shards(self.hold.shards(), std::mem::take(&mut self.commands_in_hold));
        let seq = self.hold.let_go();
        self.ran.rest_on(seq);
    }
}
