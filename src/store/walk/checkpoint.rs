//! The contents of a checkpoint: the elements of a walk as Changes.

use super::{KeyHead, Length, Visitor, Walk};
use crate::store::change::DatabaseNumbering;
use crate::store::change::buffer::ChangeBuffer;
use crate::store::change::position::FollowedPosition;
use crate::store::numbers::{DatabaseIndex, KeyspaceIndex};
use crate::store::shard::DatabaseSize;
use crate::store::sharded::Store;
use crate::store::values::kinds::Element;
use crate::store::values::kinds::Kind;
use crate::store::values::stored::WalkOrder;
use std::sync::atomic::Ordering;

/// A walk over all keys, as Changes that rebuild them.
///
/// Every record that is made after [`Store::snapshot`] has returned may be replayed over these Changes, whether or not they
/// contain already what it did: as long as the snapshot exists, no record has a [`Change::Relocated`]. So whoever replays
/// records over the walk begins with the snapshot, and only then determines the first of these records.
///
/// [`Change::Relocated`]: crate::store::change::Change::Relocated
#[derive(Debug)]
pub struct Snapshot<'s> {
    store: &'s Store,
    /// For a replica: the numbering of the databases at the place in the stream that it begins with, and that place.
    replica: Option<(DatabaseNumbering, FollowedPosition)>,
    /// `None` until its first step.
    walk: Option<Walk<'s>>,
}

impl Store {
    /// Begins a walk over all keys. Waits for the holds that exist. O(shards).
    #[must_use]
    pub fn snapshot(&self) -> Snapshot<'_> {
        self.snapshots.fetch_add(1, Ordering::SeqCst);
        // A hold that has not seen the number yet appends its records before it gives its locks back.
        for shard in &self.shards {
            drop(shard.read());
        }
        Snapshot { store: self, replica: None, walk: None }
    }

    /// Whether there is a snapshot. Exact under a lock of a shard.
    pub(in crate::store) fn has_snapshot(&self) -> bool {
        self.snapshots.load(Ordering::SeqCst) > 0
    }
}

impl Snapshot<'_> {
    /// The store whose keys are visited.
    #[must_use]
    pub fn store(&self) -> &Store {
        self.store
    }

    /// Begins a walk that visits each element once, for a file that is not written twice. The keyspaces count as the databases
    /// that have them in `numbering`, which is that of the first record that is replayed over the walk.
    #[must_use]
    pub fn export(&self, numbering: DatabaseNumbering) -> Walk<'_> {
        Walk { numbering, ..Walk::new(self.store, None, WalkOrder::EachOnce) }
    }

    /// Has the Changes for a replica, over which the stream is replayed from `position` on. Then they name databases, those that
    /// have the keyspaces in `numbering`, and not keyspaces: the stream renames databases by commands of its own.
    #[must_use]
    pub fn for_replica(mut self, numbering: DatabaseNumbering, position: FollowedPosition) -> Self {
        self.replica = Some((numbering, position));
        self
    }

    /// Adds the next part of the store to `out`, as one closed record. Locks one shard for reading, for about
    /// [`crate::limits::MEMBERS_PER_LOCK`] elements. Returns whether there may be more.
    pub fn step(&mut self, out: &mut ChangeBuffer) -> bool {
        self.step_noting(out, &mut |_, _, _| ())
    }

    /// As [`Snapshot::step`]. Calls `note` with each key, under its lock.
    pub fn step_noting(
        &mut self,
        out: &mut ChangeBuffer,
        note: &mut dyn FnMut(DatabaseIndex, KeyHead<'_>, Kind),
    ) -> bool {
        let (store, replica) = (self.store, &self.replica);
        let walk = self.walk.get_or_insert_with(|| {
            let mut walk = Walk::new(store, None, WalkOrder::InOrder);
            if let Some((numbering, _)) = replica {
                walk.numbering = numbering.clone();
            } else if !walk.numbering.is_plain() {
                out.number(&walk.numbering);
            }
            for (prefix, policy) in store.templates.list() {
                out.template(&prefix, Some(&policy));
            }
            for (name, text) in store.libraries.list() {
                out.library(&name, Some(&text));
            }
            // Without a replica: the records up to here are in the store already, and the walk visits it only now.
            let position = replica.as_ref().map(|(_, position)| *position);
            if let Some(position) = position.or_else(|| store.position()) {
                out.follow(Some(position));
            }
            walk
        });
        let keyspace = if replica.is_some() { walk.database } else { walk.keyspace() };
        let mut recorder = Recorder { keyspace, database: walk.database, out, note };
        let more = walk.step(&mut recorder);
        out.end_record();
        more
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        self.store.snapshots.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Recorder<'o> {
    keyspace: KeyspaceIndex,
    database: DatabaseIndex,
    out: &'o mut ChangeBuffer,
    note: &'o mut dyn FnMut(DatabaseIndex, KeyHead<'_>, Kind),
}

impl Visitor for Recorder<'_> {
    fn database(&mut self, _: DatabaseIndex, _: DatabaseSize) {}

    fn begin(&mut self, head: KeyHead<'_>, kind: Kind, _: Length) {
        (self.note)(self.database, head, kind);
        if kind.changes_by_steps() {
            self.out.as_of(self.keyspace, head.key, head.as_of);
        }
        self.out.head(self.keyspace, head.key, head.rules);
    }

    fn element(&mut self, head: KeyHead<'_>, element: Element<'_>) {
        self.out.element(self.keyspace, head.key, element, head.expire_at_ms);
    }

    fn end(&mut self, head: KeyHead<'_>, kind: Kind) {
        if head.expire_at_ms.is_some() && !kind.says_expiry() {
            self.out.set_expiry(self.keyspace, head.key, head.expire_at_ms);
        }
    }
}
