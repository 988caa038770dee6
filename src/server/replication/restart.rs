//! The history on disk: taken at a start, written at the end.

use super::Replication;
use crate::machine::chance::Chance;
use crate::replication::{EndedAs, ReplicationId, SavedData, SavedHistory, StreamSource};

impl Replication {
    /// The data in the dump file; `None` if there is none.
    pub(in crate::server) fn dumped(&self) -> Option<SavedData> {
        SavedData::of_dump(&self.dump_path).ok()
    }

    /// Goes on with the history that the last run of the server has left, if this one has read the same `data`. Nothing may
    /// have been written before. Returns what that run was.
    ///
    /// As in Redis, a master begins a new history that continues the old one: what replicas have that the old one does not
    /// have, if anything, is not taken for its own.
    ///
    /// # Errors
    /// The file cannot be read or removed.
    pub(in crate::server) fn resume(
        &self,
        data: impl FnOnce() -> Option<SavedData>,
    ) -> Result<Option<EndedAs>, String> {
        let taken = SavedHistory::take(&self.path);
        let Some(saved) = taken.map_err(|error| format!("{}: {error}", self.path.display()))? else {
            return Ok(None);
        };
        if data() != Some(saved.data) {
            tracing::warn!(
                "the replication history is not that of these data; replicas will get all of them"
            );
            return Ok(None);
        }
        let mut history = saved.history;
        let source = match saved.ended_as {
            EndedAs::Master => {
                history.rename(ReplicationId::random(&mut Chance::from_system()));
                StreamSource::Own
            }
            EndedAs::Replica { .. } => StreamSource::Upstream,
        };
        self.outflow.resume(history, source);
        if saved.is_exact {
            self.outflow.become_exact();
        }
        Ok(Some(saved.ended_as))
    }

    /// Leaves the history for the next start. All records have been spelled, and all are on disk, as `data`. Without a backlog
    /// there is none to leave: no replica counts on it.
    ///
    /// # Errors
    /// Those of the file system.
    pub(in crate::server) fn leave(&self, ended_as: EndedAs, data: SavedData) -> Result<(), String> {
        if !self.outflow.is_active() {
            return Ok(());
        }
        let (history, is_exact) = (self.outflow.history(), self.outflow.is_exact());
        if ended_as != EndedAs::Master && history.offset < self.outflow.whole_at() {
            // The data are not those of this place.
            return Ok(());
        }
        let saved = SavedHistory { history, ended_as, data, is_exact };
        saved.write(&self.path).map_err(|error| format!("{}: {error}", self.path.display()))
    }
}
