//! Which server is the master, as sentinels say: asked at the start, and again when the process has been stopped for a while.
//!
//! | file | its subject |
//! |---|---|
//! | `watch` | the thread that has them asked, and what follows from the verdict |
//! | `panel` | all sentinels and their last answers |
//! | `asking` | the questions to one sentinel |
//! | `verdict` | what follows from the answers |
//! | `own_address` | whether an address is that of this server |
//! | `beating` | whether the process was stopped |
//!
//! Whoever is a master without knowing whether others have elected another one may take writes that are lost. So a server that
//! has sentinels to ask accepts none before most of them have answered. And it promises nothing for its replicas (WAIT) before
//! most of them, asked after the replicas, have said that it leads: `src/replication/upstream/lease.rs`. Sentinels change the roles
//! of servers that run themselves, with the command SLAVEOF.

mod asking;
mod beating;
mod own_address;
mod panel;
mod verdict;
pub(super) mod watch;
