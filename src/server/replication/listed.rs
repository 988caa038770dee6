//! The list of replicas, and what they acknowledge.

use super::Replication;
use crate::replication::ReplicaLink;
use crate::text::integer;
use std::sync::Arc;

/// A replica's place in the list, which it has until this is dropped.
pub(in crate::server) struct ListedReplica {
    replication: Arc<Replication>,
    client: u64,
}

impl ListedReplica {
    /// Lists a replica.
    pub(in crate::server) fn new(replication: &Arc<Replication>, link: Arc<ReplicaLink>) -> Self {
        let client = link.client;
        replication.outflow.list(link);
        Self { replication: Arc::clone(replication), client }
    }
}

impl Drop for ListedReplica {
    fn drop(&mut self) {
        self.replication.outflow.unlist(self.client);
    }
}

impl Replication {
    /// Reads a replica's `REPLCONF` and notes what it acknowledges. Returns whether it was understood; sets `has_come` if there was
    /// an offset. An offset that the stream has not reached is none.
    pub(in crate::server) fn note_acknowledgement(
        &self,
        link: &ReplicaLink,
        words: &[&[u8]],
        has_come: &mut bool,
    ) -> bool {
        let (pairs, []) = words.as_chunks::<2>() else { return false };
        let (mut applied, mut synced) = (None, None);
        for [option, value] in pairs {
            let offset = || integer::parse(value).and_then(|offset| u64::try_from(offset).ok());
            match option.to_ascii_lowercase().as_slice() {
                b"ack" => applied = offset(),
                b"fack" => synced = offset(),
                b"getack" => return true,
                _ => return false,
            }
        }
        let end = self.outflow.history().offset;
        let Some(applied) = applied.filter(|applied| *applied <= end) else { return false };
        link.note_acknowledged(applied, synced.map(|synced| synced.min(applied)), self.now_ms());
        *has_come = true;
        true
    }
}
