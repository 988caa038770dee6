//! The contents of a checkpoint: the elements of a walk as Changes.

use super::{KeyHead, Length, Visitor, Walk};
use crate::store::change::buffer::ChangeBuffer;
use crate::store::numbers::DatabaseIndex;
use crate::store::shard::DatabaseSize;
use crate::store::sharded::Store;
use crate::store::values::kinds::{Element, Kind};
use crate::store::values::stored::WalkOrder;

/// A walk over all keys, as Changes that rebuild them.
#[derive(Debug)]
pub struct Snapshot<'s>(Walk<'s>);

impl Store {
    /// Begins a walk over all keys.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot(Walk::new(self, None, WalkOrder::InOrder))
    }
}

impl Snapshot<'_> {
    /// Adds the next part of the store to `out`, as one closed record. Locks one shard for reading, for about
    /// [`crate::limits::MEMBERS_PER_LOCK`] elements. Returns whether there may be more.
    pub fn step(&mut self, out: &mut ChangeBuffer) -> bool {
        let mut recorder = Recorder { database: self.0.database, out };
        let more = self.0.step(&mut recorder);
        out.end_record();
        more
    }
}

struct Recorder<'o> {
    database: DatabaseIndex,
    out: &'o mut ChangeBuffer,
}

impl Visitor for Recorder<'_> {
    fn database(&mut self, _: DatabaseIndex, _: DatabaseSize) {}

    fn begin(&mut self, head: KeyHead<'_>, kind: Kind, _: Length) {
        if kind.changes_by_steps() {
            self.out.as_of(self.database, head.key, head.as_of);
        }
    }

    fn element(&mut self, head: KeyHead<'_>, element: Element<'_>) {
        self.out.element(self.database, head.key, element, head.expire_at_ms);
    }

    fn end(&mut self, head: KeyHead<'_>, kind: Kind) {
        if head.expire_at_ms.is_some() && !kind.says_expiry() {
            self.out.set_expiry(self.database, head.key, head.expire_at_ms);
        }
    }
}
