//! Which server is the master, as sentinels say: asked at the start, and again when the process has been stopped for a while.
//!
//! | file | its subject |
//! |---|---|
//! | `watch` | the thread that asks, and what follows from the answer |
//! | `asking` | one round of questions, and which answer counts |
//! | `own_address` | whether an address is that of this server |
//!
//! Whoever is a master without knowing whether others have elected another one may take writes that are lost. So a server that
//! has sentinels to ask accepts none before one of them has answered. Sentinels change the roles of servers that run
//! themselves, with the command SLAVEOF.

mod asking;
mod own_address;
pub(super) mod watch;
