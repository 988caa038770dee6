//! Changes of the libraries of functions.

use super::hold::Hold;
use super::shards::{RefusesClients, Shards};
use crate::store::libraries::FunctionLibraries;
use std::sync::Arc;

/// A library's name, and its text or `None` for its end.
pub type LibraryChange = (Arc<[u8]>, Option<Arc<[u8]>>);

impl Shards<'_, '_> {
    /// Calls `decide` while no other thread can change a library, and makes the changes that it returns in one record. O(their
    /// bytes).
    ///
    /// # Errors
    /// The error of `decide`, or [`RefusesClients`]; nothing is changed then.
    pub fn change_libraries<E: From<RefusesClients>>(
        &mut self,
        decide: impl FnOnce(&FunctionLibraries) -> Result<Vec<LibraryChange>, E>,
    ) -> Result<(), E> {
        let mut outcome = Ok(());
        self.with_all(|hold| {
            outcome = decide(&hold.store.libraries).map(|changes| hold.set_libraries(changes));
        })?;
        outcome
    }
}

impl Hold<'_> {
    pub(super) fn set_libraries(&mut self, changes: Vec<LibraryChange>) {
        debug_assert!(self.locks().count() == self.store.shard_count());
        for (name, text) in changes {
            self.changes.library(&name, text.as_deref());
            self.store.libraries.set(&name, text);
        }
    }
}
