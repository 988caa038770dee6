//! What a checkpoint reads: the contents of a store, in steps.

use crate::store::change::ChangeBuffer;
use crate::store::{Snapshot, Store};
use std::io;

/// What a checkpoint reads: the contents of a store.
pub(super) trait Walkable: Send + Sync {
    /// Begins a walk. All records that are appended after this may be replayed over what the walk sees.
    fn begin(&self) -> Box<dyn Contents + '_>;

    /// Waits until every hold that has locks now has ended.
    fn await_holds(&self);

    /// How many records nobody read: they are counted there, and were not appended.
    fn unread_records(&self) -> u64 {
        0
    }
}

/// The contents of a store, in steps.
pub(super) trait Contents {
    /// Calls `visit` with closed records that together state the whole contents. The first error of `visit` ends the
    /// walk.
    fn walk(&mut self, visit: &mut dyn FnMut(&ChangeBuffer) -> io::Result<()>) -> io::Result<()>;
}

impl Walkable for Store {
    fn begin(&self) -> Box<dyn Contents + '_> {
        Box::new(self.snapshot())
    }

    fn await_holds(&self) {
        self.await_holds(None);
    }

    fn unread_records(&self) -> u64 {
        self.unread_records()
    }
}

impl Contents for Snapshot<'_> {
    fn walk(&mut self, visit: &mut dyn FnMut(&ChangeBuffer) -> io::Result<()>) -> io::Result<()> {
        self.store().refuse_damaged().map_err(io::Error::other)?;
        let mut records = ChangeBuffer::default();
        loop {
            let more = self.step(&mut records);
            records.end_record();
            visit(&records)?;
            records.clear();
            if !more {
                return self.store().refuse_damaged().map_err(io::Error::other);
            }
        }
    }
}
