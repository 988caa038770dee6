//! Replication, as clients and replicas ask for it.
//!
//! | file | its commands |
//! |---|---|
//! | `handshake` | REPLCONF, PSYNC, SYNC |
//! | `waiting` | WAIT, WAITAOF |
//! | `role` | ROLE |
//! | `info` | INFO's section about replication |

pub(super) mod handshake;
pub(super) mod info;
pub(super) mod role;
pub(super) mod waiting;
