//! What INFO and ROLE say of replication.

use super::Replication;
use crate::commands::state::replication::{ReplicaFacts, ReplicationFacts};
use crate::replication::{ReplicaLink, ReplicaPhase};
use std::sync::atomic::Ordering;

impl Replication {
    /// The replication at this moment.
    pub(in crate::server) fn facts(&self) -> ReplicationFacts {
        let (history, backlog) = (self.outflow.history(), self.outflow.backlog_facts());
        let counts = &self.counts;
        let now_ms = self.clock.now_ms();
        ReplicationFacts {
            replicas: self.outflow.links().iter().map(|link| facts_of(link, now_ms)).collect(),
            id: history.id.to_string(),
            earlier: history.earlier.map(|earlier| (earlier.id.to_string(), earlier.end)),
            offset: history.offset,
            has_backlog: backlog.is_active,
            backlog_bytes: backlog.size_bytes,
            backlog_first_byte: backlog.first_byte,
            backlog_len_bytes: backlog.len_bytes,
            syncs: [&counts.full, &counts.partial, &counts.refused_partial]
                .map(|count| count.load(Ordering::Relaxed)),
            sent_bytes: counts.sent_bytes.load(Ordering::Relaxed),
        }
    }
}

fn facts_of(link: &ReplicaLink, now_ms: u64) -> ReplicaFacts {
    let (address, port) = link.address();
    ReplicaFacts {
        address,
        port,
        state: link.phase().name(),
        is_online: link.phase() == ReplicaPhase::Online,
        offset: link.acknowledged(),
        lag_s: now_ms.saturating_sub(link.heard_ms()) / 1000,
    }
}
