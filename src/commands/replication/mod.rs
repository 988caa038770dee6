//! Replication, as clients and replicas ask for it.
//!
//! | file | its commands |
//! |---|---|
//! | `role` | ROLE |
//! | `info` | INFO's section about replication |

pub(super) mod info;
pub(super) mod role;
