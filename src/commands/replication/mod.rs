//! Replication, as clients and replicas ask for it.
//!
//! | file | its commands |
//! |---|---|
//! | `handshake` | REPLCONF, PSYNC, SYNC |
//! | `waiting` | WAIT, WAITAOF |
//! | `replicaof` | REPLICAOF and SLAVEOF |
//! | `failover` | FAILOVER |
//! | `role` | ROLE |
//! | `info` | INFO's section about replication |
//! | `upstream_info` | what INFO and ROLE say of the master that is followed |

pub(super) mod failover;
pub(super) mod handshake;
pub(super) mod info;
pub(super) mod replicaof;
pub(super) mod role;
pub(super) mod upstream_info;
pub(super) mod waiting;
