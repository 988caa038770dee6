//! A store that follows a master's stream: where it is in the stream, and that it removes nothing by itself.

use super::guard::Access;
use super::hold::Hold;
use crate::store::change::buffer::ChangeBuffer;
use crate::store::change::position::{FollowedPosition, StreamPlace};
use crate::store::numbers::ShardIndex;
use crate::store::sharded::Store;
use std::sync::atomic::Ordering;

impl Store {
    /// How far the store has followed a stream, as far as the journal has it; `None` if it follows none.
    #[must_use]
    pub fn position(&self) -> Option<FollowedPosition> {
        *self.position.lock()
    }

    /// Records which stream is followed from now on, and how far it has been. Nothing else has changed.
    pub fn follow(&self, position: Option<FollowedPosition>) {
        let mut at = self.position.lock();
        if *at == position {
            return;
        }
        let mut changes = ChangeBuffer::default();
        changes.follow(position);
        changes.end_record();
        self.append(&changes, self.clock.now_ms());
        *at = position;
    }

    /// Records that the stream has been followed up to `place`, if a record does not say that it is further. Returns the place where
    /// the store is; `None` if it follows no stream.
    pub fn advance(&self, place: StreamPlace) -> Option<StreamPlace> {
        let mut at = self.position.lock();
        let position = at.as_mut()?;
        if position.reached.offset < place.offset {
            position.reached = place;
            let mut changes = ChangeBuffer::default();
            changes.follow(*at);
            changes.end_record();
            self.append(&changes, self.clock.now_ms());
        }
        at.map(|position| position.reached)
    }

    /// Whether expired keys stay until the master says that they are removed, and no key is evicted. Reads do not see
    /// expired keys all the same. It takes effect for all holds that begin after this.
    pub fn leave_removal_to_master(&self, leaves: bool) {
        self.leaves_removal.store(leaves, Ordering::SeqCst);
    }

    /// See [`Store::leave_removal_to_master`].
    #[must_use]
    pub fn leaves_removal_to_master(&self) -> bool {
        self.leaves_removal.load(Ordering::SeqCst)
    }

    /// Whether only the master's commands may change something. A command that has its locks before this is done.
    pub fn refuse_clients(&self, refuses: bool) {
        self.refuses_clients.store(refuses, Ordering::SeqCst);
    }

    /// See [`Store::refuse_clients`]. Exact under a lock of a shard that was taken after the change.
    #[must_use]
    pub fn refuses_clients(&self) -> bool {
        self.refuses_clients.load(Ordering::SeqCst)
    }

    pub(in crate::store) fn set_position(&self, position: Option<FollowedPosition>) {
        *self.position.lock() = position;
    }

    pub(in crate::store) fn set_place(&self, place: StreamPlace) {
        if let Some(position) = &mut *self.position.lock() {
            position.reached = place;
        }
    }
}

impl Store {
    /// Takes the keys, the libraries of functions and the templates of `other`, a [sibling](Store::sibling), in place of all that are
    /// here, and its position in a stream.
    /// Nothing is recorded: the journal gets a new base. Takes all locks. Clients that watch or wait are told. Does nothing if it
    /// is not `wanted` any more when the locks are held. Returns whether it was. O(keys).
    pub fn become_copy(
        &self,
        other: &Self,
        position: FollowedPosition,
        wanted: impl FnOnce() -> bool,
    ) -> bool {
        assert!(other.shards.len() == self.shards.len() && other.databases == self.databases);
        other.shards.iter().for_each(|shard| shard.write().recount_sizes());
        let all: Vec<ShardIndex> = (0..self.shard_count()).collect();
        let mut hold = Hold::on(self, &all, Access::Write, ChangeBuffer::default());
        if !wanted() {
            return false;
        }
        hold.flush(None);
        hold.take_keys_of(other);
        self.libraries.swap(&other.libraries);
        self.templates.swap(&other.templates);
        hold.end_record();
        self.set_position(Some(position));
        let _ = hold.release();
        true
    }
}

impl Hold<'_> {
    /// Takes all keys of `other` into the store, which is empty. All shards are held for writing.
    fn take_keys_of(&mut self, other: &Store) {
        let Self { first, rest, ready, .. } = self;
        for (index, guard) in first.iter_mut().chain(rest) {
            let awaited = guard.shard_mut().take_keys(&mut other.shards[*index].write());
            ready.extend(awaited);
        }
    }

    /// The commands under the hold are those of a master. For them no key has expired, because the master removes keys by
    /// commands of their own, and the command before such a one may have been about the key as it was.
    pub fn obey_master(&mut self) {
        self.stream.obeys_master = true;
    }

    /// The command under way ends at this place of the master's stream. Its record says so.
    pub fn is_at(&mut self, place: StreamPlace) {
        self.stream.place = Some(place);
    }
}
