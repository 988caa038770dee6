//! The link to the master that this server follows. It has a thread of its own, which exists from the first REPLICAOF on and
//! sleeps while there is no master.
//!
//! | file | its subject |
//! |---|---|
//! | `link` | from one link to the next, each with its handshake |
//! | `socket` | the connection |
//! | `secured` | TLS on it, and what is said of its failures |
//! | `full_sync` | all data of the master in place of one's own |
//! | `stream` | the master's commands, run as they come |
//! | `context`, `error` | what a link works with, and why one ends |
//!
//! Whatever ends a link, the thread begins another one a moment later, and asks for what is missing since the last place
//! that it has reached.

mod context;
mod error;
mod full_sync;
pub(super) mod link;
mod secured;
mod socket;
mod stream;
