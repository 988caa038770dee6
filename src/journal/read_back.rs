//! The journal read back while the server runs: DEBUG LOADAOF.

use super::recovery::replay;
use super::running::Journal;
use super::segment_writer::FlushAttempt;
use super::stage::JournalStage;
use super::visit::Provenance;
use crate::machine::progress::ReadProgress;
use crate::store::change::Change;
use crate::store::{Loader, Store};
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Journal {
    /// Loads everything that has been appended into `store`, an empty one beside that which the journal is of. The caller holds all
    /// shards of that one, so that nothing is appended meanwhile. O(journal).
    ///
    /// # Errors
    /// The journal cannot be written or read, or a checkpoint is running: that waits for the shards' locks.
    pub fn read_back(&self, store: &Arc<Store>) -> Result<(), String> {
        if self.checkpoint_running.swap(true, Ordering::AcqRel) {
            return Err("the journal is being rewritten; try again when that has ended".to_owned());
        }
        let read = self.read_all(store);
        self.checkpoint_running.store(false, Ordering::Release);
        read
    }

    fn read_all(&self, store: &Arc<Store>) -> Result<(), String> {
        if self.stage.get() != JournalStage::On {
            return Err("the first base of the journal is not complete yet".to_owned());
        }
        self.flush(FlushAttempt::First);
        if let Some(why) = self.refusal() {
            return Err(why);
        }
        let mut loader = Loader::new(store).map_err(|error| error.to_string())?;
        let mut load = |provenance: Provenance, change: &Change<'_>, encoded: &[u8]| {
            provenance.load(&mut loader, change, encoded)
        };
        replay(&self.directory.path, &ReadProgress::default(), &mut load)
            .map_err(|error| error.to_string())?;
        loader.finish();
        Ok(())
    }
}
